"""LinuxCNC's uspace thread, headless: halrun, and what its own components measure.

Rules. `timedelta` gives the time from call to call, `sampler` hands it out of the thread. The
thread's daemon leaves its parent, so everything runs in a process namespace of its own that ends
with this process. On a machine where LinuxCNC does not make its thread SCHED_FIFO by itself (no
PREEMPT_RT, or no port access for its set-up), the thread is made so from here, as soon as it is
there, and /dev/cpu_dma_latency is held; whatever it measured before is left out. Its memory is
locked only if it does that by itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.loop.parse import Reading, of_linuxcnc
from bench.loop.running import CpuMeter, FailedError, descendants, run

NOBODY = 65534
THREAD = "rtapi_app:T#"
SETTLE_S = 0.5
DEPTH = 16_000
OUTPUT = "calls.txt"


def hal_text(period_ns: int, count: int, output: str) -> str:
    """Return what halrun is to do."""
    return f"""loadrt threads name1=servo period1={period_ns}
loadrt timedelta count=1
loadrt sampler cfg=s depth={DEPTH}
addf timedelta.0 servo
addf sampler.0 servo
net between timedelta.0.out => sampler.0.pin.0
start
loadusr -w halsampler -n {count} {output}
"""


def _threads(pid: int) -> list[Path]:
    found = []
    for one in descendants(pid):
        for task in Path(f"/proc/{one}/task").glob("*"):
            with contextlib.suppress(OSError):
                if (task / "comm").read_text(encoding="ascii").startswith(THREAD):
                    found.append(task)
    return found


def _promoted(pid: int, priority: int) -> list[Path]:
    """Return its real-time thread, made FIFO at this priority."""
    threads = _threads(pid)
    for thread in threads:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(priority))
    return threads


@contextlib.contextmanager
def _awake() -> Iterator[None]:
    """Hold /dev/cpu_dma_latency at 0, where there is one."""
    try:
        file = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
    except OSError:
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.write(file, bytes(4))
        yield
    finally:
        os.close(file)


def play(*, rate: int, seconds: float, core: int, priority: int) -> Reading:
    """Run one slice."""
    if os.geteuid() != 0:
        raise FailedError("it is started as root only: its daemon must end with the benchmark")
    period_ns, skip = 1_000_000_000 // rate, int(SETTLE_S * rate)
    box = Path(tempfile.mkdtemp(prefix="bench-linuxcnc-"))
    try:
        os.chown(box, NOBODY, NOBODY)
        output = box / OUTPUT
        hal = box / "loop.hal"
        count = skip + int(seconds * rate)
        hal.write_text(hal_text(period_ns, count, str(output)), encoding="ascii")
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(box),
            "RTAPI_UID": str(NOBODY),
            "RTAPI_FIFO_PATH": str(box / "fifo"),
            "RTAPI_CPU_NUMBER": str(core),
            "LINUXCNC_FORCE_REALTIME": "1",
        }
        command = ["unshare", "--pid", "--ipc", "--mount-proc", "--fork", "--kill-child"]
        with _awake():
            _, cpu = run(
                [*command, "halrun", "-f", str(hal)],
                limit_s=seconds + 15,
                meter=lambda pid: CpuMeter(lambda: _promoted(pid, priority), seconds),
                environment=environment,
            )
        found = of_linuxcnc(output.read_text(encoding="ascii"), period_ns=period_ns, skip=skip)
        return Reading(latency=found.latency, cpu=cpu)
    finally:
        shutil.rmtree(box, ignore_errors=True)
