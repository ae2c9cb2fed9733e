"""The report of a run as text, for people.

Rules. Pure: the report's dictionary in, one screen of text out. What was not measured is a dash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

DASH = "-"


def render(report: dict[str, Any]) -> str:
    """Return the report as text."""
    blocks = [_head(report), _roles(report["roles"]), _disturbances(report["roles"])]
    blocks += [_links(report["link"])] if report["link"] else []
    blocks += [_lines(report["link"])] if report["link"] else []
    blocks += [_list("links", _link_events(report["link"]))]
    blocks += [_list("faults injected on purpose", _injected(report["link"]))]
    blocks += [_ends(report)]
    blocks += [_list("faults", [_fault(fault) for fault in report["faults"]])]
    blocks += [_list("degraded", report["degraded"])]
    return "\n\n".join(block for block in blocks if block)


def _head(report: dict[str, Any]) -> str:
    startup = _figure(report["startup_ms"], "{:.0f} ms")
    return (
        f"{report['system']} on {report['board']}: ended {report['mode']}, "
        f"armed {report['armings']} time(s), first armed period {startup} after the start"
        f"{_phases(report['startup_phases_ms'], kept=report['plan_kept'])}"
    )


def _phases(lengths_ms: dict[str, float | None], *, kept: bool) -> str:
    """Return the line that says where the time of the start went; empty when nothing was armed."""
    if None in lengths_ms.values():
        return ""
    parts = ", ".join(f"{name} {length:.0f}" for name, length in lengths_ms.items())
    return f"\nstart-up in ms: {parts}{' (the plan of an earlier start)' if kept else ''}"


def _roles(roles: dict[str, dict[str, Any]]) -> str:
    head = (
        "role",
        "pid",
        "core",
        "policy",
        "ticks",
        "skipped",
        "overruns",
        "misses",
        "wakeup p50/p99/p99.9/max us",
        "exec p50/p99 us",
        "cpu %",
        "uss MB",
        "pss MB",
    )
    rows = [
        (
            name,
            str(role["pid"]),
            _cores(role),
            _policy(role),
            _of(role["ticks"], role["expected_ticks"]),
            str(role["skipped_ticks"]),
            str(role["overruns"]),
            str(role["deadline_misses"]),
            _quantiles(role["wakeup_latency_us"], ("p50", "p99", "p999", "max")),
            _quantiles(role["execution_us"], ("p50", "p99")),
            _figure(role["cpu_percent"], "{:.1f}"),
            _figure(role["uss_mb"], "{:.1f}"),
            _figure(role["pss_mb"], "{:.1f}"),
        )
        for name, role in roles.items()
    ]
    return table(head, rows)


def _disturbances(roles: dict[str, dict[str, Any]]) -> str:
    head = (
        "role",
        "waits by",
        "response p50/p99/max us",
        "period p50/p99/max us",
        "since arming: faults minor/major",
        "switches own/forced",
        "moved",
        "waited ms",
    )
    rows = [
        (
            name,
            _wait(role),
            _quantiles(role["response_us"], ("p50", "p99", "max")),
            _quantiles(role["period_us"], ("p50", "p99", "max")),
            _both(role["minor_faults"], role["major_faults"]),
            _both(role["voluntary_switches"], role["involuntary_switches"]),
            _figure(role["migrations"], "{}"),
            _figure(role["waited_ms"], "{:.1f}"),
        )
        for name, role in roles.items()
    ]
    return table(head, rows)


def _wait(role: dict[str, Any]) -> str:
    """Say how a role waited; the margin is what it took from its core to be on time."""
    if role["wait"] is None:
        return DASH
    margin_us = role["margin_us"]
    return f"{role['wait']} {margin_us:.1f} us" if margin_us else str(role["wait"])


def _links(links: dict[str, dict[str, Any]]) -> str:
    head = (
        "link",
        "in",
        "out",
        "bad",
        "gaps",
        "session",
        "sense-to-actuate p50/p99/max us",
        "clock",
    )
    rows = [
        (
            name,
            str(link["frames_in"]),
            str(link["frames_out"]),
            str(link["bad_frames"]),
            str(link["sequence_gaps"]),
            link["session"],
            _quantiles(link["sense_to_actuate_us"], ("p50", "p99", "max")),
            _clock(link["clock"]),
        )
        for name, link in links.items()
    ]
    return table(head, rows)


def _lines(links: dict[str, dict[str, Any]]) -> str:
    """What the lines told once a second; the way is that from sense to actuate, by its parts."""
    head = (
        "line",
        "load in/out %",
        "round trip min/mean/max us",
        "way to host/loop/out/device mean us",
        "errors",
        "worst second",
    )
    rows = [
        (
            name,
            _shares(link["load"]),
            _quantiles(_some(link["round_trip"]), ("min_us", "mean_us", "max_us")),
            _way(link["sense_to_actuate_parts"]),
            _errors(link["errors"]),
            _worst(link["worst_second"]),
        )
        for name, link in links.items()
        if link["seconds"]
    ]
    return table(head, rows) if rows else ""


def _shares(load: dict[str, float | None]) -> str:
    each = [load["in_mean"], load["out_mean"]]
    return " / ".join(DASH if one is None else f"{100 * one:.1f}" for one in each)


def _some(span: dict[str, float]) -> dict[str, float] | None:
    return span if span["n"] else None


def _way(parts: dict[str, dict[str, float]]) -> str:
    if not all(part["n"] for part in parts.values()):
        return DASH
    return " / ".join(f"{part['mean_us']:.1f}" for part in parts.values())


def _errors(errors: dict[str, int] | None) -> str:
    found = {kind: count for kind, count in (errors or {}).items() if count}
    return ", ".join(f"{count} {kind}" for kind, count in found.items()) or "none"


def _worst(worst: dict[str, Any] | None) -> str:
    if worst is None or not any(worst["errors"].values()):
        return DASH
    return f"{worst['after_ms']:.0f} ms: {_errors(worst['errors'])}"


def _clock(clock: dict[str, float] | None) -> str:
    if clock is None:
        return DASH
    return f"{clock['skew_ppm']:+.1f} ppm, known to {clock['bound_us']:.0f} us"


def _link_events(links: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{event['after_ms']:.0f} ms  {name}: {event['text']}"
        for name, link in links.items()
        for event in link["events"]
    ]


def _injected(links: dict[str, dict[str, Any]]) -> list[str]:
    """Say what fault proxies did: how often each fault struck, by direction."""
    lines = []
    for device, link in links.items():
        injected = link["injected"]
        if injected is None:
            continue
        done = [
            f"{name} {count} {way.replace('_', ' ')}"
            for way in ("to_host", "to_device")
            for name, count in injected.get(way, {}).get("faults", {}).items()
        ]
        unplugs = injected.get("unplugs")
        done += [f"unplugged {unplugs} time(s)"] if unplugs else []
        lines.append(f"{device}: {', '.join(done) or 'nothing yet'}")
    return lines


def _ends(report: dict[str, Any]) -> str:
    lines = []
    recording = report["recording"]
    if recording is not None:
        why = f" ({recording['reason']})" if recording["reason"] else ""
        lines.append(
            f"recording  {recording['path'] or DASH}: {_figure(recording['samples'], '{}')} "
            f"samples, {_lost(recording['lost'])} lost{why}"
        )
    stream = report["stream"]
    if stream is not None:
        lines.append(
            f"stream     {_figure(stream['sent'], '{}')} samples sent, "
            f"{_figure(stream['dropped'], '{}')} not taken by the network"
        )
    tracking = report["tracking"]
    if tracking is not None:
        verdict = "ok" if tracking["ok"] else "NOT within its bound"
        lines.append(
            f"tracking   rms {_figure(tracking['rms'], '{:.4f}')} "
            f"(bound {tracking['bound']:g} {tracking.get('unit', '')}), "
            f"max {_figure(tracking['max'], '{:.4f}')}, n {tracking['n']}: {verdict}"
        )
    if report["time_to_safe_ms"] is not None:
        lines.append(
            f"safe       {report['time_to_safe_ms']:.1f} ms after the last applied actuation, by "
            f"the device's clock (bound {report['safe_within_ms']:g} ms)"
        )
    return "\n".join(lines)


def _lost(lost: int | None) -> str:
    return "an unknown number" if lost is None else str(lost)


def _fault(fault: dict[str, Any]) -> str:
    return f"{fault['after_ms']:.0f} ms  {fault['role']}: {fault['fault']}: {fault['text']}"


def _list(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{name}:", *(f"  {line}" for line in lines)]) if lines else ""


def _cores(role: dict[str, Any]) -> str:
    got = role["core_got"]
    if got is None:
        return DASH
    text = ",".join(map(str, got))
    asked = ",".join(map(str, role["core_asked"]))
    return text if text == asked or not asked else f"{text} (asked {asked})"


def _policy(role: dict[str, Any]) -> str:
    if role["policy"] is None:
        return DASH
    return f"fifo {role['priority']}" if role["policy"] == "fifo" else str(role["policy"])


def _both(left: int | None, right: int | None) -> str:
    return f"{_figure(left, '{}')} / {_figure(right, '{}')}"


def _of(ticks: int, expected: int | None) -> str:
    return str(ticks) if expected is None else f"{ticks} of {expected}"


def _quantiles(summary: dict[str, float] | None, names: Sequence[str]) -> str:
    if summary is None:
        return DASH
    return " / ".join(f"{summary[name]:.1f}" for name in names)


def _figure(value: float | None, form: str) -> str:
    return DASH if value is None else form.format(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under a head, each column as wide as its widest entry."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join(lines)
