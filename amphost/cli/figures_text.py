"""The figures of a running system as rows for a screen: the same for plain text and for rich.

Rules. Pure. What is not known is a dash. `MARKED` cells are what a person should look at first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amphost.cli.report_text import DASH, table

LATE_BEATS_MS = 100.0
TOP_HEAD = (
    "role", "state", "pid", "core", "policy", "rate Hz", "wakeup p50/p99/max us", "overruns",
    "misses", "skipped", "cpu %", "uss MB", "beat ms", "lost", "faults",
)  # fmt: skip
PS_HEAD = ("system", "mode", "role", "kind", "pid", "state", "core", "cpu %", "uss MB", "restarts")
LINK_HEAD = ("link", "session", "device", "in", "out", "bad", "gaps", "losses",
             "sense-to-actuate p50/p99/max us")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One table. `marked` are the places (row, column) that need looking at.

    Synchronization: none required; immutable.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[tuple[int, int]]


def title(figures: Mapping[str, Any]) -> str:
    """Say which system, and how it stands."""
    parts = [f"{figures['system']} on {figures['board']}", figures["mode"]]
    if figures["armed_s"] is not None:
        parts.append(f"armed for {figures['armed_s']:.0f} s (act {figures['armings']})")
    parts.append(f"up {figures['running_s']:.0f} s")
    return ", ".join(parts)


def remarks(figures: Mapping[str, Any]) -> list[str]:
    """Say what is in the way, and what was asked for and not got."""
    lines = [f"not ready: {text}" for text in figures["not_ready"]]
    return lines + [f"degraded: {text}" for text in figures["degraded"]]


def top_blocks(figures: Mapping[str, Any]) -> list[Block]:
    """Return the tables of `amphost top`."""
    blocks = [_block(TOP_HEAD, [_top_row(name, role) for name, role in figures["roles"].items()])]
    if figures["link"]:
        links = [_link_row(name, link) for name, link in figures["link"].items()]
        blocks.append(_block(LINK_HEAD, links))
    return blocks


def ps_block(systems: Sequence[Mapping[str, Any]]) -> Block:
    """Return the table of `amphost ps`."""
    rows = [
        [
            (figures["system"], False),
            (figures["mode"], figures["mode"] == "SAFE"),
            (name, False),
            (role["kind"], False),
            (_number(role["pid"]), False),
            (role["state"], role["state"] != "RUNNING"),
            (_cores(role["core_got"]), _is_elsewhere(role)),
            (_number(role["cpu_percent"], 1), False),
            (_number(role["uss_mb"], 1), False),
            (_number(role["restarts"]), role["restarts"] > 0),
        ]
        for figures in systems
        for name, role in figures["roles"].items()
    ]
    return _block(PS_HEAD, rows)


def plain(block: Block) -> str:
    """Return a table as text."""
    return table(block.head, block.rows)


def _block(head: tuple[str, ...], rows: Sequence[Sequence[tuple[str, bool]]]) -> Block:
    return Block(
        head=head,
        rows=tuple(tuple(text for text, _ in row) for row in rows),
        marked=frozenset(
            (y, x)
            for y, row in enumerate(rows)
            for x, (_, is_marked) in enumerate(row)
            if is_marked
        ),
    )


def _top_row(name: str, role: Mapping[str, Any]) -> list[tuple[str, bool]]:
    beat_ms = role["heartbeat_age_ms"]
    policy = role["policy"] or DASH
    if role["priority"]:
        policy = f"{policy} {role['priority']}"
    return [
        (name, False),
        (role["state"], role["state"] != "RUNNING"),
        (_number(role["pid"]), False),
        (_cores(role["core_got"]), _is_elsewhere(role)),
        (policy, False),
        (_number(role["rate_hz"], 0), False),
        (_quantiles(role["wakeup_latency_us"]), False),
        (_number(role["overruns"]), role["overruns"] > 0),
        (_number(role["deadline_misses"]), role["deadline_misses"] > 0),
        (_number(role["skipped_ticks"]), role["skipped_ticks"] > 0),
        (_number(role["cpu_percent"], 1), False),
        (_number(role["uss_mb"], 1), False),
        (_number(beat_ms, 1), beat_ms is not None and beat_ms > _late_ms(role)),
        (_number(role["lost"]), bool(role["lost"])),
        (", ".join(role["faults"]) or DASH, bool(role["faults"])),
    ]


def _late_ms(role: Mapping[str, Any]) -> float:
    """Return the age from which a heartbeat is worth a look; an observer beats every 0.1 s."""
    return max(LATE_BEATS_MS, 5000 / role["rate_hz"]) if role["rate_hz"] else 1000.0


def _link_row(name: str, link: Mapping[str, Any]) -> list[tuple[str, bool]]:
    return [
        (name, False),
        (link["session"], link["session"] != "up"),
        (link["device_mode"], False),
        (_number(link["frames_in"]), False),
        (_number(link["frames_out"]), False),
        (_number(link["bad_frames"]), link["bad_frames"] > 0),
        (_number(link["sequence_gaps"]), link["sequence_gaps"] > 0),
        (_number(link["link_losses"]), link["link_losses"] > 0),
        (_quantiles(link["sense_to_actuate_us"]), False),
    ]


def _is_elsewhere(role: Mapping[str, Any]) -> bool:
    return role["core_got"] is not None and role["core_got"] != role["core_asked"]


def _cores(cores: Sequence[int] | None) -> str:
    return DASH if cores is None else ",".join(map(str, cores))


def _quantiles(summary: Mapping[str, float] | None) -> str:
    if summary is None:
        return DASH
    return " / ".join(f"{summary[key]:.1f}" for key in ("p50", "p99", "max"))


def _number(value: float | None, digits: int = 0) -> str:
    return DASH if value is None else f"{value:.{digits}f}"
