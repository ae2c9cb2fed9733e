"""Ends that were written from docs/wire.md alone, against the C code of the other end.

Rules. No process, no real clock: both ends take bytes and times. Where these agree, the document is
enough to write another end; where they would not, it is the document that is mended.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from amphost._native.amp import ffi, lib

from amphost.device import Session
from amphost.plan.model import AcceptPlan, SendPlan
from tests.contract import second_device as theirs
from tests.contract.second_device import SecondDevice
from tests.contract.second_host import ARM, DISARM, ESTOP, RESET, SecondHost
from tests.contract.second_values import Value, pack, schema, unpack

SENDS = (
    Value(name="position", unit="rad", low=-100.0, high=100.0),
    Value(name="level", type="u8", unit="%", low=0.0, high=100.0),
    Value(name="open", type="bool", low=0.0, high=1.0),
    Value(name="shut", type="bool", low=0.0, high=1.0),
    Value(name="angle", type="i16", scale=0.001, unit="rad", low=-30.0, high=30.0),
)
SAMPLE = (1.5, 42.0, 1.0, 0.0, -3.25)
ACCEPTS = (
    Value(name="voltage", unit="V", low=-12.0, high=12.0, safe=0.0, ramp_per_s=2000.0),
    Value(name="brake", type="bool", low=0.0, high=1.0, safe=1.0),
    Value(name="duty", type="i8", scale=0.5, unit="%", low=-50.0, high=50.0, safe=5.0),
)
SCHEMA = schema(SENDS, ACCEPTS)
HASH = zlib.crc32(SCHEMA.encode())
LEASE_US = 50_000
STEP_US = 500
BOARD = "motor-bench"
NONCE = 77


class Device:
    """The C device."""

    def __init__(self, nonce: int = NONCE, schema_hash: int = HASH) -> None:
        self._kept = [ffi.new("char[]", BOARD.encode()), _native(SENDS), _native(ACCEPTS)]
        self._text = ffi.new("char[]", SCHEMA.encode())
        config = ffi.new("struct amp_device_config *")
        config.board, config.sends, config.accepts = self._kept
        if schema_hash == HASH:
            config.dictionary, config.dictionary_size = self._text, len(SCHEMA)
        config.firmware = [1, 2, 3]
        config.reset_cause = lib.AMP_RESET_WATCHDOG
        config.boot_nonce = nonce
        config.schema_hash = schema_hash
        config.baud = 115200
        config.lease_us = LEASE_US
        config.state_period_us = 1000
        config.sends_count, config.accepts_count = len(SENDS), len(ACCEPTS)
        self._config = config
        self._sample = ffi.new("float[]", SAMPLE)
        self._room = ffi.new("uint8_t[]", 300)
        self.native = ffi.new("struct amp_device *")
        assert lib.amp_device_init(self.native, config, 0)

    def turn(self, line: bytes, now_us: int) -> bytes:
        """Let it run once; return what it sends."""
        lib.amp_device_receive(self.native, line, len(line), now_us)
        lib.amp_device_tick(self.native, now_us, self._sample)
        out = b""
        while size := lib.amp_device_transmit(self.native, self._room, 300):
            out += bytes(ffi.buffer(self._room, size))
        return out

    def outputs(self) -> list[float]:
        """Return where its outputs stand."""
        return [lib.amp_device_output(self.native, at) for at in range(len(ACCEPTS))]


class Line:
    """Our host and the C device, and time."""

    def __init__(self, device: Device, host: SecondHost) -> None:
        self.device, self.host, self.now_us = device, host, 0
        self._sent = b""

    def run(self, for_us: int, *, line: bytes = b"", cut: bool = False) -> None:
        """Let time pass; `line` goes in front, `cut` loses everything."""
        for _ in range(for_us // STEP_US):
            self.now_us += STEP_US
            line += self.host.transmit(self.now_us)
            out = self.device.turn(b"" if cut else line, self.now_us)
            self.host.receive(b"" if cut else out, self.now_us)
            line = b""

    def actuating(self, for_us: int, values: tuple[float, ...]) -> None:
        """Let time pass, with an actuation each millisecond."""
        for _ in range(for_us // 1000):
            answers_us = self.host.states[-1].sampled_us if self.host.states else 0
            self.run(1000, line=self.host.actuate(values, answers_us))


@pytest.fixture
def line() -> Line:
    """Return a line on which a session stands."""
    made = Line(Device(), SecondHost(schema_hash=HASH, sends=SENDS, accepts=ACCEPTS))
    made.host.receive(made.device.turn(b"", 0), 0)
    made.run(30_000)
    assert made.host.identity is not None
    return made


def _native(values: tuple[Value, ...]) -> Any:
    native = ffi.new("struct amp_value[]", len(values))
    for one, value in zip(native, values, strict=True):
        one.type = getattr(lib, f"AMP_VALUE_{value.type.upper()}")
        one.scale = 0.0 if value.type in ("f32", "bool") else value.scale
        one.low, one.high, one.safe = value.low, value.high, value.safe
        one.ramp_per_s = value.ramp_per_s
    return native


def test_the_handshake(line: Line) -> None:
    """Every field of IDENTITY is where the document says."""
    found = line.host.identity
    assert found is not None
    assert (found.protocol, found.firmware, found.reset_cause) == ((2, 0), (1, 2, 3), 3)
    assert (found.boot_nonce, found.schema_hash) == (NONCE, HASH)
    assert (found.baud, found.lease_us, found.counts) == (115200, LEASE_US, (5, 3))
    assert found.state_period_us == 1000
    assert found.board == BOARD
    assert line.host.events[0][:2] == (1, NONCE)  # BOOT, of no session
    assert line.host.discarded == 0


def test_what_a_state_says(line: Line) -> None:
    """Values of every type, packed as the document has it."""
    state = line.host.states[-1]
    assert state.mode == theirs.READY
    assert state.applied_age_us == state.sense_to_actuate_us == 0xFFFFFFFF
    assert state.values == pytest.approx(SAMPLE)


def test_arming_and_actuating(line: Line) -> None:
    """ARM quotes the challenge; an actuation is applied whole; a state says which."""
    line.host.command(ARM, line.now_us)
    line.run(2000)
    assert line.host.acks == [(1, theirs.DONE)]
    line.actuating(20_000, (6.5, 0.0, -12.5))
    assert line.device.outputs() == [6.5, 0.0, -12.5]
    state = line.host.states[-1]
    assert (state.mode, state.applied_count) == (theirs.ARMED, 20)
    assert state.sense_to_actuate_us in (500, 1000)
    assert state.applied_age_us < 1000


def test_the_lease_and_the_ramp(line: Line) -> None:
    """The cable is out: safe by itself, and told when it is back."""
    line.host.command(ARM, line.now_us)
    line.run(2000)
    line.actuating(5000, (10.0, 0.0, 20.0))
    line.run(LEASE_US - 3000, cut=True)
    assert line.device.outputs()[0] == 10.0
    line.run(5000, cut=True)
    assert 0.0 < line.device.outputs()[0] < 10.0
    line.run(20_000, cut=True)
    assert line.device.outputs() == [0.0, 1.0, 5.0]
    line.run(10_000)
    state = line.host.states[-1]
    assert (state.mode, state.reason) == (theirs.SAFE, theirs.LEASE)


def test_what_an_event_says(line: Line) -> None:
    """The lease ended while everything was heard."""
    line.host.command(ARM, line.now_us)
    line.run(2000)
    line.actuating(5000, (10.0, 0.0, 20.0))
    line.run(LEASE_US + 20_000)
    (mode, at_safe) = line.host.events[-2:]
    assert mode[:2] == (2, theirs.SAFE + 256 * theirs.LEASE)
    assert at_safe[0] == 3
    assert at_safe[1] == pytest.approx(LEASE_US + 5000, abs=1000)


def test_leaving_safe_takes_an_act(line: Line) -> None:
    """RESET to READY; DISARM and ESTOP are heard too; an unknown verb is called so."""
    ways = ((ESTOP, theirs.SAFE), (RESET, theirs.READY), (ARM, theirs.ARMED))
    for verb, mode in (*ways, (DISARM, theirs.READY), (ARM, theirs.ARMED), (ESTOP, theirs.SAFE)):
        line.host.command(verb, line.now_us)
        line.run(3000)
        assert line.host.acks[-1][1] == theirs.DONE
        assert line.host.states[-1].mode == mode
    line.host.command(9, line.now_us)
    line.run(3000)
    assert line.host.acks[-1] == (7, theirs.UNKNOWN_VERB)
    line.host.command(64, line.now_us)  # parameter 0: it has none
    line.run(3000)
    assert line.host.acks[-1] == (8, theirs.UNKNOWN_VERB)


def test_a_command_is_repeated_until_it_is_answered(line: Line) -> None:
    """Applied once, however often it comes."""
    line.host.command(ESTOP, line.now_us, ttl_ms=500)
    line.run(50_000, cut=True)
    assert not line.host.acks
    line.run(30_000)
    assert line.host.acks == [(1, theirs.DONE)]
    assert line.device.native.mode == lib.AMP_DEVICE_SAFE


def test_a_stale_arm(line: Line) -> None:
    """Bytes of an earlier session arm nothing."""
    assert line.host.identity is not None
    challenge = line.host.identity.challenge
    line.host.command(ARM, line.now_us)
    kept = line.host.transmit(line.now_us)
    line.host.leave()
    line.run(30_000)
    assert line.host.identity is not None
    line.run(1000, line=kept)
    assert line.device.native.mode == lib.AMP_DEVICE_READY
    assert not line.host.acks
    line.host.command(ARM, line.now_us, quoted=challenge)
    line.run(1000)
    assert line.host.acks == [(2, theirs.STALE)]
    line.host.command(ARM, line.now_us, ttl_ms=0)
    line.run(1000, line=line.host.late())
    assert line.device.native.mode == lib.AMP_DEVICE_READY
    assert line.host.acks[-1] == (3, theirs.EXPIRED)


def test_a_bad_value_is_refused_whole(line: Line) -> None:
    """Told once a row; the lease ends in spite of them."""
    line.host.command(ARM, line.now_us)
    line.run(2000)
    line.actuating(3000, (1.0, 0.0, 2.0))
    for bad, index in (((12.5, 0.0, 2.0), 0), ((1.0, 0.0, 51.0), 2), ((float("nan"), 0.0, 2.0), 0)):
        line.actuating(3000, bad)
        assert line.host.events[-1][:2] == (4, index)
        assert line.device.outputs() == [1.0, 0.0, 2.0]
        line.actuating(1000, (1.0, 0.0, 2.0))
    line.actuating(LEASE_US + 5000, (12.5, 0.0, 2.0))
    assert line.host.states[-1].reason == theirs.BAD_VALUE


def test_the_clock(line: Line) -> None:
    """Its four times begin with the device's own."""
    line.run(1000, line=line.host.ask_time(0xABCD))
    (token, received_us, held_us) = line.host.times[-1]
    assert token == 0xABCD
    assert abs(received_us + held_us - line.now_us) <= STEP_US


