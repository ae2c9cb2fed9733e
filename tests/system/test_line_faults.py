"""Every fault of a line, done to a running system: what each end counts, and what it does then."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import ladder
from tests.firmware.building import need
from tests.system import bad_line
from tests.system.live import LiveRun, undisturbed, wait_for

IN_FLIGHT = 5
"""Frames that were under way, or outside the count of sequences, when a run began or ended."""
TRIES = 5
TAIL = 200
"""Frames that a device still sends to a host that has left: a fifth of a second of them."""
Report = dict[str, Any]


def spoilt(kind: str, to_host: float, to_device: float, **more: object) -> bad_line.Faults:
    """Return one fault in each direction, at its own rate."""
    return {
        "host": {"kind": kind, "way": "to_host", "rate": to_host, **more},
        "device": {"kind": kind, "way": "to_device", "rate": to_device, **more},
    }


@pytest.fixture
def run_with(start: Callable[..., LiveRun], tmp_path: Path, root: Path) -> Callable[..., Report]:
    """Return a function that runs an armed system on a bad line and returns its report."""

    def run(faults: bad_line.Faults) -> Report:
        spec = bad_line.write(tmp_path, root, faults, lease_ms=400)
        err = ""
        for number in range(TRIES):
            base = tmp_path / str(number)
            base.mkdir()
            code, report, err = start("--for", "1.5s", spec=spec, base=base).finish()
            assert "FAULTS ARE INJECTED" in err
            assert any("FAULTS ARE INJECTED" in line for line in report["degraded"])
            if undisturbed(code, report, err):
                assert (report["mode"], report["armings"]) == ("DISARMED", 1), err
                return report
        pytest.fail(f"the machine was away in each of {TRIES} runs: {err}")

    return run


def ends(report: Report) -> list[tuple[int, int, dict[str, int]]]:
    """Return for each direction how often it was struck, the frames sent, and what was counted."""
    link = report["link"]["mcu"]
    injected, device = link["injected"], link["at_device"]
    host = {name: link[name] for name in ("frames_in", "sequence_gaps", "foreign", "repeated")}
    host |= link["errors"]
    found = []
    for name, way, counted in (("host", "to_host", host), ("device", "to_device", device)):
        passed = injected[way]
        assert passed["faults"][name] > 0, f"nothing was done {way}: {passed}"
        bad = sum(counted[one] for one in ("bad_cobs", "bad_length", "bad_crc"))
        found.append((passed["faults"][name], passed["frames"], counted | {"bad": bad}))
    return found


@pytest.mark.parametrize(
    ("kind", "to_host", "to_device", "more"),
    [
        ("flip", 0.0005, 0.005, {}),
        ("burst", 0.0005, 0.005, {"bits": 32}),
        ("lose_bytes", 0.0005, 0.005, {"bytes": 3}),
        ("insert", 0.0005, 0.005, {"bytes": 2}),
        ("truncate", 0.02, 0.1, {}),
    ],
)
def test_damage_is_discarded_and_costs_two_frames_an_event(
    run_with: Callable[..., Report], kind: str, to_host: float, to_device: float, more: object
) -> None:
    """Neither end takes a damaged frame for a good one, and the system goes on."""
    assert isinstance(more, dict)
    for struck, frames, counted in ends(run_with(spoilt(kind, to_host, to_device, **more))):
        assert 0 < counted["bad"] <= struck * 3
        assert frames - 2 * struck - TAIL <= counted["frames_in"] < frames
        assert counted["repeated"] <= IN_FLIGHT  # a command that was sent again
        assert counted["foreign"] <= IN_FLIGHT
        assert counted["unexpected"] == 0


def test_lost_frames_are_counted_one_by_one(run_with: Callable[..., Report]) -> None:
    """A gap in the sequence says how many are missing, not only that some are."""
    for struck, frames, counted in ends(run_with(spoilt("lose_frames", 0.02, 0.1))):
        assert struck - IN_FLIGHT <= counted["sequence_gaps"] <= struck
        assert frames - struck - TAIL <= counted["frames_in"] <= frames - struck
        assert counted["bad"] == 0


def test_repeated_frames_are_taken_once(run_with: Callable[..., Report]) -> None:
    """An actuation that comes twice is one actuation, and feeds the lease once."""
    for struck, _, counted in ends(run_with(spoilt("repeat", 0.02, 0.1))):
        assert struck - IN_FLIGHT <= counted["repeated"] <= struck + IN_FLIGHT
        assert counted["bad"] == 0


def test_a_frame_that_was_overtaken_is_thrown_away(run_with: Callable[..., Report]) -> None:
    """Wrong order is a gap, and then an old number: the older value never replaces the newer."""
    for struck, _, counted in ends(run_with(spoilt("reorder", 0.02, 0.1))):
        assert struck - IN_FLIGHT <= counted["repeated"] <= struck + IN_FLIGHT
        assert struck - IN_FLIGHT <= counted["sequence_gaps"] <= struck + IN_FLIGHT
        assert counted["bad"] == 0


@pytest.mark.parametrize(("differs_in", "counter"), [("session", "foreign"), ("schema", "bad_crc")])
def test_a_forged_frame_is_told_by_its_session_or_its_schema(
    run_with: Callable[..., Report], differs_in: str, counter: str
) -> None:
    """All else about it is right: another host's frame, or another firmware's."""
    faults = spoilt("masquerade", 0.02, 0.1, differs_in=differs_in)
    for struck, frames, counted in ends(run_with(faults)):
        assert struck - IN_FLIGHT <= counted[counter] <= struck + IN_FLIGHT
        whole = counted["frames_in"] - (struck if differs_in == "session" else 0)
        assert frames - TAIL <= whole <= frames + IN_FLIGHT


def test_what_comes_late_comes_whole_and_its_lateness_is_known(
    run_with: Callable[..., Report],
) -> None:
    """No frame is lost by a slow line; the clock's round trip says how slow it was."""
    faults = spoilt("delay", 1.0, 1.0, delay_ms=[2, 6])
    report = run_with(faults)
    for _, frames, counted in ends(report):
        assert counted["bad"] == counted["sequence_gaps"] == 0
        assert frames - TAIL <= counted["frames_in"] <= frames
    assert report["link"]["mcu"]["clock"]["round_trip_us"] >= 4000


