"""Frames out of the bytes of a line, both ways, with what is wrong about each explained.

Rules. Pure. The decoding is docs/wire.md's and one of its own (tests compare it with the C parser,
verdict by verdict). Nothing that comes from a line raises: what cannot be read is a frame with a
verdict and a remark. What was said before is used to explain what comes after: sequence numbers by
direction, questions and their answers, the schema that a device said it has.
"""

from __future__ import annotations

import string
import struct
import zlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from amphost.link.messages import NUMBERED, TYPES, Fields, PayloadError, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amphost.link.schema import Schema

HEADER = struct.Struct("<BBHHB")
BODY_LEAST, BODY_MOST = 11, 251
RAW_MOST = 4096
"""Of the bytes between two delimiters so many are kept to show; the line may bring any number."""
SHOWN = 24
NS_PER_US = 1000
ASKED_MOST = 256
IDENTITY = 2
QUESTIONS = {"IDENTIFY": "session", "CLOCK": "token", "COMMAND": "id"}
"""By which number a question and its answer belong together; of repeated ones the newest counts."""
ANSWERS = {"IDENTITY": "IDENTIFY", "TIME": "CLOCK", "ACK": "COMMAND"}
AHEAD_MOST = 0x7FFF
_PRINTABLE = frozenset(string.printable.encode())


class Way(Enum):
    """Which way bytes went."""

    FROM_DEVICE = "in"
    TO_DEVICE = "out"


class Verdict(Enum):
    """What became of the bytes between two delimiters, as the C parser has it."""

    GOOD = "good"
    BAD_COBS = "bad_cobs"
    BAD_LENGTH = "bad_length"
    BAD_CRC = "bad_crc"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFrame:
    """What stood between two delimiters. `fields` are a good one's; `remarks` explain.

    Synchronization: none required; nobody changes it.
    """

    t_ns: int  # when its delimiter came
    way: Way
    size: int  # bytes on the line, delimiter included
    verdict: Verdict
    type: str = ""
    session: int = 0
    sequence: int = 0
    lost: int = 0  # frames missing before it
    round_trip_ns: int | None = None  # from the question that it answers
    fields: Fields = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Direction:
    unread: bytearray = field(default_factory=bytearray)
    dropped: int = 0  # bytes of an endless frame
    expected: int | None = None


class LineDecoder:
    """Both directions of one line. `schema` may be set when it becomes known.

    Synchronization: one thread.
    """

    def __init__(self, schema: Schema | None = None, schema_hash: int | None = None) -> None:
        self.schema = schema
        self.schema_hash = schema.hash if schema is not None else schema_hash
        self.told_hash: int | None = None
        self.session: int | None = None
        self._directions = {way: _Direction() for way in Way}
        self._asked: dict[tuple[str, Any], int] = {}

    def feed(self, t_ns: int, way: Way, line: bytes) -> Iterator[LineFrame]:
        """Yield the frames that end in these bytes."""
        direction = self._directions[way]
        start = 0
        while (end := line.find(b"\0", start)) >= 0:
            self._keep(direction, line[start:end])
            start = end + 1
            raw = bytes(direction.unread)
            size = len(raw) + direction.dropped + 1
            direction.unread.clear()
            direction.dropped = 0
            if raw:
                yield self._frame(t_ns, way, raw, size)
        self._keep(direction, line[start:])

    def rest(self, way: Way) -> int:
        """Return how many bytes have come since the last delimiter."""
        direction = self._directions[way]
        return len(direction.unread) + direction.dropped

    def _keep(self, direction: _Direction, part: bytes) -> None:
        room = RAW_MOST - len(direction.unread)
        direction.unread += part[:room]
        direction.dropped += max(len(part) - room, 0)

    def _frame(self, t_ns: int, way: Way, raw: bytes, size: int) -> LineFrame:
        verdict, body = _decoded(raw)
        if verdict is not Verdict.GOOD:
            why = _why_not(verdict, raw, body)
            return LineFrame(
                t_ns=t_ns, way=way, size=size, verdict=verdict, remarks=(why, _shown(raw))
            )
        kind, _, session, sequence, _ = HEADER.unpack_from(body)
        (crc,) = struct.unpack("<I", body[-4:])
        if crc != zlib.crc32(body[:-4], self._seed(kind)):
            return LineFrame(
                t_ns=t_ns,
                way=way,
                size=size,
                verdict=Verdict.BAD_CRC,
                remarks=(self._why_crc(kind, body, crc), _shown(raw)),
            )
        return self._good(t_ns, way, size, kind, session, sequence, body[HEADER.size : -4])

    def _seed(self, kind: int) -> int:
        return 0 if kind < NUMBERED else (self.schema_hash or 0)

    def _good(
        self, t_ns: int, way: Way, size: int, kind: int, session: int, sequence: int, payload: bytes
    ) -> LineFrame:
        remarks: list[str] = []
        try:
            fields = fields_of(kind, payload, self.schema)
        except PayloadError as error:
            fields = {}
            remarks.append(str(error))
        name = TYPES.get(kind, f"type {kind}")
        if kind == IDENTITY and fields:
            self._begin_session(session, fields)
        loose = kind < NUMBERED or fields.get("event") == "boot"
        lost = 0 if loose else self._lost(way, session, sequence, remarks)
        return LineFrame(
            t_ns=t_ns,
            way=way,
            size=size,
            verdict=Verdict.GOOD,
            type=name,
            session=session,
            sequence=sequence,
            lost=lost,
            round_trip_ns=self._answered(t_ns, name, session, fields),
            fields=fields,
            remarks=tuple(remarks),
        )

    def _begin_session(self, session: int, fields: Fields) -> None:
        self.told_hash = int(fields["schema_hash"], 16)
        if session != self.session:
            self.session = session
            for direction in self._directions.values():
                direction.expected = None

    def _lost(self, way: Way, session: int, sequence: int, remarks: list[str]) -> int:
        """Return how many frames are missing before this one, by its number."""
        if session != (self.session or session):
            remarks.append(f"foreign: session {self.session} stands")
            return 0
        direction = self._directions[way]
        expected = sequence if direction.expected is None else direction.expected
        ahead = sequence - expected & 0xFFFF
        if ahead > AHEAD_MOST:
            remarks.append(f"repeated: {expected} was next")
            return 0
        direction.expected = sequence + 1 & 0xFFFF
        if ahead:
            remarks.append(f"{ahead} lost before it")
        return ahead

    def _answered(self, t_ns: int, name: str, session: int, fields: Fields) -> int | None:
        """Keep questions; return how long an answer took, less what the device held it."""
        numbers = {"session": session, "token": fields.get("token"), "id": fields.get("id")}
        if name in QUESTIONS:
            while len(self._asked) >= ASKED_MOST:
                self._asked.pop(next(iter(self._asked)))
            self._asked[name, numbers[QUESTIONS[name]]] = t_ns
        question = ANSWERS.get(name)
        if question is None:
            return None
        began_ns = self._asked.pop((question, numbers[QUESTIONS[question]]), None)
        held_ns = fields.get("held_us", 0) * NS_PER_US
        return None if began_ns is None else int(t_ns - began_ns - held_ns)

    def _why_crc(self, kind: int, body: bytes, crc: int) -> str:
        """Say what else the checksum may be: right under another seed, or damaged."""
        if kind < NUMBERED:
            return "bad CRC: damaged"
        implied = seed_of(body[:-4], crc)
        if implied == self.told_hash:
            return f"bad CRC: it is right under schema {implied:08x}, which the device said it has"
        if self.schema_hash is None:
            return f"bad CRC: no schema is known here; it would be right under {implied:08x}"
        return "bad CRC: damaged, or of another schema"


