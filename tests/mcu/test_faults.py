"""What a real firmware does when something breaks, and what a run does then: an emulated Cortex-M.

The device is judged by its own clock, which an emulator on a busy machine loses time of: `late` is
the longest round of its main loop, and a sample that is late is no measurement: made again. After
every fault the same run finds the device again, and nothing moves before two acts of a person.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.mcu.conftest import Bench
from tests.mcu.emulator import HANG, LOOK_S, WEDGE, Facts
from tests.mcu.system import OTHER
from tests.system.live import LiveRun, wait_for

READY, ARMED, SAFE = 1, 2, 3
T_US = 50_000
LATE_US = 3_000
FRESH_US = 150_000
WATCHED_US = 300_000
TRIES = 8
WATCHDOG_US = 500_000

Start = Callable[[Bench], LiveRun]
EVERY_PORT = pytest.mark.parametrize("bench", ["lm3s6965evb", "stm32f405"], indirect=True)


def arm(run: LiveRun, bench: Bench) -> Facts:
    """Arm, as soon as there is a link, and wait for the device to follow."""
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "arming is possible")
    return follows(bench)


def follows(bench: Bench) -> Facts:
    """Wait until the device has applied an actuation and is armed."""
    return bench.mcu.when(
        lambda facts: facts.mode == ARMED and 0 < facts.now_us - FRESH_US < facts.applied_us,
        "the device follows",
    )


def armed(start: Start, bench: Bench) -> LiveRun:
    """Start a run and arm it."""
    run = start(bench)
    run.in_mode("DISARMED")
    arm(run, bench)
    return run


def at_safe(bench: Bench) -> Facts:
    """Wait until the device says that its outputs are safe."""
    return bench.mcu.when(
        lambda facts: facts.mode != ARMED and bool(facts.at_safe), "the outputs are at safe"
    )


def stays_safe(bench: Bench, before: Facts) -> Facts:
    """Watch the device for a while of its own clock: nothing arms it, nothing is applied."""
    facts = bench.mcu.facts()
    until_us = facts.now_us + WATCHED_US
    while facts.now_us < until_us:
        time.sleep(LOOK_S)
        facts = bench.mcu.facts()
        assert facts.mode != ARMED
        assert facts.at_safe
        assert facts.applied_us == before.applied_us
    return facts


def comes_back(run: LiveRun, bench: Bench, session: int = 0) -> Facts:
    """Wait for a new session, see that nothing arms it, then do a person's two acts."""
    found = other_session(bench, session)
    stays_safe(bench, found)
    assert run.state()["mode"] == "SAFE"
    assert run.ask("acknowledge", "motor") == (0, "DISARMED", "")
    assert bench.mcu.facts().mode != ARMED
    return arm(run, bench)


def finish(run: LiveRun) -> tuple[dict[str, object], str]:
    """End the run; see that not one of its roles was started again."""
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err  # it has been in SAFE
    assert report["mode"] == "DISARMED", err
    assert all(role["restarts"] == 0 for role in report["roles"].values())
    assert run.gone()
    return report["link"]["mcu"], err


def bound(bench: Bench, facts: Facts) -> str:
    """Say how long it took on the device's clock, and how long it may take."""
    took, most = facts.to_safe_us / 1e3, (bench.lease_us + T_US) / 1e3
    return f"{took:.1f} ms after the last actuation, bound {most:g}"


def row(bench: Bench, fault: str, *said: object) -> None:
    """Print a line of the matrix."""
    print(f"{bench.port} | {fault} |", *said)


@EVERY_PORT
def test_a_device_that_lost_power_boots_disarmed(start: Start, bench: Bench) -> None:
    """`kill -9` of the emulator: nothing is left that could be safe; the next boot begins safe."""
    run = armed(start, bench)
    before = bench.mcu.facts()
    bench.mcu.power_down()
    run.in_mode("SAFE")
    bench.mcu.power_up()
    after = comes_back(run, bench)
    assert after.boot_nonce != before.boot_nonce
    _, err = finish(run)
    assert "mcu: link lost: the port hung up" in err
    assert "same device, new boot, reset cause power" in err
    row(bench, "kill -9 of the emulator", "no device; link lost: the port hung up")


