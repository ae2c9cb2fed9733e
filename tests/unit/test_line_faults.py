"""Faults of a line, without a line: what is done to the bytes, how often, and when."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest

from amphost.link.line_faults import KINDS, Switch, Way
from amphost.link.sealed_frame import opened, sealed, session_of, with_session
from amphost.plan.faults_model import FaultPlan, ProxyPlan

SCHEMA = 0x5EED0A17
MS = 1_000_000
S = 1_000_000_000
COUNT = 1000
PLAIN = FaultPlan(
    name="one",
    kind="flip",
    ways=("to_host",),
    rate=0.1,
    by_byte=True,
    at_ns=0,
    for_ns=0,
    on_signal=False,
    size=3,
    most_ns=MS,
)
PROXY = ProxyPlan(
    name="mcu_faults",
    device="mcu",
    port="",
    baud=1_000_000,
    schema_hash=SCHEMA,
    cores=(0,),
    policy="other",
    priority=0,
    seed=7,
    faults=(),
)
RATED = [kind for kind in KINDS if kind not in ("stuck", "wrong_baud", "replay")]


def frame(number: int, session: int = 9, kind: int = 16) -> bytes:
    """Return a STATE frame whose payload holds its number."""
    head = bytes([kind, 0]) + session.to_bytes(2, "little") + number.to_bytes(2, "little")
    payload = number.to_bytes(4, "little") * 5
    return sealed(head + bytes([len(payload)]) + payload, SCHEMA)


def is_good(piece: bytes, session: int = 9) -> bool:
    """Return whether a receiver in this session would take a piece for a frame."""
    body = opened(piece + b"\0")
    if body is None or session_of(body) != session or len(body) != 7 + body[6]:
        return False
    return sealed(body, SCHEMA) == piece + b"\0"


class Line:
    """A direction with its faults, and a clock that the test turns."""

    def __init__(self, *faults: FaultPlan, seed: int = 7, way: str = "to_host") -> None:
        self.switches = [Switch(one, 0) for one in faults]
        self.way = Way(way, replace(PROXY, seed=seed), self.switches)
        self.now_ns = 0
        self.turn(0)

    def turn(self, now_ns: int) -> None:
        self.now_ns = now_ns
        for one in self.switches:
            if one.turn(now_ns):
                self.way.switched(one, now_ns)

    def send(self, line: bytes) -> bytes:
        self.way.take(line, self.now_ns)
        return self.way.give(self.now_ns)

    def count(self) -> int:
        return int(self.way.counts()["faults"]["one"])


STREAM = b"".join(frame(number) for number in range(COUNT))


def test_a_frame_that_is_opened_and_sealed_again_is_the_same() -> None:
    """Forged frames must be wrong in nothing but what is forged."""
    for number in (0, 1, 255, 256, 65535):
        whole = frame(number)
        body = opened(whole)
        assert body is not None
        assert sealed(body, SCHEMA) == whole
        assert session_of(body) == 9
        assert session_of(with_session(body, 0x1234)) == 0x1234
        assert int.from_bytes(_crc_of(whole), "little") == zlib.crc32(body, SCHEMA)


def _crc_of(whole: bytes) -> bytes:
    body = opened(whole)
    assert body is not None
    plain = bytearray()
    at = 0
    while at < len(whole) - 1:
        plain += whole[at + 1 : at + whole[at]] + b"\0"
        at += whole[at]
    return bytes(plain[:-1][len(body) :])


@pytest.mark.parametrize("junk", [b"\0", b"\x05\x01\0", b"\x03ab\0", b"abc", b"\xff" + b"a" * 40])
def test_what_is_no_frame_is_not_opened(junk: bytes) -> None:
    """A forged frame is made of a real one only."""
    assert opened(junk) is None


def test_a_line_without_faults_passes_every_byte_at_once() -> None:
    """The proxy itself must be no fault."""
    line = Line()
    assert line.send(STREAM) == STREAM
    counts = line.way.counts()
    assert counts == {
        "bytes": len(STREAM),
        "frames": COUNT,
        "bytes_out": len(STREAM),
        "faults": {},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_does_the_same_however_the_line_is_read(kind: str) -> None:
    """A failure that cannot be had again helps nobody."""
    fault = replace(PLAIN, kind=kind, rate=0.01, baud=115200, foreign="session")
    cut = random.Random(3)
    whole = Line(fault)
    whole.way.set_speed(1_000_000)
    first = whole.send(STREAM)
    pieces = Line(fault)
    pieces.way.set_speed(1_000_000)
    second = b""
    at = 0
    while at < len(STREAM):
        size = cut.randrange(1, 200)
        second += pieces.send(STREAM[at : at + size])
        at += size
    assert second == first
    assert pieces.way.counts() == whole.way.counts()
    other = Line(fault, seed=8)
    other.way.set_speed(1_000_000)
    if kind not in ("replay", "stuck"):
        assert other.send(STREAM) != first


@pytest.mark.parametrize("kind", RATED)
def test_a_fault_strikes_as_often_as_it_says(kind: str) -> None:
    """A rate in the file is a rate on the line: within six standard deviations."""
    rate = 0.05
    line = Line(replace(PLAIN, kind=kind, rate=rate, foreign="session"))
    line.send(STREAM)
    by_byte = kind in ("flip", "burst", "lose_bytes", "insert")
    expected = rate * (len(STREAM) if by_byte else COUNT)
    expected /= 1.0 + rate if kind == "reorder" else 1.0  # the frame behind is not struck
    assert abs(line.count() - expected) < 6 * expected**0.5


@pytest.mark.parametrize("kind", RATED)
def test_certainty_strikes_every_time(kind: str) -> None:
    """A rate of 1 is the way to see one fault alone."""
    line = Line(replace(PLAIN, kind=kind, rate=1.0, foreign="schema"))
    line.send(STREAM)
    most = len(STREAM) if kind in ("flip", "burst", "lose_bytes", "insert") else COUNT
    assert line.count() == (most // 2 if kind == "reorder" else most)


def good(line: bytes) -> list[int]:
    """Return the numbers of the frames that a receiver would take, in order."""
    pieces = [piece for piece in line.split(b"\0") if is_good(piece)]
    return [int.from_bytes((opened(piece + b"\0") or b"")[7:11], "little") for piece in pieces]


@pytest.mark.parametrize("kind", ["flip", "burst", "lose_bytes", "insert", "truncate"])
def test_one_event_costs_two_frames_at_most_and_forges_none(kind: str) -> None:
    """What the receiver may lose follows from what was injected."""
    rate = 0.05 if kind == "truncate" else 0.001
    line = Line(replace(PLAIN, kind=kind, rate=rate))
    came = good(line.send(STREAM))
    struck = line.count()
    assert struck > 0
    assert COUNT - 2 * struck <= len(came) < COUNT
    assert came == sorted(set(came))


def test_lost_repeated_and_reordered_frames_are_whole() -> None:
    """These faults leave the bytes alone: only sequence numbers can tell."""
    lost = Line(replace(PLAIN, kind="lose_frames"))
    assert len(good(lost.send(STREAM))) == COUNT - lost.count()
    twice = Line(replace(PLAIN, kind="repeat"))
    assert len(good(twice.send(STREAM))) == COUNT + twice.count()
    swapped = Line(replace(PLAIN, kind="reorder"))
    came = good(swapped.send(STREAM))
    back = sum(later < earlier for earlier, later in pairwise(came))
    assert back == swapped.count() > 0
    assert set(came) <= set(range(COUNT))
    assert len(came) >= COUNT - 1  # the last one may wait for another


def test_a_frame_that_waits_for_another_is_let_go_when_the_fault_ends() -> None:
    """A schedule that ends takes nothing with it."""
    line = Line(replace(PLAIN, kind="reorder", rate=1.0, for_ns=S))
    assert line.send(frame(1)) == b""
    line.turn(S)
    assert line.send(frame(2)) == frame(1) + frame(2)


@pytest.mark.parametrize("foreign", ["session", "schema"])
def test_a_masquerade_is_a_whole_frame_of_somebody_else(foreign: str) -> None:
    """The receiver must tell it by session or by schema: nothing else is wrong with it."""
    line = Line(replace(PLAIN, kind="masquerade", rate=1.0, foreign=foreign))
    forged, real = line.send(frame(5)).split(b"\0")[:2]
    assert real + b"\0" == frame(5)
    body = opened(forged + b"\0")
    assert body is not None
    assert (session_of(body) == 9) == (foreign == "schema")
    assert (sealed(body, SCHEMA) == forged + b"\0") == (foreign == "session")


def test_a_type_without_a_schema_is_not_forged_by_schema() -> None:
    """IDENTIFY has no schema: there is nothing to forge, and nothing is counted."""
    line = Line(replace(PLAIN, kind="masquerade", rate=1.0, foreign="schema"))
    assert line.send(frame(5, kind=1)) == frame(5, kind=1)
    assert line.count() == 0


def test_a_replay_is_of_a_session_that_is_over() -> None:
    """Bytes that lay in a buffer since an earlier session are what must not arm anything."""
    line = Line(replace(PLAIN, kind="replay", rate=1.0, at_ns=S))
    first = b"".join(frame(number) for number in range(5))
    assert line.send(first) == first
    line.turn(S)
    assert line.send(frame(7)) == frame(7)  # of the same session: nothing is old yet
    came = line.send(frame(0, session=10) + frame(1, session=10))
    assert came == frame(0) + frame(0, session=10) + frame(1) + frame(1, session=10)
    assert line.count() == 2


def test_a_sender_that_is_stuck_stops_in_the_middle_of_a_frame() -> None:
    """The receiver sits on half a frame; what comes after it costs one frame more."""
    line = Line(replace(PLAIN, kind="stuck", rate=1.0, at_ns=S, for_ns=S))
    assert line.send(frame(1)) == frame(1)
    line.turn(S)
    half = line.send(frame(2) + frame(3))
    assert half == frame(2)[: len(frame(2)) // 2]
    line.turn(2 * S)
    assert good(half + line.send(frame(4) + frame(5))) == [5]
    assert line.count() == 1


def test_a_delay_keeps_the_order_and_hurries_nothing() -> None:
    """A late frame makes those behind it late: a line has no overtaking."""
    line = Line(replace(PLAIN, kind="delay", rate=1.0, least_ns=2 * MS, most_ns=5 * MS))
    came = line.send(STREAM)
    assert came == b""
    due_ns = line.way.next_ns(0)
    assert 2 * MS <= due_ns <= 5 * MS
    assert line.way.give(5 * MS) == STREAM
    assert line.count() == COUNT


def test_chunks_leave_one_by_one() -> None:
    """A receiver has to put a frame together again, whatever the gaps."""
    line = Line(replace(PLAIN, kind="chunk", rate=1.0, size=10, most_ns=MS))
    whole = frame(1)
    assert line.send(whole) == whole[:10]
    assert line.way.give(MS) == whole[10:20]
    assert b"".join(line.way.give(ms * MS) for ms in range(2, 9)) == whole[20:]


def test_babble_comes_by_itself_at_its_rate() -> None:
    """A device that never stops talking needs nobody who listens."""
    line = Line(replace(PLAIN, kind="babble", rate=1.0, size=100_000))
    junk = b""
    for ms in range(1, 1001):
        junk += line.way.give(ms * MS)
    assert len(junk) == line.count() == 100_000
    assert 0 in junk
    assert line.way.next_ns(S) == S + MS


def test_a_wrong_speed_makes_garbage_of_everything_until_they_agree() -> None:
    """It is the host's setting that decides, as with a real UART."""
    fault = replace(PLAIN, kind="wrong_baud", rate=1.0, baud=115200, ways=("to_host", "to_device"))
    for way, bytes_per_byte in (("to_host", 1e6 / 115200), ("to_device", 115200 / 1e6)):
        line = Line(fault, way=way)
        line.way.set_speed(115200)
        assert line.send(STREAM) == STREAM
        assert line.count() == 0
        line.way.set_speed(1_000_000)
        came = line.send(STREAM)
        assert abs(len(came) - len(STREAM) * bytes_per_byte) <= 1
        assert good(came) == []
        assert line.count() == len(STREAM)


