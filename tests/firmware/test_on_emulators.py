"""The device library on emulated microcontrollers: every port talks, obeys, goes safe, reboots."""

from __future__ import annotations

import os

import pytest

from amphost.firmware.ports import MACHINES
from tests.firmware.conftest import Starts
from tests.firmware.emulated import DAWDLE, HANG, LEASE_US, RESTART, SAFE_V, STATE_US

WATCHED = tuple(machine for machine in MACHINES if machine != "stm32f405")
"""QEMU has no watchdog for the STM32F405."""

every = pytest.mark.parametrize("machine", MACHINES)


@every
def test_it_obeys_and_goes_safe_by_its_own_clock(starts: Starts, machine: str) -> None:
    """The lease is the safety: nothing on the host is needed for its end."""
    mcu = starts(machine)
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
def test_it_resets_and_says_so(starts: Starts, machine: str) -> None:
    """A host that takes a rebooted device for the one it armed drives a motor that nobody armed."""
    mcu = starts(machine)
    first, _ = mcu.join()
    mcu.drive = 5.0
    assert mcu.command("arm") == "done"
    mcu.provoke(RESTART)
    second, cause = mcu.rejoin(first)
    assert cause == "software"
    state = mcu.state(lambda _: True, "a state").state
    assert state is not None
    assert state.mode == 1, "ready, not armed"
    mcu.provoke(RESTART)
    third, _ = mcu.rejoin(second)
    assert third != first


@pytest.mark.parametrize("machine", WATCHED)
def test_its_watchdog_bites(starts: Starts, machine: str) -> None:
    """A main loop that hangs would hold the output for ever."""
    mcu = starts(machine)
    first, _ = mcu.join()
    mcu.provoke(HANG)
    _, cause = mcu.rejoin(first)
    assert cause == "watchdog"


@every
def test_two_starts_have_two_nonces(starts: Starts, machine: str) -> None:
    """An emulator's RAM wakes up as zeros: a nonce made of nothing but RAM is always the same."""
    first, _ = starts(machine).join()
    second, cause = starts(machine).join()
    assert (second != first, cause) == (True, "power")


@every
def test_nothing_is_lost_at_its_rate(starts: Starts, machine: str) -> None:
    """Whoever reads `lost` trusts that it is 0 when nothing is wrong."""
    mcu = starts(machine)
    mcu.join()
    mcu.drive = 1.0
    assert mcu.command("arm") == "done"
    mcu.heard.clear()
    mcu.until(lambda: len([one for one in mcu.heard if one.kind == "state"]) > 5, "states")
    assert {one.values[0] for one in mcu.heard if one.kind == "state"} == {0.0}


def test_bytes_that_nobody_takes_are_counted(starts: Starts) -> None:
    """At real byte times a main loop that is away for 50 ms loses what its ring does not hold."""
    mcu = starts("atmega328p")
    mcu.join()
    mcu.provoke(DAWDLE)
    mcu.line.setblocking(True)
    mcu.line.sendall(os.urandom(1500))
    mcu.line.setblocking(False)
    mcu.join()
    lost = mcu.state(lambda one: one.values[0] > 0, "bytes were lost")
    assert lost.values[0] < 1500
