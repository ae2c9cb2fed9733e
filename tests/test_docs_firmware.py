"""The walk from a board file to a closed loop, as docs/howto/firmware.md shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from amphost.cli.main import main
from tests import markdown
from tests.firmware.building import need
from tests.system.live import LiveRun, wait_for

HOWTO = Path(__file__).resolve().parents[1] / "docs/howto/firmware.md"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder after steps 1 to 3, everything built."""
    need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    need("qemu-system-arm", "qemu-system-arm")
    folder = tmp_path_factory.mktemp("desk")
    text = HOWTO.read_text(encoding="utf-8")
    board, system = markdown.blocks(text, "yaml")
    (code,) = markdown.blocks(text, "c")
    (folder / "board.yaml").write_text(board, encoding="utf-8")
    (folder / "system.yaml").write_text(system, encoding="utf-8")
    assert amphost(folder, "firmware", "new", "board.yaml") == 0
    source = folder / "mcu" / "main.c"
    generated = source.read_text(encoding="utf-8")
    begin, end = generated.index("/* Read the sensors"), generated.index("int main")
    source.write_text(f"{generated[:begin]}{code}\n{generated[end:]}", encoding="utf-8")
    assert amphost(folder, "build", "system.yaml") == 0
    return folder


@pytest.fixture
def run(desk: Path, tmp_path: Path) -> Iterator[LiveRun]:
    """Return the running system."""
    live = LiveRun(desk / "system.yaml", tmp_path)
    yield live
    live.end()


def amphost(folder: Path, *words: str) -> int:
    """Run the command in a folder."""
    command = [sys.executable, "-m", "amphost", *words]
    return subprocess.run(command, cwd=folder, check=False).returncode


def test_the_loop_of_the_walk_closes(run: LiveRun) -> None:
    """Armed by hand, the motor in the firmware turns to where it is sent."""
    run.in_mode("DISARMED")
    wait_for(lambda: run.ask("arm", "desk")[0] == 0, "armed")
    wait_for(lambda: run.ask("set", "operator.target=1.5", "--wait")[0] == 0, "set")

    def turned() -> bool:
        code, out, _ = run.ask("get", "io.position", "--json")
        return code == 0 and abs(json.loads(out)[0]["value"] - 1.5) < 0.05

    wait_for(turned, "the motor stands where it was sent")


def test_the_header_of_the_walk_is_checked(desk: Path) -> None:
    """As a build server does."""
    board = desk / "board.yaml"
    assert main(["firmware", "new", str(board), "--to", str(desk / "mcu"), "--check"]) == 0
