"""A second implementation of docs/wire.md: the host's end.

Rules. As of `second_frames`. Bytes and times in, bytes out; the clock is the caller's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tests.contract.second_frames import Frame, Receiver, Sequence, encode
from tests.contract.second_values import Value, pack, unpack

DESCRIBE, DICTIONARY, LOG = 3, 4, 23
IDENTIFY, IDENTITY, STATE, ACTUATE, COMMAND, ACK, EVENT, CLOCK, TIME = (1, 2, *range(16, 23))
IDENTIFY_US = 20_000
COMMAND_US = 20_000
ARM, DISARM, ESTOP, RESET = 1, 2, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a device says it is."""

    protocol: tuple[int, int]
    firmware: tuple[int, int, int]
    reset_cause: int
    boot_nonce: int
    challenge: int
    schema_hash: int
    baud: int
    lease_us: int
    state_period_us: int
    counts: tuple[int, int]
    board: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a device says of itself at one instant."""

    sampled_us: int
    mode: int
    reason: int
    applied_sequence: int
    applied_count: int
    applied_age_us: int
    sense_to_actuate_us: int
    values: tuple[float, ...]


@dataclass(slots=True)
class Command:
    """A command under way."""

    id: int
    verb: int
    argument: int
    ends_us: int
    next_us: int


@dataclass(slots=True)
class SecondHost:
    """The host's end of a link."""

    schema_hash: int
    sends: tuple[Value, ...]
    accepts: tuple[Value, ...]
    session: int = 1
    identity: Identity | None = None
    states: list[State] = field(default_factory=list)
    acks: list[tuple[int, int]] = field(default_factory=list)
    events: list[tuple[int, int, int]] = field(default_factory=list)
    times: list[tuple[int, int, int]] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    dictionary: bytes = b""
    dictionary_size: int | None = None
    discarded: int = 0
    _receiver: Receiver = field(default_factory=lambda: Receiver(0))
    _sequence_in: Sequence = field(default_factory=Sequence)
    _sequence_out: int = 0
    _identify_us: int = 0
    _command: Command | None = None
    _next_id: int = 0
    _boot_nonce: int | None = None

    def __post_init__(self) -> None:
        self._receiver = Receiver(self.schema_hash)

    @property
    def counted(self) -> dict[str, int]:
        """What the line lost, by kind."""
        return dict(self._receiver.counted)

    def receive(self, line: bytes, now_us: int) -> None:
        """Take what came."""
        for frame in self._receiver.frames(line):
            self._take(frame, now_us)

    def transmit(self, now_us: int) -> bytes:
        """Return what is due: an IDENTIFY, or a command once more."""
        if self.identity is None:
            if now_us < self._identify_us:
                return b""
            self._identify_us = now_us + IDENTIFY_US
            payload = struct.pack("<BBI", 2, 0, self.schema_hash)
            return self._line(IDENTIFY, payload, sequence=0)
        one = self._command
        if one is None or now_us < one.next_us:
            return b""
        if now_us >= one.ends_us:
            self._command = None
            return b""
        one.next_us = now_us + COMMAND_US
        left_ms = (one.ends_us - now_us) // 1000
        return self._line(COMMAND, struct.pack("<HBIH", one.id, one.verb, one.argument, left_ms))

    def command(
        self, verb: int, now_us: int, *, ttl_ms: int = 100, quoted: int | None = None
    ) -> None:
        """Begin a command; ARM quotes the challenge, or what is `quoted`."""
        assert self.identity is not None
        challenge = self.identity.challenge if quoted is None else quoted
        self._next_id = self._next_id % 65535 + 1  # never 0
        self._command = Command(
            id=self._next_id,
            verb=verb,
            argument=challenge if verb == ARM else 0,
            ends_us=now_us + ttl_ms * 1000,
            next_us=now_us,
        )

    def late(self) -> bytes:
        """Return the command under way as if its time to live were over on its way."""
        one = self._command
        assert one is not None
        return self._line(COMMAND, struct.pack("<HBIH", one.id, one.verb, one.argument, 0))

    def actuate(self, values: tuple[float, ...], answers_us: int = 0) -> bytes:
        """Return an actuation."""
        payload = struct.pack("<I", answers_us % 2**32) + pack(self.accepts, values)
        return self._line(ACTUATE, payload)

    def ask_time(self, token: int) -> bytes:
        """Return a question for the device's clock."""
        return self._line(CLOCK, struct.pack("<I", token))

    def leave(self) -> None:
        """Begin again, under the next number."""
        self.session = self.session % 65535 + 1
        self.identity = self._command = None
        self._sequence_in = Sequence()

    def _line(self, kind: int, payload: bytes, sequence: int | None = None) -> bytes:
        if sequence is None:
            sequence = self._sequence_out
            self._sequence_out = (sequence + 1) % 65536
        frame = Frame(type=kind, session=self.session, sequence=sequence, payload=payload)
        return encode(frame, self.schema_hash)

    def _take(self, frame: Frame, now_us: int) -> None:
        if frame.type == IDENTITY and frame.session == self.session:
            self._meet(frame.payload)
        elif frame.type == DICTIONARY and frame.session == self.session:
            self._read(frame.payload)
        elif frame.type == EVENT and frame.session == 0:
            self._event(frame.payload)
        elif frame.session != self.session or self.identity is None:
            self.discarded += 1
        elif self._sequence_in.takes(frame.sequence, now_us):
            self._message(frame)
        else:
            self.discarded += 1

    def describe(self) -> bytes:
        """Ask for the dictionary, from as far on as it is known."""
        return self._line(DESCRIBE, struct.pack("<H", len(self.dictionary)), sequence=0)

    def _read(self, payload: bytes) -> None:
        offset, size = struct.unpack("<HH", payload[:4])
        if offset == len(self.dictionary):
            self.dictionary += payload[4:]
            self.dictionary_size = size

    def _message(self, frame: Frame) -> None:
        payload = frame.payload
        if frame.type == STATE and len(payload) >= 22:
            values = unpack(self.sends, payload[22:])
            names = State.__dataclass_fields__
            if values is not None:
                head = struct.unpack("<QBBHHII", payload[:22])
                self.states.append(State(**dict(zip(names, (*head, values), strict=True))))
        elif frame.type == ACK and len(payload) == 3:
            self.acks.append(struct.unpack("<HB", payload))
            if self._command is not None and self._command.id == self.acks[-1][0]:
                self._command = None
        elif frame.type == LOG and 8 <= len(payload) <= 56:
            plain = (chr(one) if 32 <= one < 127 else "?" for one in payload[8:])
            self.logs.append("".join(plain))
        elif frame.type == EVENT:
            self._event(payload)
        elif frame.type == TIME and len(payload) == 16:
            self.times.append(struct.unpack("<IQI", payload))

    def _event(self, payload: bytes) -> None:
        if len(payload) == 13:
            self.events.append(struct.unpack("<BIQ", payload))
            if payload[0] == 1 and self._boot_nonce not in (None, self.events[-1][1]):
                self.leave()  # a reboot: everything before is void

    def _meet(self, payload: bytes) -> None:
        if len(payload) != 64 or payload[0] != 2:
            return
        major, minor, *firmware, cause = payload[:6]
        nonce, challenge, schema, baud, lease, period = struct.unpack("<IIIIII", payload[6:30])
        self.identity = Identity(
            protocol=(major, minor),
            firmware=(firmware[0], firmware[1], firmware[2]),
            reset_cause=cause,
            boot_nonce=nonce,
            challenge=challenge,
            schema_hash=schema,
            baud=baud,
            lease_us=lease,
            state_period_us=period,
            counts=(payload[30], payload[31]),
            board=payload[32:64].rstrip(b"\0").decode("ascii"),
        )
        self._boot_nonce = nonce
