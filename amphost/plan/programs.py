"""The plan of a role that runs a user's code: its inputs with their ages, its outputs, its class.

Rules. Pure. Such a role is of class B where a control role reads it: that one's freshness contract
decides how long it may be away. Everywhere else it observes, class C.
"""

from __future__ import annotations

import os.path
from pathlib import Path

from amphost import timing
from amphost.plan.layout import SUPERVISOR
from amphost.plan.program_model import ExecPlan, ProgramInput, ProgramOutput, PythonPlan
from amphost.plan.wiring import ITEM, TICK, Wiring
from amphost.plan.workers import work_plan, worker_plan
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole, ExecRole, PythonRole, RoleSpec


def python_plan(
    loaded: LoadedSpec, wiring: Wiring, name: str, role: PythonRole, floor_ns: int, base: Path
) -> PythonPlan:
    """Decide everything about a python role but where it runs."""
    place = loaded.classes[name]
    writer = wiring.writers[name]
    return PythonPlan(
        period_ns=writer.period_ns,
        file=os.path.normpath(base / place.file),
        class_name=place.class_name,
        module=place.module,
        root=os.path.normpath(base / place.root),
        parameters=tuple(role.parameters.items()),
        on_error=role.on_error,
        inputs=input_plans(wiring, role, floor_ns),
        outputs=output_plans(wiring, name, role),
        tick_word=max(writer.word(TICK), writer.word(ITEM)),
        work=work_plan(wiring, name, role),
        worker=worker_plan(name, role),
    )


def exec_plan(
    loaded: LoadedSpec, wiring: Wiring, name: str, role: ExecRole, base: Path
) -> ExecPlan:
    """Decide everything about an exec role but where it runs."""
    period_ns = wiring.writers[name].period_ns
    return ExecPlan(
        period_ns=period_ns,
        command=tuple(role.command),
        file=os.path.normpath(base / loaded.executables[name]),
        folder=os.path.normpath(base / loaded.path.parent),
        beats_per_s_max=timing.beats_per_s_max(period_ns),
    )


def input_plans(wiring: Wiring, role: PythonRole, floor_ns: int) -> tuple[ProgramInput, ...]:
    """Return what a role reads."""
    inputs = []
    for name, read in role.reads.items():
        source = wiring.source(read.source)
        ages = source.writer.role != SUPERVISOR
        default_ns = timing.max_age_ns(source.writer.period_ns, floor_ns) if ages else 0
        set_ns = None if read.max_age_ms is None else timing.ms_ns(read.max_age_ms)
        inputs.append(
            ProgramInput(
                name=name,
                role=source.writer.role,
                word=source.word,
                type=source.signal.type,
                unit=source.signal.unit,
                max_age_ns=default_ns if set_ns is None else set_ns,
            )
        )
    return tuple(inputs)


def output_plans(wiring: Wiring, name: str, role: PythonRole) -> tuple[ProgramOutput, ...]:
    """Return what a role publishes."""
    return tuple(
        ProgramOutput(
            name=key,
            word=wiring.writers[name].word(key),
            unit=one.unit,
            low=one.range[0],
            high=one.range[1],
            initial=one.initial,
        )
        for key, one in role.writes.items()
    )


def fault_class(loaded: LoadedSpec, name: str) -> str:
    """Return how far the faults of a role reach: `A`, `B` or `C`, as `lifecycle` has them."""
    roles = loaded.spec.roles
    role: RoleSpec = roles[name]
    if role.kind in ("control", "io"):
        return "A"
    fed = (
        read.source.partition(".")[0] == name
        for other in roles.values()
        if isinstance(other, ControlRole)
        for read in other.reads.values()
    )
    return "B" if any(fed) else "C"
