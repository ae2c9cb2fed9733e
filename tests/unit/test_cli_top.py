"""`amphost ps` and `amphost top`: what a person sees of a running system."""

from __future__ import annotations

import copy
from typing import Any

from amphost.cli import figures_text

ROLE: dict[str, Any] = {
    "kind": "control", "pid": 77, "state": "RUNNING", "restarts": 0, "core_asked": [1],
    "core_got": [1], "policy": "fifo", "priority": 80, "rate_hz": 1000.0, "ticks": 9,
    "skipped_ticks": 0, "overruns": 0, "deadline_misses": 0, "stale_ticks": 0,
    "wakeup_latency_us": {"n": 9, "p50": 1.25, "p99": 2.5, "p999": 3.0, "max": 4.0},
    "execution_us": None, "heartbeat_age_ms": 0.5, "checkpoint": "wait", "published": 9,
    "lost": None, "torn": 0, "faults": [], "first_fault": None, "cpu_percent": 3.21,
    "uss_mb": 4.56, "pss_mb": 5.0,
}  # fmt: skip
LINK: dict[str, Any] = {
    "session": "up", "device_mode": "armed", "frames_in": 11, "frames_out": 12, "bad_frames": 0,
    "sequence_gaps": 0, "foreign": 0, "repeated": 0, "replaced": 0, "link_losses": 0,
    "sense_to_actuate_us": None,
}  # fmt: skip


def figures(link: dict[str, Any] | None = None, **role: Any) -> dict[str, Any]:
    """Return the figures of a system of one role and one link."""
    return copy.deepcopy(
        {
            "system": "motor", "board": "loopback", "mode": "ARMED", "armings": 2,
            "armed_s": 61.2, "running_s": 70.0, "not_ready": [], "degraded": [],
            "roles": {"control": ROLE | role}, "link": {"mcu": LINK | (link or {})},
        }
    )  # fmt: skip


def marked(found: dict[str, Any]) -> set[str]:
    """Return the cells that need looking at."""
    blocks = figures_text.top_blocks(found)
    return {block.rows[y][x] for block in blocks for y, x in block.marked}


def test_every_figure_has_its_place() -> None:
    """A column that is silently empty looks like a system without trouble."""
    roles, links = figures_text.top_blocks(figures())
    assert dict(zip(roles.head, roles.rows[0], strict=True)) == {
        "role": "control", "state": "RUNNING", "pid": "77", "core": "1", "policy": "fifo 80",
        "rate Hz": "1000", "wakeup p50/p99/max us": "1.2 / 2.5 / 4.0", "overruns": "0",
        "misses": "0", "skipped": "0", "cpu %": "3.2", "uss MB": "4.6", "beat ms": "0.5",
        "lost": "-", "faults": "-",
    }  # fmt: skip
    assert links.rows[0][:5] == ("mcu", "up", "armed", "11", "12")
    assert marked(figures()) == set()
    assert figures_text.title(figures()) == (
        "motor on loopback, ARMED, armed for 61 s (act 2), up 70 s"
    )


def test_what_needs_looking_at_is_marked() -> None:
    """Fifteen columns at two in the morning."""
    assert marked(figures(state="DEAD", pid=None)) == {"DEAD"}
    assert marked(figures(core_got=[0])) == {"0"}
    assert marked(figures(overruns=3, deadline_misses=4, skipped_ticks=5)) == {"3", "4", "5"}
    assert marked(figures(heartbeat_age_ms=250.0)) == {"250.0"}
    assert marked(figures(faults=["overrun", "input_stale"])) == {"overrun, input_stale"}
    assert marked(figures(lost=7)) == {"7"}
    assert marked(figures(link={"session": "lost", "bad_frames": 6})) == {"lost", "6"}


def test_a_slow_heartbeat_of_a_slow_role_is_no_alarm() -> None:
    """A role of 10 Hz beats every 100 ms, an observer when it drains."""
    assert marked(figures(heartbeat_age_ms=400.0, rate_hz=10.0)) == set()
    assert marked(figures(heartbeat_age_ms=900.0, rate_hz=None)) == set()


def test_what_stands_in_the_way_is_said() -> None:
    """The first question about a system that does not move."""
    found = figures() | {"not_ready": ["mcu: no session"], "degraded": ["control: no fifo"]}
    assert figures_text.remarks(found) == [
        "not ready: mcu: no session",
        "degraded: control: no fifo",
    ]


def test_ps_has_a_line_for_each_role_of_each_system() -> None:
    """Two robots on one computer."""
    block = figures_text.ps_block([figures(), figures(pid=None, core_got=None, cpu_percent=None)])
    assert [row[:7] for row in block.rows] == [
        ("motor", "ARMED", "control", "control", "77", "RUNNING", "1"),
        ("motor", "ARMED", "control", "control", "-", "RUNNING", "-"),
    ]
    assert figures_text.plain(block).splitlines()[0].startswith("system  mode")
