"""A role's place on the machine, as Linux says it from outside: /proc, not our own words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.rights import MEMLOCK_BYTES, without_rights

SETTLE = """
import json, os, sys
from types import SimpleNamespace
from amphost.roles.settle import settle
granted = settle(SimpleNamespace(**json.loads(sys.argv[1])))
print(json.dumps(granted), flush=True)
pid = os.fork()
if pid == 0:
    os.execvp("sleep", ["sleep", "60"])
print(pid, flush=True)
sys.stdin.read()
"""
CORE = max(os.sched_getaffinity(0))


def wish(**changes: Any) -> dict[str, Any]:
    """Return what a control role's plan asks for."""
    asked = {
        "name": "a_control_role_with_a_long_name",
        "cores": [CORE],
        "policy": "fifo",
        "priority": 11,
        "nice": 0,
        "lock_memory": True,
        "timer_slack_ns": 1,
        "rttime_us": 200_000,
    }
    return asked | changes


class Settled:
    """A process that has settled, and a child it has started since."""

    def __init__(self, asked: dict[str, Any], prefix: list[str]) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-I", "-c", SETTLE, json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.granted = json.loads(self.process.stdout.readline())
        self.child = int(self.process.stdout.readline())
        self.proc = Path(f"/proc/{self.process.pid}")

    def field(self, name: str) -> str:
        """Return a line of /proc/PID/status."""
        for line in (self.proc / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return line.split(":", 1)[1].strip()
        raise AssertionError(name)

    def limit(self, name: str) -> list[str]:
        """Return soft and hard limit of /proc/PID/limits."""
        for line in (self.proc / "limits").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return line.removeprefix(name).split()[:2]
        raise AssertionError(name)

    def end(self) -> None:
        """End both."""
        os.kill(self.child, 9)
        self.process.communicate()


def settled(prefix: list[str], **changes: Any) -> Settled:
    """Settle a process."""
    return Settled(wish(**changes), prefix)


def may_be_real_time() -> bool:
    """Return whether Linux lets this process have what a role asks for."""
    probe = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(11))"
    return subprocess.run([sys.executable, "-c", probe], stderr=-3, check=False).returncode == 0


def test_what_it_says_is_what_linux_says() -> None:
    """The report quotes it: cores, policy, priority, lock, slack and limit, all read back."""
    one = settled([])
    try:
        granted = one.granted
        assert one.field("Cpus_allowed_list") == str(CORE)
        assert granted["cores"] == [CORE]
        assert one.field("Name") == "a_control_role_"
        if os.geteuid() == 0:  # Linux shows another process's to nobody else
            assert int((one.proc / "timerslack_ns").read_text()) in (1, 0)  # 0: FIFO has none
        assert granted["timer_slack_ns"] == 1
        assert granted["rttime_us"] == 200_000
        assert one.limit("Max realtime timeout")[0] == "200000"
        stat = (one.proc / "stat").read_text().rsplit(")", 1)[1].split()
        policy, priority = int(stat[38]), int(stat[37])
        assert granted["policy"] == {0: "other", 1: "fifo", 2: "rr"}[policy]
        assert granted["priority"] == priority
        assert granted["memory_locked"] == (one.field("VmLck") != "0 kB")
        if may_be_real_time():
            assert (granted["policy"], granted["priority"]) == ("fifo", 11)
            assert granted["memory_locked"]
    finally:
        one.end()


def test_a_child_of_it_starts_without_its_priority() -> None:
    """What a role starts must not inherit the right to keep a core."""
    if not may_be_real_time():
        pytest.skip("no real-time rights here: there is nothing to inherit")
    one = settled([])
    try:
        assert os.sched_getscheduler(one.process.pid) & os.SCHED_FIFO
        assert os.sched_getscheduler(one.child) == os.SCHED_OTHER
    finally:
        one.end()


def test_without_rights_it_goes_on_and_says_what_it_lacks() -> None:
    """A refusal is no error here: whoever arms decides whether it is enough."""
    one = settled(without_rights())
    try:
        assert (one.granted["policy"], one.granted["priority"]) == ("other", 0)
        assert one.granted["memory_locked"] is False
        assert one.granted["cores"] == [CORE]
        assert one.granted["rttime_us"] == 200_000
        assert one.limit("Max locked memory")[0] == str(MEMLOCK_BYTES)
    finally:
        one.end()


def test_a_core_that_is_not_there_is_no_error_but_shows() -> None:
    """A cpuset may take a core away between plan and start."""
    one = settled([], cores=[1023], policy="other", priority=0, nice=5, lock_memory=False)
    try:
        assert one.granted["cores"] == sorted(os.sched_getaffinity(0))
        assert (one.granted["policy"], one.granted["memory_locked"]) == ("other", False)
        assert os.getpriority(os.PRIO_PROCESS, one.process.pid) == os.nice(0) + 5
    finally:
        one.end()


def test_a_limit_that_stands_already_is_kept_below() -> None:
    """An administrator's lower limit on real-time is not lifted, and is what is reported."""
    one = settled(["prlimit", "--rttime=100000:100000"], policy="other", priority=0)
    try:
        assert one.granted["rttime_us"] == 100_000
        assert one.limit("Max realtime timeout") == ["100000", "100000"]
    finally:
        one.end()


def test_nothing_asked_changes_nothing() -> None:
    """A role without cores, priority, lock or limit is an ordinary process."""
    one = settled([], cores=[], policy="other", priority=0, lock_memory=False, rttime_us=0, nice=0)
    try:
        assert one.granted["cores"] == sorted(os.sched_getaffinity(0))
        assert one.granted["rttime_us"] == 0
        assert one.limit("Max realtime timeout")[0] == "unlimited"
    finally:
        one.end()
