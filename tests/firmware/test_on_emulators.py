"""The device library on emulated microcontrollers: every port talks, obeys, goes safe, reboots."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from amphost.link.emulator_command import PACKAGES, PROGRAMS
from tests.firmware.building import FIRMWARE, build, need
from tests.firmware.emulated import (
    HANG,
    LEASE_US,
    RESTART,
    SAFE_V,
    STATE_US,
    Emulated,
)

WATCHED = tuple(machine for machine in PROGRAMS if machine != "stm32f405")
"""QEMU has no watchdog for the STM32F405."""


@pytest.fixture(scope="session")
def elves() -> dict[str, Path]:
    """Return the firmware of each machine, built when it is first asked for."""
    return {}


@pytest.fixture
def mcu(
    request: pytest.FixtureRequest,
    elves: dict[str, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Emulated]:
    """Return an emulated microcontroller that has just started."""
    machine = request.param
    need(PROGRAMS[machine], PACKAGES[PROGRAMS[machine]])
    if machine not in elves:
        out = tmp_path_factory.mktemp(machine)
        elves[machine] = build(machine, out, FIRMWARE / "device.c")
    assert shutil.which(PROGRAMS[machine])
    emulated = Emulated(machine, elves[machine], tmp_path)
    yield emulated
    emulated.end()


every = pytest.mark.parametrize("mcu", PROGRAMS, indirect=True)
watched = pytest.mark.parametrize("mcu", WATCHED, indirect=True)


@every
def test_it_obeys_and_goes_safe_by_its_own_clock(mcu: Emulated) -> None:
    """The lease is the safety: nothing on the host is needed for its end."""
    _, cause = mcu.join()
    assert cause == "power"
    mcu.drive = 5.0
    assert mcu.command("arm") == "done"
    driven = mcu.state(lambda one: one.values[1] == 5.0, "the output follows")
    assert driven.state is not None
    mcu.drive = None
    safe = mcu.in_mode("safe", "lease")
    assert safe.state is not None
    assert safe.values[1] == SAFE_V
    assert safe.state.sampled_us > driven.state.sampled_us
    assert LEASE_US <= safe.state.applied_age_us < LEASE_US + 3 * STATE_US


@every
def test_it_resets_and_says_so(mcu: Emulated) -> None:
    """A host that takes a rebooted device for the one it armed drives a motor that nobody armed."""
    first, _ = mcu.join()
    mcu.drive = 5.0
    assert mcu.command("arm") == "done"
    mcu.provoke(RESTART)
    second, cause = mcu.join()
    assert cause in ("software", "watchdog")
    assert second != first
    state = mcu.state(lambda _: True, "a state").state
    assert state is not None
    assert state.mode == 1, "ready, not armed"
    mcu.provoke(RESTART)
    third, _ = mcu.join()
    assert third not in (first, second)


@watched
def test_its_watchdog_bites(mcu: Emulated) -> None:
    """A main loop that hangs would hold the output for ever."""
    first, _ = mcu.join()
    mcu.provoke(HANG)
    second, cause = mcu.join()
    assert cause == "watchdog"
    assert second != first


@every
def test_two_starts_have_two_nonces(mcu: Emulated, elves: dict[str, Path], tmp_path: Path) -> None:
    """An emulator's RAM wakes up as zeros: a nonce made of nothing but RAM is always the same."""
    first, _ = mcu.join()
    machine = next(one for one, elf in elves.items() if str(elf) in str(mcu.process.args))
    again = Emulated(machine, elves[machine], tmp_path)
    try:
        second, cause = again.join()
    finally:
        again.end()
    assert (second != first, cause) == (True, "power")


@every
def test_nothing_is_lost_at_its_rate(mcu: Emulated) -> None:
    """Whoever reads `lost` trusts that it is 0 when nothing is wrong."""
    mcu.join()
    mcu.drive = 1.0
    assert mcu.command("arm") == "done"
    mcu.until(lambda: len([one for one in mcu.heard if one.kind == "state"]) > 20, "20 states")
    assert {one.values[0] for one in mcu.heard if one.kind == "state"} == {0.0}
