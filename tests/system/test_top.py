"""`amphost ps` and `amphost top` beside a running system."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.system.live import LiveRun


def amphost(base: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    command = [sys.executable, "-m", "amphost", *words, "--runtime-dir", str(base)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_a_running_system_is_looked_at_from_outside(
    tmp_path: Path, start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Whoever comes to a machine asks first what runs on it, and how well."""
    live = start(spec=patient())
    live.armed()
    [system] = json.loads(amphost(tmp_path, "ps", "--json").stdout)
    assert (system["system"], system["mode"]) == ("motor", "ARMED")
    roles = system["roles"]
    assert set(roles) == {"control", "io", "telemetry"}
    assert {Path(f"/proc/{role['pid']}").exists() for role in roles.values()} == {True}
    looks = [
        json.loads(line)
        for line in amphost(
            tmp_path, "top", "--json", "--rate", "10", "--for", "500ms"
        ).stdout.splitlines()
    ]
    ticks = [look["roles"]["control"]["ticks"] for look in looks]
    assert len(looks) >= 3
    assert ticks == sorted(ticks)
    assert ticks[0] < ticks[-1]
    assert looks[-1]["roles"]["control"]["rate_hz"] == 50.0
    assert looks[-1]["link"]["mcu"]["session"] == "up"
    shown = amphost(tmp_path, "top", "--once").stdout
    assert shown.startswith("motor on loopback, ARMED")
    assert "sense-to-actuate" in shown


def test_nothing_runs(tmp_path: Path) -> None:
    """An empty answer is an answer."""
    done = amphost(tmp_path, "ps", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    done = amphost(tmp_path, "top")
    assert done.returncode == 1
    assert "start it with `amphost run`" in done.stderr
