"""The peers: installed into an environment of their own, each by itself, so that one that is absent
takes no other with it.

Rules. Python packages go into build/bench/venv at the versions below; C and C++ ones are Debian's.
What cannot be had is named with the reason. Nothing is installed into amphost's own environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from bench.install import PLACE, debian, debian_version, run

VENV = PLACE / "venv"
PYTHON = VENV / "bin" / "python"

# What our own Python processes of the bench need, then the peers.
OWN = ("cffi", "numpy==2.4.6")
PINNED = {
    "cloudtoid-interprocess": "3.0.2",
    "kickmsg": "0.9.2",
    "iceoryx2": "0.10.0",
    "pyzmq": "27.3.0",
    "faster-fifo": "1.5.2",
}
DEBIAN = {"libboost-dev": "/usr/include/boost", "libck-dev": "/usr/include/ck_ring.h"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """What is here, with its version, and what is not, with the reason.

    Synchronization: none required, immutable.
    """

    versions: dict[str, str]
    absent: dict[str, str]


def _pip(package: str) -> str | None:
    return run(
        str(PYTHON), "-I", "-m", "pip", "install", "-q", "--retries", "1", "--timeout", "15",
        "--only-binary=:all:", package,
    )  # fmt: skip


def _make_environment() -> None:
    if not PYTHON.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        why = run(sys.executable, "-I", "-m", "venv", str(VENV))
        if why is not None:
            raise SystemExit(f"bench: no environment for the peers: {why}")
    have = _installed()
    for package in OWN:
        if package.partition("==")[0] not in have:
            why = _pip(package)
            if why is not None:
                raise SystemExit(f"bench: {package} is needed and could not be installed: {why}")


def _installed() -> dict[str, str]:
    done = subprocess.run(
        [str(PYTHON), "-I", "-m", "pip", "list", "--format=json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    listed = json.loads(done.stdout) if done.returncode == 0 else []
    return {one["name"]: one["version"] for one in listed}


def prepare() -> Peers:
    """Install what is missing; say what is here."""
    _make_environment()
    have = _installed()
    absent: dict[str, str] = {}
    versions: dict[str, str] = {}
    for package, version in PINNED.items():
        if have.get(package) != version:
            why = _pip(f"{package}=={version}")
            if why is not None:
                absent[package] = why
                continue
        versions[package] = version
    for package, proof in DEBIAN.items():
        why = debian(package, proof)
        if why is None:
            versions[package] = debian_version(package)
        else:
            absent[package] = why
    return Peers(versions=versions, absent=absent)
