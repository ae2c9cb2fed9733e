"""The command line with its standard streams closed, full or cut: from a real shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AMPHOST = f"{sys.executable} -m amphost"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `amphost` is ours; return its end."""
    return subprocess.run(
        ["sh", "-c", line.replace("amphost", AMPHOST)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=60,
    )


def test_a_reader_that_has_left_is_141_and_silent() -> None:
    """`amphost schema | head -1`, as any program of a shell."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "amphost", "schema"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_closed_stdout_is_no_trouble(tmp_path: Path) -> None:
    """Cron jobs and daemons start programs so."""
    done = shell("amphost schema >&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_with_stderr_closed_no_error_goes_to_stdout(tmp_path: Path) -> None:
    """A script that reads stdout must not find an error message in the JSON."""
    done = shell("amphost check nothere 2>&-", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_with_everything_closed_no_file_takes_the_place_of_a_stream(tmp_path: Path) -> None:
    """The first file opened would be descriptor 0, 1 or 2, and get what others print."""
    code = (
        "import os, sys; from amphost.cli import main\n"
        "main.main(['schema'])\n"
        "opened = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)\n"
        "assert opened > 2\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    command = f"{sys.executable} {script} {tmp_path / 'file'} <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], check=False)
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == ""


def test_a_full_disk_under_stdout_is_said_in_words(tmp_path: Path) -> None:
    """A report that was not written must not look as though it was."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = shell("amphost schema >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "amphost: [Errno 28] No space left on device\n"


def test_a_working_directory_that_is_gone_is_said_in_words(tmp_path: Path) -> None:
    """Somebody removed the folder in another terminal."""
    line = "mkdir gone && cd gone && rmdir ../gone && amphost plan motor"
    done = shell(line, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("amphost: ")
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert os.linesep in done.stderr
