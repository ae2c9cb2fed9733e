"""An exec role in a system that runs: the example in C, and programs that misbehave."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proc import descriptors
from tests.system.live import PATIENT, LiveRun, undisturbed, wait_for

ROLE = """\
  smooth:
    kind: exec
    core: 0
    rate_hz: 100
    command: [./program, "0.2"]
    reads: {position: io.position}
    writes: {position: {unit: rad, range: [-10, 10]}}
"""


def built(source: Path, to: Path) -> Path:
    """Compile a program as a user would."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler here")
    flags = subprocess.run(
        [sys.executable, "-m", "amphost", "cflags"], capture_output=True, text=True, check=True
    ).stdout
    command = ["cc", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", str(to), str(source)]
    subprocess.run([*command, *shlex.split(flags)], check=True)
    return to


def running(pid: int) -> Path:
    """Return the program that a process is."""
    return Path(f"/proc/{pid}/exe").resolve()


@pytest.fixture
def system(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a spec with an exec role and, as a script, its program."""

    def write(script: str = "", *keys: str) -> Path:
        path = tmp_path / "system.yaml"
        more = "".join(f"    {key}\n" for key in keys)
        path.write_text(PATIENT + ROLE + more, encoding="utf-8")
        if script:
            program = tmp_path / "program"
            program.write_text(script, encoding="utf-8")
            program.chmod(0o755)
        return path

    return write


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    """Return a copy of the example's spec with its program built beside it."""
    (tmp_path / "own_program").mkdir()
    built(root / "examples/own_program/smooth.c", tmp_path / "own_program/smooth")
    return Path(shutil.copy(root / "examples/06_own_program.yaml", tmp_path))


def test_the_example_reads_computes_and_publishes(
    start: Callable[..., LiveRun], example: Path
) -> None:
    """A program in another language is a role like any other, down to the report."""
    run = start("--for", "2s", spec=example)
    run.armed()
    program = run.pid("smooth")
    wait_for(lambda: running(program) == example.parent / "own_program/smooth", "the program")
    code, report, err = run.finish()
    undisturbed(code, report, err)
    smooth = report["roles"]["smooth"]
    assert smooth["ticks"] > 50
    assert (smooth["state"], smooth["restarts"], smooth["fault_class"]) == ("ENDED", 0, "C")
    assert run.gone()


def test_the_program_has_its_segments_and_nothing_else_of_ours(
    start: Callable[..., LiveRun], example: Path
) -> None:
    """What it reads is open for reading alone; no pipe, socket or log of ours but its own."""
    run = start(spec=example)
    run.armed()
    pid = run.pid("smooth")
    wait_for(lambda: running(pid).name == "smooth", "the program")
    held = {number: path for number, path in descriptors(str(pid)).items() if int(number) > 2}
    writable = []
    for number, path in held.items():
        assert path.startswith("/memfd:amphost-"), path
        flags = int(
            Path(f"/proc/{pid}/fdinfo/{number}").read_text().split("flags:")[1].split()[0], 8
        )
        if flags & os.O_ACCMODE != os.O_RDONLY and "directory" not in path:
            writable.append(path.split()[0])
    assert writable == ["/memfd:amphost-smooth"]
    assert len(held) == 4  # the directory, its own, the supervisor's and io's
    ignored = Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0]
    assert int(ignored, 16) == 1 << (signal.SIGINT - 1)


def test_a_killed_program_is_started_again_under_the_next_epoch(
    start: Callable[..., LiveRun], example: Path
) -> None:
    """A successor goes on where the predecessor was, and control never notices."""
    run = start("--for", "3s", spec=example)
    run.armed()
    os.kill(run.pid("smooth"), signal.SIGKILL)
    run.role("smooth", "RUNNING", 2)
    code, report, err = run.finish()
    assert "killed by SIGKILL" in err
    assert report["roles"]["smooth"]["restarts"] == 1
    assert report["roles"]["smooth"]["state"] == "ENDED"
    assert report["roles"]["control"]["restarts"] == 0, err
    undisturbed(code, report, err)


def test_a_program_without_a_heartbeat_is_ended(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """A program that runs is not one that makes progress."""
    run = start(spec=system("#!/bin/sh\nexec sleep 60\n", "heartbeat_ms: 300", "restart: never"))
    run.armed()
    wait_for(lambda: run.state()["roles"]["smooth"]["state"] == "DEAD", "its end")
    assert run.state()["mode"] == "ARMED"
    os.kill(run.process.pid, signal.SIGINT)
    _, report, err = run.finish()
    assert "smooth: heartbeat: no heartbeat for 300 ms (last seen at start); killed" in err
    assert report["roles"]["smooth"]["restarts"] == 0


def test_a_program_whose_heartbeat_races_is_ended(
    start: Callable[..., LiveRun], system: Callable[..., Path], tmp_path: Path
) -> None:
    """A loop that waits for nothing is as stuck as one that stands still."""
    source = tmp_path / "race.c"
    source.write_text(
        '#include <stddef.h>\n#include "amphost.h"\nstatic struct amp_attached attached;\n'
        "int main(void) {\n    if (amp_attach(&attached) != AMP_OK) return 1;\n"
        "    for (amp_ns t = 1;; t++) amp_owner_beat(attached.segments[0].owner, AMP_AT_WAIT, t);\n"
        "}\n"
    )
    spec = system("", "restart: never")
    built(source, tmp_path / "program")
    run = start(spec=spec)
    run.in_mode("ARMED")
    wait_for(lambda: run.state()["roles"]["smooth"]["state"] == "DEAD", "its end")
    os.kill(run.process.pid, signal.SIGINT)
    _, _, err = run.finish()
    assert "heartbeats per second, over 1100; killed" in err


def test_a_program_that_ends_by_itself_says_how(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """Its exit status and the place of its log are what its author asks for first."""
    run = start("--for", "1s", spec=system("#!/bin/sh\nexit 3\n", "restart: never"))
    code, report, err = run.finish()
    assert "smooth: role_died: exit status 3 (see " in err
    assert "smooth.log)" in err
    assert report["roles"]["smooth"]["state"] == "DEAD"
    assert code == 1


def test_a_program_that_only_knows_sigterm_leaves_in_order(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """Whoever does not look at the role table is asked as every program is."""
    script = "#!/bin/sh\nexec sleep 60\n"
    run = start("--for", "500ms", spec=system(script, "heartbeat_ms: 60000"))
    code, report, err = run.finish()
    assert code == 0, err
    assert report["roles"]["smooth"]["state"] == "ENDED"
    assert run.gone()
