"""As many devices as a board may have, each with an io role of its own, under a whole run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from amphost.spec.check_values import DEVICES_MAX
from tests.system.live import LiveRun, undisturbed, wait_for
from tests.system.test_control import accounted
from tests.system.test_devices import ends

NUMBERS = range(DEVICES_MAX)
DEVICE = """\
  d{0}:
    loopback: {{plant: {{kind: first_order, gain: 2.0, time_constant_s: 0.5}}}}
    baud: 115200
    state_rate_hz: 50
    lease_ms: 3000
    sends: {{output: {{unit: V, range: [-100, 100]}}}}
    accepts: {{input: {{unit: V, range: [-10, 10], safe: 0}}}}
"""
IO = "  io{0}: {{kind: io, device: d{0}, core: 0, priority: {1}, reads: {{input: control.u{0}}}}}\n"
SPEC = """\
name: many
board: bench.yaml
safety: {{safe_within_ms: 20000, arm: on_start}}
operator:
  target: {{unit: V, range: [-5, 5], initial: 1.0}}
roles:
{io}  control:
    kind: control
    core: 1
    priority: 80
    rate_hz: 50
    blackout_ms: 5000
    reads:
      target: operator.target
{reads}    law:
{law}    writes:
{writes}"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Write a board full of devices, and one law that drives them all."""
    (tmp_path / "bench.yaml").write_text(
        "name: many\ndevices:\n" + "".join(DEVICE.format(one) for one in NUMBERS)
    )
    read = "      y{0}: {{from: io{0}.output, max_age_ms: 3000}}\n"
    block = "      e{0}: {{subtract: [target, y{0}]}}\n      u{0}: {{gain: e{0}, by: 0.2}}\n"
    write = "      u{0}: {{unit: V, range: [-10, 10], safe: 0}}\n"
    path = tmp_path / "many.yaml"
    path.write_text(
        SPEC.format(
            io="".join(IO.format(one, 40 + one) for one in NUMBERS),
            reads="".join(read.format(one) for one in NUMBERS),
            law="".join(block.format(one) for one in NUMBERS),
            writes="".join(write.format(one) for one in NUMBERS),
        )
    )
    return path


@pytest.mark.slow
def test_a_board_full_of_devices_runs_arms_and_ends_in_order(
    start: Callable[..., LiveRun], many: Path
) -> None:
    """Segments, roles, descriptors and the watchdog's slots are enough for all of them."""
    run = start(spec=many)
    for one in NUMBERS:
        wait_for(partial(ends, run, f"d{one}", "first_actuation"), f"d{one} follows")
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert len(report["link"]) == DEVICES_MAX
    for link in report["link"].values():
        assert (link["bad_frames"], link["foreign"], link["sequence_gaps"]) == (0, 0, 0)
        assert link["frames_in"] > 0
    if undisturbed(code, report, err):
        assert accounted(report, "control", *(f"io{one}" for one in NUMBERS))
    assert run.gone()
