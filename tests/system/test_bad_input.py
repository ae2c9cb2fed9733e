"""Bad input at run time: each a clear error with its exit code, or a counted loss; no traceback."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.rights import NOBODY, own_folder, without_rights
from tests.system.live import LiveRun, wait_for

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what it needs")
AMPHOST = [sys.executable, "-m", "amphost"]

Starting = Callable[..., LiveRun]
Writing = Callable[..., Path]


def refused(run: LiveRun, code: int) -> str:
    """Wait for a run that must not begin, or not go on; return what it said."""
    ended, _, err = run.finish()
    assert ended == code, err
    assert "Traceback" not in err
    assert "internal error" not in err
    assert run.gone()
    assert run.strays() == []
    return err


@pytest.fixture
def wired(tmp_path: Path, root: Path) -> Callable[[str], tuple[str, str]]:
    """Return a function that puts the device behind a port; it returns the change of the spec."""

    def write(port: str) -> tuple[str, str]:
        board = (root / "boards" / "loopback.yaml").read_text(encoding="utf-8")
        before, _, after = board.partition("    loopback:\n")
        text = before + f"    port: {port}\n" + after[after.index("    baud:") :]
        (tmp_path / "bench.yaml").write_text(text, encoding="utf-8")
        return ("board: loopback", "board: bench.yaml")

    return write


@pytest.fixture
def pty() -> Iterator[str]:
    """A terminal in the place of a serial port; nothing answers there."""
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


# Hardware


def test_a_board_whose_port_is_not_there_is_69(start: Starting, patient: Writing) -> None:
    """The example on a bench without its cable."""
    if Path("/dev/ttyAMA0").exists():
        pytest.skip("this is a board with that port")
    text = refused(start(spec=patient(("board: loopback", "board: rpi5"))), 69)
    assert "devices.mcu.port: /dev/ttyAMA0: no such port on this machine" in text
    assert "connect the device" in text


def test_a_port_that_another_program_holds_is_said(
    start: Starting, patient: Writing, wired: Callable[[str], tuple[str, str]], pty: str
) -> None:
    """A forgotten terminal program: who holds it and what to do, exit 1."""
    held = os.open(pty, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(held, fcntl.LOCK_EX)
    text = refused(start(spec=patient(wired(pty))), 1)
    os.close(held)
    assert f"{pty}: another process holds it; end " in text
    assert f"(pid {os.getpid()})" in text


def test_a_port_that_is_no_serial_port_is_said(
    start: Starting, patient: Writing, wired: Callable[[str], tuple[str, str]]
) -> None:
    """A typing error in a board file."""
    text = refused(start(spec=patient(wired("/dev/null"))), 1)
    assert "io: /dev/null: it cannot be used at 1000000 baud" in text
    assert "check that it is a serial port" in text


@AS_ROOT
def test_a_port_that_may_not_be_opened_is_77(
    start: Starting,
    patient: Writing,
    wired: Callable[[str], tuple[str, str]],
    pty: str,
    tmp_path: Path,
) -> None:
    """A user who is not in the group of the port: which group, exit 77."""
    Path(pty).chmod(0o600)
    spec = patient(wired(pty))
    base = own_folder(tmp_path, "nobody")
    text = refused(start(spec=spec, base=base, prefix=without_rights()), 77)
    assert f"io: {pty}: this user may not open it" in text
    assert "dialout" in text


@pytest.mark.slow
def test_a_device_that_does_not_answer_ends_the_start_in_words(
    start: Starting, patient: Writing, wired: Callable[[str], tuple[str, str]], pty: str
) -> None:
    """A microcontroller without firmware: not armed, and not waited for in silence."""
    text = refused(start(spec=patient(wired(pty))), 1)
    assert "not ready within 5 s: " in text
    assert "io has no answer from mcu" in text


def test_a_core_that_is_not_there_is_69(start: Starting, patient: Writing) -> None:
    """A spec from a larger machine."""
    text = refused(start(spec=patient(("core: 1", "core: 250"))), 69)
    assert "roles.control.core: 250: this machine has cores" in text


# Files


def test_a_file_that_is_not_there_is_2(start: Starting) -> None:
    """The usual typing error, and what there is."""
    text = refused(start(spec=Path("nothere")), 2)
    assert text.startswith("nothere:1:1: (file): there is no such file; ")
    assert "motor" in text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: &x [*x]", "1:4"),
        ("[" * 2000, "1:"),
        ("name: !!python/object/apply:os.system ['touch owned']", "1:7"),
        ("name: motor\nname: motor", "2:1"),
        ("\x00", "1:1"),
        ("name: " + "x" * 300_000, "256"),
    ],
)
def test_a_hostile_file_is_78_before_anything_starts(
    start: Starting, tmp_path: Path, text: str, rule: str
) -> None:
    """A file from a stranger may at worst be refused, with line and column."""
    path = tmp_path / "hostile.yaml"
    path.write_text(text, encoding="utf-8")
    said = refused(start(spec=path), 78)
    assert said.startswith(("hostile.yaml:", str(path)))
    assert rule in said
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["hostile.yaml"]


# The runtime directory


@AS_ROOT
def test_a_runtime_directory_that_may_not_be_made_is_77(
    start: Starting, patient: Writing, tmp_path: Path
) -> None:
    """An ordinary user, a folder of root's."""
    spec = patient()
    base = tmp_path / "roots"
    base.mkdir(mode=0o755)
    text = refused(start(spec=spec, base=base, prefix=without_rights()), 77)
    assert text.startswith(f"amphost: {base}")
    assert "--runtime-dir" in text


