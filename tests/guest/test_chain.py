"""The whole chain: a firmware on an emulated Cortex-M, its UART, a USB serial adapter, ftdi_sio,
/dev/ttyUSB0 and amphost under a PREEMPT_RT Linux with isolated cores.

What happens is asserted, never how soon: an emulated machine says nothing of latency. The device
is judged by its own clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.guest.conftest import Desk
from tests.guest.guest import VENDOR_PRODUCT, Guest
from tests.guest.system import ARMED, BY_ID, FIFO, SERIAL, T_US, System, write_files
from tests.mcu.emulator import Facts

TRIES = 3
CLOSE_RAD = 0.9  # of the target, 1 rad


def test_the_guest_is_what_amphost_is_for(desk: Desk) -> None:
    """PREEMPT_RT and isolated cores: the plan sees them and says what follows from them."""
    assert desk.guest.read("/sys/kernel/realtime").strip() == "1"
    assert desk.guest.read("/sys/devices/system/cpu/isolated").strip() == "2-3"
    write_files(desk.guest, "/plan", "/dev/null")
    code, out, err = desk.guest.amphost("plan", "/plan/motor.yaml")
    assert code == 0, err
    machine, floor = out.splitlines()[1:3]
    assert machine.endswith("PREEMPT_RT, cores 0-3 (isolated: 2, 3)"), machine
    assert floor == "floor 5 ms: PREEMPT_RT, and control on an isolated core"


def row(fault: str, said: str) -> None:
    """Print a line of the matrix."""
    print(f"PREEMPT_RT guest | {fault} | {said}")


def ports(guest: Guest) -> dict[str, Any]:
    """Return what `amphost ports` finds, by serial number."""
    code, out, err = guest.amphost("ports", "--json")
    assert code == 0, err
    listed = json.loads(out)
    found = listed if isinstance(listed, list) else listed["ports"]
    return {port["serial_number"]: port for port in found}


def stays_disarmed(system: System) -> None:
    """See that a link that is back arms nothing."""
    until_us = system.mcu.facts().now_us + 300_000
    while (facts := system.mcu.facts()).now_us < until_us:
        assert facts.mode != ARMED
        assert facts.at_safe
        time.sleep(0.05)
    assert system.state()["mode"] == "SAFE"


def linked(system: System, other_than: int) -> Facts:
    """Wait until a session stands that is another one than this."""
    return system.mcu.when(lambda facts: facts.session not in (0, other_than), "a new session")


def replugged(system: System, out: Callable[[], None], back: Callable[[], None]) -> Facts:
    """Take the device away from a run that is armed and give it back; return its state before that.

    The same io role has to find it. A machine that stood still for so long that a role had to be
    started again has shown nothing: then once more.
    """
    for _ in range(TRIES):
        epoch = system.epoch("io")
        before = system.mcu.facts()
        out()
        system.in_mode("SAFE")
        back()
        linked(system, before.session)
        stays_disarmed(system)
        same = system.epoch("io") == epoch
        system.arm()
        if same:
            return before
    pytest.fail(f"in none of {TRIES} times the io role was the same: {system.said()}")


def test_a_closed_loop_over_usb_comes_back_from_a_dead_microcontroller(desk: Desk) -> None:
    """By the name that udev gives: arms, closes the loop, records; power lost; comes back."""
    guest, mcu = desk.guest, desk.mcu
    guest.plug("mcu", SERIAL)
    guest.when(lambda: guest.names(BY_ID), "udev names the port")
    assert ports(guest)[SERIAL]["stable"] == BY_ID
    system = System(desk, "by_id", BY_ID)
    roles = system.runs()
    for role, core in (("io", 2), ("control", 3)):
        granted = guest.scheduled(roles[role]["pid"])
        assert (granted["policy"], granted["cores"]) == (FIFO, [core])
        assert granted["locked_kb"] > 0
    system.arm()
    guest.when(lambda: system.value("io.position") > CLOSE_RAD, "the loop is closed")

    def off() -> None:
        mcu.power_down()
        guest.when(lambda: not guest.names("/dev/ttyUSB*"), "the port is gone")

    before = replugged(system, off, mcu.power_up)
    assert mcu.facts().boot_nonce != before.boot_nonce
    report, err = system.finish()
    assert report["mode"] == "DISARMED", err
    assert "link lost: the port hung up" in err
    assert "same device, new boot, reset cause power" in err
    for role, core in (("io", 2), ("control", 3)):
        told = report["roles"][role]
        assert (told["policy"], told["core_got"], told["memory_locked"]) == ("fifo", [core], True)
    assert report["recording"]["complete"], err
    assert report["recording"]["samples"] > 100
    row("power of the device", f"lost and back; boot nonce {before.boot_nonce:08x}, then another")


def test_a_device_that_comes_back_under_another_name_is_found_by_its_identity(desk: Desk) -> None:
    """The cable comes out while another adapter takes the name: the lease ends by itself."""
    guest, mcu = desk.guest, desk.mcu
    identity = json.dumps({"usb": VENDOR_PRODUCT, "serial": SERIAL})
    system = System(desk, "by_identity", identity)
    system.runs()
    system.arm()
    guest.add_idle_line("idle")
    safe: list[Facts] = []

    def out() -> None:
        [name] = guest.names("/dev/ttyUSB*")
        guest.unplug("mcu")
        guest.when(lambda: not guest.names(name), "the name is free")
        guest.plug("idle", "other")
        guest.when(lambda: guest.names(name), "another adapter has it")
        safe.append(mcu.when(lambda facts: bool(facts.at_safe), "the lease has ended"))

    def back() -> None:
        guest.plug("mcu", SERIAL)
        guest.when(lambda: len(guest.names("/dev/ttyUSB*")) == 2, "the device has another name")

    before = replugged(system, out, back)
    assert mcu.facts().boot_nonce == before.boot_nonce
    facts = safe[-1]
    assert facts.to_safe_us - facts.late_us <= desk.lease_us + T_US, facts
    report, err = system.finish()
    assert report["mode"] == "DISARMED", err
    assert "same device, same boot" in err
    bound_ms = (desk.lease_us + T_US) / 1e3
    took = f"{facts.to_safe_us / 1e3:.1f} ms after the last actuation, bound {bound_ms:g}"
    row("USB adapter pulled out", f"{took}; back as another ttyUSB")
