"""The live view: what a viewer gets of what the observer drains."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any

import pytest

from amphost.plan.model import SignalPlan, StreamPlan
from amphost.telemetry.live_stream import DATAGRAM_BYTES, LiveStream

S = 1_000_000_000
MS = 1_000_000
WALL_NS = 1_700_000_000 * S
SIGNALS = tuple(
    SignalPlan(name=name, type=kind, unit="", low=None, high=None)
    for name, kind in (("x", "f64"), ("n", "i64"), ("on", "bool"))
)


def records(count: int, step_ns: int, x: float = 0.5) -> bytes:
    """Return records `step_ns` apart."""
    return b"".join(
        struct.pack("=QqQdqQ", n, n * step_ns, 1, x, -n, n % 2) for n in range(1, count + 1)
    )


@dataclass
class Network:
    """Takes datagrams, or not."""

    takes: bool = True
    datagrams: list[bytes] = field(default_factory=list)

    def __call__(self, datagram: bytes) -> bool:
        if self.takes:
            self.datagrams.append(datagram)
        return self.takes

    def read(self) -> list[Any]:
        """Return what came, as a viewer parses it: strictly."""
        return [json.loads(one, parse_constant=pytest.fail) for one in self.datagrams]


def stream(network: Network, *, rate_hz: float, batch: bool = False) -> LiveStream:
    """Return a stream into `network`."""
    plan = StreamPlan(address="127.0.0.1", port=9870, rate_hz=rate_hz, batch=batch)
    return LiveStream(plan, "motor", WALL_NS, network)


def test_a_sample_says_when_and_what() -> None:
    """PlotJuggler takes `timestamp` for the axis and makes a path of the names."""
    network = Network()
    stream(network, rate_hz=1000).feed("io", SIGNALS)(records(1, 250 * MS))
    expected = {"x": 0.5, "n": -1, "on": True}
    assert network.read() == [{"timestamp": 1_700_000_000.25, "motor": {"io": expected}}]


def test_no_role_is_sent_faster_than_asked() -> None:
    """A viewer on a small network must not drown; how late they were drained is no matter."""
    network = Network()
    live = stream(network, rate_hz=10)
    for take in (live.feed("io", SIGNALS), live.feed("control", SIGNALS)):
        take(records(1000, MS))
    assert live.sent == 22  # t = 1 ms and each whole tenth of a second, of two roles
    times = [one["timestamp"] - 1_700_000_000 for one in network.read()][1:11]
    assert times == pytest.approx([0.1 * k for k in range(1, 11)], abs=1e-6)


def test_a_batch_is_a_list_that_fits_a_frame_of_the_network() -> None:
    """A datagram in pieces is lost as a whole when one of them is."""
    network = Network()
    live = stream(network, rate_hz=20_000, batch=True)
    live.feed("io", SIGNALS)(records(100, MS))
    live.flush()
    live.flush()
    assert all(len(one) <= DATAGRAM_BYTES for one in network.datagrams)
    assert 1 < len(network.datagrams) < 20
    assert [s["motor"]["io"]["n"] for one in network.read() for s in one] == [
        -n for n in range(1, 101)
    ]
    assert live.sent == 100


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_left_out(value: float) -> None:
    """One NaN would make the viewer refuse the whole datagram."""
    network = Network()
    stream(network, rate_hz=1000).feed("io", SIGNALS)(records(1, MS, value))
    [sample] = network.read()
    assert sample["motor"]["io"] == {"n": -1, "on": True}


def test_what_the_network_does_not_take_is_counted() -> None:
    """A cable that is out must cost the system nothing, and hide nothing."""
    network = Network(takes=False)
    for batch in (False, True):
        live = stream(network, rate_hz=1000, batch=batch)
        live.feed("io", SIGNALS)(records(5, MS))
        live.flush()
        assert (live.sent, live.dropped) == (0, 5)
