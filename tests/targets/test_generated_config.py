"""The configuration in a generated header, judged by the device library itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from amphost.cli.main import main
from amphost.firmware.header import Target, header_name, header_text, prefix
from amphost.firmware.library import library_folder
from amphost.plan.line import schema_hash, schema_text
from amphost.spec.load import load_board
from tests.targets.tools import need, run

ROOT = Path(__file__).resolve().parents[2]
BOARDS = sorted([*ROOT.glob("boards/*.yaml"), *ROOT.glob("examples/*/*board*.yaml")])
DEVICES = [(path, name) for path in BOARDS for name in load_board(path).devices]
EXTREME = """\
name: extreme
devices:
  mcu:
    port: /dev/x
    baud: 4000000
    state_rate_hz: 20000
    lease_ms: 0.5
    sends:
      tiny: {type: f32, unit: m, range: [1.0e-30, 1.1e-30]}
      huge: {type: f32, unit: m, range: [-1.0e30, 1.0e30]}
      thin: {type: f32, unit: m, range: [0.1, 0.10000000001]}
      full: {type: i16, scale: 0.001, unit: m, range: [-32.767, 32.767]}
      wide: {type: u16, scale: 1000, unit: m, range: [0, 65534000]}
      byte: {type: i8, unit: m, range: [-127, 127]}
      word: {type: u8, scale: 0.1, unit: m, range: [0, 25.4]}
      flag: {type: bool}
    accepts:
      slow: {type: f32, unit: V, range: [-36, 36], safe: -36, ramp_per_s: 0.03}
      edge: {type: i16, scale: 0.001, unit: V, range: [-32.767, 32.767], safe: 32.767}
      stop: {type: bool, safe: 1}
    parameters:
      gain: {range: [-1.0e30, 1.0e30], initial: 0.1}
      narrow: {unit: V, range: [0.1, 0.10000000001], initial: 0.1}
"""
PROGRAM = """\
#include "%(header)s"

int main(void) {
    static struct amp_device device;
    struct amp_device_config config = %(name)s_CONFIG;
    config.boot_nonce = 1;
    return amp_device_init(&device, &config, 0) && config.schema_hash == 0x%(hash)08xu ? 0 : 1;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the device library, compiled for this machine."""
    need("gcc", "ar")
    folder = tmp_path_factory.mktemp("library")
    sources = sorted((library_folder() / "src").glob("*.c"))
    run("gcc", "-c", f"-I{library_folder()}/include", *sources, cwd=folder)
    run("ar", "rcs", "libdevice.a", *sorted(folder.glob("*.o")), cwd=folder)
    return folder / "libdevice.a"


def accepted(library: Path, folder: Path, board_file: Path, name: str) -> None:
    """Let the library take the configuration of a device."""
    board = load_board(board_file)
    device = board.devices[name]
    target = Target(file=board_file.name, board=board.name, name=name, device=device)
    (folder / header_name(name)).write_text(header_text(target), encoding="utf-8")
    words = {
        "header": header_name(name),
        "name": prefix(name),
        "hash": schema_hash(schema_text(device)),
    }
    (folder / "main.c").write_text(PROGRAM % words, encoding="utf-8")
    include = f"-I{library_folder()}/include"
    run("gcc", "-Wall", "-Wextra", "-Werror", include, "main.c", library, "-o", "main", cwd=folder)
    run(folder / "main")


@pytest.mark.parametrize(("path", "name"), DEVICES, ids=lambda one: getattr(one, "stem", one))
def test_of_a_board_that_comes_with_it(
    library: Path, tmp_path: Path, path: Path, name: str
) -> None:
    """A firmware whose configuration is refused stays silent, and nobody knows why."""
    accepted(library, tmp_path, path, name)


def test_of_the_example_with_an_emulator() -> None:
    """Its firmware was written around what `amphost firmware new` writes."""
    folder = ROOT / "examples" / "cortex_m"
    board = str(folder / "board.yaml")
    assert main(["firmware", "new", board, "--to", str(folder), "--check"]) == 0


def test_of_values_at_the_edges_of_their_types(library: Path, tmp_path: Path) -> None:
    """What the board file may say, the library must take."""
    path = tmp_path / "extreme.yaml"
    path.write_text(EXTREME, encoding="utf-8")
    accepted(library, tmp_path, path, "mcu")
