"""What `amphost link` shows: a block for each line on a screen, or a line of text a second.

Rules. Pure: what `link.line_view` made in, text out. What is not known is a dash. Errors are named
by their kinds, of this second and, in brackets, in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amphost.cli.report_text import DASH

LABEL = 11
WAY = (
    ("sampled_to_received", "to host"),
    ("received_to_decided", "loop"),
    ("decided_to_written", "out"),
    ("written_to_applied", "to device"),
)
BEYOND = (
    ("replaced", "actuations replaced before they left: the port was full"),
    ("retransmissions", "commands sent again"),
    ("expired", "commands that nobody acknowledged"),
    ("losses", "times the device fell silent"),
    ("reboots", "reboots of the device"),
    ("refusals", "handshakes refused"),
    ("ports_lost", "times the port was lost"),
    ("refused_values", "actuations refused by the device for their values"),
    ("clock_refused", "looks at the clock that contradicted the others"),
)


def line_text(view: Mapping[str, Any], since_s: float) -> str:
    """Return a second as one line."""
    errors = errors_text(view)
    trip = _span(view["round_trip"])
    s2a = _span(view["sense_to_actuate"])
    parts = [
        f"{since_s:8.1f}  {view['device']}  {_standing(view)}",
        f"in {_rate(view, 'in')}",
        f"out {_rate(view, 'out')}",
        f"errors {errors}",
        f"round trip {trip} us",
        f"clock {_clock(view['clock'])}",
    ]
    if s2a != DASH:
        parts.append(f"sense-to-actuate {s2a} us")
    if view["values"]:
        parts.append(values_text(view["values"]))
    return "  ".join(parts)


def block_text(view: Mapping[str, Any], about: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """Return a line as a block of a screen."""
    place = f"{about.get('port') or 'its own port'} at {about['baud']} baud"
    rows = [
        ("session", f"{_standing(view)}, session {view['session_number']}, on {place}"),
        ("identity", _identity(view["identity"])),
        ("in", f"{_rate(view, 'in')}, {view['totals']['frames_in']} frames in all"),
        ("out", f"{_rate(view, 'out')}, {view['totals']['frames_out']} frames in all"),
        ("errors", errors_text(view)),
        ("round trip", f"{_span(view['round_trip'])} us (min/mean/max), {_commands(view)}"),
        ("clock", _clock(view["clock"])),
        ("way", _way(view)),
    ]
    if view["values"] is not None:
        rows.append(("values", values_text(view["values"], units)))
    if view.get("refused_for"):
        rows.insert(1, ("refused", view["refused_for"]))
    lines = [view["device"], *(f"  {name:<{LABEL}}{text}" for name, text in rows)]
    lines += [f"  {'':<{LABEL}}{text}" for text in beyond(view)]
    return "\n".join(lines)


def errors_text(view: Mapping[str, Any]) -> str:
    """Name the errors by kind: of this second, and in all."""
    found = [
        f"{kind} {view['errors'][kind]} ({view['totals'][kind]})"
        for kind in view["errors"]
        if view["totals"][kind]
    ]
    return ", ".join(found) or "none"


def beyond(view: Mapping[str, Any]) -> list[str]:
    """Say what else has happened, once each, and what was wrong with the newest bad frames."""
    counted = [f"{view['totals'][name]} {text}" for name, text in BEYOND if view["totals"][name]]
    return [*counted, *view["remarks"], *(f"it says: {line}" for line in view["said"])]


def values_text(values: Mapping[str, Any], units: Mapping[str, str] | None = None) -> str:
    """Return values by name, with their units where these are known."""
    shown = []
    for name, value in values.items():
        number = DASH if value is None else f"{value:.6g}"
        unit = (units or {}).get(name, "1")
        shown.append(f"{name} {number}{'' if unit == '1' else ' ' + unit}")
    return "  ".join(shown)


def _standing(view: Mapping[str, Any]) -> str:
    if view["isolated"]:
        return f"isolated ({view['isolated']})"
    mode = f", device {view['device_mode']}" if view["device_mode"] else ""
    refusal = f" ({view['refusal']})" if view["session"] == "refused" else ""
    return f"{view['session']}{refusal}{mode if view['session'] == 'up' else ''}"


def _identity(identity: Mapping[str, Any] | None) -> str:
    if identity is None:
        return "it has not said who it is"
    return (
        f"board {identity['board']}, firmware {identity['firmware']}, protocol "
        f"{identity['protocol']}, schema {identity['schema_hash']}, boot {identity['boot_nonce']} "
        f"by {identity['reset_cause']}, lease {identity['lease_ms']:g} ms"
    )


def _rate(view: Mapping[str, Any], way: str) -> str:
    load = view[f"load_{way}"]
    share = "" if load is None else f" {100 * load:.1f} % of the line"
    return f"{view[f'frames_{way}_per_s']:.0f}/s{share}"


def _span(span: Mapping[str, Any]) -> str:
    if not span["n"]:
        return DASH
    return f"{span['min_us']:.0f}/{span['mean_us']:.0f}/{span['max_us']:.0f}"


def _commands(view: Mapping[str, Any]) -> str:
    trip_us = view["command_round_trip_us"]
    smooth = DASH if trip_us is None else f"{trip_us}"
    return f"commands {smooth} us, sent again after {view['command_timeout_us'] or DASH} us"


def _clock(clock: Mapping[str, Any] | None) -> str:
    if clock is None:
        return "not known"
    return f"{clock['skew_ppm']:+.1f} ppm, known to {clock['bound_us']:.0f} us"


def _way(view: Mapping[str, Any]) -> str:
    whole = _span(view["sense_to_actuate"])
    if whole == DASH:
        return "no actuation was applied"
    parts = view["sense_to_actuate_parts"]
    known = all(parts[name]["n"] for name, _ in WAY)
    mean = ", ".join(f"{text} {parts[name]['mean_us']:.0f}" for name, text in WAY) if known else ""
    return f"sense-to-actuate {whole} us{f'; mean {mean} us' if mean else ''}"
