"""Complete a recording whose writer died: keep what is whole, index it, replace the file.

Rules. Every record that is whole and sound is taken over byte for byte; index and end of the file
are made anew. The result is built beside the file and takes its place in one step, so a death in
here costs nothing: the next call starts again. A file that is complete, or that somebody still
writes, is left alone. What does not even start as an MCAP file is renamed `.corrupt`. Nothing is
ever deleted. Half a chunk is dropped: no checksum vouches for the messages in it.

`steps` does the work one record at a time, for a caller that has a heartbeat to keep up.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, TypeVar

from mcap.opcode import Opcode

from amphost.telemetry.block_file import is_at, lock
from amphost.telemetry.mcap_file import MAGIC, is_complete, read_frame, read_header
from amphost.telemetry.mcap_index import Index
from amphost.telemetry.recording import FILE_PATTERN, LIBRARY

NO_RECORD = 0  # what reserved and never written space reads as
ENDS_THE_DATA = frozenset(
    {
        NO_RECORD,
        Opcode.DATA_END,
        Opcode.FOOTER,
        Opcode.STATISTICS,
        Opcode.CHUNK_INDEX,
        Opcode.ATTACHMENT_INDEX,
        Opcode.METADATA_INDEX,
        Opcode.SUMMARY_OFFSET,
    }
)
PART_SUFFIX = ".part"
CORRUPT_SUFFIX = ".corrupt"


class Outcome(Enum):
    """What became of a file."""

    COMPLETE = "complete"  # it was already
    FINALISED = "finalised"
    CORRUPT = "corrupt"  # no MCAP file; renamed
    IN_USE = "in use"  # somebody is writing it
    FAILED = "failed"  # no room, no rights or an I/O error; it is as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryResult:
    """What became of a file, and where it is now."""

    path: Path
    outcome: Outcome
    messages: int = 0  # kept, when it was finalised
    dropped_bytes: int = 0  # of torn or damaged records
    reason: str = ""


Result = TypeVar("Result")
Steps = Generator[None, None, RecoveryResult]


def finalise(path: Path) -> RecoveryResult:
    """Complete one file. Reads all of it; needs as much room again beside it."""
    return _run(steps(path))


def finalise_all(directory: Path) -> list[RecoveryResult]:
    """Complete every recording of ours in `directory`; return what was done, and what failed.

    A file that another program wrote is not ours to touch, whatever its name.
    """
    return _run(steps_all(directory))


def steps_all(directory: Path) -> Generator[None, None, list[RecoveryResult]]:
    """Do the work of `finalise_all`, a file looked at or a record taken over a step."""
    results = []
    for path in _our_recordings(directory):
        if _is_cut(path):
            results.append((yield from steps(path)))
        yield
    return [one for one in results if one.outcome is not Outcome.IN_USE]


def steps(path: Path) -> Steps:
    """Complete one file, a record a step. A caller that stops early leaves it as it was."""
    try:
        with path.open("rb") as source:
            if not lock(source.fileno()) or not is_at(source.fileno(), path):
                return RecoveryResult(path=path, outcome=Outcome.IN_USE)
            size = os.fstat(source.fileno()).st_size
            if read_header(source, size) is None:
                return _set_aside(path)
            if is_complete(source, size):
                return RecoveryResult(path=path, outcome=Outcome.COMPLETE)
            return (yield from _rebuild(path, source, size))
    except OSError as error:
        return RecoveryResult(path=path, outcome=Outcome.FAILED, reason=str(error))


def _run(work: Generator[None, None, Result]) -> Result:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def _our_recordings(directory: Path) -> list[Path]:
    try:
        paths = [path for path in directory.iterdir() if re.match(FILE_PATTERN, path.name)]
    except OSError:
        return []
    return sorted(path for path in paths if not path.is_symlink())


def _is_cut(path: Path) -> bool:
    try:
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            header = read_header(source, size)
            if header is not None and not header.library.startswith(LIBRARY):
                return False
            return header is None or not is_complete(source, size)
    except OSError:
        return False


def _set_aside(path: Path) -> RecoveryResult:
    aside = path.with_name(path.name + CORRUPT_SUFFIX)
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}{CORRUPT_SUFFIX}_{number}")
    path.rename(aside)
    return RecoveryResult(path=aside, outcome=Outcome.CORRUPT, reason="not an MCAP file")


def _rebuild(path: Path, source: BinaryIO, size: int) -> Steps:
    part = path.with_name(path.name + PART_SUFFIX)
    try:
        with part.open("wb") as target:
            index, dropped = yield from _copy(source, size, target)
            target.write(index.end(target.tell()))
            target.flush()
            os.fchmod(target.fileno(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
            os.fsync(target.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _sync_directory(path.parent)
    return RecoveryResult(
        path=path, outcome=Outcome.FINALISED, messages=index.messages, dropped_bytes=dropped
    )


def _copy(
    source: BinaryIO, size: int, target: BinaryIO
) -> Generator[None, None, tuple[Index, int]]:
    index = Index()
    dropped = 0
    target.write(MAGIC)
    at = len(MAGIC)
    while (frame := read_frame(source, at, size)) and frame.opcode not in ENDS_THE_DATA:
        sound = index.take(frame, target.tell())
        if sound is None:
            dropped += len(frame.raw)
        else:
            target.write(sound)
        at = frame.end
        yield
    if frame is None:
        dropped += size - at
    return index, dropped


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
