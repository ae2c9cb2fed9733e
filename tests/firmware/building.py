"""Build firmware for a port as a user would: through native/device/Makefile.

Rules. One ELF for a port and its sources, made once a test session, in a folder of the session's.
A compiler that is not here skips the test and is named; in CI (`CI=true`) it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEVICE = ROOT / "native" / "device"
FIRMWARE = ROOT / "native" / "tests" / "firmware"
PORTS = tuple(sorted(path.parent.name for path in DEVICE.glob("ports/*/port.mk")))


def need(tool: str, package: str) -> None:
    """Skip the test where a program is missing; fail it in CI."""
    if shutil.which(tool) is None:
        missing = f"{tool} is not here: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


def port_words(port: str, name: str) -> list[str]:
    """Return the words of one line of a port's port.mk."""
    lines = (DEVICE / "ports" / port / "port.mk").read_text(encoding="utf-8").splitlines()
    [value] = [line.partition("=")[2] for line in lines if line.partition("=")[0].strip() == name]
    return value.split()


def build(port: str, out: Path, *sources: Path, flags: str = "") -> Path:
    """Build a firmware and return its ELF; the compiler's words are the failure's."""
    [prefix] = port_words(port, "PORT_PREFIX")
    need(f"{prefix}-gcc", " ".join(port_words(port, "PORT_PACKAGES")))
    names = " ".join(str(source) for source in sources)
    command = ["make", "-s", "-C", str(DEVICE), f"PORT={port}", f"SOURCES={names}", f"OUT={out}"]
    done = subprocess.run([*command, f"FLAGS={flags}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / f"{sources[0].stem}.elf"
