"""What a benchmark needs beside amphost, installed when it may be.

Rules. What cannot be had is told with the reason and ends nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "bench"


def last_line(text: str) -> str:
    """Return what a program said last, which is mostly why it failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no output"


def run(*command: str, limit_s: int = 180) -> str | None:
    """Run it quietly; return None when it went well, otherwise its last line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return last_line(str(error))
    return None if done.returncode == 0 else last_line(done.stderr or done.stdout)


def debian_version(package: str) -> str:
    """Return the version of an installed Debian package."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "of unknown version"


def debian(package: str, proof: str) -> str | None:
    """Install a Debian package unless the file `proof` is there; return why it is absent."""
    if Path(proof).exists():
        return None
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return f"not installed: apt-get install {package}"
    install = ("apt-get", "-q", "install", "-y", "--no-install-recommends", package)
    if run(*install) is None:
        return None
    run("apt-get", "-q", "update")
    return run(*install)
