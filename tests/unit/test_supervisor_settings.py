"""Reading and setting a running system: by name, within the ranges, as a whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from amphost.errors import AmphostError
from amphost.lifecycle import RoleState
from amphost.plan.model import Plan
from amphost.supervisor.control_socket import LINE_MAX
from amphost.supervisor.settings import CHANGES_A_TURN
from tests.unit.settings_bench import MS, PEER, PID, SettingsBench

GAINS = "error: {subtract: [target, position]}\n      voltage: {gain: error, by: 2.0}"


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[SettingsBench]:
    """A system whose pid may be tuned."""
    made = SettingsBench(plan_of(PID))
    yield made
    made.close()


def test_a_value_is_told_with_unit_age_range_and_origin(bench: SettingsBench) -> None:
    """Whoever changes something must see what it is now, and who put it there."""
    assert bench.get("operator.target")["value"] is None  # nothing is published yet
    bench.publish()
    target = bench.get("operator.target")
    assert 0 <= target.pop("age_s") < 5
    assert target == {
        "name": "operator.target",
        "kind": "operator",
        "value": 1.5,
        "unit": "rad",
        "low": -6.0,
        "high": 6.0,
        "by": "spec",
        "uid": None,
        "pid": None,
    }
    kp = bench.get("control.voltage.kp")
    assert (kp["kind"], kp["value"], kp["unit"], kp["by"]) == (
        "parameter",
        2.0,
        "V per rad",
        "spec",
    )
    bench.tick()
    tick = bench.get("control.tick")
    assert (tick["kind"], tick["value"], tick["by"]) == ("signal", 0, "control")


def test_a_beginning_stands_for_all_that_follow_and_nothing_for_everything(
    bench: SettingsBench,
) -> None:
    """A person who does not know the names asks for them."""
    names = [entry["name"] for entry in bench.ask("get", names=["control.voltage"])["values"]]
    numbers = ("kp", "ki", "kd", "derivative_cutoff_hz", "limit_low", "limit_high")
    assert names == ["control.voltage", *(f"control.voltage.{one}" for one in numbers)]
    everything = [entry["name"] for entry in bench.ask("get")["values"]]
    assert set(names) < set(everything)
    assert {"operator.target", "io.position", "telemetry.lost"} < set(everything)
    assert not any(name.startswith(("events.", "supervisor.")) for name in everything)
    twice = bench.ask("get", names=["control.tick", "control.tick", "control"])["values"]
    assert len({entry["name"] for entry in twice}) == len(twice)


def test_a_long_answer_comes_in_pages_that_fit_a_line(plan_of: Callable[..., Plan]) -> None:
    """A reply that was cut would be no JSON."""
    chain = "".join(
        f"      g{n}: {{pid: {f'g{n - 1}' if n else 'error'}, kp: 1.0, tunable: true}}\n"
        for n in range(60)
    )
    law = f"error: {{subtract: [target, position]}}\n{chain}      voltage: {{gain: g59, by: 2.0}}"
    bench = SettingsBench(plan_of((GAINS, law)))
    pages: list[list[str]] = []
    start: int | None = 0
    while start is not None:
        reply = bench.ask("get", **{"names": [], "from": start})
        assert len(json.dumps(reply)) < LINE_MAX - 1000
        pages.append([entry["name"] for entry in reply["values"]])
        start = reply["more"]
    names = [name for page in pages for name in page]
    assert len(pages) >= 4
    assert len(set(names)) == len(names) > 360
    assert all(len(page) <= 100 for page in pages)
    bench.close()


def test_an_operator_value_is_published_next_and_its_author_kept(bench: SettingsBench) -> None:
    """The way by which a person moves the machine."""
    bench.publish()
    assert bench.set(operator__target=-2.5) == {"state": "applied"}
    bench.publish(later_ns=5 * MS)
    target = bench.get("operator.target")
    assert (target["value"], target["by"], target["uid"], target["pid"]) == (
        -2.5,
        "set",
        1000,
        4242,
    )
    (event,) = bench.happened()
    assert (event["event"], event["name"], event["old"], event["new"]) == (
        "value",
        "operator.target",
        1.5,
        -2.5,
    )
    assert (event["uid"], event["pid"], event["number"]) == (PEER.uid, PEER.pid, 1)
    assert event["text"] == "operator.target 1.5 -> -2.5 rad"


def test_a_value_stands_in_place_of_its_profile_until_the_next_arming(
    plan_of: Callable[..., Plan],
) -> None:
    """Whoever takes the machine by hand must not have it taken back by a file."""
    bench = SettingsBench(plan_of(PID), profile=[(0.0, 1.0), (10.0, 1.0)])
    bench.watchdog.run_profiles(time.monotonic_ns())
    bench.settings.armed()
    assert bench.get("operator.target")["by"] == "profile"
    bench.set(operator__target=3.0)
    assert bench.happened()[0]["text"].endswith("in place of its profile until the next arming")
    bench.watchdog.run_profiles(0)
    assert bench.get("operator.target")["by"] == "set"
    bench.watchdog.run_profiles(time.monotonic_ns())
    bench.settings.armed()
    target = bench.get("operator.target")
    assert (target["by"], target["uid"]) == ("profile", None)
    bench.close()


def test_a_number_of_a_law_holds_once_its_loop_has_said_so(bench: SettingsBench) -> None:
    """Before that, nobody is told that the machine runs with it."""
    bench.tick()
    sent = bench.set(control__voltage__kp=4.5, control__voltage__derivative_cutoff_hz=50)
    assert sent == {"state": "sent", "id": 1}
    bench.settings.turn()
    assert bench.ask("outcome", id=1) == {"state": "sent", "role": "control"}
    assert bench.get("control.voltage.kp")["value"] == 2.0
    assert bench.happened() == []
    bench.tick()
    assert bench.ask("outcome", id=1) == {"state": "applied", "role": "control", "tick": 1}
    kp = bench.get("control.voltage.kp")
    assert (kp["value"], kp["by"], kp["uid"]) == (4.5, "set", 1000)
    events = bench.happened()
    assert [(one["name"], one["old"], one["new"], one["tick"]) for one in events] == [
        ("control.voltage.kp", 2.0, 4.5, 1),
        ("control.voltage.derivative_cutoff_hz", 100.0, 50.0, 1),
    ]
    assert events[0]["text"] == "control.voltage.kp 2 -> 4.5, at tick 1"
    assert {one["event"] for one in events} == {"parameter"}


def test_a_number_set_to_what_it_is_gets_its_answer_too(bench: SettingsBench) -> None:
    """A script that sets the same twice must not wait for ever."""
    bench.set(control__voltage__kp=2.0)
    bench.tick()
    assert bench.ask("outcome", id=1)["state"] == "applied"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"operator.target": 6.001}, "operator.target: 6.001 is not within -6 to 6 rad"),
        ({"operator.target": float("nan")}, "operator.target: nan is not within -6 to 6 rad"),
        ({"operator.target": 10**400}, "operator.target: that number is too large"),
        ({"operator.target": True}, "operator.target: 'True' is not a number"),
        ({"operator.target": "1"}, "operator.target: '1' is not a number"),
        ({"operator.target": None}, "operator.target: 'None' is not a number"),
        ({"operator.target": ["x" * 999]}, "operator.target: "),
        ({"control.voltage.kp": 1e13}, "control.voltage.kp: 1e+13 is not within -1e+12 to 1e+12"),
        (
            {"control.voltage.limit_low": 13},
            "control.voltage: limit_low 13 is not below limit_high",
        ),
        ({"control.voltage": 1}, "'control.voltage' is nothing that can be set; did you mean"),
        ({"io.position": 1}, "'io.position' is nothing that can be set; "),
        ({"x" * 300: 1}, f"'{'x' * 59}... is no name: it is longer than 200 characters"),
        ({"\x1b[31m\n": 1}, "'\\x1b[31m\\n' is nothing that can be set; `amphost get` lists all"),
        ({}, "nothing to set: "),
        ([], "nothing to set: "),
        ("x", "nothing to set: "),
        (None, "nothing to set: "),
        ({f"n{n}": 1 for n in range(17)}, "17 values at once; at most 16"),
        (
            {"operator.target": 1, "control.voltage.kp": 1},
            "operator and control cannot be set together",
        ),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(
    bench: SettingsBench, values: object, text: str
) -> None:
    """Names and values come from outside: nothing of them is believed, or printed at length."""
    with pytest.raises(AmphostError) as refused:
        bench.ask("set", values=values)
    assert str(refused.value).startswith(text)
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()
    bench.publish()
    bench.tick()
    assert bench.get("operator.target")["value"] == 1.5
    assert bench.get("control.voltage.kp")["value"] == 2.0
    assert bench.happened() == []


@pytest.mark.parametrize("names", [None, "x", {"a": 1}, [1], [["x"]], ["x"] * 101])
def test_what_is_no_list_of_names_is_refused(bench: SettingsBench, names: object) -> None:
    """Likewise."""
    with pytest.raises(AmphostError, match=r"names"):
        bench.ask("get", names=names)


@pytest.mark.parametrize("start", [-1, "0", None, 1.5, True])
def test_what_is_no_place_is_refused(bench: SettingsBench, start: object) -> None:
    """Likewise."""
    with pytest.raises(AmphostError, match="the place at which the page begins"):
        bench.ask("get", **{"from": start})


@pytest.mark.parametrize("message", [0, 99, -1, "1", None, True, [1]])
def test_the_outcome_of_no_message_is_refused(bench: SettingsBench, message: object) -> None:
    """An id that was never given, or long ago."""
    with pytest.raises(AmphostError, match="there is no such message"):
        bench.ask("outcome", id=message)


def test_a_name_that_is_not_there_comes_back_with_a_guess(bench: SettingsBench) -> None:
    """One letter is easily lost."""
    with pytest.raises(AmphostError, match=r"did you mean operator\.target\?"):
        bench.ask("get", names=["operator.traget"])


def test_so_much_is_set_in_a_turn_and_no_more(bench: SettingsBench) -> None:
    """The events of a flood must not be lost on their way to the recording."""
    for _ in range(CHANGES_A_TURN):
        bench.set(operator__target=1.0)
    with pytest.raises(AmphostError, match="too much is being set at once"):
        bench.set(operator__target=1.0)
    bench.settings.turn()
    assert bench.set(operator__target=2.0) == {"state": "applied"}
    assert len(bench.happened()) == CHANGES_A_TURN + 1


def test_a_role_that_does_not_run_takes_nothing(bench: SettingsBench) -> None:
    """It would be applied to whoever comes, at a time that nobody chose."""
    for state in (RoleState.STARTING, RoleState.DEAD, RoleState.ENDING, RoleState.ENDED):
        bench.runs["control"].state = state
        with pytest.raises(AmphostError, match="control does not run; set it when it does"):
            bench.set(control__voltage__kp=3.0)
