"""A second implementation of docs/wire.md: frames, and the sequence of one direction.

Rules. Written from that document and nothing else: no line of it knows our C. Slow, and plain.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

BODY_MIN, BODY_MAX = 11, 251
STRANGERS = 16  # types below it have the seed 0
FORGET_US = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, decoded."""

    type: int
    session: int
    sequence: int
    payload: bytes


def cobs(body: bytes) -> bytes:
    """Remove every zero; the body is shorter than 254 bytes."""
    out = b""
    for block in body.split(b"\0"):
        out += bytes([len(block) + 1]) + block
    return out


def uncobs(line: bytes) -> bytes | None:
    """Put the zeros back; None if a block is cut by the delimiter."""
    blocks = []
    at = 0
    while at < len(line):
        end = at + line[at]
        if end > len(line):
            return None
        blocks.append(line[at + 1 : end])
        at = end
    return b"\0".join(blocks)


def encode(frame: Frame, schema_hash: int) -> bytes:
    """Return the bytes on the line."""
    head = bytes([frame.type, 0]) + frame.session.to_bytes(2, "little")
    head += frame.sequence.to_bytes(2, "little") + bytes([len(frame.payload)])
    covered = head + frame.payload
    crc = zlib.crc32(covered, seed(frame.type, schema_hash))
    return cobs(covered + crc.to_bytes(4, "little")) + b"\0"


def seed(kind: int, schema_hash: int) -> int:
    """Return where the CRC of a type begins."""
    return schema_hash if kind >= STRANGERS else 0


@dataclass(slots=True)
class Receiver:
    """Bytes in, frames out; what is discarded is counted by kind."""

    schema_hash: int
    counted: Counter[str] = field(default_factory=Counter)
    _open: bytes = b""

    def frames(self, line: bytes) -> Iterator[Frame]:
        """Take bytes of any number."""
        *whole, self._open = (self._open + line).split(b"\0")
        for one in whole:
            if one:
                frame = self._frame(one)
                if frame is not None:
                    yield frame

    def _frame(self, line: bytes) -> Frame | None:
        body = uncobs(line)
        if body is None:
            self.counted["bad_cobs"] += 1
            return None
        if not BODY_MIN <= len(body) <= BODY_MAX or len(body) != body[6] + 11:
            self.counted["bad_length"] += 1
            return None
        crc = zlib.crc32(body[:-4], seed(body[0], self.schema_hash))
        if crc.to_bytes(4, "little") != body[-4:]:
            self.counted["bad_crc"] += 1
            return None
        session, sequence = (int.from_bytes(body[at : at + 2], "little") for at in (2, 4))
        return Frame(type=body[0], session=session, sequence=sequence, payload=body[7:-4])


@dataclass(slots=True)
class Sequence:
    """Which frames of a session are new."""

    expected: int | None = None
    last_us: int = 0
    gaps: int = 0

    def takes(self, number: int, now_us: int) -> bool:
        """Say whether a frame is new; it is then the newest."""
        if self.expected is not None and now_us - self.last_us < FORGET_US:
            ahead = (number - self.expected) % 65536
            if ahead > 32767:
                return False
            self.gaps += ahead
        self.expected = (number + 1) % 65536
        self.last_us = now_us
        return True
