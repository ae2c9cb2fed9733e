"""How much one system may be: the sizes of the native structures, checked before anything starts.

Rules. Pure, and the same on every machine. Each number is a macro of a header, named beside it;
a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost import timing
from amphost.plan import layout
from amphost.plan.line import load_problems
from amphost.plan.wiring import OPERATOR, Wiring, device_of, frame_period_ns
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole, IoRole

LOOP_SOURCES_MAX = 32  # AMP_LOOP_SOURCES_MAX
LOOP_INPUTS_MAX = 64  # AMP_LOOP_INPUTS_MAX
LOOP_OUTPUTS_MAX = 62  # AMP_LOOP_OUTPUTS_MAX
OPERATOR_VALUES_MAX = 64  # AMP_WATCH_VALUES_MAX
DEVICE_VALUES_MAX = 16  # AMP_PUMP_VALUES_MAX, AMP_DEVICE_VALUES_MAX
LEASE_FRAMES_MIN = 2


def limit_problems(loaded: LoadedSpec, wiring: Wiring) -> list[str]:
    """Return a line for everything that is too large, too fast or too short on any machine."""
    return [
        *_counts(loaded, wiring),
        *_added_names(loaded, wiring),
        *_directories(loaded, wiring),
        *_feeds(loaded, wiring),
        *_leases(loaded, wiring),
        *load_problems(loaded, wiring),
    ]


def _counts(loaded: LoadedSpec, wiring: Wiring) -> Iterator[str]:
    spec = loaded.spec
    rows: list[tuple[tuple[str, ...], int, int, str]] = [
        ((OPERATOR,), len(spec.operator), OPERATOR_VALUES_MAX, "operator values"),
        (("roles",), len(spec.roles), layout.ROLES_MAX - 1, "roles"),
    ]
    for name, role in spec.roles.items():
        if isinstance(role, ControlRole):
            sources = {wiring.source(read.source).writer.role for read in role.reads.values()}
            at = ("roles", name)
            rows += [
                ((*at, "reads"), len(role.reads), LOOP_INPUTS_MAX, "inputs"),
                ((*at, "reads"), len(sources), LOOP_SOURCES_MAX, "roles read from"),
                ((*at, "writes"), len(role.writes), LOOP_OUTPUTS_MAX, "outputs"),
            ]
    for path, count, most, noun in rows:
        if count > most:
            rule = f"{count} {noun} are more than {most}"
            yield loaded.where.problem(path, rule, f"use at most {most}", key=True)
    for name, device in loaded.board.devices.items():
        for key, values in (("sends", device.sends), ("accepts", device.accepts)):
            if len(values) > DEVICE_VALUES_MAX:
                rule = f"{len(values)} values are more than {DEVICE_VALUES_MAX}"
                remedy = f"use at most {DEVICE_VALUES_MAX}"
                yield loaded.board_where.problem(("devices", name, key), rule, remedy, key=True)


def _added_names(loaded: LoadedSpec, wiring: Wiring) -> Iterator[str]:
    """Find signals named like one of the words that the plan adds to their channel."""
    for name, role in loaded.spec.roles.items():
        signals = [signal.name for signal in wiring.writers[name].signals]
        for twice in dict.fromkeys(one for one in signals if signals.count(one) > 1):
            rule = f"{twice} is the name of a word that every {role.kind} role has"
            if isinstance(role, IoRole):
                path: tuple[str, ...] = ("devices", role.device, "sends", twice)
                yield loaded.board_where.problem(path, rule, "give it another name", key=True)
            else:
                path = ("roles", name, "writes", twice)
                yield loaded.where.problem(path, rule, "give it another name", key=True)


def _directories(loaded: LoadedSpec, wiring: Wiring) -> Iterator[str]:
    for name, writer in wiring.writers.items():
        found = layout.segment_problem(name, writer.signals)
        if found is not None:
            path = (OPERATOR,) if name == layout.SUPERVISOR else ("roles", name)
            yield loaded.where.problem(path, *found, key=True)


def _feeds(loaded: LoadedSpec, wiring: Wiring) -> Iterator[str]:
    """Find devices whose values come from several roles: a frame is one publication."""
    for name, role in loaded.spec.roles.items():
        if not isinstance(role, IoRole):
            continue
        sources = [wiring.source(read.source).writer.role for read in role.reads.values()]
        names = list(dict.fromkeys(sources))
        if len(names) > 1:
            rule = f"the values of one device come from {' and '.join(names)}"
            remedy = "let one role write all of them: they leave in one frame"
            yield loaded.where.problem(("roles", name, "reads"), rule, remedy, key=True)


def _leases(loaded: LoadedSpec, wiring: Wiring) -> Iterator[str]:
    """Find leases that a single lost frame would end."""
    for role in loaded.spec.roles.values():
        if not isinstance(role, IoRole) or not device_of(loaded, role).accepts:
            continue
        lease_ms = device_of(loaded, role).lease_ms
        least_ns = LEASE_FRAMES_MIN * frame_period_ns(loaded, wiring, role)
        if lease_ms is not None and timing.ms_ns(lease_ms) < least_ns:
            rule = f"{lease_ms:g} ms is less than two actuation frames, {least_ns / 1e6:g} ms"
            remedy = "one lost frame would end it; lengthen it, or leave it to the plan"
            path = ("devices", role.device, "lease_ms")
            yield loaded.board_where.problem(path, rule, remedy)