def test_frames_in_pieces_are_put_together(run_with: Callable[..., Report]) -> None:
    """Where a read ends means nothing."""
    faults: bad_line.Faults = {
        "host": {"kind": "chunk", "way": "to_host", "bytes": 16, "gap_ms": 0.1},
        "device": {"kind": "chunk", "way": "to_device", "bytes": 5, "gap_ms": 0.5},
    }
    for _, frames, counted in ends(run_with(faults)):
        assert counted["bad"] == counted["sequence_gaps"] == 0
        assert frames - TAIL <= counted["frames_in"] <= frames


LOST: dict[str, tuple[dict[str, Any], str]] = {
    "lose_frames": ({"way": "to_device", "rate": 1.0}, "the device went safe by itself"),
    "stuck": ({"way": "to_device"}, "the device went safe by itself"),
    "stall": ({"way": "to_device"}, "the device went safe by itself"),
    "unplug": ({}, "the port hung up"),
    "wrong_baud": ({"baud": 115200}, "more than 20 % of its frames in 100 ms were damaged"),
}


@pytest.mark.parametrize("kind", LOST)
def test_a_device_that_hears_no_actuation_is_safe_in_its_lease_and_one_period(
    start: Callable[..., LiveRun], tmp_path: Path, root: Path, kind: str
) -> None:
    """By its own clock, whatever has become of the line; then it takes two acts, no restart."""
    fault, text = LOST[kind]
    faults = {"one": {"kind": kind, "on_signal": True, "for_s": 0.6, **fault}}
    spec = bad_line.write(tmp_path, root, faults)
    for _ in range(TRIES):
        run = bad_line.armed_and_struck(start, spec)
        took_us = bad_line.time_to_safe_us(run)
        if took_us is not None:
            break
        run.end()
        shutil.rmtree(run.base / "motor")
    else:
        pytest.fail(f"the instrument was late in all {TRIES} samples")
    assert took_us <= bad_line.LEASE_US + bad_line.PERIOD_US + bad_line.STEP_US
    armed = bad_line.device_events(run, "armed")
    bad_line.arm_again(run)
    assert bad_line.device_events(run, "armed") == armed + 1
    code, report, err = bad_line.finish(run)
    assert code == 1
    assert text in err, err
    assert report["roles"]["io"]["restarts"] == report["roles"]["control"]["restarts"] == 0
    link = report["link"]["mcu"]
    assert link["at_device"]["leases_ended"] >= 1  # a stalled machine may end one more
    if kind == "unplug":
        assert (link["injected"]["unplugs"], link["ports_opened"]) == (1, 1)
    else:
        injected = link["injected"]
        done = sum(injected[way]["faults"].get("one", 0) for way in ("to_device", "to_host"))
        assert done > 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("lose_frames", "no valid frame came from the device for"),
        ("stuck", "no valid frame came from the device for"),
        ("babble", "the device is isolated"),
    ],
)
def test_a_device_that_cannot_be_heard_is_lost_and_found_again(
    start: Callable[..., LiveRun], tmp_path: Path, root: Path, kind: str, text: str
) -> None:
    """Silence and noise are the same to the host: it does not guess where the motor is."""
    rate = {"rate": 1.0} if kind == "lose_frames" else {}
    faults = {"one": {"kind": kind, "way": "to_host", "on_signal": True, "for_s": 0.6, **rate}}
    run = bad_line.armed_and_struck(start, bad_line.write(tmp_path, root, faults))
    bad_line.arm_again(run)
    code, report, err = bad_line.finish(run)
    assert code == 1
    assert text in err, err
    link = report["link"]["mcu"]
    assert link["link_losses"] >= 1
    isolated = link["isolated_bad_frames"] + link["isolated_bytes"]
    assert (isolated > 0) == (kind == "babble")
    assert link["injected"]["to_host"]["faults"]["one"] > 0
    assert report["roles"]["io"]["restarts"] == 0


