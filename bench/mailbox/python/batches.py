"""Many messages a call, Python to Python: 128 messages of 64 bytes.

Rules. As in transports.py, but `send` takes the whole batch and `receive` returns how many messages
it brought, 0 for none yet. A candidate is here when it has a call for many messages; `parcel` rows
say what one gets by putting 128 messages into one long message, which every transport can.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.mailbox.python.ours import Memory
from bench.mailbox.python.transports import Cloudtoid, FasterFifo, Send, Transport, Zmq

BATCH = 128
BACKLOG = 64 * BATCH
ROOM = 4 * BACKLOG
MESSAGE = 64
Count = Callable[[], int]


class OursParcel:
    """One publication of 128 messages, drained into an array."""

    refuses, paced = False, True
    depth = 64

    def __init__(self, _size: int) -> None:
        self.payload: Any = bytes(BATCH * MESSAGE)
        self.memory = Memory(BATCH * MESSAGE // 8, self.depth)

    def sender(self) -> Send:
        put = self.memory.writer().put
        return lambda payload: put(0, 0, payload)

    def receiver(self) -> Count:
        drain, _records = self.memory.drain(32)
        return lambda: drain() * BATCH


class OursMany(OursParcel):
    """128 publications of one line each in one call, drained into an array."""

    depth = ROOM

    def __init__(self, _size: int) -> None:
        words = MESSAGE // 8 - 3
        self.payload = bytes(BATCH * words * 8)
        self.memory = Memory(words, self.depth)
        self.depth //= BATCH  # the loops count batches

    def sender(self) -> Send:
        put_many = self.memory.writer().put_many
        return lambda payload: put_many(0, 0, payload)

    def receiver(self) -> Count:
        drain, _records = self.memory.drain(256)
        return drain


class CloudtoidBatch(Cloudtoid):
    """try_send_batch; there is no call that receives many."""

    refuses = False

    def prepare(self) -> None:
        self.depth = ROOM
        super().prepare()

    def sender(self) -> Send:
        super().sender()
        publisher: Any = self.kept[-1]
        one = self.payload
        batch = [one] * BATCH

        def send(_payload: object) -> None:
            left = batch
            while left:
                left = left[publisher.try_send_batch(left) :]

        return send

    def receiver(self) -> Count:
        receive = super().receiver()
        return lambda: 0 if receive() is None else 1


class FasterFifoBatch(FasterFifo):
    """put_many and get_many."""

    def prepare(self) -> None:
        self.depth = ROOM
        super().prepare()

    def sender(self) -> Send:
        put_many, batch = self.queue.put_many, [self.payload] * BATCH
        return lambda _payload: put_many(batch)

    def receiver(self) -> Count:
        get_many = self.queue.get_many
        return lambda: len(get_many(max_messages_to_get=1024))


class ZmqBatch(Zmq):
    """Messages of 128 parts; a thread of its own brings them."""

    settles = True

    def sender(self) -> Send:
        super().sender()
        made: Any = self.kept[-1]
        batch = [self.payload] * BATCH
        return lambda _payload: made.send_multipart(batch)

    def receiver(self) -> Count:
        super().receiver()
        made: Any = self.kept[-1]
        return lambda: len(made.recv_multipart())


class Parcel:
    """Any transport's single long message, counted as the 128 that it holds."""

    def __init__(self, transport: type[Transport]) -> None:
        self.inner: Any = transport(BATCH * MESSAGE)
        self.payload, self.refuses = self.inner.payload, self.inner.refuses
        self.paced, self.depth = self.inner.paced, self.inner.depth

    def sender(self) -> Send:
        send: Send = self.inner.sender()
        return send

    def receiver(self) -> Count:
        receive = self.inner.receiver()
        return lambda: 0 if receive() is None else BATCH

    def close(self) -> None:
        self.inner.close()
