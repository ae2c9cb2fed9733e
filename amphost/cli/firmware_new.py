"""`amphost firmware new BOARD`: write a device's header, and what a user begins with.

Rules. A file that is not ours is never written over. Each file appears whole or not at all. With
`--check` nothing is written, and exit 1 says that the header is not the board file's any more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

from amphost.errors import AmphostError, SpecError, UsageError
from amphost.firmware.files import GeneratedFile, first_difference, generated_files
from amphost.firmware.header import MARK, Target
from amphost.firmware.targets import ARDUINO, DEFAULT_PORT
from amphost.spec import shipped
from amphost.spec.load import load_board
from amphost.spec.model import Board, DeviceSpec
from amphost.spec.wording import did_you_mean

WRITTEN, UNCHANGED, KEPT = "written", "unchanged", "kept"


def run(args: argparse.Namespace) -> int:
    """Write or check; return the exit code."""
    if args.file is None:
        raise UsageError("of which board? amphost firmware new BOARD.yaml")
    path, is_shipped = _board_path(args.file)
    board = _board(path)
    name = _device_name(board, args.device, args.file)
    folder = Path(args.to if args.to is not None else name)
    shown = args.file if is_shipped else os.path.relpath(path, folder)
    device = board.devices[name]
    target = Target(file=shown, board=board.name, name=name, device=device)
    files = generated_files(target, _port(args.port, device, folder), folder.resolve().name)
    if args.check:
        return _check(folder, files[0], as_json=args.json)
    done = _write_all(folder, files)
    if args.json:
        print(json.dumps({"device": name, "folder": str(folder), "files": done}))
        return 0
    for file, what in done.items():
        print(f"{folder / file}: {what}{', it is yours' if what == KEPT else ''}")
    return 0


def _board_path(named: str) -> tuple[Path, bool]:
    """Return the board's file, and whether it was named as one that comes with amphost."""
    path = Path(named)
    if path.exists() or path.suffix == ".yaml" or "/" in named:
        return path, False
    places = [folder / f"{named}.yaml" for folder in shipped.board_folders()]
    found = next((one for one in places if one.is_file()), None)
    if found is None:
        known = sorted({one.stem for at in shipped.board_folders() for one in at.glob("*.yaml")})
        raise UsageError(
            f"there is no board {named!r}; {did_you_mean(named, known)}give the path of a file"
            f" (x.yaml), or one of {', '.join(known)}"
        )
    return found, True


def _board(path: Path) -> Board:
    """Read the board file; of a system's file, say which board it names."""
    try:
        return load_board(path)
    except SpecError:
        text = _read(path) or ""
        named = re.search(r"^board:[ \t]*([^\s#]+)", text, re.MULTILINE)
        if named is None or re.search(r"^devices:", text, re.MULTILINE):
            raise
        beside = path.parent / named[1] if "/" in named[1] or "." in named[1] else named[1]
        raise UsageError(
            f"{path} is a system, and a firmware is a device's: amphost firmware new {beside}"
        ) from None


def _device_name(board: Board, asked: str | None, file: str) -> str:
    known = list(board.devices)
    if asked is None and len(known) == 1:
        return known[0]
    if asked is None:
        raise UsageError(f"{file} has several devices: say --device with {' or '.join(known)}")
    if asked not in board.devices:
        close = did_you_mean(asked, known)
        raise UsageError(f"{file} has no device {asked!r}; {close}it has {', '.join(known)}")
    return asked


def _port(asked: str | None, device: DeviceSpec, folder: Path) -> str:
    """Return what it is for; a folder with a sketch stays an Arduino's."""
    if asked is not None:
        return asked
    if (folder / f"{folder.resolve().name}.ino").is_file():
        return ARDUINO
    return DEFAULT_PORT if device.emulator is None else device.emulator.machine


def _check(folder: Path, header: GeneratedFile, *, as_json: bool) -> int:
    path = folder / header.name
    old = _read(path)
    is_current = old == header.text
    if as_json:
        print(json.dumps({"header": str(path), "current": is_current}))
    elif is_current:
        print(f"{path}: as the board file says")
    if is_current:
        return 0
    if old is None:
        said = "there is no such file"
    else:
        line, was, now = first_difference(old, header.text)
        said = f"line {line} is {was!r}, the board file says {now!r}"
    print(f"{path}: {said}; write it anew with amphost firmware new", file=sys.stderr)
    return 1


def _write_all(folder: Path, files: tuple[GeneratedFile, ...]) -> dict[str, str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {one.name: _write(folder / one.name, one) for one in files}
    except OSError as error:
        raise AmphostError(f"{error.filename or folder}: {error.strerror}") from error


def _write(path: Path, file: GeneratedFile) -> str:
    if not file.is_ours and os.path.lexists(path):
        return KEPT
    old = _read(path)
    if old == file.text:
        return UNCHANGED
    if old is not None and MARK not in old:
        raise UsageError(f"{path} is not ours, so it is left alone; give it another name")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(file.text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return WRITTEN


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
