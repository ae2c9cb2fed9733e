"""Resolve a spec on a machine: the plan, or every reason why there is none.

Rules. Pure: the spec is loaded, the machine is read, and paths are joined, never opened. All
problems are raised together. Something that the spec names and the machine has not got is missing
hardware (exit 69); as soon as anything else is wrong too, the file is (exit 78). `problems` is the
part that needs no machine: it takes the lowest floor that any machine has, so that what it refuses
is refused everywhere.
"""

from __future__ import annotations

from pathlib import Path

from amphost import timing
from amphost.errors import HardwareMissingError, PlanError
from amphost.machine import Machine
from amphost.plan import layout
from amphost.plan.bounds import WATCHDOG_PERIOD_NS, bound_rows, chain_rows, stop_safe_ns
from amphost.plan.device import device_plan, emulator_plan
from amphost.plan.fold import fold as folded_onto
from amphost.plan.limits import limit_problems
from amphost.plan.line import line_loads
from amphost.plan.model import (
    ChainRow,
    DevicePlan,
    EmulatorPlan,
    FoldPlan,
    OperatorPlan,
    OperatorValue,
    Plan,
    ProxyPlan,
    RolePlan,
    SegmentPlan,
    SupervisorPlan,
    WatchPlan,
)
from amphost.plan.notes import notes
from amphost.plan.placement import PAGE_SIZE, Placement, findings, place
from amphost.plan.proxies import proxy_notes, proxy_plan
from amphost.plan.roles import role_plan, segment_plans
from amphost.plan.second_cores import second_cores
from amphost.plan.wait import rivals, wait_problems
from amphost.plan.wiring import OPERATOR_PERIOD_NS, Wiring, wire
from amphost.spec.load import LoadedSpec

SUPERVISOR_PRIORITY = 1


def resolve(loaded: LoadedSpec, machine: Machine, *, base: Path, fold: bool = False) -> Plan:
    """Decide everything; raise HardwareMissingError or PlanError with all problems.

    `base` is absolute: relative folders for recordings start there. With `fold`, roles whose cores
    are not there get others.
    """
    folded: tuple[FoldPlan, ...] = ()
    if fold:
        loaded, folded = folded_onto(loaded, machine)
    wiring = wire(loaded)
    found = findings(loaded, machine)
    placement = place(loaded, machine)
    segments = segment_plans(loaded, wiring, placement.page_size)
    roles = _roles(loaded, wiring, segments, placement.floor_ns, placement, base)
    chain = chain_rows(roles, wiring)
    wrong = [one.text for one in found if not one.hardware]
    wrong += wait_problems(loaded, placement)
    wrong += limit_problems(loaded, wiring) + _chain_problems(loaded, chain)
    missing = [one.text for one in found if one.hardware]
    if wrong:
        raise PlanError(missing + wrong)
    if missing:
        raise HardwareMissingError(missing)
    return _plan(loaded, machine, wiring, placement, segments, roles, chain, folded)


def problems(loaded: LoadedSpec) -> list[str]:
    """Return a line for everything that no machine could make right."""
    wiring = wire(loaded)
    segments = segment_plans(loaded, wiring, PAGE_SIZE)
    roles = _roles(loaded, wiring, segments, timing.FLOOR_ISOLATED_NS, None, Path("/"))
    return [
        *wait_problems(loaded, None),
        *limit_problems(loaded, wiring),
        *_chain_problems(loaded, chain_rows(roles, wiring)),
    ]


def _plan(
    loaded: LoadedSpec,
    machine: Machine,
    wiring: Wiring,
    placement: Placement,
    segments: dict[str, SegmentPlan],
    roles: tuple[RolePlan, ...],
    chain: tuple[ChainRow, ...],
    folded: tuple[FoldPlan, ...],
) -> Plan:
    spec = loaded.spec
    devices = _devices(loaded, placement, roles)
    bounds = bound_rows(roles, [one.name for one in devices], wiring, placement.floor_ns)
    supervisor = _supervisor(loaded, machine, placement, segments, roles)
    proxies = _proxies(loaded, placement, roles)
    return Plan(
        system=spec.name,
        spec_path=str(loaded.path),
        board=loaded.board.name,
        arm=spec.safety.arm,
        allow_degraded=spec.safety.allow_degraded,
        safe_within_ns=timing.ms_ns(spec.safety.safe_within_ms),
        floor_ns=placement.floor_ns,
        floor_reason=placement.floor_reason,
        supervisor=supervisor,
        roles=roles,
        devices=devices,
        bounds=bounds,
        chain=chain,
        line_loads=line_loads(loaded, wiring),
        notes=(
            *proxy_notes(proxies),
            *(f"{one.role}: {one.text}" for one in folded),
            *notes(
                machine,
                roles,
                supervisor,
                bounds,
                floor_ns=placement.floor_ns,
                allow_degraded=spec.safety.allow_degraded,
            ),
        ),
        folded=folded,
        proxies=proxies,
        emulators=_emulators(loaded, placement, roles),
        second_cores=second_cores(loaded, roles, placement.supervisor_core),
    )


