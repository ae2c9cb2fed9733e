"""What `amphost firmware new` writes: it compiles as it stands, and it runs."""

from __future__ import annotations

import contextlib
import ctypes
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.cli.main import main
from amphost.device import MODES, Heard
from amphost.firmware.library import library_folder
from amphost.firmware.ports import MACHINES
from amphost.firmware.targets import ARDUINO, CHIPS, port_names
from amphost.link.emulator_command import emulator_command
from amphost.spec.load import load_board
from tests.firmware.building import port_words
from tests.targets.hands import Host, host
from tests.targets.tools import PACKAGES, emulator_runner, need, run

HERE = Path(__file__).parent
BOARD = """\
name: bench
devices:
  rig:
    port: /dev/serial/by-id/usb-rig
    baud: 115200
    state_rate_hz: 50
    lease_ms: 1000
    sends:
      angle: {type: i16, scale: 0.001, unit: rad, range: [-30, 30]}
      level: {type: u8, unit: '%', range: [5, 100]}
      at_end: {type: bool}
    accepts:
      voltage: {type: f32, unit: V, range: [-12, 12], safe: 1.5, ramp_per_s: 100}
      brake: {type: bool, safe: 1}
"""
SENT = (0.0, 5.0, 0.0)  # as near to zero as each range allows
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Return a board file."""
    path = tmp_path / "bench.yaml"
    path.write_text(BOARD, encoding="utf-8")
    return path


def generated(board: Path, port: str) -> Path:
    """Generate for a port; return the folder."""
    folder = board.parent / "rig"
    assert main(["firmware", "new", str(board), "--port", port, "--to", str(folder)]) == 0
    return folder


def made(folder: Path, port: str) -> Path:
    """Build with the Makefile that was generated; return the ELF file."""
    [prefix] = port_words(port, "PORT_PREFIX")
    need("make", f"{prefix}-gcc")
    run("make", "-s", "-C", folder, f"AMPHOST={library_folder()}")
    return folder / "build" / port / "rig.elf"


def die_with_parent() -> None:
    """Ask Linux to end this process with the one that started it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@contextlib.contextmanager
def running(
    *command: str | Path, line: socket.socket | None = None, kept: socket.socket | None = None
) -> Iterator[None]:
    """Run a program: its input and output are `line`, or it has `kept` open."""
    end = subprocess.DEVNULL if line is None else line.fileno()
    with subprocess.Popen(
        [str(word) for word in command],
        stdin=end,
        stdout=end,
        stderr=subprocess.DEVNULL,
        pass_fds=() if kept is None else (kept.fileno(),),
        preexec_fn=die_with_parent,  # noqa: PLW1509 # this process has one thread
    ) as child:
        try:
            yield
        finally:
            child.kill()


def in_mode(name: str) -> Callable[[Heard], bool]:
    """Return what recognises a state in the mode `name`."""
    return lambda one: one.state is not None and MODES[one.state.mode] == name


def check_that_it_arms(at: Host) -> None:
    """Shake hands, see the values, arm, and see it go safe when the host is silent."""
    at.until(lambda one: one.kind == "up")
    assert at.until(in_mode("ready")).values == SENT
    at.session.command("arm", time.monotonic_ns() // 1000)
    at.until(in_mode("armed"), [6.0, 0.0])
    at.until(lambda one: one.state is not None and one.state.applied_count > 3, [6.0, 0.0])
    at.until(in_mode("safe"))


def test_as_host_code(board: Path, tmp_path: Path) -> None:
    """The quickest look at what was generated: a process, and no microcontroller at all."""
    need("gcc")
    folder = generated(board, "lm3s6965evb")
    sources = [folder / "main.c", HERE / "posix_port.c", *library_folder().glob("src/*.c")]
    include = f"-I{library_folder()}/include"
    options = ["-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-fsanitize=address,undefined", *WARNINGS]
    run("gcc", *options, include, f"-I{folder}", *sources, "-o", tmp_path / "program")
    ours, theirs = socket.socketpair()
    with ours, theirs, running(tmp_path / "program", line=theirs):
        check_that_it_arms(host(ours, "bench", load_board(board).devices["rig"]))


@pytest.mark.parametrize("machine", MACHINES)
def test_on_an_emulated_microcontroller(board: Path, machine: str) -> None:
    """As a user first sees it: through the Makefile, on the port's own UART and clock."""
    elf = made(generated(board, machine), machine)
    check_that_it_arms_on(machine, elf, board)


def check_that_it_arms_on(machine: str, elf: Path, board: Path) -> None:
    """Start a firmware on an emulated microcontroller, and let a host arm it."""
    runner = emulator_runner(machine)
    at = board.with_name("line")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(at))
        listening.listen(1)
        command = emulator_command(
            machine,
            elf=str(elf),
            listening=listening.fileno(),
            seed=0x0123456789ABCDEF,
            runner=runner,
            library=str(library_folder()),
        )
        with running(*command, kept=listening), connected(at) as line:
            check_that_it_arms(host(line, "bench", load_board(board).devices["rig"]))


