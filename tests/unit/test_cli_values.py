"""The verbs that name values, against a supervisor's own settings behind a real socket."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.cli import main as cli
from amphost.cli.running import user
from amphost.plan.model import Plan
from amphost.supervisor.control_socket import ControlSocket
from amphost.supervisor.events import KEPT, EventCode
from tests.system.live import wait_for
from tests.unit.settings_bench import PID, SettingsBench


class Served:
    """A system named motor that answers and makes its periods, until it is stopped.

    Synchronization: what it does is done in a thread of its own; `bench` is the thread's meanwhile.
    """

    def __init__(self, bench: SettingsBench, base: Path) -> None:
        self.bench = bench
        self.base = base
        (base / "motor").mkdir()
        self._socket = ControlSocket(base / "motor" / "control.sock", bench.settings.answer)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.001):
            self.bench.publish()
            self.bench.tick()
            self._socket.poll()

    def ask(self, *words: str) -> int:
        """Run a verb as a person does."""
        return cli.main([*words, "--runtime-dir", str(self.base)])

    def stop(self) -> None:
        """End the system."""
        self._over.set()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[SettingsBench]:
    """A system whose pid may be tuned."""
    made = SettingsBench(plan_of(PID))
    yield made
    made.close()


@pytest.fixture
def served(bench: SettingsBench, tmp_path: Path) -> Iterator[Served]:
    """The same, running."""
    made = Served(bench, tmp_path)
    yield made
    made.stop()


Capture = pytest.CaptureFixture[str]


def test_get_prints_a_table_for_people_and_objects_for_programs(
    served: Served, capsys: Capture
) -> None:
    """Name, value, unit, range, and who set it last."""
    wait_for(served.bench.segments.mapped["supervisor"].count, "the first values")
    assert served.ask("get", "operator.target", "control.voltage.ki") == 0
    head, target, ki = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "value", "unit", "age", "range", "by"]
    assert target.split()[:3] == ["operator.target", "1.5", "rad"]
    assert target.split()[-4:] == ["-6", "to", "6", "spec"]
    assert "V per rad and s" in ki
    assert served.ask("get", "--json", "operator") == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["name"], entry["value"]) == ("operator.target", 1.5)
    assert served.ask("get") == 0
    assert "telemetry.lost" in capsys.readouterr().out


def test_set_and_wait_prints_the_tick(served: Served, capsys: Capture) -> None:
    """The answer is the loop's own."""
    words = ("control.voltage.kp=4.5", "control.voltage.ki=2")
    assert served.ask("set", *words, "--wait") == 0
    first, second = capsys.readouterr().out.splitlines()
    said, tick = first.rsplit("tick ", 1)
    assert said == "control.voltage.kp 4.5: applied at "
    assert tick.endswith(" of control")
    assert second == f"control.voltage.ki 2: applied at tick {tick}"
    assert served.ask("set", "control.voltage.kp", "5", "--wait", "--json") == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["state"], reply["role"]) == ("applied", "control")
    assert reply["values"] == {"control.voltage.kp": 5.0}
    assert reply["tick"] > int(tick.split()[0])


def test_set_without_waiting_says_what_it_knows(served: Served, capsys: Capture) -> None:
    """On its way is not applied."""
    assert served.ask("set", "operator.target", "-2.5") == 0
    assert served.ask("set", "control.voltage.kp=3") == 0
    out = capsys.readouterr().out
    assert out == "operator.target -2.5: set\ncontrol.voltage.kp 3: sent\n"


