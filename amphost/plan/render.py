"""A plan as text for people: one screen, one table a question.

Rules. Pure: values in, text out, no colour, no terminal width asked for. What a table says can be
found under the same name in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from amphost import timing
from amphost.machine import Machine
from amphost.plan.layout import SUPERVISOR_ID
from amphost.plan.model import (
    EmulatorPlan,
    Plan,
    ProxyPlan,
    RolePlan,
    SecondCorePlan,
    SegmentPlan,
)
from amphost.plan.placement import cores_text
from amphost.plan.proxies import fault_text

Row = tuple[str, ...]


def render(plan: Plan, machine: Machine) -> str:
    """Write the plan of a system on a machine."""
    parts = [
        _head(plan, machine),
        *(
            _table(f"FAULTS INJECTED on purpose: {one.device}", _faults(one))
            for one in plan.proxies
        ),
        _table("ROLES", _role_rows(plan)),
        _table("SEGMENTS", _segment_rows(plan)),
        _table("BOUNDS", _bound_rows(plan)),
        _table("LINES", _line_rows(plan)) if plan.line_loads else "",
        _chain(plan),
        _notes(plan),
    ]
    return "\n".join(part for part in parts if part).rstrip("\n")


def _head(plan: Plan, machine: Machine) -> str:
    model = machine.model or "unknown machine"
    linux = f", Linux {machine.linux}" if machine.linux else ""
    rt = " PREEMPT_RT" if machine.preempt_rt else ""
    return (
        f"{plan.system}: {plan.spec_path} on board {plan.board}, arms"
        f" {'at the start' if plan.arm == 'on_start' else 'by hand'}\n"
        f"{model}{linux}{rt}, {cores_text(machine)}\n"
        f"floor {timing.format_ns(plan.floor_ns)}: {plan.floor_reason}\n"
    )


def _table(title: str, rows: Sequence[Row]) -> str:
    """Align columns; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([title, *(f"  {line}" for line in lines)]) + "\n"


def _role_rows(plan: Plan) -> list[Row]:
    supervisor = plan.supervisor
    rows: list[Row] = [
        ("name", "kind", "core", "policy", "priority", "rate", "wait", "budget", "heartbeat"),
        (
            "supervisor",
            "watchdog",
            _cores(supervisor.cores),
            "fifo",
            str(supervisor.watchdog_priority),
            _rate(supervisor.watchdog_period_ns),
            "-",
            "-",
            timing.format_ns(timing.SUPERVISOR_NS),
        ),
    ]
    rows += [_role_row(role) for role in plan.roles]
    for device in plan.devices:
        rate = _rate(device.state_period_us * 1000)
        cores = _cores(device.cores)
        rows.append(
            (
                device.name,
                "loopback",
                cores,
                device.policy,
                str(device.priority),
                rate,
                "-",
                "-",
                "-",
            )
        )
    rows += [_emulator_row(emulator) for emulator in plan.emulators]
    rows += [_second_core_row(one) for one in plan.second_cores]
    return rows


def _emulator_row(emulator: EmulatorPlan) -> Row:
    rate = _rate(emulator.state_period_us * 1000)
    cores = _cores(emulator.cores)
    return (emulator.name, emulator.machine, cores, "other", "nice 0", rate, "-", "-", "-")


def _second_core_row(core: SecondCorePlan) -> Row:
    return (core.name, "remoteproc", _cores(core.cores), "other", "nice 0", "-", "-", "-", "-")


def _role_row(role: RolePlan) -> Row:
    return (
        role.name,
        f"{role.kind} in {role.shares}" if role.shares else role.kind,
        _cores(role.cores),
        role.policy,
        str(role.priority) if role.policy == "fifo" else f"nice {role.nice}",
        _rate(_period_ns(role)) + _phase(role),
        role.control.wait if role.control else "-",
        timing.format_ns(role.control.budget_ns) if role.control else "-",
        timing.format_ns(role.heartbeat_ns),
    )


def _segment_rows(plan: Plan) -> list[Row]:
    supervisor = plan.supervisor
    ours = (supervisor.segment, supervisor.events, *supervisor.commands)
    segments = [*ours, *(role.segment for role in plan.roles)]
    head = ("segment", "size", "words", "depth", "layout hash", "mapped read-only by")
    return [head, *(_segment_row(one, plan.roles) for one in segments)]


def _segment_row(segment: SegmentPlan, roles: Iterable[RolePlan]) -> Row:
    channel = segment.channel
    readers = [role.name for role in roles if any(one.role == segment.role for one in role.reads)]
    return (
        segment.role,
        f"{segment.size >> 10} KiB",
        str(channel.words) if channel else "-",
        str(channel.depth) if channel else "-",
        f"{segment.layout_hash:016x}",
        ", ".join(["supervisor"] * (segment.role_id != SUPERVISOR_ID) + readers),
    )


def _faults(proxy: ProxyPlan) -> list[Row]:
    return [
        ("name", "what"),
        *((one.name, fault_text(one)) for one in proxy.faults),
    ]


def _bound_rows(plan: Plan) -> list[Row]:
    return [
        ("what", "bound", "formula", "who acts"),
        *(
            (one.subject, timing.format_ns(one.bound_ns), one.formula, one.enforced_by)
            for one in plan.bounds
        ),
    ]


def _line_rows(plan: Plan) -> list[Row]:
    return [
        ("device", "way", "frame", "per second", "baud", "load"),
        *(
            (
                one.device,
                one.direction.replace("_", " "),
                f"{one.frame_bytes} B",
                f"{one.frames_per_s:g}",
                str(one.baud),
                f"{one.load * 100:.1f} %",
            )
            for one in plan.line_loads
        ),
    ]


def _chain(plan: Plan) -> str:
    title = f"TIME TO SAFE, at most {timing.format_ns(plan.safe_within_ns)}"
    worst = timing.largest(plan.chain)
    if worst is None:
        return f"{title}\n  no role reaches an output\n"
    rows: list[Row] = [("", "single fault", "at most", "formula")]
    rows += [
        ("*" if row is worst else "", row.fault, timing.format_ns(row.total_ns), row.formula)
        for row in plan.chain
    ]
    return _table(f"{title} (* the largest)", rows)


def _notes(plan: Plan) -> str:
    return "\n".join(["NOTES", *(f"  {note}" for note in plan.notes)]) + "\n" if plan.notes else ""


def _cores(cores: Sequence[int]) -> str:
    return ", ".join(str(core) for core in cores)


def _rate(period_ns: int) -> str:
    return f"{timing.NS_PER_S / period_ns:.5g} Hz"


def _phase(role: RolePlan) -> str:
    """Return how far behind the grid a control role is released; nothing where it is not."""
    if role.control is None or role.control.offset_ns == 0:
        return ""
    return f" + {timing.format_ns(role.control.offset_ns)}"


def _period_ns(role: RolePlan) -> int:
    if role.control is not None:
        return role.control.period_ns
    if role.io is not None:
        return role.io.period_ns
    program = role.python or role.exec
    if program is not None:
        return program.period_ns
    assert role.telemetry is not None
    return role.telemetry.drain_period_ns