def test_a_schedule_begins_and_ends_by_the_clock() -> None:
    """What happened when must be in the file, and nowhere else."""
    switch = Switch(replace(PLAIN, at_ns=2 * S, for_ns=S), 10 * S)
    seen = [(at, switch.on) for at in range(8, 16) if switch.turn(at * S) or at == 8]
    assert seen == [(8, False), (12, True), (13, False)]
    assert switch.next_ns(11 * S) == 12 * S
    assert switch.next_ns(12 * S) == 13 * S
    assert switch.next_ns(13 * S) > 1000 * S


def test_a_signal_begins_a_fault_and_the_next_one_ends_or_repeats_it() -> None:
    """A test strikes when the system is armed, not when a clock says so."""
    toggled = Switch(replace(PLAIN, on_signal=True), 0)
    assert not toggled.turn(100 * S)
    seen = []
    for at in (100, 101, 102):
        toggled.signal(at * S)
        toggled.turn(at * S)
        seen.append(toggled.on)
    assert seen == [True, False, True]
    timed = Switch(replace(PLAIN, on_signal=True, for_ns=S), 0)
    for at in (5 * S, 9 * S):
        timed.signal(at)
        seen = []
        for later in (at, at + S // 2, at + S):
            timed.turn(later)
            seen.append(timed.on)
        assert seen == [True, True, False]
    clocked = Switch(PLAIN, 0)
    clocked.turn(0)
    clocked.signal(5 * S)
    assert not clocked.turn(5 * S)


def test_a_line_of_one_direction_leaves_the_other_alone() -> None:
    """A broken wire is one wire."""
    line = Line(replace(PLAIN, kind="lose_frames", rate=1.0), way="to_device")
    assert line.send(STREAM) == STREAM
    assert line.way.counts()["faults"] == {}


def test_what_is_under_way_when_the_cable_comes_out_is_gone() -> None:
    """Old bytes must not come out of a cable that was plugged in again."""
    line = Line(replace(PLAIN, kind="delay", rate=1.0, least_ns=S, most_ns=S))
    line.send(STREAM + b"half a fra")
    assert line.way.waiting == len(STREAM)
    line.way.forget()
    assert line.way.waiting == 0
    assert line.way.give(9 * S) == b""
    line.way.take(frame(1), 9 * S)
    assert line.way.give(10 * S) == frame(1)


def test_bytes_without_a_delimiter_move_on_too() -> None:
    """A firmware that prints text must not fill the proxy's memory."""
    line = Line()
    assert len(line.send(b"x" * 5000)) > 5000 - 512


def test_bytes_that_are_no_frames_are_struck_alike_however_they_are_read() -> None:
    """Babble longer than any frame moves on in pieces of one size."""
    noise = bytes(random.Random(9).choices(range(1, 256), k=9000)) + b"\0" + STREAM
    whole = Line(replace(PLAIN, kind="lose_frames", rate=0.3)).send(noise)
    pieces = Line(replace(PLAIN, kind="lose_frames", rate=0.3))
    assert b"".join(pieces.send(noise[at : at + 7]) for at in range(0, len(noise), 7)) == whole
