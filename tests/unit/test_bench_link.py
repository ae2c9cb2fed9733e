"""What the benchmark of the link makes of its rounds, and the systems that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amphost.spec.load import load
from bench.benchmarks import ALL
from bench.link import cortex_m, report, systems

TRIPS = {"trip.ours": {"p50_ns": 11.0}, "trip.raw": {"p50_ns": 10.0}}
REPORT: dict[str, Any] = {
    "faults": [],
    "roles": {
        role: {
            "wakeup_latency_us": {"p50": 1.0},
            "execution_us": {"p50": 2.0},
            "cpu_percent": None,
        }
        for role in ("io", "control")
    },
    "link": {
        "mcu": {
            "sense_to_actuate_us": {"p50": 900.0, "p99": 1900.0},
            "clock": {"round_trip_us": 100.0},
            "frames_in": 10,
            "frames_out": 9,
            "bad_frames": 0,
        }
    },
}


def found(*rounds: dict[str, Any], **device: float) -> dict[str, Any]:
    """Return the result of these rounds."""
    return report.result(rounds, [], device, {"line": "it did not end"}, {"machine": "a machine"})


def test_ratio_is_taken_inside_its_round() -> None:
    """A slow minute is slow for both sides."""
    slow = {name: {"p50_ns": one["p50_ns"] * 7} for name, one in TRIPS.items()}
    ratio = found(TRIPS, slow)["ratios"]["trip_vs_raw"]
    assert (ratio["low"], ratio["median"], ratio["high"]) == (1.1, 1.1, 1.1)
    assert ratio["reached"] is True


def test_round_without_one_side_gives_no_ratio() -> None:
    """What failed is named, and nothing is made up in its place."""
    result = found({"trip.ours": {"p50_ns": 1.0}})
    assert "trip_vs_raw" not in result["ratios"]
    assert "* line failed: it did not end" in report.markdown(result)


@pytest.mark.parametrize(("flash", "reached"), [(4096.0, True), (4097.0, False)])
def test_device_is_held_against_what_is_to_be_reached(flash: float, reached: bool) -> None:
    """A library that has grown too big says so in the table."""
    assert found(TRIPS, flash_bytes=flash)["reach"]["flash_bytes"]["reached"] is reached


def test_report_of_a_run_becomes_figures_of_what_was_measured() -> None:
    """A short run has no CPU share, and a figure that is not there is not zero."""
    figures = systems.figures(REPORT)
    assert isinstance(figures, dict)
    assert figures["sense_to_actuate_p99_us"] == 1900.0
    assert "io_cpu_percent" not in figures


def test_disturbed_run_gives_its_fault_in_place_of_figures() -> None:
    """A system that went SAFE measured something else."""
    assert systems.figures(REPORT | {"faults": [{"text": "io: late"}]}) == "io: late"


@pytest.mark.parametrize("rate", systems.RATES)
def test_systems_that_are_run_are_valid(rate: int, tmp_path: Path) -> None:
    """They are made of the shipped example, which may change."""
    loaded = load(systems.write_system(rate, tmp_path), boards=())
    [device] = loaded.board.devices.values()
    assert device.state_rate_hz == rate


def test_time_of_the_emulated_board_is_instructions() -> None:
    """One is 64 ns there: a microsecond holds 15.6 of them."""
    printed = {"receive_us": 6400, "send_us": 640, "turns": 100}
    figures = cortex_m.figures(printed | {"device_bytes": 1400, "buffer_bytes": 500}, None)
    assert figures == {
        "cortex_m.receive_instructions": 1000.0,
        "cortex_m.send_instructions": 100.0,
        "ram_bytes": 900.0,
    }


def test_benchmark_is_rendered_with_the_others() -> None:
    """What `--render` does not know is lost from RESULTS.md."""
    assert "link" in [one.name for one in ALL]
