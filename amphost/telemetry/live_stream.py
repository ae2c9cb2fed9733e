"""Send samples to PlotJuggler while they come: JSON in UDP datagrams.

Rules. Nobody waits for a viewer: what the network does not take at once is dropped and counted. Of
each role at most `rate_hz` samples a second are sent, the newest of each such step, so that a
viewer on a small network sees every role; the recording has all of them. A value that JSON cannot
say (NaN, infinity) is left out of its sample. With `batch` a datagram is a list of samples, which
PlotJuggler reads since its pull request 1285 of 2026; without, it is one sample, which every
version reads.

    {"timestamp": 1795363614.631, "motor": {"io": {"position": 0.12, "current": 0.4}}}
"""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amphost.plan.model import SignalPlan, StreamPlan

NS_PER_S = 1_000_000_000
DATAGRAM_BYTES = 1400  # within one Ethernet frame
CODES = {"f64": "d", "i64": "q", "u64": "Q", "bool": "Q"}

Sample = dict[str, Any]
Send = Callable[[bytes], bool]


class UdpSender:
    """One connected socket that never waits.

    Synchronization: one thread.
    """

    def __init__(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._address = (address, port)

    def __call__(self, datagram: bytes) -> bool:
        """Return whether the network took it."""
        try:
            self._socket.sendto(datagram, self._address)
        except OSError:  # no buffer, no route, nobody there: it is a viewer's business
            return False
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class LiveStream:
    """Thin, encode and send what the observer has drained.

    Synchronization: one thread.
    """

    def __init__(
        self,
        plan: StreamPlan,
        system: str,
        wall_offset_ns: int,
        send: Send,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.sent = 0  # samples
        self.dropped = 0  # samples that the network did not take
        self._batch = plan.batch
        self._step_ns = round(NS_PER_S / plan.rate_hz)
        self._system = system
        self._wall_offset_ns = wall_offset_ns
        self._send = send
        self.close = close
        self._waiting: list[bytes] = []
        self._bytes = 0

    def feed(self, role: str, signals: Sequence[SignalPlan]) -> Callable[[bytes], None]:
        """Return what takes over whole records of one role's channel."""
        read = _reader(signals)
        due_ns = 0

        def take(records: bytes) -> None:
            nonlocal due_ns
            for t_ns, values in read(records):
                if t_ns >= due_ns:
                    # On the grid, so that a late drain does not slow the rate down.
                    due_ns = (t_ns // self._step_ns + 1) * self._step_ns
                    self._add(t_ns, role, values)

        return take

    def flush(self) -> None:
        """Send what waits. To be called once a round."""
        if self._waiting:
            datagram = b"[" + b",".join(self._waiting) + b"]"
            self._count(self._send(datagram), len(self._waiting))
            self._waiting.clear()
            self._bytes = 0

    def _add(self, t_ns: int, role: str, values: Sample) -> None:
        time_s = (t_ns + self._wall_offset_ns) / NS_PER_S
        sample = {"timestamp": time_s, self._system: {role: values}}
        text = json.dumps(sample, separators=(",", ":"), allow_nan=False).encode()
        if not self._batch:
            self._count(self._send(text), 1)
            return
        if self._bytes + len(text) + 1 > DATAGRAM_BYTES:
            self.flush()
        self._waiting.append(text)
        self._bytes += len(text) + 1

    def _count(self, is_taken: bool, samples: int) -> None:
        if is_taken:
            self.sent += samples
        else:
            self.dropped += samples


def _reader(signals: Sequence[SignalPlan]) -> Callable[[bytes], Iterator[tuple[int, Sample]]]:
    record = Struct("=QqQ" + "".join(CODES[signal.type] for signal in signals))
    names = [signal.name for signal in signals]
    bools = [index for index, signal in enumerate(signals) if signal.type == "bool"]

    def read(records: bytes) -> Iterator[tuple[int, Sample]]:
        for _, t_ns, _, *values in record.iter_unpack(records):
            for index in bools:
                values[index] = bool(values[index])
            yield t_ns, dict(_finite(zip(names, values, strict=True)))

    return read


def _finite(pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    return (
        (name, value)
        for name, value in pairs
        if not isinstance(value, float) or math.isfinite(value)
    )
