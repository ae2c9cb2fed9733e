"""Start the program in C beside a role that this script plays, and show what it publishes.

    cc -o reader reader.c $(amphost cflags)
    python start.py ./reader

The script makes two segments, publishes as `control`, hands both to the program, and reads it.
"""

from __future__ import annotations

import math
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence

from amphost.attach import Handed, HandedDirectory
from amphost.mailbox import Segment
from amphost.plan.layout import segment
from amphost.plan.model import SegmentPlan, SignalPlan

PERIOD_NS = 1_000_000
PERIODS = 200


def lay_out(role: str, role_id: int, signals: Sequence[tuple[str, str]]) -> SegmentPlan:
    """Lay out the segment of a role: its signals are the words of its channel, in order."""
    return segment(
        role=role,
        role_id=role_id,
        page_size=os.sysconf("SC_PAGESIZE"),
        signals=[SignalPlan(name=n, type=t, unit="1", low=None, high=None) for n, t in signals],
        writer_period_ns=PERIOD_NS,
        follower_periods_ns=[PERIOD_NS],
    )


CONTROL = lay_out("control", 1, [("position", "f64"), ("speed", "f64")])
READER = lay_out("reader", 2, [("position", "f64"), ("seen", "u64")])


def main(command: list[str]) -> int:
    """Play the control role while the program runs, then end it and return its exit code."""
    nonce = secrets.randbits(64)
    control, reader = Segment.create(CONTROL, nonce), Segment.create(READER, nonce)
    own, reads = Handed(plan=READER, descriptor=reader), [Handed(plan=CONTROL, descriptor=control)]
    with HandedDirectory(own, reads, nonce=nonce, epoch=1) as handed:
        program = subprocess.Popen(
            command, env={**os.environ, **handed.environment}, pass_fds=handed.pass_fds
        )
    with (
        Segment.attach(control, CONTROL, nonce=nonce, writable=True) as played,
        Segment.attach(reader, READER, nonce=nonce, writable=False) as read,
    ):
        played.attach_writer(1)
        for k in range(PERIODS):
            played.publish(time.monotonic_ns(), 0, (math.sin(k / 20), math.cos(k / 20)))
            time.sleep(PERIOD_NS / 1e9)
        print("the program's newest publication:", read.latest())
    program.terminate()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
