"""What others offer to move one message between two Python processes.

Rules. Each class is made before the fork; `sender` and `receiver` are called in the process that
uses them and return plain callables: `send(payload)`, and `receive()`, which returns None while
there is nothing. `refuses` says that a send may return False when full. `paced` says that it would
lose messages instead of waiting, so that the loop paces it. Each library is imported where it is
used: a candidate that is absent harms no other.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import socket
import tempfile
import uuid
from collections.abc import Callable
from typing import Any

DEPTH = 1024
PARCEL, PARCEL_DEPTH = 4096, 64  # bytes of a long message, and places of a ring of them
Send = Callable[[Any], object]
Receive = Callable[[], object]


class Transport:
    """What every candidate has: a payload of `size` bytes and a name that is nobody else's.

    The name holds the process that plays the rounds, which clears away what is left of it.
    """

    refuses = False
    paced = False

    def __init__(self, size: int) -> None:
        self.size = size
        self.depth = PARCEL_DEPTH if size >= PARCEL else DEPTH
        self.payload: Any = bytes(size)
        self.name = f"amphost-bench-{os.getppid()}-{uuid.uuid4().hex[:12]}"
        self.kept: list[object] = []
        self.prepare()

    def prepare(self) -> None:
        """Make what both processes inherit."""

    def close(self) -> None:
        """Let go, last made first, of what this process opened."""
        while self.kept:
            self.kept.pop()


class Iceoryx2(Transport):
    """Publish and subscribe, a copy in, a view out."""

    paced = True

    def prepare(self) -> None:
        fields = [("words", ctypes.c_uint64 * (self.size // 8))]
        self.struct = type("Payload", (ctypes.Structure,), {"_fields_": fields})
        self.payload = self.struct()

    def service(self) -> Any:
        import iceoryx2 as iox2

        iox2.set_log_level(iox2.LogLevel.Error)
        node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        self.kept.append(node)
        builder = node.service_builder(iox2.ServiceName.new(self.name))
        service = builder.publish_subscribe(self.struct).subscriber_max_buffer_size(self.depth)
        return service.open_or_create()

    def sender(self) -> Send:
        publisher = self.service().publisher_builder().create()
        self.kept.append(publisher)
        send: Send = publisher.send_copy
        return send

    def receiver(self) -> Receive:
        subscriber = self.service().subscriber_builder().buffer_size(self.depth).create()
        self.kept.append(subscriber)
        receive = subscriber.receive

        def view() -> object:
            sample = receive()
            return None if sample is None else sample.payload().contents

        return view


class Cloudtoid(Transport):
    """cloudtoid-interprocess: a queue of bytes in shared memory."""

    refuses = True

    def prepare(self) -> None:
        self.room = self.depth * (self.size + 64)
        self.folder = tempfile.mkdtemp(prefix=self.name)

    def sender(self) -> Send:
        from cloudtoid_interprocess import Publisher

        publisher = Publisher(self.name, self.room, self.folder)
        self.kept.append(publisher)
        send: Send = publisher.try_send
        return send

    def receiver(self) -> Receive:
        from cloudtoid_interprocess import Subscriber

        subscriber = Subscriber(self.name, self.room, self.folder)
        self.kept.append(subscriber)
        receive: Receive = subscriber.try_receive
        return receive


class Kickmsg(Transport):
    """kickmsg: publish and subscribe over a pool of slots."""

    paced = True

    def region(self) -> Any:
        import kickmsg

        config = kickmsg.Config()
        config.max_subscribers, config.sub_ring_capacity = 1, self.depth
        config.pool_size, config.max_payload_size = 2 * self.depth, self.size
        region = kickmsg.SharedRegion.create_or_open(
            "/" + self.name, kickmsg.ChannelType.PubSub, config
        )
        self.kept.append(region)
        return region

    def sender(self) -> Send:
        import kickmsg

        publisher = kickmsg.Publisher(self.region())
        self.kept.append(publisher)
        send: Send = publisher.send
        return send

    def receiver(self) -> Receive:
        import kickmsg

        subscriber = kickmsg.Subscriber(self.region())
        self.kept.append(subscriber)
        receive: Receive = subscriber.try_receive
        return receive


class Zmq(Transport):
    """pyzmq, PUSH to PULL over ipc; its receive blocks."""

    def socket(self, kind: str) -> Any:
        import zmq

        context = zmq.Context()
        made = context.socket(getattr(zmq, kind))
        made.set_hwm(self.depth)
        self.kept += [context, made]
        return made

    def sender(self) -> Send:
        made = self.socket("PUSH")
        made.connect(f"ipc://@{self.name}")
        send: Send = made.send
        return send

    def receiver(self) -> Receive:
        made = self.socket("PULL")
        made.bind(f"ipc://@{self.name}")
        receive: Receive = made.recv
        return receive


class Queue(Transport):
    """multiprocessing.Queue; its get blocks."""

    def prepare(self) -> None:
        self.queue: Any = multiprocessing.get_context("fork").Queue(self.depth)

    def sender(self) -> Send:
        self.queue.cancel_join_thread()
        send: Send = self.queue.put
        return send

    def receiver(self) -> Receive:
        receive: Receive = self.queue.get
        return receive


class FasterFifo(Queue):
    """faster-fifo's Queue; its get blocks."""

    def prepare(self) -> None:
        from faster_fifo import Queue as Fifo

        self.queue = Fifo(self.depth * (self.size + 64))

    def sender(self) -> Send:
        send: Send = self.queue.put
        return send


class Pipe(Transport):
    """multiprocessing.Pipe with send_bytes and recv_bytes; it blocks."""

    def prepare(self) -> None:
        self.reading, self.writing = multiprocessing.Pipe(duplex=False)

    def sender(self) -> Send:
        return self.writing.send_bytes

    def receiver(self) -> Receive:
        return self.reading.recv_bytes


class OsPipe(Transport):
    """os.pipe, one write and one read a message; it blocks."""

    def prepare(self) -> None:
        self.reading, self.writing = os.pipe()

    def sender(self) -> Send:
        writing = self.writing
        return lambda payload: os.write(writing, payload)

    def receiver(self) -> Receive:
        reading, size = self.reading, self.size
        return lambda: os.read(reading, size)


class UnixSocket(Transport):
    """A pair of Unix sockets that keep messages apart; they block."""

    def prepare(self) -> None:
        self.left, self.right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def sender(self) -> Send:
        return self.left.send

    def receiver(self) -> Receive:
        right, size = self.right, self.size
        return lambda: right.recv(size)
