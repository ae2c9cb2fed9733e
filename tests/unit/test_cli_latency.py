"""`amphost latency` as a user types it: measured for an instant, accounted for to the period."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from amphost import probe
from amphost.cli.latency import choose_core
from amphost.errors import HardwareMissingError
from amphost.latency.occupied import occupants
from amphost.latency.tally import from_probe
from amphost.latency.trace import read
from amphost.machine import Machine
from tests import markdown
from tests.rights import own_folder, without_rights
from tests.system.live import wait_for
from tests.unit.test_latency_band import PERFECT

WITHIN_S = 60
STAND_IN = r"""#!/bin/sh
for word in "$@"; do
    case "$word" in
    --json=*) out=${word#*=} ;;
    --loops=*) n=${word#*=} ;;
    esac
done
echo "$*" >> "$0.log"
thread='{"histogram":{"5000":%s},"cycles":%s,"max":5000}'
printf "{\"rt_test_version:\":\"9.9\",\"thread\":{\"0\":$thread}}" "$n" "$n" > "$out"
"""


def latency(
    *words: str,
    prefix: Sequence[str] = (),
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the verb, as if no system ran on this machine."""
    command = [*prefix, sys.executable, "-m", "amphost", "latency", *words]
    command += [] if "--runtime-dir" in words else ["--runtime-dir", "/nowhere"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=env, cwd=cwd, timeout=WITHIN_S
    )


def measured(*words: str, **more: Any) -> dict[str, Any]:
    """Return the object of a measurement that went well."""
    done = latency("--json", *words, **more)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture
def without_cyclictest(tmp_path: Path) -> dict[str, str]:
    """An environment in which cyclictest is not installed."""
    return dict(os.environ) | {"PATH": str(tmp_path)}


def test_every_period_is_accounted_for(without_cyclictest: dict[str, str]) -> None:
    """Wake-ups and skipped periods are those that the duration holds, whatever the host did."""
    report = measured("--for", "0.3s", "--rate", "700", "--compare", env=without_cyclictest)
    period_ns = round(1e9 / 700)
    assert report["period_ns"] == period_ns
    assert report["periods"] == 300_000_000 // period_ns == 210
    assert [result["name"] for result in report["results"]] == ["hybrid", "sleep"]
    for result in report["results"]:
        assert result["periods"] == result["wakeups"] + result["skipped"] == 210
        assert sum(count for _, count in result["counts"]) == result["wakeups"]
        assert result["counts"] == sorted(result["counts"])
        assert result["max_us"] * 1e3 <= result["counts"][-1][0]
    assert report["gaps"]["watched_s"] > 0.05
    assert report["cyclictest"] == {"installed": False, "version": None}
    assert not report["interrupted"]


def test_text_says_what_is_missing_and_where_to_get_it(
    without_cyclictest: dict[str, str],
) -> None:
    """Without rt-tests installed it measures all the same."""
    done = latency("--for", "100ms", env=without_cyclictest | {"COLUMNS": "80", "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    assert "rt-tests" in done.stdout
    assert done.stdout.isascii()
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stderr == ""


@pytest.mark.parametrize("wait", ["sleep", "spin"])
def test_each_way_of_waiting_can_be_measured(wait: str) -> None:
    """A role has three."""
    report = measured("--for", "100ms", "--wait", wait, "--no-cyclictest")
    assert [result["name"] for result in report["results"]] == [wait]
    assert report["cyclictest"]["installed"] is None


def test_cyclictest_is_measured_beside_us_on_the_same_terms(tmp_path: Path) -> None:
    """Its slices alternate with ours, are as long, and on the same core."""
    program = tmp_path / "cyclictest"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    env = dict(os.environ) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    report = measured("--for", "100ms", env=env)
    if report["policy"] != "fifo":
        pytest.skip("cyclictest is not asked without real-time rights")
    ours, theirs = report["results"]
    assert theirs["name"] == "cyclictest"
    assert theirs["periods"] == ours["periods"] == 100
    assert report["cyclictest"] == {"installed": True, "version": "9.9"}
    asked = (tmp_path / "cyclictest.log").read_text().splitlines()
    assert sum(int(line.split("--loops=")[1].split()[0]) for line in asked) == 100
    assert all(f"--affinity={report['core']} " in line for line in asked)
    assert len(asked) == 4


def test_cyclictest_that_would_refuse_is_not_asked(tmp_path: Path) -> None:
    """It does not run without real-time rights, and we do."""
    folder = own_folder(tmp_path, "user")
    program = folder / "cyclictest"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    env = dict(os.environ) | {"PATH": f"{folder}:{os.environ['PATH']}"}
    report = measured("--for", "100ms", prefix=without_rights(), cwd=folder, env=env)
    assert "cyclictest is left out: it does not run without real-time rights" in report["degraded"]
    assert report["cyclictest"] == {"installed": True, "version": None}
    assert not (folder / "cyclictest.log").exists()


def test_cyclictest_that_fails_is_left_out_and_named(tmp_path: Path) -> None:
    """An old or forbidden one must not cost the measurement."""
    program = tmp_path / "cyclictest"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    env = dict(os.environ) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    report = measured("--for", "100ms", env=env)
    if report["policy"] != "fifo":
        pytest.skip("cyclictest is not asked without real-time rights")
    assert [result["name"] for result in report["results"]] == ["hybrid"]
    assert report["results"][0]["periods"] == 100
    said = [lack for lack in report["degraded"] if "cyclictest" in lack]
    assert said == ["cyclictest is left out: it ended with status 3 and no result"]


def test_trace_and_picture_are_written_and_the_trace_replays(tmp_path: Path) -> None:
    """The same wake-ups again in virtual time: that is what it was saved for."""
    svg, csv = tmp_path / "a.svg", tmp_path / "a.csv"
    words = ("--for", "200ms", "--no-cyclictest", "--svg", str(svg), "--save-trace", str(csv))
    report = measured(*words)
    assert ET.parse(svg).getroot().tag.endswith("svg")  # noqa: S314 - written by us just now
    with csv.open(encoding="utf-8") as file:
        trace = read(file)
    assert len(trace.latencies_ns) == report["periods"] == 200
    assert trace.head.core == report["core"]
    assert trace.head.wait == "hybrid"
    words_again = probe.replay(trace.latencies_ns, trace.head.period_ns, 200)
    (result,) = report["results"]
    assert [list(pair) for pair in from_probe(words_again).counts] == result["counts"]
    assert words_again["skipped"] == result["skipped"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.svg"]


def test_interrupt_prints_what_there_was_and_exits_130(tmp_path: Path) -> None:
    """Who asked for an hour and is in a hurry gets the minutes that were measured."""
    csv = tmp_path / "a.csv"
    command = [
        sys.executable,
        "-m",
        "amphost",
        "latency",
        "--for",
        "1h",
        "--json",
        "--runtime-dir",
        "/nowhere",
    ]
    command += ["--no-cyclictest", "--save-trace", str(csv)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(lambda: children.read_text().split(), "it measures")
    (child,) = children.read_text().split()
    stat = Path(f"/proc/{child}/stat")
    woken = Path(f"/proc/{child}/status")
    wait_for(lambda: _switches(woken) > 400, "the child wakes up again and again")
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    report = json.loads(out)
    assert report["interrupted"]
    (result,) = report["results"]
    assert 0 < result["periods"] < report["periods"] == 3_600_000
    with csv.open(encoding="utf-8") as file:
        assert len(read(file).latencies_ns) == result["periods"]
    assert not stat.exists()


def _switches(status: Path) -> int:
    lines = status.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary"))


def test_progress_is_shown_on_a_terminal_and_taken_away_again() -> None:
    """An hour without a word looks like a hang; what is left of it must not spoil the result."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "amphost", "latency", "--for", "1s", "--no-cyclictest"]
    command += ["--runtime-dir", "/nowhere"]
    env = dict(os.environ) | {"TERM": "xterm"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=env)
    process.communicate(timeout=WITHIN_S)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "of 1000 periods" in shown
    assert "s left" in shown
    assert shown.endswith("\r\x1b[K")


def test_measuring_process_ends_with_whoever_started_it() -> None:
    """A probe that outlives a kill would hold a core at a real-time priority."""
    command = [sys.executable, "-m", "amphost", "latency", "--for", "1h", "--no-cyclictest"]
    command += ["--runtime-dir", "/nowhere"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(lambda: children.read_text().split(), "it measures")
    (child,) = children.read_text().split()
    process.kill()
    process.communicate(timeout=WITHIN_S)
    wait_for(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), "the child has gone")


def _is_zombie(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_without_rights_it_measures_and_says_what_is_missing(tmp_path: Path) -> None:
    """Most users begin without them."""
    folder = own_folder(tmp_path, "user")
    words = ("--for", "100ms", "--no-cyclictest")
    report = measured(*words, prefix=without_rights(), cwd=folder)
    assert report["results"][0]["periods"] == 100
    assert (report["policy"], report["memory_locked"]) == ("other", False)
    assert any("SCHED_FIFO" in lack for lack in report["degraded"])
    assert "real-time rights" in report["advice"][0]


def test_file_that_may_not_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """Not after an hour."""
    folder = own_folder(tmp_path, "user")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o755)
    words = ("--for", "1h", "--svg", str(locked / "a.svg"))
    if os.geteuid() != 0:
        locked.chmod(0o555)
    done = latency(*words, prefix=without_rights(), cwd=folder)
    assert done.returncode == 77
    assert done.stderr == f"amphost: {locked / 'a.svg'} cannot be written: Permission denied\n"
    done = latency("--for", "1h", "--save-trace", str(tmp_path / "none" / "a.csv"))
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--for", "nonsense"], "'nonsense' is no duration"),
        (["--for", "100ms", "--rate", "5"], "--for is shorter than one period of 200 ms"),
        (["--rate", "0.5"], "'0.5' is no rate from 1 to 20000 Hz"),
        (["--rate", "nan"], "'nan' is no rate"),
        (["--priority", "100"], "'100' is no priority from 1 to 99"),
        (["--core", "-1"], "'-1' is no core"),
        (["--core", "x"], "'x' is no core"),
        (["--wait", "busy"], "invalid choice: 'busy'"),
        (["--for", "24h", "--rate", "20000", "--save-trace", "x"], "keeps at most 50000000"),
    ],
)
def test_wrong_words_are_refused(words: list[str], message: str, tmp_path: Path) -> None:
    """Before anything is measured, with what is wrong."""
    done = latency(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_core_that_is_not_there_is_hardware_missing() -> None:
    """With those that are."""
    done = latency("--core", "4095")
    assert done.returncode == 69
    assert done.stderr.startswith("--core: core 4095 is not there, or not allowed; these are: [0")


@pytest.mark.parametrize(
    ("machine", "asked", "chosen"),
    [
        ({}, None, 3),
        ({"isolated": (1, 2)}, None, 2),
        ({"isolated": ()}, None, 3),
        ({"usable": (), "isolated": ()}, None, 2),
        ({}, 0, 0),
    ],
)
def test_core_is_an_isolated_one_or_the_last(
    machine: dict[str, Any], asked: int | None, chosen: int
) -> None:
    """Where a control role would be put."""
    facts = {name: getattr(PERFECT, name) for name in Machine.__slots__} | machine
    assert choose_core(Machine(**facts), asked) == chosen


def test_core_of_a_running_system_is_refused(tmp_path: Path) -> None:
    """A measurement at its priority would make an armed loop trip."""
    (tmp_path / "motor").mkdir()
    core = max(os.sched_getaffinity(0))
    with subprocess.Popen(["sleep", "60"]) as role:
        os.sched_setaffinity(role.pid, {core})
        roles = {"control": {"pid": role.pid}, "gone": {"pid": 0}, "telemetry": {"pid": 2**22 + 1}}
        state = {"system": "motor", "pid": os.getpid(), "mode": "ARMED", "roles": roles}
        (tmp_path / "motor" / "state.json").write_text(json.dumps(state))
        words = ("--core", str(core), "--for", "100ms", "--runtime-dir", str(tmp_path))
        refused = latency(*words)
        role.kill()
    assert refused.returncode == 1
    assert refused.stderr == (
        f"amphost: core {core} is in use by motor's control, which a measurement would stop;"
        " stop that system first, or measure another core\n"
    )
    assert latency(*words).returncode == 0  # that role has gone


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x"}', '{"roles": {}}'])
def test_state_that_says_nothing_occupies_nothing(text: str, tmp_path: Path) -> None:
    """It is written by others, maybe cut off."""
    (tmp_path / "motor").mkdir()
    (tmp_path / "motor" / "state.json").write_text(text)
    assert occupants(tmp_path, 0) == []
    assert occupants(tmp_path / "none", 0) == []


def test_core_that_is_offline_is_refused() -> None:
    """Nothing is measured somewhere else instead."""
    with pytest.raises(HardwareMissingError):
        choose_core(PERFECT, 4)


def test_every_key_of_the_object_is_documented_and_no_other() -> None:
    """Scripts are written by the page."""
    root = Path(__file__).resolve().parents[2]
    parts = markdown.sections((root / "docs/reference/latency.md").read_text(encoding="utf-8"))
    documented = {row[0].strip("`") for row in markdown.rows(parts["The object"])}
    report = measured("--for", "100ms", "--no-cyclictest")
    assert set(_keys(report)) == documented


def _keys(value: Any, at: str = "") -> list[str]:
    if isinstance(value, dict):
        return [key for name in value for key in _keys(value[name], f"{at}.{name}".lstrip("."))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _keys(value[0], f"{at}[]")
    return [f"{at}[]" if isinstance(value, list) else at]
