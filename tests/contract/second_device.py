"""A second implementation of docs/wire.md: the device's end.

Rules. As of `second_frames`. `tick` lets time pass; the outputs are what the host set or, after the
lease, what the ramp has reached.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

from tests.contract.second_frames import Frame, Receiver, Sequence, encode
from tests.contract.second_host import (
    ACK,
    ACTUATE,
    ARM,
    CLOCK,
    COMMAND,
    DESCRIBE,
    DICTIONARY,
    DISARM,
    ESTOP,
    EVENT,
    IDENTIFY,
    IDENTITY,
    RESET,
    STATE,
    TIME,
)
from tests.contract.second_values import Value, pack, unpack

IDLE, READY, ARMED, SAFE = range(4)
NO_REASON, LEASE, ESTOPPED, DISARMED, NEW_SESSION, BAD_VALUE = range(6)
DONE, UNKNOWN_VERB, STALE, EXPIRED, SUPERSEDED, OUT_OF_RANGE = range(6)
WINDOW = 64
NEVER = 0xFFFFFFFF


@dataclass(slots=True, kw_only=True)
class SecondDevice:
    """The device's end of a link."""

    board: str
    schema_hash: int
    sends: tuple[Value, ...]
    accepts: tuple[Value, ...]
    lease_us: int
    boot_nonce: int
    state_period_us: int = 1000
    dictionary: bytes = b""
    now_us: int = 0
    mode: int = IDLE
    reason: int = NO_REASON
    outputs: list[float] = field(default_factory=list)
    out: bytes = b""
    applied: int = 0
    commands_done: list[int] = field(default_factory=list)
    _session: int = 0
    _stands: bool = False
    _is_new: bool = False
    _challenge: int = 0x1000
    _receiver: Receiver = field(default_factory=lambda: Receiver(0))
    _sequence_in: Sequence = field(default_factory=Sequence)
    _sequence_out: int = 0
    _seen: dict[int, int] = field(default_factory=dict)
    _newest_id: int = 0
    _mode_id: int = 0
    _lease_end_us: int = 0
    _applied_us: int = -1
    _applied_sequence: int = 0
    _answered: int = NEVER
    _from: list[float] = field(default_factory=list)
    _ramp_us: int = -1
    _bad_last: bool = False
    _told_safe: bool = True

    def __post_init__(self) -> None:
        self._receiver = Receiver(self.schema_hash)
        self.outputs = [one.safe for one in self.accepts]
        boot = struct.pack("<BIQ", 1, self.boot_nonce, self.now_us)
        self.out += self._line(EVENT, boot, session=0, sequence=0)

    def tick(self, now_us: int) -> None:
        """Let time pass: the lease, the ramp."""
        self.now_us = now_us
        if self.mode == ARMED and now_us >= self._lease_end_us:
            self._go(SAFE, BAD_VALUE if self._bad_last else LEASE, self._lease_end_us)
        if self._ramp_us >= 0:
            self._ramp()

    def sample(self, values: tuple[float, ...]) -> None:
        """Send a state."""
        if not self._stands:
            return
        age = NEVER if self._applied_us < 0 else self.now_us - self._applied_us
        head = struct.pack(
            "<QBBHHII",
            *(self.now_us, self.mode, self.reason, self._applied_sequence, self.applied % 65536),
            *(age, self._answered),
        )
        self._send(STATE, head + pack(self.sends, values))

    def receive(self, line: bytes) -> None:
        """Take what came."""
        self.tick(self.now_us)  # the lease is looked at before any byte that came after its end
        for frame in self._receiver.frames(line):
            if frame.type == IDENTIFY:
                self._identify(frame)
            elif frame.type == DESCRIBE and self._session and frame.session == self._session:
                self._describe(frame.payload)
            elif self._stands and frame.session == self._session:
                self._is_new = False
                if self._sequence_in.takes(frame.sequence, self.now_us):
                    self._message(frame)

    def _identify(self, frame: Frame) -> None:
        if len(frame.payload) != 6 or frame.session == 0:
            return
        agrees = frame.payload[0] == 2 and frame.payload[2:6] == self.schema_hash.to_bytes(
            4, "little"
        )
        if not (self._is_new and frame.session == self._session and self._stands == agrees):
            self._session, self._is_new, self._stands = frame.session, True, agrees
            if self.mode == ARMED:
                self._go(SAFE, NEW_SESSION, self.now_us)
            elif self.mode in (IDLE, READY):
                self.mode = READY if agrees else IDLE
            self._challenge += 7
            self._sequence_in, self._seen, self.applied = Sequence(), {}, 0
            self._newest_id = self._mode_id = 0
        answer = struct.pack("<BBBBBB", 2, 0, 1, 2, 3, 1)
        answer += struct.pack("<IIII", self.boot_nonce, self._challenge, self.schema_hash, 115200)
        answer += struct.pack("<II", self.lease_us, self.state_period_us)
        answer += struct.pack("<BB", len(self.sends), len(self.accepts))
        answer += self.board.encode().ljust(32, b"\0")
        self.out += self._line(IDENTITY, answer, session=self._session, sequence=0)

    def _describe(self, payload: bytes) -> None:
        if len(payload) == 2:
            (offset,) = struct.unpack("<H", payload)
            answer = struct.pack("<HH", offset, len(self.dictionary))
            answer += self.dictionary[offset : offset + 56]
            self.out += self._line(DICTIONARY, answer, session=self._session, sequence=0)

    def _message(self, frame: Frame) -> None:
        if frame.type == COMMAND and len(frame.payload) == 9:
            self._command(*struct.unpack("<HBIH", frame.payload))
        elif frame.type == ACTUATE and self.mode == ARMED:
            self._actuate(frame)
        elif frame.type == CLOCK and len(frame.payload) == 4:
            self._send(TIME, frame.payload + struct.pack("<QI", self.now_us, 0))

    def _actuate(self, frame: Frame) -> None:
        values = unpack(self.accepts, frame.payload[4:])
        if values is None:
            return
        for index, (one, value) in enumerate(zip(self.accepts, values, strict=True)):
            if not (math.isfinite(value) and one.holds(value)):
                if not self._bad_last:
                    self._send(EVENT, struct.pack("<BIQ", 4, index, self.now_us))
                self._bad_last = True
                return
        (answers_us,) = struct.unpack("<I", frame.payload[:4])
        self._answered = (self.now_us - answers_us) % 2**32 if answers_us else NEVER
        self.outputs, self._ramp_us, self._bad_last = list(values), -1, False
        self._told_safe = False
        self._applied_us, self._applied_sequence = self.now_us, frame.sequence
        self._lease_end_us = self.now_us + self.lease_us
        self.applied += 1

    def _command(self, number: int, verb: int, argument: int, ttl_ms: int) -> None:
        if not self._seen:
            self._newest_id = number
        behind = (self._newest_id - number) % 65536
        if WINDOW <= behind <= 32768:
            return
        if number not in self._seen:
            self._seen[number] = self._do(number, verb, argument, ttl_ms)
            if behind > 32768:
                self._newest_id = number
        self._send(ACK, struct.pack("<HB", number, self._seen[number]))

    def _do(self, number: int, verb: int, argument: int, ttl_ms: int) -> int:
        if verb not in (ARM, DISARM, ESTOP, RESET):
            return UNKNOWN_VERB
        if self._mode_id and (number - self._mode_id) % 65536 > 32768:
            return SUPERSEDED
        self._mode_id = number
        if verb == ARM and ttl_ms == 0:
            return EXPIRED
        if verb == ARM and argument != self._challenge:
            return STALE
        self.commands_done.append(verb)
        if verb == ARM and self.mode != ARMED:
            self._lease_end_us = self.now_us + self.lease_us
            self._go(ARMED, NO_REASON, -1)
        elif verb == DISARM and self.mode == ARMED:
            self._go(READY, DISARMED, self.now_us)
        elif verb == ESTOP and self.mode != SAFE:
            self._go(SAFE, ESTOPPED, self.now_us)
        elif verb == RESET and self.mode == SAFE:
            self._go(READY, self.reason, self._ramp_us)
        return DONE

    def _go(self, mode: int, reason: int, ramp_us: int) -> None:
        self.mode, self.reason = mode, reason
        if ramp_us >= 0 and self._ramp_us < 0 and not self._told_safe:
            self._ramp_us, self._from = ramp_us, list(self.outputs)
        self._send(EVENT, struct.pack("<BIQ", 2, mode + 256 * reason, self.now_us))

    def _ramp(self) -> None:
        after_s = (self.now_us - self._ramp_us) / 1e6
        for index, one in enumerate(self.accepts):
            begun = self._from[index]
            way = one.ramp_per_s * after_s if one.ramp_per_s else math.inf
            left = one.safe - begun
            self.outputs[index] = one.safe if abs(left) <= way else begun + math.copysign(way, left)
        if self.outputs == [one.safe for one in self.accepts]:
            self._ramp_us, self._told_safe = -1, True
            age = self.now_us - self._applied_us
            self._send(EVENT, struct.pack("<BIQ", 3, age, self.now_us))

    def _send(self, kind: int, payload: bytes) -> None:
        if self._stands:
            self.out += self._line(kind, payload, self._session, self._sequence_out)
            self._sequence_out = (self._sequence_out + 1) % 65536

    def _line(self, kind: int, payload: bytes, session: int, sequence: int) -> bytes:
        frame = Frame(type=kind, session=session, sequence=sequence, payload=payload)
        return encode(frame, self.schema_hash)