def _roles(
    loaded: LoadedSpec,
    wiring: Wiring,
    segments: dict[str, SegmentPlan],
    floor_ns: int,
    placement: Placement | None,
    base: Path,
) -> tuple[RolePlan, ...]:
    return tuple(
        role_plan(
            loaded,
            wiring,
            segments,
            name,
            floor_ns=floor_ns,
            shares=rivals(loaded, placement, name),
            base=base,
        )
        for name in loaded.spec.roles
    )


def _devices(
    loaded: LoadedSpec, placement: Placement, roles: tuple[RolePlan, ...]
) -> tuple[DevicePlan, ...]:
    return tuple(
        device_plan(
            loaded,
            role.io,
            cores=(placement.device_cores[role.name],),
            priority=placement.device_priorities[role.name],
        )
        for role in roles
        if role.io is not None and role.name in placement.device_cores
    )


def _proxies(
    loaded: LoadedSpec, placement: Placement, roles: tuple[RolePlan, ...]
) -> tuple[ProxyPlan, ...]:
    made = (
        proxy_plan(
            role.io.device,
            loaded.board.devices[role.io.device],
            port=role.io.port,
            schema_hash=role.io.schema_hash,
            cores=(placement.device_cores.get(role.name, placement.supervisor_core),),
            priority=role.priority,
        )
        for role in roles
        if role.io is not None
    )
    return tuple(one for one in made if one is not None)


def _emulators(
    loaded: LoadedSpec, placement: Placement, roles: tuple[RolePlan, ...]
) -> tuple[EmulatorPlan, ...]:
    ios = [role.io for role in roles if role.io is not None and role.io.emulated]
    return tuple(emulator_plan(loaded, io, placement.emulator_cores) for io in ios)


def _supervisor(
    loaded: LoadedSpec,
    machine: Machine,
    placement: Placement,
    segments: dict[str, SegmentPlan],
    roles: tuple[RolePlan, ...],
) -> SupervisorPlan:
    return SupervisorPlan(
        cores=(placement.supervisor_core,),
        policy="fifo",
        priority=SUPERVISOR_PRIORITY,
        watchdog_priority=placement.watchdog_priority,
        watchdog_period_ns=WATCHDOG_PERIOD_NS,
        hold_cpu_dma_latency=machine.cpu_dma_latency
        and not loaded.spec.deep_idle
        and any(role.control is not None for role in roles),
        stop_safe_ns=stop_safe_ns(roles),
        stop_ns=stop_safe_ns(roles) + timing.STOP_NS,
        segment=segments[layout.SUPERVISOR],
        events=segments[layout.EVENTS],
        commands=tuple(
            segments[plan.commands]
            for role in roles
            if (plan := role.control or role.io) is not None and plan.commands
        ),
        operator=OperatorPlan(
            period_ns=OPERATOR_PERIOD_NS,
            values=tuple(
                OperatorValue(
                    name=name,
                    unit=value.unit,
                    low=value.range[0],
                    high=value.range[1],
                    initial=value.initial,
                    profile=tuple(loaded.profiles.get(name, ())),
                )
                for name, value in loaded.spec.operator.items()
            ),
        ),
        watches=tuple(
            WatchPlan(role=role.name, role_id=role.role_id, bound_ns=role.heartbeat_ns)
            for role in roles
        ),
    )


def _chain_problems(loaded: LoadedSpec, chain: tuple[ChainRow, ...]) -> list[str]:
    worst = timing.largest(chain)
    limit_ns = timing.ms_ns(loaded.spec.safety.safe_within_ms)
    if worst is None or worst.total_ns <= limit_ns:
        return []
    total_ms = worst.total_ns / timing.NS_PER_MS
    rule = (
        f"{limit_ns / timing.NS_PER_MS:g} ms is less than {total_ms:.4g} ms: {worst.fault},"
        f" {worst.formula}"
    )
    remedy = f"allow at least {-(-worst.total_ns // timing.NS_PER_MS)} ms, or shorten a term"
    return [loaded.where.problem(("safety", "safe_within_ms"), rule, remedy)]
