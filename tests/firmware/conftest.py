"""Fixtures of the tests with emulated microcontrollers: their firmware, and one that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.cli.runner_building import build_runner
from amphost.firmware.runners import runner_source
from amphost.link.emulator_command import PACKAGES, PROGRAMS
from tests.firmware.building import FIRMWARE, build, need
from tests.firmware.emulated import Emulated

Starts = Callable[[str], Emulated]


@pytest.fixture(scope="session")
def elves() -> dict[str, Path]:
    """Return the firmware of each machine, built when it is first asked for."""
    return {}


@pytest.fixture
def starts(
    elves: dict[str, Path], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Starts]:
    """Return a function that starts an emulated microcontroller with the tests' firmware."""
    running: list[Emulated] = []

    def start(machine: str) -> Emulated:
        program = PROGRAMS.get(machine)
        if program is not None:
            need(program, PACKAGES[program])
        if machine == "rp2040":
            need("npm", "npm")
        if program is None:
            need_simavr()
        if machine not in elves:
            elves[machine] = build(machine, tmp_path_factory.mktemp(machine), FIRMWARE / "device.c")
        runner = build_runner(machine) if runner_source(machine) else ""
        folder = tmp_path / str(len(running))
        folder.mkdir()
        running.append(Emulated(machine, elves[machine], folder, runner=runner))
        return running[-1]

    yield start
    for one in running:
        one.end()


def need_simavr() -> None:
    """Skip the test where simavr's library is missing; fail it in CI."""
    if not Path("/usr/include/simavr/sim_avr.h").is_file():
        need("simavr/sim_avr.h", "libsimavr-dev libelf-dev")