def test_old_frames_are_discarded(line: Line) -> None:
    """A repeated frame and one of another session do nothing."""
    line.host.command(ARM, line.now_us)
    line.run(2000)
    once = line.host.actuate((3.0, 0.0, 0.0))
    line.run(1000, line=once + line.host.actuate((4.0, 0.0, 0.0)) + once)
    assert line.device.outputs()[0] == 4.0


def test_a_reboot(line: Line) -> None:
    """BOOT with another nonce is one, and the host begins again."""
    session = line.host.session
    line.device = Device(nonce=78)
    line.run(50_000)
    assert line.host.session == session + 1
    assert line.host.identity is not None
    assert line.host.identity.boot_nonce == 78


def test_another_schema_is_seen_and_passes_nothing() -> None:
    """The handshake can be read; nothing else passes the CRC."""
    line = Line(
        Device(schema_hash=HASH ^ 1), SecondHost(schema_hash=HASH, sends=SENDS, accepts=ACCEPTS)
    )
    line.run(50_000)
    assert line.host.identity is not None
    assert line.host.identity.schema_hash == HASH ^ 1
    assert not line.host.states
    assert line.device.native.mode == lib.AMP_DEVICE_IDLE
    line.run(1000, line=line.host.ask_time(1))
    assert not line.host.times


@pytest.mark.parametrize("stands", [True, False])
def test_the_dictionary_is_read_in_pieces(stands: bool) -> None:
    """Whether a session stands or was refused: what the hash stands for can be read."""
    schema_hash = HASH if stands else HASH ^ 1
    line = Line(Device(), SecondHost(schema_hash=schema_hash, sends=SENDS, accepts=ACCEPTS))
    line.run(30_000)
    for _ in range(len(SCHEMA) // 56 + 1):
        line.run(5_000, line=line.host.describe())
    assert line.host.dictionary == SCHEMA.encode()
    assert line.host.dictionary_size == len(SCHEMA)
    assert zlib.crc32(line.host.dictionary) == HASH


def test_a_line_of_text_arrives(line: Line) -> None:
    """What a firmware says is bytes from outside: it is shown plain."""
    lib.amp_device_log(line.device.native, b"found \x1b[31mthe mark")
    line.run(5_000)
    assert line.host.logs == ["found ?[31mthe mark"]


def _send_plan(one: Value) -> SendPlan:
    return SendPlan(
        name=one.name, type=one.type, scale=one.scale, unit=one.unit, low=one.low, high=one.high
    )


def _accept_plan(one: Value) -> AcceptPlan:
    return AcceptPlan(
        name=one.name,
        type=one.type,
        scale=one.scale,
        role="x",
        word=0,
        unit=one.unit,
        low=one.low,
        high=one.high,
        safe=one.safe,
        ramp_per_s=one.ramp_per_s,
    )


class Pair:
    """The C host and our device, and time."""

    def __init__(self, schema_hash: int = HASH, nonce: int = NONCE) -> None:
        self.now_us = 0
        self.device = SecondDevice(
            board=BOARD,
            schema_hash=schema_hash,
            sends=SENDS,
            accepts=ACCEPTS,
            lease_us=LEASE_US,
            boot_nonce=nonce,
        )
        self.host = Session(
            board=BOARD,
            schema_hash=HASH,
            number=4711,
            now_us=0,
            sends=[_send_plan(one) for one in SENDS],
            accepts=[_accept_plan(one) for one in ACCEPTS],
        )
        self.heard: list[Any] = []

    def run(self, for_us: int, actuate: list[float] | None = None, *, cut: bool = False) -> None:
        """Let time pass, with an actuation each step if values are given."""
        for step in range(for_us // STEP_US):
            self.now_us += STEP_US
            line = self.host.pending(self.now_us)
            if actuate is not None and self.host.is_up():
                line += self.host.actuate(actuate, 0)
            self.device.tick(self.now_us)
            if not cut:
                self.device.receive(line)
            if step % 2 == 0:
                self.device.sample(SAMPLE)
            out, self.device.out = self.device.out, b""
            self.heard += self.host.receive(b"" if cut else out, self.now_us)

    def kinds(self) -> Iterator[str]:
        """Name what the host has reported."""
        return (one.kind for one in self.heard)


def test_the_c_host_meets_our_device() -> None:
    """Up, values of every type, armed, actuated."""
    pair = Pair()
    pair.run(50_000)
    assert pair.host.is_up()
    states = [one for one in pair.heard if one.kind == "state"]
    assert states[-1].values == pytest.approx(SAMPLE)
    pair.host.command("arm", pair.now_us)
    pair.run(5000)
    acked = [one for one in pair.heard if one.kind == "acked"]
    assert [one.result for one in acked] == ["done"]
    pair.run(20_000, [6.5, 0.0, -12.5])
    assert pair.device.outputs == [6.5, 0.0, -12.5]
    assert pair.device.applied == 40


def test_the_c_host_repeats_and_our_device_applies_once() -> None:
    """Its ACK was lost; the same id does nothing again."""
    pair = Pair()
    pair.run(50_000)
    pair.host.command("estop", pair.now_us, ttl_ms=1000)
    line = pair.host.pending(pair.now_us)
    pair.device.receive(line)
    pair.device.out = b""
    pair.run(300_000)
    assert pair.device.commands_done == [ESTOP]
    assert "acked" in pair.kinds()


def test_our_device_goes_safe_and_the_c_host_sees_it() -> None:
    """Its lease ended while the cable was out."""
    pair = Pair()
    pair.run(50_000)
    pair.host.command("arm", pair.now_us)
    pair.run(5000, [6.0, 0.0, 1.0])
    pair.run(LEASE_US + 10_000, cut=True)
    assert pair.device.outputs == [0.0, 1.0, 5.0]
    pair.run(100_000)
    states = [one for one in pair.heard if one.kind == "state"]
    assert states[-1].state.mode == lib.AMP_DEVICE_SAFE
    assert pair.host.is_up()


def test_the_c_host_sees_our_device_reboot() -> None:
    """Another nonce in BOOT: it identifies again by itself."""
    pair = Pair()
    pair.run(50_000)
    again = Pair(nonce=78)
    pair.device = again.device
    pair.run(100_000)
    assert "rebooted" in pair.kinds() or list(pair.kinds()).count("up") == 2
    assert pair.host.is_up()


def test_the_c_host_refuses_our_device_of_another_schema() -> None:
    """By field."""
    pair = Pair(schema_hash=HASH ^ 4)
    pair.run(50_000)
    refused = [one for one in pair.heard if one.kind == "refused"]
    assert refused
    assert {one.refusal for one in refused} == {"schema"}


def test_the_c_host_reads_what_our_device_was_built_with() -> None:
    """It refuses the hash, and then asks piece by piece what it stands for."""
    theirs_text = schema(SENDS[:3], ACCEPTS)
    pair = Pair(schema_hash=zlib.crc32(theirs_text.encode()))
    pair.device.dictionary = theirs_text.encode()
    read = ffi.new("struct amp_dictionary *")
    pair.host.native.expected.dictionary = read
    pair.run(400_000)
    assert not pair.host.is_up()
    assert "dictionary" in pair.kinds()
    assert read.state == lib.AMP_DICTIONARY_WHOLE
    assert ffi.string(read.text).decode() == theirs_text


def test_values_agree_with_the_c_code() -> None:
    """At the edges of every type, and runs of bools of any length."""
    some = [
        Value(name="a", type="i16", scale=0.25, low=-8000.0, high=8000.0),
        Value(name="b", type="u16", low=0.0, high=65534.0),
        Value(name="c", type="i8", low=-127.0, high=127.0),
        Value(name="d", low=-1.0, high=1.0),
        *(Value(name=f"e{n}", type="bool", low=0.0, high=1.0) for n in range(9)),
        Value(name="f", type="u8", low=0.0, high=254.0),
        Value(name="g", type="bool", low=0.0, high=1.0),
    ]
    bools = (1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0)
    for numbers in (
        (-8000.0, 65534.0, -127.0, 0.5, *bools, 254.0, 1.0),
        (7999.75, 0.0, 127.0, -1.0, *bools, 0.0, 0.0),
        (1.0, float("nan"), 1.0, 1.0, *bools, float("nan"), 1.0),
    ):
        native, out, bad = _native(tuple(some)), ffi.new("uint8_t[]", 80), ffi.new("size_t *")
        size = lib.amp_values_encode(native, list(numbers), len(some), out, bad)
        line = bytes(ffi.buffer(out, size))
        assert pack(some, numbers) == line
        assert unpack(some, line) == pytest.approx(numbers, nan_ok=True)


def test_the_values_of_the_document() -> None:
    """Its four bytes."""
    some = [Value(name=f"b{n}", type="bool", low=0.0, high=1.0) for n in range(4)]
    angle = Value(name="a", type="i16", scale=0.001, low=-30.0, high=30.0)
    line = bytes.fromhex("054ef301")
    assert pack([*some[:3], angle, some[3]], (1.0, 0.0, 1.0, -3.25, 1.0)) == line
    assert unpack([*some[:3], angle, some[3]], line) == (1.0, 0.0, 1.0, -3.25, 1.0)
    assert unpack(some, b"\x15") is None  # a bit that is left over


def test_the_schema_of_the_document() -> None:
    """Its three lines, and their hash."""
    sends = (
        Value(name="position", unit="rad", low=-100.0, high=100.0),
        Value(name="current", unit="A", low=-20.0, high=20.0),
    )
    accepts = (Value(name="voltage", unit="V", low=-12, high=12, ramp_per_s=2000.0),)
    assert zlib.crc32(schema(sends, accepts).encode()) == 0xB791FD20
    assert struct.calcsize("<f") == 4