@EVERY_PORT
def test_a_reset_is_seen_by_its_boot_nonce(start: Start, bench: Bench) -> None:
    """The reset line: the port stays open, and the firmware has forgotten that it was armed."""
    run = armed(start, bench)
    before = bench.mcu.facts()
    bench.mcu.reset()
    run.in_mode("SAFE")
    after = comes_back(run, bench)
    assert after.boot_nonce != before.boot_nonce
    link, err = finish(run)
    assert link["reboots"] == 1
    assert "same device, new boot, reset cause pin" in err
    row(bench, "reset line", "safe at its boot; new boot nonce, reset cause pin")


@pytest.mark.parametrize(("harm", "name"), [(HANG, "hang"), (WEDGE, "wedge")])
def test_a_firmware_that_stands_still_is_reset_by_its_own_watchdog(
    start: Start, bench: Bench, harm: int, name: str
) -> None:
    """No lease helps where the code that ends it does not run; the watchdog is the device's own."""
    run = armed(start, bench)
    before = bench.mcu.facts()
    bench.mcu.harm(harm)
    run.in_mode("SAFE")
    bench.mcu.when(lambda facts: facts.boot_nonce != before.boot_nonce, "its watchdog has bitten")
    after = comes_back(run, bench)
    if harm == HANG:  # interrupts on, so that its clock goes on and it can say for how long
        assert WATCHDOG_US // 2 < after.hung_us <= WATCHDOG_US + T_US
        row(bench, name, f"reset after {after.hung_us / 1e3:.1f} ms, bound {WATCHDOG_US / 1e3:g}")
    else:
        row(bench, name, "reset by its watchdog")
    _, err = finish(run)
    # An emulator without a register of reset causes depends on the interrupt before the reset.
    causes = ("watchdog",) if harm == HANG else ("watchdog", "pin")
    assert any(f"same device, new boot, reset cause {cause}" in err for cause in causes), err


@pytest.mark.parametrize("bench", ["stm32f405"], indirect=True)
def test_a_wedged_firmware_without_a_watchdog_waits_for_its_reset_line(
    start: Start, bench: Bench
) -> None:
    """QEMU's STM32F405 has none: the run is safe, says why, and takes the device back."""
    run = armed(start, bench)
    before = bench.mcu.facts()
    bench.mcu.harm(WEDGE)
    run.in_mode("SAFE")
    assert bench.mcu.facts().boot_nonce == before.boot_nonce
    bench.mcu.reset()
    bench.mcu.when(lambda facts: facts.boot_nonce != before.boot_nonce, "it boots")
    comes_back(run, bench)
    _, err = finish(run)
    assert "link lost: no valid frame came from the device" in err
    assert "same device, new boot, reset cause pin" in err
    row(
        bench,
        "wedge",
        "no watchdog in this emulator: link lost by silence; reset line brings it back",
    )


def test_a_frozen_device_follows_nothing_of_what_lay_on_the_line(
    start: Start, bench: Bench
) -> None:
    """Processor and clock stood still: for the device the last actuation is a moment ago."""
    run = armed(start, bench)
    session = bench.mcu.facts().session
    bench.mcu.freeze()
    run.in_mode("SAFE")
    bench.mcu.thaw()
    facts = at_safe(bench)
    assert facts.to_safe_us <= bench.lease_us + T_US, facts
    comes_back(run, bench, session)
    link, err = finish(run)
    assert link["reboots"] == 0
    assert "link lost: no valid frame came from the device" in err
    assert "same device, same boot" in err
    row(bench, "clock and processor frozen", bound(bench, facts))


def test_a_stopped_emulator_comes_back_safe(start: Start, bench: Bench) -> None:
    """SIGSTOP: its clock jumps when it goes on, over the end of the lease and of the watchdog."""
    run = armed(start, bench)
    session = bench.mcu.facts().session
    bench.mcu.signal(signal.SIGSTOP)
    run.in_mode("SAFE")
    bench.mcu.signal(signal.SIGCONT)
    facts = at_safe(bench)
    assert facts.to_safe_us - facts.late_us <= bench.lease_us + T_US, facts
    comes_back(run, bench, session)
    _, err = finish(run)
    assert "link lost: no valid frame came from the device" in err
    [boot] = {line.partition("same device, ")[2] for line in err.splitlines()} - {""}
    row(bench, "SIGSTOP, SIGCONT of the emulator", f"safe when it goes on; {boot}")


