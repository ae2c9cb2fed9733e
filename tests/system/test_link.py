"""`amphost link` beside a running system: what it shows is what the run says at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from amphost.cli.running import Running
from amphost.plan.link_segments import PARTS
from amphost.supervisor.control_socket import ask
from tests.system.live import LiveRun


def amphost(base: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    command = [sys.executable, "-m", "amphost", *words, "--runtime-dir", str(base)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_a_running_line_is_shown_traced_and_left_alone(
    tmp_path: Path, start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Two readers at once, a trace, and a run that has not noticed."""
    live = start(spec=patient())
    live.armed()
    trace = tmp_path / "line.trace"
    done = amphost(tmp_path, "link", "--for", "3.5s", "--json", "--trace", str(trace))
    assert done.returncode == 0, done.stderr
    seconds = [json.loads(line) for line in done.stdout.splitlines()]
    assert 2 <= len(seconds) <= 5
    last = seconds[-1]
    assert (last["device"], last["session"]) == ("mcu", "up")
    assert last["identity"]["board"] == "loopback"
    assert 900 <= last["frames_in_per_s"] <= 1100
    assert last["sense_to_actuate"]["n"] > 0
    for name in PARTS:  # as soon as the device's clock is known: not in a run's first second
        assert any(one["sense_to_actuate_parts"][name]["n"] > 0 for one in seconds)
    shown = amphost(tmp_path, "link", str(live.base / "nowhere.yaml"))
    assert shown.returncode == 2
    decoded = amphost(tmp_path, "link", "decode", str(trace), "--json")
    assert decoded.returncode == 0, decoded.stderr
    figures = json.loads(decoded.stdout.splitlines()[-1])["figures"]
    assert figures["missed"] == 0
    assert figures["in"]["frames"]["STATE"] > 1000
    assert figures["out"]["frames"]["ACTUATE"] > 20
    assert figures["round_trips"]["TIME"]["n"] > 5
    assert amphost(tmp_path, "stop", "motor").returncode == 0
    _, report, err = live.finish()
    assert "Traceback" not in err
    line = report["link"]["mcu"]
    assert line["errors"]["bad_crc"] == 0
    assert line["seconds"] >= len(seconds)
    assert line["identity"]["board"] == "loopback"
    assert line["sense_to_actuate_parts"]["received_to_decided"]["n"] > 0


def test_a_reader_gets_memory_that_it_cannot_write(
    tmp_path: Path, start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """An observer that runs wild must not spoil a word of the io role."""
    live = start(spec=patient())
    live.armed()
    socket = next(tmp_path.glob("*/control.sock"))
    descriptors: list[int] = []
    ask(socket, "link", {"device": "mcu"}, descriptors=descriptors)
    try:
        assert len(descriptors) == 2
        for descriptor in descriptors:
            assert not os.get_inheritable(descriptor)
            try:
                os.pwrite(descriptor, b"x", 0)
            except OSError:
                continue
            raise AssertionError("it was written to")
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    assert Running(name="motor", path=socket).ask("link")["devices"] == ["mcu"]
    code, _, said = live.ask("link", "--device", "mcv")
    assert (code, "has no device mcv; it has mcu" in said) == (2, True)
