"""People who read and set a system while it runs: the way from a command to a tick, and back."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from amphost.supervisor.events import EventCode
from tests.system.live import LiveRun, wait_for

LAW = """small: {gain: error, by: 0.0}
      push: {constant: 0.25, tunable: true}
      voltage: {add: [small, push]}"""
PUSH = ("voltage: {gain: error, by: 0.5}", LAW)
"""A law whose output is its one tunable number: what the loop runs with shows from outside."""


def value(run: LiveRun, name: str) -> Any:
    """Return the newest value."""
    code, out, err = run.ask("get", name, "--json")
    assert code == 0, err
    return json.loads(out)[0]["value"]


def recorded(folder: Path, topic: str) -> list[Any]:
    """Return the messages of a topic."""
    (path,) = folder.glob("runs/*.mcap")
    with path.open("rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        return [message for *_, message in reader.iter_decoded_messages(topics=[topic])]


def test_a_number_set_while_armed_holds_from_one_recorded_tick_on(
    start: Callable[..., LiveRun], patient: Callable[..., Path], tmp_path: Path
) -> None:
    """The recording alone says which period ran with which number, and who set it."""
    run = start(spec=patient(PUSH))
    run.armed()
    code, out, err = run.ask("set", "control.push.constant=0.75", "--wait", "--json")
    assert code == 0, err
    tick = json.loads(out)["tick"]
    wait_for(lambda: value(run, "control.voltage") == 0.75, "the output follows")
    wait_for(lambda: value(run, "control.tick") > tick + 5, "further periods")
    assert run.state()["mode"] == "ARMED"
    code, out, err = run.ask("events", "--json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["tick"] == tick
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 0, err
    assert report["faults"] == []
    changes = [
        one for one in recorded(tmp_path, "/motor/events") if one.code == EventCode.PARAMETER
    ]
    assert [(one.old, one.new, one.tick, one.uid) for one in changes] == [
        (0.25, 0.75, tick, os.geteuid())
    ]
    voltages = {one.tick: one.voltage for one in recorded(tmp_path, "/motor/control")}
    assert (voltages[tick - 1], voltages[tick]) == (0.25, 0.75)


def test_a_role_that_is_started_again_runs_with_what_was_set(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """A restart must not put the machine back to numbers that nobody shows."""
    run = start(spec=patient(PUSH))
    run.armed()
    assert run.ask("set", "control.push.constant=0.75", "--wait")[0] == 0
    os.kill(run.pid("control"), signal.SIGKILL)
    run.in_mode("SAFE")
    run.role("control", "RUNNING", 2)
    assert value(run, "control.push.constant") == 0.75
    assert run.ask("acknowledge", "motor")[0] == 0
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "ready to be armed again")
    wait_for(lambda: value(run, "control.voltage") == 0.75, "what it runs with")
    assert run.ask("set", "control.push.constant=0.5", "--wait")[0] == 0
    wait_for(lambda: value(run, "control.voltage") == 0.5, "and it can be set again")
    _, out, _ = run.ask("events", "--json")
    happened = [json.loads(line) for line in out.splitlines()]
    assert [one["number"] for one in happened] == list(range(1, len(happened) + 1))
    kinds = [one["event"] for one in happened]
    assert kinds.count("parameter") == 2
    assert {"mode", "role", "fault"} < set(kinds)
    acknowledged = next(one for one in happened if one["text"] == "mode SAFE -> DISARMED")
    assert acknowledged["uid"] == os.geteuid()
    os.kill(run.process.pid, signal.SIGTERM)
    run.finish()


def test_clients_that_set_and_read_without_end_do_not_hold_the_supervisor(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its roles expect a heartbeat every 100 ms, whoever shouts at the door."""
    run = start(spec=patient(PUSH))
    run.armed()
    lines = [
        b'{"verb": "get"}\n' * 500,
        b'{"verb": "events"}\n' * 500,
        b'{"verb": "set", "values": {"control.push.constant": 0.3}}\n' * 500,
        b'{"verb": "set", "values": {"operator.target": 1}}\n' * 500,
        b'{"verb": "set", "values": {"operator.target": NaN, "' + b"x" * 50_000 + b'": 1}}\n',
        b'{"verb": "get", "names": [' + b'"x",' * 10_000 + b'"x"]}\n',
        b'{"verb": "outcome", "id": 1e999}\n' * 500,
    ]
    clients = []
    for turn in range(28):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.setblocking(False)
        clients.append(client)
        with suppress(OSError):  # some are too many at once
            client.connect(str(run.base / "motor" / "control.sock"))
            client.send(lines[turn % len(lines)])  # and never read
    assert run.ask("state", "motor")[0] == 0
    for client in clients:
        client.close()
    wait_for(lambda: run.ask("set", "operator.target=0.5")[0] == 0, "it takes what is asked again")
    wait_for(lambda: value(run, "operator.target") == 0.5, "and does it")
    os.kill(run.process.pid, signal.SIGTERM)
    _, report, err = run.finish()
    assert "supervisor_lost" not in {fault["fault"] for fault in report["faults"]}, err