@AS_ROOT
def test_another_users_runtime_directory_is_77(
    start: Starting, patient: Writing, tmp_path: Path
) -> None:
    """In a shared /tmp anybody may have been there first."""
    os.mkdir(tmp_path / "motor")  # noqa: PTH102  # owned by somebody else in the next line
    os.chown(tmp_path / "motor", NOBODY, NOBODY)
    text = refused(start(spec=patient()), 77)
    assert f"{tmp_path / 'motor'}: not a directory of this user" in text


def test_a_runtime_directory_that_is_too_deep_is_said(
    start: Starting, patient: Writing, tmp_path: Path
) -> None:
    """A socket's path has 107 bytes."""
    base = tmp_path / ("deep" * 25)
    base.mkdir()
    text = refused(start(spec=patient(), base=base), 1)
    assert "give a shorter --runtime-dir" in text


# Streams


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `amphost` is ours; return its end."""
    return subprocess.run(
        ["sh", "-c", line.replace("amphost", " ".join(AMPHOST))],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("streams", "code"), [("2>&-", 0), (">&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 1)]
)
def test_closed_and_full_streams_do_not_touch_the_run(
    patient: Writing, tmp_path: Path, streams: str, code: int
) -> None:
    """The machine must not stop because nobody listens."""
    patient()
    done = shell(f"amphost run motor.yaml --for 200ms --json --runtime-dir . {streams}", tmp_path)
    assert done.returncode == code, done.stderr
    if streams == "2>&-":
        assert json.loads(done.stdout)["armings"] == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "motor").exists()  # a clean end


def test_a_reader_that_has_left_does_not_touch_the_run(patient: Writing, tmp_path: Path) -> None:
    """`amphost run ... 2>&1 | head -1`: the run goes on to its end, in order."""
    patient()
    read, write = os.pipe()
    os.close(read)
    command = [*AMPHOST, "run", "motor.yaml", "--for", "200ms", "--runtime-dir", "."]
    done = subprocess.run(command, stdout=write, stderr=write, check=False, cwd=tmp_path)
    os.close(write)
    assert done.returncode == 141
    assert not (tmp_path / "motor").exists()  # a clean end
    assert list((tmp_path / "runs").glob("*.mcap"))


def test_a_reader_that_does_not_read_does_not_hold_the_supervisor(
    patient: Writing, tmp_path: Path
) -> None:
    """A log that stalls for a second would cost every role its supervisor's heartbeat."""
    patient()
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    os.write(write, b"x" * 4096)
    command = [*AMPHOST, "run", "motor.yaml", "--for", "500ms", "--json", "--runtime-dir", "."]
    done = subprocess.run(command, stdout=-1, stderr=write, check=False, cwd=tmp_path, timeout=60)
    os.close(write)
    os.close(read)
    report = json.loads(done.stdout)
    assert report["faults"] == []
    assert done.returncode == 0


# The disk


@AS_ROOT
def test_a_full_disk_under_the_recording_is_counted_and_control_goes_on(
    start: Starting, patient: Writing, tmp_path: Path
) -> None:
    """The disk takes part of it: exit code and report say so, the machine never notices."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let root mount a file system")
    try:
        run = start("--for", "2s", spec=patient(("to: runs/", f"to: {small}")))
        run.armed()
        wait_for(lambda: list(small.glob("*.mcap")), "the recording")
        fill(small / "filler")
        code, report, err = run.finish()
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert code == 1, err
    assert report["recording"]["lost"] > 0
    assert report["recording"]["samples"] > 0
    assert "ENOSPC" in report["recording"]["reason"]
    assert any(text.startswith("recording: ") for text in report["degraded"])
    assert report["mode"] == "DISARMED"
    assert report["faults"] == []
    control = report["roles"]["control"]
    assert control["ticks"] + control["skipped_ticks"] == control["expected_ticks"]


def fill(path: Path) -> None:
    """Take the last byte of a file system."""
    filler = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for size in (65536, 4096, 1):
        with suppress(OSError):
            while os.write(filler, b"x" * size):
                continue
    os.close(filler)