def _decoded(raw: bytes) -> tuple[Verdict, bytes]:
    """Undo COBS, and look at the lengths; a body that is not good is what there is of it."""
    if len(raw) > BODY_MOST + 1:
        return Verdict.BAD_LENGTH, b""
    wire = bytearray(raw)
    at = 0
    while at < len(wire):
        code = wire[at]
        wire[at] = 0
        at += code
    body = bytes(wire[1:])
    if at != len(wire):
        return Verdict.BAD_COBS, body
    if len(body) < BODY_LEAST or len(body) != body[6] + BODY_LEAST:
        return Verdict.BAD_LENGTH, body
    return Verdict.GOOD, body


def _why_not(verdict: Verdict, raw: bytes, body: bytes) -> str:
    if verdict is Verdict.BAD_COBS:
        return "a delimiter within a block: bytes were lost, or it was cut off"
    if len(raw) > BODY_MOST + 1:
        return f"longer than a frame can be ({len(raw)} bytes): no delimiter came in time"
    if len(body) < BODY_LEAST:
        return f"too short for a frame ({len(raw)} bytes)"
    return f"{len(body)} bytes, where its length byte says {body[6] + BODY_LEAST}"


def _shown(raw: bytes) -> str:
    """Show bytes: as text where it is text, which a firmware's own prints often are."""
    if len(raw) >= 4 and all(byte in _PRINTABLE for byte in raw):
        return f"text {raw[: 3 * SHOWN].decode('ascii')!r}"
    more = f" and {len(raw) - SHOWN} more" if len(raw) > SHOWN else ""
    return f"bytes {raw[:SHOWN].hex(' ')}{more}"


def seed_of(body: bytes, crc: int) -> int:
    """Return the one seed with which zlib.crc32(body, seed) is `crc`.

    A CRC is linear in its seed, and each of its steps can be undone.
    """
    register = crc ^ 0xFFFFFFFF
    for byte in reversed(body):
        for _ in range(8):
            out = register >> 31
            register = ((register ^ (_POLYNOMIAL if out else 0)) << 1 | out) & 0xFFFFFFFF
        register ^= byte
    return register ^ 0xFFFFFFFF


_POLYNOMIAL = 0xEDB88320


def as_json(frame: LineFrame, t_s: float) -> dict[str, Any]:
    """Return a frame as a JSON object: `t_s` counts from where the caller likes."""
    return {
        "t_s": round(t_s, 9),
        "t_ns": frame.t_ns,
        "way": frame.way.value,
        "bytes": frame.size,
        "verdict": frame.verdict.value,
        "type": frame.type or None,
        "session": frame.session if frame.type else None,
        "sequence": frame.sequence if frame.type else None,
        "lost": frame.lost,
        "round_trip_us": None if frame.round_trip_ns is None else frame.round_trip_ns / NS_PER_US,
        "fields": frame.fields,
        "remarks": list(frame.remarks),
    }