def struck(
    run: LiveRun, bench: Bench, strike: Callable[[], None], mend: Callable[[], None]
) -> tuple[Facts, str]:
    """Break something in a run that is armed; return the device's state at safe, and a row's words.

    A sample in which the device's main loop was late is none: it is mended, and broken again.
    """
    for tried in range(TRIES):
        mark = bench.mcu.facts()
        strike()
        run.in_mode("SAFE")
        facts = at_safe(bench)
        mend()
        comes_back(run, bench)
        if facts.late_us <= LATE_US:
            after = (facts.safe_reached_us - mark.now_us) / 1e3
            return facts, f"{after:.1f} ms after it, {bound(bench, facts)}, late {tried}"
    pytest.fail(f"the instrument was late in all {TRIES} samples")


@pytest.mark.parametrize("way", ["silence", "hang-up"])
def test_without_a_cable_the_device_is_safe_within_its_lease(
    start: Start, bench: Bench, way: str
) -> None:
    """The lease runs on the device's own clock: nothing on the host has a part in it."""
    cable = bench.cable
    run = armed(start, bench)

    def pull() -> None:
        if way == "silence":
            cable.silent = True
        else:
            cable.cut()

    def put_in() -> None:
        cable.silent = False
        cable.mend()

    facts, said = struck(run, bench, pull, put_in)
    assert facts.to_safe_us <= bench.lease_us + T_US, facts
    link, err = finish(run)
    assert link["reboots"] == 0
    assert "same device, same boot" in err
    row(bench, f"cable: {way}", said)


@pytest.mark.parametrize("role", ["io", "control"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_role_leaves_the_device_safe_within_its_lease(
    start: Start, bench: Bench, role: str, number: signal.Signals
) -> None:
    """The kill matrix once more, judged by a firmware on a processor of its own."""
    run = armed(start, bench)
    pids: list[int] = []

    def strike() -> None:
        pids.append(run.pid(role))
        os.kill(pids[-1], number)

    def succeeded() -> None:
        wait_for(lambda: run.pid(role) not in (0, pids[-1]), "a successor")

    facts, said = struck(run, bench, strike, succeeded)
    assert facts.to_safe_us <= bench.lease_us + T_US, facts
    row(bench, f"{role} {number.name}", said)


def test_other_firmware_is_refused_by_field(start: Start, bench: Bench) -> None:
    """Someone flashed the wrong image: no frame of it is believed, and arming says why."""
    run = armed(start, bench)
    bench.mcu.power_down()
    run.in_mode("SAFE")
    right, bench.mcu.elf = bench.mcu.elf, bench.other_firmware(OTHER)
    bench.mcu.power_up()
    assert run.ask("acknowledge", "motor")[0] == 0
    differs = "position: the firmware says low -500, high 500, the board file says low -1000"
    wait_for(lambda: differs in run.ask("arm", "motor")[2], "arming is refused by field")
    assert bench.mcu.facts().mode != ARMED
    bench.mcu.power_down()
    bench.mcu.elf = right
    bench.mcu.power_up()
    arm(run, bench)
    _, err = finish(run)
    assert "mcu: link refused: the device differs in the schema hash" in err
    assert differs in err
    row(bench, "wrong firmware", f"refused: {differs}")


def test_an_old_sessions_bytes_arm_nothing(start: Start, bench: Bench) -> None:
    """All that a host ever said, said again by somebody else: to a device without a host, too."""
    cable = bench.cable
    run = armed(start, bench)
    wait_for(lambda: len(cable.to_device) > 1000, "something to replay")
    cable.cut()
    run.in_mode("SAFE")
    at_safe(bench)
    before = bench.mcu.facts()
    said, heard = bytes(cable.to_device), bytes(cable.to_host)
    cable.inject(said, to_device=True)
    after = stays_safe(bench, before)
    assert after.session == before.session  # it has taken the old host's words for a new one's
    cable.mend()
    other_session(bench, before.session)
    cable.inject(said, to_device=True)
    cable.inject(heard, to_device=False)
    stays_safe(bench, before)
    comes_back(run, bench, before.session)
    link, err = finish(run)
    assert int(str(link["foreign"])) > 10, err
    row(bench, "replay of an old session", f"nothing armed; {link['foreign']} frames discarded")


def other_session(bench: Bench, session: int) -> Facts:
    """Wait for another session than this."""
    return bench.mcu.when(lambda facts: facts.session not in (0, session), "a new session")