def test_frames_of_a_session_that_is_over_arm_nothing(
    start: Callable[..., LiveRun], tmp_path: Path, root: Path
) -> None:
    """Every frame of the armed session comes again in the next one, ARM among them."""
    faults = {
        "cable": {"kind": "unplug", "on_signal": True, "for_s": 0.3},
        "old": {"kind": "replay", "rate": 1.0},
    }
    run = bad_line.armed_and_struck(start, bad_line.write(tmp_path, root, faults))
    armed = bad_line.device_events(run, "armed")
    followed = bad_line.device_events(run, "first_actuation")
    assert run.ask("acknowledge", "motor")[0] == 0
    wait_for(lambda: bad_line.device_events(run, "session_up") >= 2, "another session")
    wait_for(lambda: _struck(run, "to_device", "old") > 20, "old frames have come again")
    assert run.state()["mode"] == "DISARMED"
    assert bad_line.device_events(run, "armed") == armed
    assert bad_line.device_events(run, "first_actuation") == followed
    _, report, _ = bad_line.finish(run)
    link = report["link"]["mcu"]
    assert link["foreign"] > 0
    assert link["at_device"]["foreign"] > 0
    assert link["at_device"]["unexpected"] == 0


def _struck(run: LiveRun, way: str, fault: str) -> int:
    state = json.loads(run.ask("state", run.state()["system"], "--json")[1])
    counts = state["fault_proxies"]["mcu"]["counts"]
    return int(counts[way]["faults"][fault]) if counts else 0


def test_a_wrong_speed_from_the_beginning_is_named(
    start: Callable[..., LiveRun], tmp_path: Path, root: Path
) -> None:
    """The first thing that goes wrong with a new board, and the hardest to see."""
    faults = {"one": {"kind": "wrong_baud", "baud": 115200}}
    run = start(spec=bad_line.write(tmp_path, root, faults))
    code, report, err = run.finish()
    assert code == 1
    assert (
        "io has no answer from mcu (not one byte has come: power, wiring, or another baud?)" in err
    )
    assert report["armings"] == 0


