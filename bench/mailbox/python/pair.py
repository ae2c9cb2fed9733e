"""Two Python processes on two cores, one candidate between them: as c/pair_main.h does it for C.

    pair.py NAME oneway|stream|batch|backlog COUNT CORE CORE SIZE

Rules. One-way latency is half of a round trip and holds half a reading of the clock; the stream is
timed by the receiver, from the end of the warm-up to the last message. Of a backlog only the calls
that receive it are timed; where a thread brings it, after it has had time to. Both processes meet
before either begins. One JSON object on stdout.
"""

from __future__ import annotations

import ctypes
import gc
import json
import mmap
import os
import signal
import sys
from pathlib import Path
from time import perf_counter_ns, sleep
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

LIMIT_S = 20
SETTLE_S = 0.01
PR_SET_PDEATHSIG = 1


def candidate(name: str, mode: str, size: int) -> Any:
    """Make the candidate of this name."""
    from bench.mailbox.python import batches, ours, transports

    for module in (batches, ours, transports):
        found = getattr(module, name, None)
        if found is not None:
            return found(size)
    if mode == "batch" and name.endswith("Parcel"):
        return batches.Parcel(getattr(transports, name.removesuffix("Parcel")))
    raise SystemExit(f"there is no candidate {name}")


def ping(send: Any, receive: Any, payload: object, count: int) -> dict[str, float]:
    """Send and wait for the answer; return the readings of half a round trip."""
    samples = [0] * count
    warm_up = count // 10
    for k in range(-warm_up, count):
        before = perf_counter_ns()
        send(payload)
        while receive() is None:
            pass
        if k >= 0:
            samples[k] = perf_counter_ns() - before
    samples.sort()
    return {
        "p50_ns": samples[count // 2] / 2,
        "p99_ns": samples[count * 99 // 100] / 2,
        "p999_ns": samples[count * 999 // 1000] / 2,
        "mean_ns": sum(samples) / count / 2,
        "clock_ns": clock_cost_ns(),
    }


def clock_cost_ns() -> float:
    """Return what one reading of the clock costs."""
    before = perf_counter_ns()
    for _ in range(1000):
        perf_counter_ns()
    return (perf_counter_ns() - before) / 1000


def pong(send: Any, receive: Any, payload: object, count: int) -> None:
    """Answer each message."""
    for _ in range(count + count // 10):
        while receive() is None:
            pass
        send(payload)


def pour(end: Any, send: Any, count: int, progress: Any) -> None:
    """Send `count` messages and those of the warm-up."""
    payload, refuses, paced = end.payload, end.refuses, end.paced
    depth = end.depth
    for k in range(count + count // 10):
        if paced and k % (depth // 4) == 0:
            while k - progress[0] > depth // 2:
                pass
        if refuses:
            while not send(payload):
                pass
        else:
            send(payload)


def catch(end: Any, receive: Any, count: int, progress: Any) -> float:
    """Receive them all; return messages per second."""
    paced, quarter, warm_up = end.paced, end.depth // 4, count // 10
    began = perf_counter_ns()
    for k in range(count + warm_up):
        while receive() is None:
            pass
        if paced and k % quarter == 0:
            progress[0] = k
        if k == warm_up:
            began = perf_counter_ns()
    return count * 1e9 / (perf_counter_ns() - began)


def catch_batches(end: Any, receive: Any, count: int, progress: Any) -> float:
    """Receive batches of 128 until all are here; return messages per second."""
    from bench.mailbox.python.batches import BATCH

    wanted, warm_up = (count + count // 10) * BATCH, count // 10 * BATCH
    paced, got, before = end.paced, 0, 0
    began = perf_counter_ns()
    while got < wanted:
        came = receive()
        if came:
            got += came
            if paced:
                progress[0] = got // BATCH
            if not before and got >= warm_up:
                began, before = perf_counter_ns(), got
    return (got - before) * 1e9 / (perf_counter_ns() - began)


def pile(end: Any, send: Any, count: int, progress: Any) -> None:
    """Send a backlog, wait until it was taken, again and again."""
    from bench.mailbox.python.batches import BACKLOG, BATCH

    for i in range(count):
        for _ in range(BACKLOG // BATCH):
            send(end.payload)
        progress[0] = i + 1
        while progress[1] != i + 1:
            sleep(SETTLE_S / 10)


def take_piles(end: Any, receive: Any, count: int, progress: Any) -> float:
    """Receive the backlogs; return messages per second of the receiving calls alone."""
    from bench.mailbox.python.batches import BACKLOG

    took = []
    for i in range(count):
        while progress[0] != i + 1:
            pass
        if getattr(end, "settles", False):
            sleep(SETTLE_S)
        began, got = perf_counter_ns(), 0
        while got < BACKLOG:
            got += receive()
        took.append(perf_counter_ns() - began)
        progress[1] = i + 1
    took.sort()
    return BACKLOG * 1e9 / took[count // 2]


def measure(
    mode: str, ends: tuple[Any, Any], first: bool, meet: Any, count: int, progress: Any
) -> Any:
    """Play one of the two processes."""
    there, back = ends
    receive = (back if first else there).receiver()
    send = (there if first else back).sender()
    meet()
    gc.disable()
    if mode == "oneway":
        return (ping if first else pong)(send, receive, there.payload, count)
    if mode == "backlog":
        if first:
            return pile(there, send, count, progress)
        return {"per_second": take_piles(there, receive, count, progress)}
    if first:
        return pour(there, send, count, progress)
    catcher = catch_batches if mode == "batch" else catch
    return {"per_second": catcher(there, receive, count, progress)}


def close(ends: tuple[Any, Any]) -> None:
    """Let go of what has a name in the system."""
    for end in ends:
        getattr(end, "close", int)()


def main() -> None:
    """Fork, measure, print."""
    name, mode = sys.argv[1:3]
    count, core, other, size = map(int, sys.argv[3:7])
    ends = candidate(name, mode, size), candidate(name, mode, size)
    progress = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")
    pipes = [os.pipe() for _ in range(3)]

    def meeting(first: bool) -> None:
        os.write(pipes[first][1], b"!")
        os.read(pipes[not first][0], 1)

    signal.signal(signal.SIGCHLD, lambda *_: os._exit(1))
    child = os.fork()
    first = child != 0
    if not first:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.alarm(LIMIT_S)
    os.sched_setaffinity(0, {core if first else other})
    try:
        found = measure(mode, ends, first, lambda: meeting(first), count, progress)
    except BaseException as error:  # noqa: BLE001 - a child must not return into the parent's code
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    if not first:
        os.write(pipes[2][1], json.dumps(found).encode())
        os.read(pipes[1][0], 1)  # what it sent last may still be on its way out of this process
        close(ends)
        os._exit(0)
    told = os.read(pipes[2][0], 4096)
    print(json.dumps(found) if mode == "oneway" else told.decode(), flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.write(pipes[1][1], b"!")
    _, status = os.waitpid(child, 0)
    close(ends)
    os._exit(1 if status else 0)


if __name__ == "__main__":
    main()
