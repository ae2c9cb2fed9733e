"""The Python half of the rows "C to Python"; the other half is c/to_python.c.

    from_c.py PROGRAM channel|pipe|socket oneway|stream|batch|backlog COUNT CORE CORE

Rules. C has the first core, Python the second. In the mode oneway C measures and prints; in the
others the receiver does, here. batch drains what C publishes one by one, as fast as it comes;
backlog times the drain alone, of 8 192 publications that wait.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

WORDS, MESSAGE, BACKLOG = 5, 64, 8192
DEPTHS = {"oneway": 1024, "stream": 1024, "batch": 8192, "backlog": 4 * BACKLOG}
LIMIT_S = 20


class Channel:
    """Two channels, there and back."""

    def __init__(self, mode: str) -> None:
        from bench.mailbox.python.ours import Memory

        self.there = Memory(WORDS, DEPTHS[mode])
        self.back = Memory(WORDS, DEPTHS[mode])
        self.fds = self.there.fd, self.back.fd
        self.receive = self.there.reader().take
        self.drain, self.records = self.there.drain(1024)
        self.put = self.back.writer().publish

    def answer(self, number: int) -> None:
        self.put(0, 0, number, 0, 0, 0, 0)


class Files:
    """Two descriptors, to read and to write; reads block."""

    def __init__(self, transport: str) -> None:
        if transport == "pipe":
            (self.reading, out), (back, self.writing) = os.pipe(), os.pipe()
            self.fds = out, back
        else:
            left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.reading = self.writing = left.detach()
            self.fds = (right.fileno(), right.fileno())
            self.kept = right

    def receive(self) -> bytes:
        return os.read(self.reading, MESSAGE)

    def answer(self, _number: int) -> None:
        os.write(self.writing, bytes(MESSAGE))


def pong(ends: Any, count: int) -> None:
    """Answer each message."""
    receive, answer = ends.receive, ends.answer
    for k in range(count + count // 10):
        while receive() is None:
            pass
        answer(k)


def catch(ends: Any, count: int) -> float:
    """Receive single messages; return how many a second."""
    receive, answer = ends.receive, ends.answer
    paced = isinstance(ends, Channel)
    began, warm_up = perf_counter_ns(), count // 10
    for k in range(count):
        while receive() is None:
            pass
        if paced and k & 127 == 0:
            answer(k)
        if k == warm_up:
            began = perf_counter_ns()
    return (count - warm_up) * 1e9 / (perf_counter_ns() - began)


def drain_all(ends: Channel, count: int) -> float:
    """Drain while C publishes; return messages a second."""
    drain, answer, records = ends.drain, ends.answer, ends.records
    got, told, began, before = 0, 0, perf_counter_ns(), 0
    while got < count:
        came = drain()
        if came:
            got += came
            if got - told >= DEPTHS["batch"] // 8:
                answer(got)
                told = got
            if int(records[came - 1, 0]) != got:
                raise ValueError("a message was lost")
            if not before and got > count // 10:
                began, before = perf_counter_ns(), got
    return (got - before) * 1e9 / (perf_counter_ns() - began)


def drain_backlogs(ends: Channel, times: int) -> float:
    """Drain what waits, again and again; return messages a second of the drain alone."""
    from amphost._native.amp import lib

    took, channel = [], ends.there.native()
    for i in range(times):
        while lib.amp_channel_count(channel) < (i + 1) * BACKLOG:
            pass
        began = perf_counter_ns()
        got = 0
        while got < BACKLOG:
            got += ends.drain()
        took.append(perf_counter_ns() - began)
        ends.answer(i)
    took.sort()
    return BACKLOG * 1e9 / took[len(took) // 2]


def main() -> None:
    """Start the C half, play this one, print what was measured."""
    program, transport, mode = sys.argv[1:4]
    count, core, other = map(int, sys.argv[4:7])
    signal.alarm(LIMIT_S)
    ends: Any = Channel(mode) if transport == "channel" else Files(transport)
    depth = str(DEPTHS[mode])
    out, back = map(str, ends.fds)
    command = [program, transport, mode, str(count), str(core), out, back, depth]
    child = subprocess.Popen(command, pass_fds=ends.fds, stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(0, {other})
    gc.disable()
    ends.answer(0)
    plays = {"oneway": pong, "stream": catch, "batch": drain_all, "backlog": drain_backlogs}
    found = plays[mode](ends, count)
    told, _ = child.communicate(timeout=LIMIT_S)
    if child.returncode:
        raise SystemExit(1)
    print(told.strip() if mode == "oneway" else json.dumps({"per_second": found}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
