"""One line with its faults: bytes and times in, bytes to be passed on out. Sans-I/O.

Rules. Each direction is cut into frames, and a frame moves on when it is whole; what is longer than
any frame moves on as it is. Faults act in the order of `KINDS`, however the file lists them. Times
are CLOCK_MONOTONIC's, handed in. What is done is counted by direction and kind.
"""

from __future__ import annotations

from _random import Random
from collections import deque

from amphost.link.byte_faults import Burst, Flip, Insert, LoseBytes, WrongBaud
from amphost.link.frame_faults import (
    LoseFrames,
    Masquerade,
    Reorder,
    Repeat,
    Replay,
    Stuck,
    Truncate,
)

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.link.injector import Injector
    from amphost.plan.faults_model import FaultPlan, ProxyPlan

PIECE_MAX = 512
BABBLE_NS = 1_000_000
BABBLE_MAX = 4096
"""Bytes of babble at once: what a stopped machine has missed is not made up for."""
NEVER_NS = 1 << 62

KINDS: dict[str, type[Injector]] = {
    "replay": Replay,
    "masquerade": Masquerade,
    "lose_frames": LoseFrames,
    "repeat": Repeat,
    "reorder": Reorder,
    "truncate": Truncate,
    "lose_bytes": LoseBytes,
    "insert": Insert,
    "flip": Flip,
    "burst": Burst,
    "stuck": Stuck,
    "wrong_baud": WrongBaud,
}
"""In the order in which they act on a frame."""
TIMED = ("delay", "chunk", "stall", "babble")
"""Faults of a direction that are a matter of time, not of bytes."""


class Switch:
    """Whether one fault is on, by the clock or by signals.

    Synchronization: one thread.
    """

    def __init__(self, plan: FaultPlan, begun_ns: int) -> None:
        self.plan = plan
        self.on = False
        self._begin_ns = NEVER_NS if plan.on_signal else begun_ns + plan.at_ns
        self._end_ns = NEVER_NS
        self._set_end()

    def signal(self, now_ns: int) -> None:
        """Begin now; or end now, where it is on and nothing else ends it."""
        if not self.plan.on_signal:
            return
        if self.on and not self.plan.for_ns:
            self._end_ns = now_ns
        else:
            self._begin_ns = now_ns
            self._set_end()

    def turn(self, now_ns: int) -> bool:
        """Look at the clock; return whether it has just been switched."""
        on = self._begin_ns <= now_ns < self._end_ns
        switched = on != self.on
        self.on = on
        return switched

    def next_ns(self, now_ns: int) -> int:
        """Return when to look again."""
        if now_ns < self._begin_ns:
            return self._begin_ns
        return self._end_ns if now_ns < self._end_ns else NEVER_NS

    def _set_end(self) -> None:
        self._end_ns = self._begin_ns + self.plan.for_ns if self.plan.for_ns else NEVER_NS