def test_a_device_that_talks_at_another_speed_is_told_from_a_silent_one(
    start: Callable[..., LiveRun], tmp_path: Path, root: Path
) -> None:
    """A host that comes anew to a device in the middle of its session hears garbage, and asks."""
    faults = {"one": {"kind": "wrong_baud", "baud": 460800, "on_signal": True}}
    run = bad_line.armed_and_struck(start, bad_line.write(tmp_path, root, faults))
    os.kill(run.pid("io"), signal.SIGKILL)
    run.role("io", "RUNNING", 2)
    wait_for(lambda: any("garbage" in text for text in _links(run)), "the garbage is noticed")
    _, report, err = bad_line.finish(run)
    assert "mcu: only framing garbage at 1000000 baud: wrong baud?" in err
    texts = [event["text"] for event in report["link"]["mcu"]["events"]]
    assert texts.count("only framing garbage at 1000000 baud: wrong baud?") == 1


def _links(run: LiveRun) -> list[str]:
    code, out, _ = run.ask("events", "--json")
    assert code == 0
    return [json.loads(line)["text"] for line in out.splitlines()]


def _injected(run: LiveRun, way: str) -> dict[str, int]:
    code, out, err = run.ask("state", "faults", "--json")
    assert code == 0, err
    counts: dict[str, int] = json.loads(out)["fault_proxies"]["mcu"]["counts"][way]["faults"]
    return counts


def test_the_example_goes_safe_and_on_again_as_its_head_says(
    start: Callable[..., LiveRun], tmp_path: Path
) -> None:
    """Noise and loss it survives; the cable takes a person's two acts."""
    run = start(spec=ladder.copied(tmp_path) / "12_faults.yaml")
    run.armed()
    wait_for(lambda: _injected(run, "to_host")["noise"] > 2, "bits that are turned over")
    wait_for(lambda: _injected(run, "to_device")["loss"] > 2, "frames that are lost")
    bad_line.strike(run)
    run.in_mode("SAFE")
    bad_line.arm_again(run, "faults")
    _, report, err = bad_line.finish(run)
    assert "mcu: link lost: the port hung up" in err
    assert "same device, same boot" in err
    link = report["link"]["mcu"]
    assert link["injected"]["unplugs"] == 1
    assert link["bad_frames"] > 0
    assert link["at_device"]["sequence_gaps"] > 0


def test_a_proxy_stands_before_emulated_firmware_too(
    start: Callable[..., LiveRun], tmp_path: Path
) -> None:
    """The line of a real firmware is spoilt like any other: what it sends is found damaged."""
    need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    need("qemu-system-arm", "qemu-system-arm")
    example = ladder.copied(tmp_path) / "11_cortex_m.yaml"
    board = example.parent / "cortex_m" / "board.yaml"
    noise = {"kind": "flip", "way": "to_host", "rate": 0.0005}
    cable = {"kind": "unplug", "on_signal": True, "for_s": 0.3}
    faults = json.dumps({"seed": 1, "inject": {"noise": noise, "cable": cable}})
    text = board.read_text(encoding="utf-8").replace(
        "    baud:", f"    faults: {faults}\n    baud:"
    )
    board.write_text(text, encoding="utf-8")
    ladder.build(example)
    run = start(spec=example)
    run.in_mode("ARMED")
    wait_for(lambda: _struck(run, "to_host", "noise") > 2, "some bits are flipped")
    bad_line.strike(run)
    run.in_mode("SAFE")
    wait_for(lambda: bad_line.over(run), "the fault is over")
    assert run.ask("acknowledge", "cortex_m")[0] == 0
    wait_for(lambda: run.ask("arm", "cortex_m")[0] == 0, "the link is up again")
    _, report, err = bad_line.finish(run)
    assert "same device, same boot" in err
    link = report["link"]["mcu"]
    assert link["bad_frames"] > 0
    assert link["injected"]["unplugs"] == 1
    assert report["roles"]["io"]["restarts"] == 0
