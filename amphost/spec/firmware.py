"""The firmware of each emulated device: found, and what was compiled of it.

Rules. Nothing is compiled here, and no ELF is read: it is the emulator's to refuse one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from amphost.firmware.runners import runner_mark, runner_path
from amphost.spec.board import Board
from amphost.spec.c_code import SOURCE_BYTES_MAX, CCode, c_file_problems, find_built
from amphost.spec.emulator import EmulatorSpec
from amphost.spec.files import is_file, read_bytes
from amphost.spec.positions import KeyPath, Problem, show

__all__ = ["find_firmware"]


def find_firmware(
    folder: Path, board: Board, build: str
) -> tuple[dict[KeyPath, CCode], list[Problem]]:
    """Find the firmware of every emulator of a board file in `folder`, and what is wrong.

    `build` as in `find_code`. The keys are ("devices", NAME).
    """
    codes: dict[KeyPath, CCode] = {}
    problems: list[Problem] = []
    for name, device in board.devices.items():
        emulator = device.emulator
        if emulator is None or (emulator.source is None) == (emulator.elf is None):
            continue
        at: KeyPath = ("devices", name, "emulator")
        code, wrong = _find(folder, at, emulator, build)
        problems += wrong
        runner = runner_path(emulator.machine, lambda file: read_bytes(file, SOURCE_BYTES_MAX))
        problems += _runner_problems(at, emulator.machine, runner, build)
        if code is not None:
            codes["devices", name] = replace(code, runner=runner)
    return codes, problems


def _runner_problems(at: KeyPath, machine: str, runner: str, build: str) -> list[Problem]:
    if not runner or not build or is_file(runner_mark(machine, runner)):
        return []
    rule = f"the emulator of {machine} is not built on this machine"
    return [Problem(path=(*at, "machine"), rule=rule, remedy=f"run `{build}`")]


def _find(
    folder: Path, at: KeyPath, emulator: EmulatorSpec, build: str
) -> tuple[CCode | None, list[Problem]]:
    if emulator.elf is not None:
        elf = folder / emulator.elf
        if not is_file(elf):
            rule = f"there is no file {show(str(elf))}"
            remedy = "build the firmware, or correct the path"
            return None, [Problem(path=(*at, "elf"), rule=rule, remedy=remedy)]
        return CCode(kind="firmware", file=str(elf), library=str(elf.absolute())), []
    assert emulator.source is not None
    problems = c_file_problems(emulator.source, folder, (*at, "source"))
    for index, text in enumerate(emulator.beside):
        problems += c_file_problems(text, folder, (*at, "beside", index))
    if problems:
        return None, problems
    code = CCode(
        kind="firmware",
        file=str(folder / emulator.source),
        port=emulator.machine,
        beside=tuple(str(folder / text) for text in emulator.beside),
    )
    found, wrong, _ = find_built(code, emulator.source, (*at, "source"), build)
    return found, wrong
