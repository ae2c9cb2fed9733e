"""People at the control socket, and the way back after a fault: never without a fresh act."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.system.live import LiveRun, wait_for

MANUAL = ("arm: on_start", "arm: manual")


def events(run: LiveRun, kind: str) -> int:
    """Count what has happened to the device."""
    return [event["event"] for event in run.journal()].count(kind)


def in_epoch(run: LiveRun, role: str, epoch: int) -> bool:
    """Return whether a role has got that far."""
    return bool(run.state()["roles"][role]["epoch"] == epoch)


def accounted(report: dict[str, Any], *names: str) -> bool:
    """Return whether every period of these loops is accounted for."""
    roles = [report["roles"][name] for name in names]
    return all(r["ticks"] + r["skipped_ticks"] == r["expected_ticks"] for r in roles)


def test_a_system_that_waits_for_people_moves_when_they_say_so(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """`arm: manual`, the default: each verb does what it says, and says the mode."""
    run = start(spec=patient(MANUAL))
    run.in_mode("DISARMED")
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "everything is ready to be armed")
    run.event("first_actuation")
    assert run.ask("arm", "motor") == (
        1,
        "",
        "amphost: arm is not possible in ARMED; possible: disarm",
    )
    assert run.ask("state", "motor") == (0, "ARMED", "")
    code, out, _ = run.ask("state", "motor", "--json")
    state = json.loads(out)
    assert (code, state["mode"], state["arming"]) == (0, "ARMED", 1)
    assert state["pid"] == run.process.pid
    assert run.ask("disarm", "motor") == (0, "DISARMED", "")
    run.event("disarmed")
    assert run.ask("acknowledge", "motor")[0] == 1
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "armed again")
    wait_for(lambda: events(run, "first_actuation") == 2, "the device follows again")
    assert run.ask("stop", "motor") == (0, "ARMED", "")
    code, report, err = run.finish()
    assert code == 0, err
    assert report["armings"] == 2
    assert accounted(report, "control", "io")
    assert run.ask("state", "motor")[2].startswith("amphost: nothing runs at ")


@pytest.mark.parametrize("victim", ["io", "control"])
def test_after_a_death_the_system_waits_for_two_fresh_acts(
    start: Callable[..., LiveRun], patient: Callable[..., Path], victim: str
) -> None:
    """Restarted and linked it stays SAFE; acknowledged, DISARMED; only armed again it follows."""
    run = start(spec=patient())
    run.armed()
    os.kill(run.pid(victim), signal.SIGKILL)
    run.in_mode("SAFE")
    run.role(victim, "RUNNING", 2)
    code, _, err = run.ask("arm", "motor")
    assert (code, err) == (1, "amphost: arm is not possible in SAFE; possible: acknowledge")
    assert run.ask("acknowledge", "motor") == (0, "DISARMED", "")
    followed = events(run, "first_actuation")
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "ready to be armed again")
    wait_for(lambda: events(run, "first_actuation") > followed, "the device follows again")
    assert run.state()["mode"] == "ARMED"
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err  # there was a fault
    assert report["mode"] == "DISARMED"
    assert report["armings"] == 2
    assert report["roles"][victim]["restarts"] == 1
    assert report["link"]["mcu"]["session"] in ("up", "down")
    assert accounted(report, "control", "io")
    assert report["faults"][0]["role"] == victim
    assert run.gone()


def test_a_hung_control_role_is_replaced_once_and_its_successor_lives(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its successor must not be killed for the heartbeat that its predecessor missed."""
    run = start(spec=patient())
    run.armed()
    os.kill(run.pid("control"), signal.SIGSTOP)
    run.in_mode("SAFE")
    run.role("control", "RUNNING", 2)
    assert run.ask("acknowledge", "motor")[0] == 0
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "ready to be armed again")
    assert run.state()["roles"]["control"]["epoch"] == 2
    os.kill(run.process.pid, signal.SIGTERM)
    _, report, _ = run.finish()
    assert [fault["fault"] for fault in report["faults"]].count("heartbeat") == 1
    assert report["roles"]["control"]["restarts"] == 1


@pytest.mark.slow
def test_a_hung_observer_is_replaced_and_control_stays_armed(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Telemetry stopped for ever: an observer has five seconds, control none to lose."""
    run = start(spec=patient())
    run.armed()
    run.role("telemetry", "RUNNING", 1)
    os.kill(run.pid("telemetry"), signal.SIGSTOP)
    run.role("telemetry", "RUNNING", 2)
    assert run.state()["mode"] == "ARMED"
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 0, err
    assert report["roles"]["control"]["restarts"] == 0
    assert [(f["role"], f["fault"]) for f in report["faults"]] == [("telemetry", "heartbeat")]


def test_a_role_that_dies_while_it_starts_is_started_again(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """The first second of a run is a second like any other."""
    run = start(spec=patient())
    wait_for(lambda: run.state().get("roles", {}).get("control", {}).get("pid"), "the process")
    os.kill(run.pid("control"), signal.SIGKILL)
    run.armed()
    assert run.state()["roles"]["control"]["epoch"] >= 2
    os.kill(run.process.pid, signal.SIGTERM)
    _, report, _ = run.finish()
    assert report["mode"] == "DISARMED"
    assert report["roles"]["control"]["restarts"] >= 1
    assert accounted(report, "control", "io")
    assert run.gone()


@pytest.mark.slow
def test_an_observer_that_dies_too_often_stays_down_with_the_reason(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Five restarts in a minute, then the system goes on without it, and says so."""
    run = start(spec=patient())
    run.armed()
    for epoch in range(1, 7):
        wait_for(partial(in_epoch, run, "telemetry", epoch), "the next one")
        os.kill(run.pid("telemetry"), signal.SIGKILL)
        wait_for(lambda: run.state()["roles"]["telemetry"]["state"] == "DEAD", "its death")
    assert run.state()["mode"] == "ARMED"
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    reason = "telemetry: killed by SIGKILL; it died too often and stays down"
    assert reason in report["degraded"]
    assert reason in err
    assert report["roles"]["control"]["restarts"] == 0
    assert report["mode"] == "DISARMED"


def test_hostile_clients_do_not_hold_the_supervisor(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its roles expect a heartbeat every 100 ms, whoever shouts at the door."""
    run = start(spec=patient())
    run.armed()
    clients = []
    garbage = [b"x" * 70_000, b"{" * 60_000 + b"\n", b'{"verb": "state"}\n' * 2000, b"\xff\n", b""]
    for turn in range(30):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.setblocking(False)
        clients.append(client)
        with suppress(OSError):  # some are too many at once
            client.connect(str(run.base / "motor" / "control.sock"))
            client.send(garbage[turn % len(garbage)])  # and never read
    assert run.ask("state", "motor") == (0, "ARMED", "")
    for client in clients:
        client.close()
    assert run.ask("disarm", "motor")[0] == 0
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 0, err
    assert report["faults"] == []
