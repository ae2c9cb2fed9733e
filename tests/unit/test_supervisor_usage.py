"""CPU and memory of processes, against what Linux says in other places."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.supervisor.usage import COUNTED, SAMPLED, Usage, counts, cpu_s, memory_mb
from tests.system.live import wait_for


def private_and_proportional_kib(pid: int) -> tuple[int, int]:
    """Sum /proc/PID/smaps, mapping by mapping."""
    private = proportional = 0
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines():
        if line.startswith("Private_"):
            private += int(line.split()[1])
        elif line.startswith("Pss:"):
            proportional += int(line.split()[1])
    return private, proportional


@pytest.fixture
def sleeper() -> subprocess.Popen[str]:
    """A process that has touched 20 MiB, and waits."""
    code = "x = bytearray(b'x' * (20 << 20)); print('ready', flush=True); input()"
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_memory_is_what_its_mappings_add_up_to(sleeper: subprocess.Popen[str]) -> None:
    """The control role's unique memory is a figure that the project promises."""
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "ready\n"
    (figures,) = Usage().sample({"x": sleeper.pid}).values()
    private, proportional = private_and_proportional_kib(sleeper.pid)
    assert figures["uss_mb"] == pytest.approx(private / 1024, abs=0.5)
    assert figures["pss_mb"] == pytest.approx(proportional / 1024, rel=0.2)
    assert figures["uss_mb"] > 20  # type: ignore[operator]
    assert figures["cpu_percent"] is None
    sleeper.communicate("\n")


def test_cpu_is_the_share_since_the_first_sample() -> None:
    """What it used before arming is none of the run's business."""
    usage = Usage()
    before_s, began_s = time.process_time(), time.monotonic()
    usage.sample({"me": os.getpid()})
    wait_for(lambda: time.monotonic() - began_s > 0.6, "time to pass")
    while time.process_time() - before_s < 0.3:
        pass
    share = usage.sample({"me": os.getpid()})["me"]["cpu_percent"]
    used_s, over_s = time.process_time() - before_s, time.monotonic() - began_s
    assert share == pytest.approx(100 * used_s / over_s, abs=10)


def test_a_process_that_is_gone_has_no_figures() -> None:
    """A report with zeros for a dead role would praise its thrift."""
    gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    assert Usage().sample({"gone": int(gone.stdout)}) == {}


def test_a_successor_is_not_charged_for_its_predecessor() -> None:
    """Another process under the same name begins anew."""
    usage = Usage()
    usage.sample({"role": os.getpid()})
    wait_for(lambda: usage.sample({"role": os.getpid()})["role"]["cpu_percent"] is not None, "%")
    assert usage.sample({"role": os.getppid()})["role"]["cpu_percent"] is None


def test_a_name_with_brackets_does_not_shift_the_fields(tmp_path: Path) -> None:
    """A process may call itself `a) b (c`."""
    fields = " ".join(str(n) for n in range(4, 53))
    (tmp_path / "stat").write_text(f"1 (a) b (c) S {fields}\n")
    assert cpu_s(tmp_path) == pytest.approx((14 + 15) / os.sysconf("SC_CLK_TCK"))


def test_linux_that_does_not_say_is_no_error(tmp_path: Path) -> None:
    """Another user's process, or a kernel without the summary."""
    assert memory_mb(tmp_path) == {"pss_mb": None, "uss_mb": None}


CHILD = """
import mmap, time
print('ready', flush=True)
while input():
    pages = mmap.mmap(-1, 64 * mmap.PAGESIZE)
    pages.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(64):
        pages[page * mmap.PAGESIZE] = 1
    for _ in range(20):
        time.sleep(0.001)
    print('done', flush=True)
"""


def sleeps(pid: int) -> bool:
    """Return whether a process sleeps: what it says last, it says before its last switch."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.fixture
def worker() -> Iterator[Callable[[], int]]:
    """A process that touches 64 new pages and sleeps 20 times whenever it is asked to."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def work() -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("again\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        wait_for(lambda: sleeps(process.pid), "the worker waits for what comes next")
        return process.pid

    yield work
    process.communicate("\n")


def test_faults_and_switches_are_counted_from_the_newest_arming(
    worker: Callable[[], int],
) -> None:
    """What a role did while it started is no disturbance; what it did since is one."""
    usage = Usage()
    pid = worker()
    usage.begin({"x": pid})
    figures = usage.sample({"x": pid})["x"]
    assert [figures[name] for name in COUNTED[:3]] == [0, 0, 0]
    worker()
    figures = usage.sample({"x": pid})["x"]
    assert 64 <= (figures["minor_faults"] or 0) < 500
    assert 20 <= (figures["voluntary_switches"] or 0) < 100
    assert figures.keys() == set(SAMPLED)
    usage.begin({"x": pid})
    assert usage.sample({"x": pid})["x"]["minor_faults"] == 0


def test_a_process_that_began_later_counts_from_its_first_sample(
    worker: Callable[[], int],
) -> None:
    """A successor's start would look like hundreds of faults while armed."""
    usage = Usage()
    usage.begin({"x": os.getpid()})
    pid = worker()
    assert usage.sample({"x": pid})["x"]["minor_faults"] == 0
    worker()
    assert (usage.sample({"x": pid})["x"]["minor_faults"] or 0) >= 64


def test_begin_passes_over_a_process_that_is_gone() -> None:
    """It may die between the decision to arm and the look at it."""
    gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    Usage().begin({"gone": int(gone.stdout)})


def test_each_count_is_read_from_its_own_place(tmp_path: Path) -> None:
    """They are neighbours in files that Linux extends."""
    (tmp_path / "stat").write_text("1 (x) " + " ".join(["S", *(str(n) for n in range(4, 53))]))
    (tmp_path / "status").write_text(
        "voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t8\n"
    )
    (tmp_path / "sched").write_text("x (1, #threads: 1)\nse.nr_migrations     :     9\n")
    (tmp_path / "schedstat").write_text("5000000 2500000 77\n")
    assert counts(tmp_path) == {
        "minor_faults": 10,
        "major_faults": 12,
        "voluntary_switches": 7,
        "involuntary_switches": 8,
        "migrations": 9,
        "waited_ms": 2.5,
    }


def test_counts_that_linux_does_not_keep_are_none(tmp_path: Path) -> None:
    """Its /proc/PID/sched and schedstat are options of its build."""
    (tmp_path / "stat").write_text("1 (x) " + " ".join(["S", *(str(n) for n in range(4, 53))]))
    assert counts(tmp_path) == dict.fromkeys(COUNTED) | {"minor_faults": 10, "major_faults": 12}


def test_a_name_that_is_no_text_is_no_obstacle() -> None:
    """Linux cuts a program's name at 15 bytes, within a letter too; its owner may choose any."""
    text = "open('/proc/self/comm', 'wb').write(b'\\xff) 1 (\\xc3'); print(flush=True); input()"
    command = [sys.executable, "-c", text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as named:
        try:
            assert named.stdout is not None
            named.stdout.readline()
            usage = Usage()
            usage.begin({"named": named.pid})
            figures = usage.sample({"named": named.pid})
        finally:
            named.communicate(b"\n")
    assert figures["named"]["minor_faults"] is not None