def test_a_refusal_is_one_line_and_exit_1(served: Served, capsys: Capture) -> None:
    """Of the supervisor, before anything is sent; of the loop, when it comes to it."""
    assert served.ask("set", "operator.target", "7") == 1
    assert capsys.readouterr().err == "amphost: operator.target: 7 is not within -6 to 6 rad\n"
    served.bench.runs["control"].epoch = 2  # as though it had been started again just now
    assert served.ask("set", "control.voltage.kp=3", "--wait") == 1
    assert capsys.readouterr().err == (
        "amphost: control.voltage.kp: refused by control: the role has been started again"
        " meanwhile; nothing was changed\n"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("operator.target",), "'operator.target': write NAME VALUE, or NAME=VALUE for each"),
        (("a", "b", "c"), "'a': write NAME VALUE"),
        (("=1",), "'=1': write NAME VALUE"),
        (("a=1", "a=2"), "a is set twice"),
        (("a", "one"), "a: 'one' is not a number"),
        (("a=nan",), "a: 'nan' is not a number"),
        (("a=inf",), "a: 'inf' is not a number"),
        (("a=",), "a: '' is not a number"),
    ],
)
def test_words_that_set_nothing_are_wrong_usage(
    tmp_path: Path, capsys: Capture, words: tuple[str, ...], text: str
) -> None:
    """A script must tell its own mistake from the system's no: no system is asked."""
    assert cli.main(["set", *words, "--runtime-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"amphost: {text}")


def test_a_negative_value_is_a_value(served: Served, capsys: Capture) -> None:
    """And no option."""
    assert served.ask("set", "operator.target=-1.25") == 0
    assert served.ask("set", "operator.target", "-1.5") == 0
    assert capsys.readouterr().out.splitlines()[1] == "operator.target -1.5: set"


def test_watch_prints_a_line_for_each_change(served: Served, capsys: Capture) -> None:
    """What stands still is said once."""
    assert served.ask("watch", "control.voltage.kp", "--for", "300ms", "--rate", "50") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[1:] == ["control.voltage.kp", "2", "V", "per", "rad"]
    assert served.ask("watch", "control.tick", "--for", "300ms", "--rate", "20", "--json") == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ticks = [entry["value"] for entry in entries]
    assert len(ticks) > 1
    assert ticks == sorted(set(ticks))
    assert entries[0]["name"] == "control.tick"


def test_watch_and_follow_end_with_the_system(served: Served, capsys: Capture) -> None:
    """A terminal that stands still would look like a machine that does."""
    timer = threading.Timer(0.2, served.stop)
    timer.start()
    assert served.ask("watch", "control", "--system", "motor") == 1
    assert capsys.readouterr().err == "amphost: motor has ended, or is not running\n"
    timer.join()
    assert served.ask("events", "--follow", "--system", "motor") == 1
    assert capsys.readouterr().err == "amphost: motor has ended, or is not running\n"


@pytest.mark.parametrize("rate", ["0", "-1", "51", "nan", "x"])
def test_a_rate_that_nobody_should_ask_for_is_wrong_usage(tmp_path: Path, rate: str) -> None:
    """Looking costs the supervisor's turns."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["watch", "a", "--rate", rate, "--runtime-dir", str(tmp_path)])
    assert ended.value.code == 2


def test_events_are_printed_with_number_and_author(served: Served, capsys: Capture) -> None:
    """Who changed what, and when."""
    served.ask("set", "operator.target", "2")
    served.ask("set", "control.voltage.kp=3", "--wait")
    capsys.readouterr()
    assert served.ask("events") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "1"
    assert first.endswith(
        f"  operator.target 1.5 -> 2 rad  ({user(os.geteuid())}, process {os.getpid()})"
    )
    assert "control.voltage.kp 2 -> 3, at tick " in second
    assert served.ask("events", "--after", "1", "--json") == 0
    (event,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (event["number"], event["event"], event["new"]) == (2, "parameter", 3.0)


def test_events_that_are_no_longer_kept_are_said(
    bench: SettingsBench, tmp_path: Path, capsys: Capture
) -> None:
    """A list that begins with the oldest kept looks complete."""
    for _ in range(KEPT + 7):
        bench.events.record(EventCode.STOP, "again")
    served = Served(bench, tmp_path)
    try:
        assert served.ask("events") == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "(7 older ones are not kept)"
        assert len(lines) == KEPT + 1
        assert served.ask("events", "--json") == 0
        assert json.loads(capsys.readouterr().out.splitlines()[0]) == {
            "event": "missing",
            "count": 7,
        }
    finally:
        served.stop()


def test_which_system_is_meant_is_asked_only_where_there_are_several(
    served: Served, capsys: Capture
) -> None:
    """What a killed run left behind is none."""
    (served.base / "old").mkdir()
    (served.base / "old" / "control.sock").touch()
    assert served.ask("get", "operator") == 0
    other = ControlSocket(served.base / "old" / "control.sock", lambda _request: {})
    capsys.readouterr()
    assert served.ask("get", "operator") == 2
    assert capsys.readouterr().err == "amphost: motor, old run: say which one with --system NAME\n"
    assert served.ask("get", "operator", "--system", "motor") == 0
    assert served.ask("get", "--system", "../motor") == 2
    other.close()


def test_without_a_system_it_says_how_to_start_one(tmp_path: Path, capsys: Capture) -> None:
    """The first thing that a newcomer types."""
    for verb in (("get",), ("set", "a", "1"), ("watch", "a"), ("events",)):
        assert cli.main([*verb, "--runtime-dir", str(tmp_path)]) == 1
        assert capsys.readouterr().err == (
            f"amphost: nothing runs below {tmp_path}; start it with `amphost run`\n"
        )
