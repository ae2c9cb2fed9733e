"""A raw trace of a line: every block of bytes as it was read or written, with its time, in a file.

Rules. Pure: bytes in, bytes out; whoever opens a file is elsewhere. A file is a heading and then
records, one behind the other, nothing is ever written before the end of the file: a trace that was
cut off anywhere is whole up to its last whole record. A record that is damaged ends the reading
with a TraceError that says where; a kind that is not known is passed on, for later versions.

    heading   8 bytes      "AMPTRACE"
              u16          version, 1
              u16          0
    record    u8           kind, below
              u8           0
              u16          bytes of content, [0, 65535]
              u64          CLOCK_MONOTONIC in ns
              content
              u32          CRC-32 (zlib.crc32) of all of the record before it

    kind  content
    1     bytes from the device, as one read brought them
    2     bytes to the device, as one write took them
    3     the port was lost; i64: the error, as the io role names it
    4     the port was opened again; nothing
    5     so many pieces of the line were lost to this trace; u64
    16    about this trace: a JSON object, the first record

All numbers little-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"AMPTRACE"
VERSION = 1
CONTENT_MAX = 65535
_HEADING = struct.Struct("<8sHH")
_HEAD = struct.Struct("<BBHQ")
_CRC = struct.Struct("<I")


class TraceError(AmphostError):
    """What was given is no trace, or is damaged."""


class Kind(IntEnum):
    """What a record is; the numbers stand in files."""

    FROM_DEVICE = 1
    TO_DEVICE = 2
    PORT_LOST = 3
    PORT_OPENED = 4
    MISSED = 5
    ABOUT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record. `kind` may be a number that this version does not know.

    Synchronization: none required; immutable.
    """

    t_ns: int
    kind: int
    content: bytes


def heading(about: dict[str, Any], t_ns: int) -> bytes:
    """Return how a file begins: `about` says what was traced."""
    return _HEADING.pack(MAGIC, VERSION, 0) + encode(
        Record(t_ns=t_ns, kind=Kind.ABOUT, content=json.dumps(about).encode())
    )


def encode(record: Record) -> bytes:
    """Return a record's bytes; content beyond 65535 bytes becomes several records."""
    content = record.content
    pieces = range(0, max(len(content), 1), CONTENT_MAX)
    return b"".join(_encode(record, content[at : at + CONTENT_MAX]) for at in pieces)


def _encode(record: Record, content: bytes) -> bytes:
    body = _HEAD.pack(record.kind, 0, len(content), record.t_ns) + content
    return body + _CRC.pack(zlib.crc32(body))


class TraceReader:
    """The records of a trace that is fed to it in pieces.

    `missing` is, at the end, how many bytes of a record that was cut off were there.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self._unread = b""
        self._offset = 0  # of `_unread`, in the trace
        self._begun = False

    @property
    def missing(self) -> int:
        """Bytes at the end that are no whole record."""
        return len(self._unread)

    def feed(self, piece: bytes) -> Iterator[Record]:
        """Yield the records that are whole by now; TraceError where one is damaged."""
        self._unread += piece
        if not self._begun and not self._take_heading():
            return
        at = 0
        try:
            while (record := self._record(at)) is not None:
                at += _HEAD.size + len(record.content) + _CRC.size
                yield record
        finally:
            self._unread = self._unread[at:]
            self._offset += at

    def _take_heading(self) -> bool:
        begun = self._unread[: len(MAGIC)]
        if not MAGIC.startswith(begun):
            raise TraceError("it is no trace: it does not begin with AMPTRACE")
        if len(self._unread) < _HEADING.size:
            return False
        _, version, _ = _HEADING.unpack_from(self._unread)
        if version != VERSION:
            raise TraceError(f"it is a trace of version {version}; this amphost reads {VERSION}")
        self._unread = self._unread[_HEADING.size :]
        self._offset = _HEADING.size
        self._begun = True
        return True

    def _record(self, at: int) -> Record | None:
        if len(self._unread) - at < _HEAD.size:
            return None
        kind, _, size, t_ns = _HEAD.unpack_from(self._unread, at)
        end = at + _HEAD.size + size
        if len(self._unread) < end + _CRC.size:
            return None
        (crc,) = _CRC.unpack_from(self._unread, end)
        if crc != zlib.crc32(self._unread[at:end]):
            raise TraceError(
                f"it is damaged at byte {self._offset + at}: the record there fails its checksum; "
                "what stands before is good"
            )
        content = self._unread[at + _HEAD.size : end]
        return Record(t_ns=t_ns, kind=kind, content=content)


def about_of(record: Record) -> dict[str, Any]:
    """Read what a trace says about itself; TraceError if it is no such record."""
    try:
        about = json.loads(record.content)
    except (ValueError, RecursionError) as error:
        raise TraceError("what it says about itself is no JSON") from error
    if record.kind != Kind.ABOUT or not isinstance(about, dict):
        raise TraceError("its first record does not say what was traced")
    return about
