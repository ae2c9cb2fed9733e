"""Work and its results, as a user's code has them, and an item in the messages that carry it.

Rules. An item is a number and bytes; its number never repeats in a run. What is handed out,
refused, dropped and finished is counted here, so that submitted = finished + dropped + what is on
its way.
An item larger than a message goes in parts, in order, and is whole or it is nothing: a part that
does not fit what came before begins anew. Nothing here touches shared memory or the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from struct import Struct

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Assembly", "Item", "Result", "Work", "parts"]

HEAD = Struct("=QqQQ")  # item, t_ns, bytes, part: plan.workers.HEAD


class Item:
    """One piece of work: its number, its bytes, and how long ago it was handed out.

    Synchronization: none required; nobody writes it.
    """

    __slots__ = ("age_ms", "data", "number")

    def __init__(self, number: int, data: bytes, age_ms: float) -> None:
        self.number, self.data, self.age_ms = number, data, age_ms


class Result:
    """What a worker said of an item: `result.writes` by name, `result["x"]` one of them.

    Synchronization: none required; nobody writes it.
    """

    __slots__ = ("age_ms", "item", "worker", "writes")

    def __init__(self, item: int, worker: str, writes: dict[str, float], age_ms: float) -> None:
        self.item, self.worker, self.writes, self.age_ms = item, worker, writes, age_ms

    def __getitem__(self, name: str) -> float:
        return self.writes[name]


class Work:
    """The work of a role: `submit` hands out an item, `results` are those that came since.

    submitted, refused, dropped, sent, finished, repeated: counts of items, over the whole run.

    Synchronization: one thread, the role's own.
    """

    def __init__(self, item_bytes: int, waiting: int, *, drop_oldest: bool, first: int = 1) -> None:
        self.waiting: deque[Item] = deque()
        self.results: Sequence[Result] = ()
        self.submitted = self.refused = self.dropped = 0
        self.sent = self.finished = self.repeated = 0
        self._item_bytes, self._most = item_bytes, waiting
        self._drop_oldest = drop_oldest
        self._next = first

    def submit(self, data: bytes | bytearray | memoryview) -> int:
        """Hand out an item; return its number, or 0 where it is refused: then keep it.

        ValueError for one that is larger than `item_bytes` of the spec.
        """
        content = bytes(data)
        if len(content) > self._item_bytes:
            raise ValueError(
                f"an item of {len(content)} bytes is more than item_bytes, {self._item_bytes}"
            )
        if len(self.waiting) >= self._most:
            if not self._drop_oldest:
                self.refused += 1
                return 0
            self.waiting.popleft()
            self.dropped += 1
        number, self._next = self._next, self._next + 1
        self.waiting.append(Item(number, content, 0.0))
        self.submitted += 1
        return number

    def counts(self) -> tuple[int, ...]:
        """Return the counts in the order of `plan.program_model.WORK_COUNTS`."""
        return (
            self.submitted,
            self.refused,
            self.dropped,
            self.sent,
            self.finished,
            self.repeated,
        )

    def go_on_from(self, counts: Sequence[Any]) -> None:
        """Take over the counts of the role's last process; what it had waiting died with it."""
        self.submitted, self.refused, self.dropped, self.sent, self.finished, self.repeated = counts
        self.dropped = self.submitted - self.sent


def parts(item: Item, t_ns: int, payload_bytes: int) -> Iterator[bytes]:
    """Yield the messages that carry an item, each `payload_bytes` long."""
    room = payload_bytes - HEAD.size
    for part, start in enumerate(range(0, max(len(item.data), 1), room)):
        piece = item.data[start : start + room]
        yield HEAD.pack(item.number, t_ns, len(item.data), part) + piece.ljust(room, b"\0")


class Assembly:
    """Puts the messages of a queue together to items again.

    Synchronization: one thread, the worker's own.
    """

    def __init__(self) -> None:
        self._number = self._size = 0
        self._pieces: list[bytes] = []

    def add(self, message: bytes) -> tuple[int, int, bytes] | None:
        """Take a message; return number, t_ns and bytes of the item that is whole with it."""
        number, t_ns, size, part = HEAD.unpack_from(message)
        if part == 0:
            self._number, self._size, self._pieces = number, size, []
        if (number, size, part) != (self._number, self._size, len(self._pieces)):
            self._pieces = []
            return None
        self._pieces.append(message[HEAD.size :])
        room = len(message) - HEAD.size
        if len(self._pieces) * room < size:
            return None
        data = b"".join(self._pieces)[:size]
        self._pieces = []
        return number, t_ns, data
