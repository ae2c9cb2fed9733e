"""Programs beside the benchmark: watched, ended in time, and gone with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.loop import play
from bench.loop.running import CpuMeter, FailedError, run, threads_on

FOR_EVER = "import time; time.sleep(600)"
STARTS_ONE = f"""
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", {FOR_EVER!r}])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""
SPINS = """
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
until = time.monotonic() + 0.6
while time.monotonic() < until: pass
print("done")
"""


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    """Wait until it is."""
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_alive(pid)


def test_program_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    """A peer that hangs would disturb everything that is measured after it."""
    note = tmp_path / "child"
    with pytest.raises(FailedError, match="no end within"):
        run([sys.executable, "-c", STARTS_ONE, str(note)], limit_s=2)
    assert gone(int(note.read_text(encoding="ascii")))


def test_failure_is_told_in_the_programs_own_words() -> None:
    """`exit code 1` helps nobody."""
    words = "import sys; print('why', file=sys.stderr); print('it failed', file=sys.stderr)"
    with pytest.raises(FailedError, match="it failed"):
        run([sys.executable, "-c", f"{words}; sys.exit(1)"], limit_s=60)
    with pytest.raises(FailedError, match="exit code 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], limit_s=60)


def test_thread_on_the_core_is_found_and_its_time_read() -> None:
    """The cost of a candidate is that of its pinned thread, whoever started it."""
    core = min(os.sched_getaffinity(0))
    meter = CpuMeter(list, 1)
    text, _ = run([sys.executable, "-c", SPINS], limit_s=60, meter=lambda _: meter)
    assert (text, meter.share()) == ("done\n", None)
    text, share = run(
        [sys.executable, "-c", SPINS],
        limit_s=60,
        meter=lambda pid: CpuMeter(lambda: threads_on(core, pid), 1),
    )
    if len(os.sched_getaffinity(0)) > 1 and Path("/proc/self/schedstat").exists():
        assert share is not None
        assert 0 < share <= 1.05


def test_program_dies_with_the_benchmark(tmp_path: Path) -> None:
    """A benchmark that was killed leaves no load behind."""
    note = tmp_path / "pid"
    words = (
        "import subprocess, sys, pathlib\n"
        "from bench.loop.running import started\n"
        f"command = [sys.executable, '-c', {FOR_EVER!r}]\n"
        "with started(command, subprocess.DEVNULL, subprocess.DEVNULL) as one:\n"
        "    pathlib.Path(sys.argv[1]).write_text(str(one.pid))\n"
        "    print('up', flush=True)\n"
        "    one.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", words, str(note)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"up\n"
        runner.kill()
    assert gone(int(note.read_text(encoding="ascii")))


@pytest.mark.parametrize("program", play.C_PROGRAMS)
def test_program_fits_the_headers_of_today(program: str) -> None:
    """A loop that has changed must not be found out on the day somebody wants figures."""
    includes = [f"-I{folder}" for folder in play.include_folders()]
    command = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
    source = str(play.HERE / "c" / f"{program}.c")
    words = [*command, "-Wno-unused-function", *includes, source]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
