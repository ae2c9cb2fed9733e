"""Programs that a test needs and a machine may lack."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from amphost.cli.runner_building import build_runner
from amphost.link.emulator_command import PROGRAMS

PACKAGES = {"arm-none-eabi-gcc": "gcc-arm-none-eabi", "avr-gcc": "gcc-avr", "avr-g++": "gcc-avr"}


def need(*programs: str) -> None:
    """Skip the test if one of `programs` is not installed; under CI that is a failure."""
    for program in programs:
        if shutil.which(program) is None:
            text = f"{PACKAGES.get(program, program)} is not installed"
            if os.environ.get("CI") == "true":
                pytest.fail(text)
            pytest.skip(text)


def emulator_runner(machine: str) -> str:
    """Return what an emulator needs besides its program; skip the test where that is missing."""
    program = PROGRAMS.get(machine)
    if program is not None:
        need(program)
    if machine == "rp2040":
        need("npm")
    if program is None and not Path("/usr/include/simavr/sim_avr.h").is_file():
        need("libsimavr-dev")
    return build_runner(machine)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that has to succeed; return what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout
