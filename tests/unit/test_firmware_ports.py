"""What builds a firmware: read from the files that make reads, and written as a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from amphost.errors import AmphostError
from amphost.firmware.library import library_folder
from amphost.firmware.ports import MACHINES, command, digest, read_port
from amphost.firmware.runners import runner_mark, runner_path, runner_source
from amphost.link.emulator_command import PACKAGES, PROGRAMS, emulator_command
from amphost.spec.emulator import EmulatorSpec


def test_every_machine_has_a_port_and_every_port_is_a_machine() -> None:
    """A board file offers what can be built, and all of it."""
    ports = {file.parent.name for file in library_folder().glob("ports/*/port.mk")}
    assert set(MACHINES) == ports
    literal = EmulatorSpec.model_fields["machine"].annotation
    assert set(literal.__args__) == ports  # type: ignore[union-attr]


@pytest.mark.parametrize("name", MACHINES)
def test_every_file_that_a_port_names_is_there(name: str) -> None:
    """An installed package that lacks one would say so only when somebody builds."""
    port = read_port(name)
    words = command(port, ["main.c"], "main.elf", includes=["/mine"])
    assert words[0] == port.compiler
    sources = [word for word in words if word.endswith((".c", ".S")) and word != "main.c"]
    assert len(sources) > len(port.sources)
    assert all(Path(source).is_file() for source in sources)
    folders = [word.removeprefix("-I") for word in words if word.startswith("-I")]
    assert folders[0] == "/mine"
    assert all(Path(folder).is_dir() for folder in folders[1:])
    assert all(Path(word[2:]).exists() for word in words if word.startswith(("-L", "-T")))


def test_small_limits_are_found_before_the_library_s_own() -> None:
    """An ATmega328P with frames of 240 bytes has no RAM left for anything else."""
    words = command(read_port("atmega328p"), ["main.c"], "main.elf")
    folders = [Path(word[2:]) for word in words if word.startswith("-I")]
    first = next(folder for folder in folders if (folder / "amp/limits.h").is_file())
    assert first.name == "atmega328p"


def test_port_that_is_none_is_refused() -> None:
    """A plan of another version may name it."""
    with pytest.raises(AmphostError, match="there is no port z80"):
        read_port("z80")


def test_digest_changes_with_any_file_of_ours() -> None:
    """A firmware compiled with an older library would run on, with an older protocol."""
    port = read_port("lm3s6965evb")
    same = digest(port, Path.read_bytes)
    assert digest(port, Path.read_bytes) == same
    for changed in ("device.c", "port.h", "port.c", "startup.c", "sections.ld", "flags.mk"):

        def read(file: Path, changed: str = changed) -> bytes:
            return file.read_bytes() + (b" " if file.name == changed else b"")

        assert digest(port, read) != same, changed


@pytest.mark.parametrize("machine", MACHINES)
def test_command_of_every_emulator_has_firmware_socket_and_seed(machine: str) -> None:
    """What is left out of a command line is noticed by nobody but a person, much later."""
    words = emulator_command(
        machine, elf="/f.elf", listening=7, seed=0xABC, runner="/runner", library="/library"
    )
    line = " ".join(words)
    assert "/f.elf" in words
    assert "abc" in line
    assert "fd=7" in line or "7" in words
    assert words[0] == PROGRAMS.get(machine, "/runner")
    assert machine not in PROGRAMS or PACKAGES[PROGRAMS[machine]]


def test_emulator_of_another_machine_is_refused() -> None:
    """A plan of another version may name it."""
    with pytest.raises(AmphostError, match="there is no emulator for z80"):
        emulator_command("z80", elf="", listening=0, seed=0)


def test_runner_has_a_name_of_its_source() -> None:
    """An amphost that is newer builds its own and leaves the older one's alone."""
    assert runner_path("lm3s6965evb", Path.read_bytes) == ""
    for machine in ("atmega328p", "rp2040"):
        source = runner_source(machine)
        assert source is not None
        assert source.is_file()
        path = runner_path(machine, Path.read_bytes)
        assert runner_path(machine, lambda _: b"other") != path
        assert str(runner_mark(machine, path)).startswith(path)


def test_npm_s_package_is_pinned_by_version_and_checksum() -> None:
    """What npm offers next week has not been tried."""
    source = runner_source("rp2040")
    assert source is not None
    lock = source.read_text(encoding="utf-8")
    assert '"integrity": "sha512-' in lock
    assert '"rp2040js": "1.4.1"' in source.with_name("package.json").read_text(encoding="utf-8")