class Way:
    """One direction: `take` what has come, `give` what is to be passed on.

    Synchronization: one thread.
    """

    def __init__(self, name: str, plan: ProxyPlan, switches: list[Switch]) -> None:
        self.name = name
        self.bytes_in = self.frames_in = self.bytes_out = 0
        self._mine = [(one, index) for index, one in enumerate(switches) if name in one.plan.ways]
        self._injectors: list[tuple[Switch, Injector]] = []
        for kind, made in KINDS.items():
            for one, index in self._mine:
                if one.plan.kind == kind:
                    seed = _seed(plan.seed, name, index)
                    self._injectors.append((one, made(one.plan, seed, plan.schema_hash)))
        self._timed = {
            kind: [one for one, _ in self._mine if one.plan.kind == kind] for kind in TIMED
        }
        self._counts = {one.plan.name: 0 for one, _ in self._mine if one.plan.kind in TIMED}
        self._random = Random(_seed(plan.seed, name, -1))
        self._unread = b""
        self._queue: deque[tuple[int, bytes]] = deque()
        self.waiting = 0
        self._last_ns = 0
        self._babbled_ns = 0

    def set_speed(self, host_baud: int) -> None:
        """Say what the host has set, for a device that really runs at another speed."""
        for one, injector in self._injectors:
            if isinstance(injector, WrongBaud) and host_baud:
                ratio = host_baud / one.plan.baud
                injector.bytes_per_byte = ratio if self.name == "to_host" else 1 / ratio

    def take(self, chunk: bytes, now_ns: int) -> None:
        """Take what has come from the sender."""
        self.bytes_in += len(chunk)
        unread = self._unread + chunk
        begin = 0
        while (end := _end(unread, begin)) > begin:
            self.frames_in += unread[end - 1] == 0
            self._pass(unread[begin:end], now_ns)
            begin = end
        self._unread = unread[begin:]

    def give(self, now_ns: int) -> bytes:
        """Return what is due by now."""
        self._babble(now_ns)
        queue = self._queue
        due = []
        while queue and queue[0][0] <= now_ns:
            due.append(queue.popleft()[1])
        given = b"".join(due)
        self.waiting -= len(given)
        self.bytes_out += len(given)
        return given

    def next_ns(self, now_ns: int) -> int:
        """Return when something is due next."""
        babble = any(one.on for one in self._timed["babble"])
        soon = now_ns + BABBLE_NS if babble else NEVER_NS
        return min(soon, self._queue[0][0]) if self._queue else soon

    def is_stalled(self) -> bool:
        """Return whether nobody reads what the sender writes."""
        return any(one.on for one in self._timed["stall"])

    def switched(self, switch: Switch, now_ns: int) -> None:
        """Take notice that a fault has begun or ended."""
        if switch.plan.kind == "stall" and switch.on and switch in self._timed["stall"]:
            self._counts[switch.plan.name] += 1
        if switch.plan.kind == "babble" and switch.on:
            self._babbled_ns = now_ns
        for one, injector in self._injectors:
            if one is switch and not switch.on:
                for piece in injector.rest():
                    self._queue_piece(piece, now_ns)

    def forget(self) -> None:
        """Drop what is under way: the cable is out."""
        self._unread = b""
        self._queue.clear()
        self.waiting = 0

    def counts(self) -> dict[str, Any]:
        """Return what has passed, and what each fault has done to it."""
        done = {one.plan.name: injector.count for one, injector in self._injectors}
        return {
            "bytes": self.bytes_in,
            "frames": self.frames_in,
            "bytes_out": self.bytes_out,
            "faults": done | self._counts,
        }

    def _pass(self, piece: bytes, now_ns: int) -> None:
        pieces = [piece]
        for switch, injector in self._injectors:
            injector.see(piece)
            if switch.on:
                pieces = [new for old in pieces for new in injector.apply(old)]
        for one in pieces:
            self._queue_piece(one, now_ns)

    def _queue_piece(self, piece: bytes, now_ns: int) -> None:
        due_ns = now_ns
        self.waiting += len(piece)
        for switch in self._timed["delay"]:
            plan = switch.plan
            if switch.on and self._random.random() < plan.rate:
                self._counts[plan.name] += 1
                span_ns = plan.most_ns - plan.least_ns
                due_ns += plan.least_ns + int(self._random.random() * span_ns)
        due_ns = max(due_ns, self._last_ns)
        for switch in self._timed["chunk"]:
            if switch.on and len(piece) > switch.plan.size:
                self._counts[switch.plan.name] += 1
                size = switch.plan.size
                while len(piece) > size:
                    self._queue.append((due_ns, piece[:size]))
                    piece = piece[size:]
                    due_ns += switch.plan.most_ns
        self._queue.append((due_ns, piece))
        self._last_ns = due_ns

    def _babble(self, now_ns: int) -> None:
        for switch in self._timed["babble"]:
            since_ns = now_ns - self._babbled_ns
            if switch.on and since_ns >= BABBLE_NS:
                size = min(switch.plan.size * since_ns // 1_000_000_000, BABBLE_MAX)
                if size:
                    junk = self._random.getrandbits(8 * size).to_bytes(size, "little")
                    self._counts[switch.plan.name] += size
                    self._queue.appendleft((now_ns, junk))
                    self.waiting += size
                    self._babbled_ns = now_ns


def _end(unread: bytes, begin: int) -> int:
    """Return where a piece ends that begins there; its beginning while it is not whole."""
    found = unread.find(b"\0", begin, begin + PIECE_MAX) + 1
    whole = len(unread) - begin >= PIECE_MAX
    return found or (begin + PIECE_MAX if whole else begin)


def _seed(seed: int, way: str, index: int) -> int:
    return (seed * 2 + (way == "to_host")) * 1009 + index + 1
