"""A device that babbles: not listened to for a while, and nothing else in the system minds."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.live import LiveRun, wait_for
from tests.system.relay import Relay
from tests.system.test_control import accounted, events
from tests.system.test_replug import Cable, shipped_motor, wire

PLENTY = 100_000  # bytes: many times what 100 ms may bring


@pytest.fixture
def tapped(tmp_path: Path, root: Path) -> Iterator[Relay]:
    """A cable with a tap, the shipped motor at its end."""
    cable = Cable(tmp_path, shipped_motor(root))
    cable.plug_in()
    name = Path(f"/dev/shm/ttyTAP{os.getpid()}")
    relay = Relay(cable.name, name)
    wire(tmp_path, root, name)
    yield relay
    relay.close()
    cable.pull_out()


def link_of(run: LiveRun) -> dict[str, Any]:
    """Return the link's figures of this moment."""
    code, printed, _ = run.ask("ps", "--system", "motor", "--json")
    assert code == 0
    return dict(json.loads(printed)[0]["link"]["mcu"])


@pytest.mark.slow
def test_a_device_that_babbles_is_isolated_and_comes_back_by_itself_but_not_its_motion(
    start: Callable[..., LiveRun], patient: Callable[..., Path], tapped: Relay
) -> None:
    """The pump reads a bounded number of bytes whatever comes: no period of any role is lost."""
    run = start(spec=patient(("board: loopback", "board: bench.yaml")))
    run.armed()
    tapped.babbling = True
    run.in_mode("SAFE")
    assert run.ask("acknowledge", "motor") == (0, "DISARMED", "")
    wait_for(lambda: "mcu is isolated: " in run.ask("arm", "motor")[2], "arming is refused")
    before = tapped.babbled
    wait_for(lambda: tapped.babbled > before + PLENTY, "it babbles on, and is read and dropped")
    assert link_of(run)["session"] == "isolated"
    tapped.babbling = False
    wait_for(lambda: link_of(run)["session"] == "up", "the link is back", 40)
    assert run.state()["mode"] == "DISARMED"
    followed = events(run, "first_actuation")
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "it may be armed")
    wait_for(lambda: events(run, "first_actuation") > followed, "the device follows again")
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert accounted(report, "control", "io")
    assert report["roles"]["io"]["restarts"] == 0
    link = report["link"]["mcu"]
    assert link["isolated_bytes"] + link["isolated_bad_frames"] >= 1
    assert link["bytes_dropped"] > PLENTY
    texts = [event["text"] for event in link["events"]]
    assert any(text.startswith("link lost: the device is isolated: ") for text in texts)
    assert any("its bytes are dropped until it has been quiet for" in text for text in texts)
