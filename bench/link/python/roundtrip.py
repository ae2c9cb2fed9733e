"""A round trip over a pty by pyserial: `roundtrip.py ECHO SECONDS CORE OTHER PRIORITY OUT BACK`.

Rules. The responder is the C program of all candidates; here is only the host: OUT bytes are
written, BACK bytes are read, and nothing is decoded. Prints the quantiles in ns as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import tty

import serial


def main() -> None:
    """Open a pty, start the responder on its other end, and measure."""
    echo, seconds, core, other, priority, out, back = sys.argv[1:]
    master, slave = os.openpty()
    tty.setraw(master)
    child = subprocess.Popen(
        [echo, "echo", str(master), other, priority, out, back], pass_fds=[master]
    )
    os.sched_setaffinity(0, {int(core)})
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(int(priority)))
    line = serial.Serial(os.ttyname(slave), 1_000_000, timeout=1, exclusive=True)
    message, length = bytes(int(out)), int(back)
    took = []
    end = time.perf_counter() + float(seconds)
    while time.perf_counter() < end:
        began = time.perf_counter_ns()
        line.write(message)
        if len(line.read(length)) != length:
            raise SystemExit("no answer")
        took.append(time.perf_counter_ns() - began)
    child.kill()
    child.wait()
    took.sort()
    share = {"p50_ns": 0.5, "p99_ns": 0.99}
    print(json.dumps({name: took[int(at * (len(took) - 1))] for name, at in share.items()}))


main()
