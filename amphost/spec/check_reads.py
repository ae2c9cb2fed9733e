"""Rules of what a role reads: sources, units, ranges, freshness; and what is measured of them.

Rules. Every source exists and is another role's. A device gets a value for everything that it
accepts, in its unit and inside its range. A freshness contract has the keys that its policy needs
and no others. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.spec.decode import Holes
from amphost.spec.model import AcceptSpec, Board, IoRole, ReadSpec, Spec, TelemetryRole
from amphost.spec.positions import KeyPath, Problem
from amphost.spec.signals import OPERATOR, Signal, Signals
from amphost.spec.wording import did_you_mean

__all__ = ["device_read_problems", "read_problems", "tracking_problems"]

# policy -> the keys that it needs
_NEEDED = {
    "hold": (),
    "value": ("stale_value",),
    "ramp": ("stale_value", "stale_ramp_per_s"),
    "trip": (),
}
_TRIPS_LATER = ("hold", "ramp")
_FRESHNESS = ("max_age_ms", "stale_value", "stale_ramp_per_s", "trip_after_ms")


def read_problems(
    role: str, reads: dict[str, ReadSpec], signals: Signals
) -> tuple[dict[str, Signal | None], list[Problem]]:
    """Resolve a control role's inputs: what each one is, None where unknown, and what is wrong."""
    found: dict[str, Signal | None] = {}
    problems: list[Problem] = []
    for name, read in reads.items():
        path = ("roles", role, "reads", name)
        signal = signals.find(read.source, role, path)
        if isinstance(signal, Problem):
            problems.append(signal)
        found[name] = signal if isinstance(signal, Signal) else None
        problems += _freshness(path, read, found[name])
    return found, problems


def device_read_problems(
    name: str, role: IoRole, board: Board | None, signals: Signals, holes: Holes
) -> Iterator[Problem]:
    """Check an io role's reads against what its device accepts."""
    path: KeyPath = ("roles", name)
    for key, read in role.reads.items():
        signal = signals.find(read.source, name, (*path, "reads", key))
        if isinstance(signal, Problem):
            yield signal
        unused = [one for one in _FRESHNESS if getattr(read, one) is not None]
        if unused or read.stale != "hold":
            rule = f"an io role forwards each value once, so {(unused or ['stale'])[0]} has no use"
            remedy = f"write {key}: {read.source}; the device's lease is what limits its age"
            yield Problem(path=(*path, "reads", key), rule=rule, remedy=remedy)
        if board is None or role.device not in board.devices:
            continue
        accepts = board.devices[role.device].accepts
        if key not in accepts:
            rule = f"{role.device} of board {board.name} does not accept {key}"
            known = f"it accepts {', '.join(accepts) or 'nothing'}"
            remedy = did_you_mean(key, accepts) + known
            yield Problem(path=(*path, "reads", key), rule=rule, remedy=remedy, key=True)
        elif isinstance(signal, Signal):
            yield from _fits((*path, "reads", key), key, signal, accepts[key])
    if board is not None and role.device in board.devices:
        for key in board.devices[role.device].accepts:
            if key not in role.reads and not holes.at(*path, "reads", key):
                rule = f"{role.device} accepts {key}, and nothing is read for it"
                remedy = f"add {key}: role.signal"
                yield Problem(path=(*path, "reads"), rule=rule, remedy=remedy)


def tracking_problems(spec: Spec, signals: Signals, holes: Holes) -> Iterator[Problem]:
    """Check what the report is to measure."""
    tracking = spec.report.tracking
    if tracking is None:
        return
    path = ("report", "tracking")
    measured = any(isinstance(role, TelemetryRole) for role in spec.roles.values())
    if not measured and not holes.within("roles"):
        rule = "tracking is measured by a telemetry role, and there is none"
        yield Problem(path=path, rule=rule, remedy="add one: {kind: telemetry, core: 0}")
    both: list[Signal] = []
    for key, source in (("signal", tracking.signal), ("setpoint", tracking.setpoint)):
        signal = signals.find(source, "", (*path, key))
        if isinstance(signal, Problem):
            yield signal
        elif signal is not None:
            both.append(signal)
    if len(both) == 2 and both[0].unit != both[1].unit:
        rule = f"{both[0].source} is in {both[0].unit}, {both[1].source} in {both[1].unit}"
        yield Problem(path=(*path, "setpoint"), rule=rule, remedy="compare signals of one unit")


def _fits(path: KeyPath, key: str, signal: Signal, accept: AcceptSpec) -> Iterator[Problem]:
    if signal.unit != accept.unit:
        rule = f"{signal.source} is in {signal.unit}, the device takes {key} in {accept.unit}"
        yield Problem(path=path, rule=rule, remedy="make the units agree")
        return
    low, high = accept.range
    if signal.low < low or signal.high > high:
        rule = (
            f"{signal.source} may reach [{signal.low:g}, {signal.high:g}],"
            f" the device takes [{low:g}, {high:g}]"
        )
        yield Problem(path=path, rule=rule, remedy=f"narrow the range of {signal.source}")


def _freshness(path: KeyPath, read: ReadSpec, signal: Signal | None) -> Iterator[Problem]:
    given = [key for key in _FRESHNESS if getattr(read, key) is not None]
    if read.source.startswith(f"{OPERATOR}."):
        if given or read.stale != "hold":
            rule = f"{read.source} does not age, so {(given or ['stale'])[0]} has no use"
            yield Problem(path=path, rule=rule, remedy="remove it")
        return
    for key in _NEEDED[read.stale]:
        if key not in given:
            rule = f"stale: {read.stale} needs {key}"
            yield Problem(path=path, rule=rule, remedy=f"add {key}")
    for key in ("stale_value", "stale_ramp_per_s"):
        if key in given and key not in _NEEDED[read.stale]:
            rule = f"stale: {read.stale} does not use it"
            users = " or ".join(policy for policy, keys in _NEEDED.items() if key in keys)
            remedy = f"remove it, or write stale: {users}"
            yield Problem(path=(*path, key), rule=rule, remedy=remedy, key=True)
    if "trip_after_ms" in given and read.stale not in _TRIPS_LATER:
        rule = f"stale: {read.stale} does not use it"
        remedy = f"remove it, or write stale: {' or '.join(_TRIPS_LATER)}"
        yield Problem(path=(*path, "trip_after_ms"), rule=rule, remedy=remedy, key=True)
    if signal is not None:
        yield from _against_signal(path, read, signal)


def _against_signal(path: KeyPath, read: ReadSpec, signal: Signal) -> Iterator[Problem]:
    value = read.stale_value
    if value is not None and not signal.low <= value <= signal.high:
        rule = (
            f"{value:g} is outside the range [{signal.low:g}, {signal.high:g}] of {signal.source}"
        )
        yield Problem(path=(*path, "stale_value"), rule=rule, remedy="choose a value inside it")
    if read.max_age_ms is None or signal.period_s is None:
        return
    period_ms = 1e3 * signal.period_s
    if read.max_age_ms < period_ms:
        rule = f"{read.max_age_ms:g} ms is less than one period of {signal.source}"
        remedy = f"give more than {period_ms:g} ms, best 5 periods or more"
        yield Problem(path=(*path, "max_age_ms"), rule=rule, remedy=remedy)
