"""From the words of the command line to the plan, and to what belongs beside its recording."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from amphost.cli.prepare import prepare
from amphost.errors import HardwareMissingError, SpecError

CORES = sorted(os.sched_getaffinity(0))


@pytest.fixture
def spec(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped motor on cores that this machine has, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    text = (root / "examples" / "01_motor.yaml").read_text(encoding="utf-8")
    text = text.replace("core: 1", f"core: {CORES[-1]}").replace("core: 0", f"core: {CORES[0]}")
    (tmp_path / "profiles").symlink_to(root / "examples" / "profiles")
    path = tmp_path / "motor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_goes_beside_a_recording_is_what_ran(spec: Path, root: Path) -> None:
    """A recording without its spec, board, plan and machine explains nothing."""
    plan, attachments = prepare(str(spec))
    by_name = {name: (media_type, content) for name, media_type, content in attachments}
    assert list(by_name) == ["spec.yaml", "board.yaml", "plan.json", "machine.json"]
    assert by_name["spec.yaml"] == ("application/yaml", spec.read_bytes())
    assert by_name["board.yaml"][1] == (root / "boards" / "loopback.yaml").read_bytes()
    assert json.loads(by_name["plan.json"][1])["system"] == plan.system == "motor"
    machine = json.loads(by_name["machine.json"][1])
    assert machine["page_size"] == os.sysconf("SC_PAGESIZE")


def test_recordings_go_where_the_user_stands(spec: Path, tmp_path: Path) -> None:
    """`record: {to: runs/}` is relative to the folder in which amphost was started."""
    plan, _ = prepare(str(spec))
    (telemetry,) = [role.telemetry for role in plan.roles if role.telemetry is not None]
    assert Path(telemetry.directory) == tmp_path / "runs"


def test_a_path_comes_before_a_shipped_name(spec: Path, tmp_path: Path) -> None:
    """A folder of one's own called `motor` must not run the shipped example."""
    (tmp_path / "motor").write_text(spec.read_text().replace("name: motor", "name: mine"))
    plan, _ = prepare("motor")
    assert plan.system == "mine"


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        (("board: loopback", "board: nothere"), SpecError, 78),
        (("core: 0", "core: 255"), HardwareMissingError, 69),
    ],
)
def test_what_is_wrong_comes_back_as_one_error(
    spec: Path, change: tuple[str, str], error: type[SpecError], code: int
) -> None:
    """Every stage speaks through the same door."""
    spec.write_text(spec.read_text().replace(*change))
    with pytest.raises(error) as caught:
        prepare(str(spec))
    assert caught.value.exit_code == code


def test_a_name_that_means_nothing_is_wrong_usage(spec: Path) -> None:
    """Exit 2, as for any file that is not there."""
    assert spec.exists()
    with pytest.raises(SpecError, match="there is no such file") as caught:
        prepare("nothere")
    assert caught.value.exit_code == 2