@contextlib.contextmanager
def connected(at: Path) -> Iterator[socket.socket]:
    """Connect to a socket that is listened on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(at))
        yield line


@pytest.mark.parametrize("port", [one for one in port_names() if one != ARDUINO])
def test_for_a_port(board: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its Makefile builds it without a warning, it fits, and every byte of it is somebody's."""
    folder = generated(board, port)
    elf = made(folder, port)
    capsys.readouterr()
    assert main(["firmware", "size", str(folder), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    chip = CHIPS[port]
    assert found["file"] == str(elf)
    assert found["chip"] == chip.name
    assert 2000 < found["flash"] < chip.flash
    assert 300 < found["ram"] < chip.ram
    for kind in ("flash", "ram"):
        assert sum(part[kind] for part in found["parts"].values()) == found[kind]
    assert found["parts"]["library"]["flash"] > 2000
    assert found["parts"]["port"]["flash"] > 100
    assert found["parts"]["own"]["ram"] > 300
    assert found["parts"]["rest"]["flash"] < found["flash"] / 10
    assert main(["firmware", "size", str(elf)]) == 0
    assert f"{found['flash'] / chip.flash * 100:.1f} %" in capsys.readouterr().out


def test_changing_the_board_file_changes_the_firmware(board: Path) -> None:
    """`make` alone writes the header anew, so that nobody flashes what the host will refuse."""
    folder = generated(board, "lm3s6965evb")
    first = made(folder, "lm3s6965evb").read_bytes()
    board.write_text(BOARD.replace("range: [-30, 30]", "range: [-20, 20]"), encoding="utf-8")
    assert main(["firmware", "new", str(board), "--to", str(folder), "--check"]) == 1
    run("touch", "-d", "+1 hour", board)
    amphost = Path(__file__).parents[2] / ".venv" / "bin"
    run("env", f"PATH={amphost}:/usr/bin:/bin", "make", "-s", "-C", folder)
    assert (folder / "build/lm3s6965evb/rig.elf").read_bytes() != first
    assert main(["firmware", "new", str(board), "--to", str(folder), "--check"]) == 0


def test_a_hostile_name_of_a_board_file(board: Path) -> None:
    """It stands in a comment of C, in make and in a shell, and means itself in all of them."""
    need("make", "gcc")
    hostile = board.parent / "it's *" / "a $HOME $(shell id) `board`.yaml"
    hostile.parent.mkdir()
    board.rename(hostile)
    folder = board.parent / "rig"
    assert main(["firmware", "new", str(hostile), "--to", str(folder)]) == 0
    header = folder / "rig_board.h"
    run("gcc", "-fsyntax-only", "-Werror", f"-I{library_folder()}/include", header)
    hostile.write_text(BOARD.replace("115200", "9600"), encoding="utf-8")
    amphost = Path(__file__).parents[2] / ".venv" / "bin"
    run("env", f"PATH={amphost}:/usr/bin:/bin", "make", "-s", "-C", folder, "board")
    assert "RIG_BAUD 9600u" in header.read_text(encoding="utf-8")


def sketch_elf(sketch: Path, tmp_path: Path) -> Path:
    """Build as Arduino does: C++, the library's `src` on the path and compiled whole, an Uno."""
    need("avr-g++", "avr-gcc")
    source = tmp_path / f"{sketch.name}.cpp"  # Arduino puts this line in front
    source.write_text(f"#include <Arduino.h>\n{sketch.read_text(encoding='utf-8')}")
    target = ["-mmcu=atmega328p", "-DF_CPU=16000000L", "-DARDUINO=10819", "-Os", "-g"]
    target += ["-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror"]
    paths = [HERE / "arduino_core", library_folder() / "src", sketch.parent]
    options = [*target, *(f"-I{one}" for one in paths)]
    library = sorted((library_folder() / "src").rglob("*.c*"))
    objects = []
    for one in [source, HERE / "arduino_core/core.cpp", *library]:
        is_c = one.suffix == ".c"
        language = ["avr-gcc", "-std=gnu11"] if is_c else ["avr-g++", "-std=gnu++11"]
        objects.append(tmp_path / f"{one.name}.o")
        run(*language, *options, "-c", one, "-o", objects[-1])
    elf = tmp_path / "sketch.elf"
    run("avr-gcc", "-mmcu=atmega328p", "-Wl,--gc-sections", *objects, "-o", elf)
    return elf


def check_that_it_fits_an_uno(elf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the boot loader in flash, and beside the stack in RAM."""
    capsys.readouterr()
    assert main(["firmware", "size", str(elf), "--port", ARDUINO, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["flash"] < 32 * 1024 - 512
    assert found["ram"] < 2048 - 400
    assert found["parts"]["port"]["flash"] > 200


def test_as_a_sketch(board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On an Uno, with the library's port of Arduino, each byte in its time on the line."""
    elf = sketch_elf(generated(board, ARDUINO) / "rig.ino", tmp_path)
    check_that_it_fits_an_uno(elf, capsys)
    check_that_it_arms_on("atmega328p", elf, board)


def test_the_library_has_an_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arduino shows it in its menu; its header is that of the board that comes with amphost."""
    folder = library_folder() / "examples" / "heater"
    assert main(["firmware", "new", "heater", "--to", str(folder), "--check"]) == 0
    check_that_it_fits_an_uno(sketch_elf(folder / "heater.ino", tmp_path), capsys)


def test_tools_are_named_with_their_packages() -> None:
    """A skip that does not say what to install is never mended."""
    assert PACKAGES["avr-g++"] == "gcc-avr"
