"""Who writes which words, how often, and who reads them: the spec's wiring, by numbers.

Rules. Pure, and the same on every machine. A role has one channel: the signals that the spec or
its board names, in the file's order, then the words that the plan adds for diagnosis. The values
of the operator are the supervisor's channel: `operator.x` in a spec is a word of `supervisor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amphost import timing
from amphost.plan.layout import SUPERVISOR, SUPERVISOR_ID
from amphost.plan.model import SignalPlan
from amphost.plan.program_model import WORK_COUNTS
from amphost.spec.load import LoadedSpec
from amphost.spec.model import (
    ControlRole,
    DeviceSpec,
    ExecRole,
    IoRole,
    PythonRole,
    RoleSpec,
    Spec,
    WorkerRole,
)
from amphost.spec.program_roles import worker_names

OPERATOR = "operator"
OPERATOR_PERIOD_NS = 5 * timing.NS_PER_MS
DRAIN_PERIOD_NS = 100 * timing.NS_PER_MS
FLUSH_PERIOD_NS = 500 * timing.NS_PER_MS
NO_UNIT = "1"

TICK = "tick"
SENSED = "sensed_ns"
ITEM = "item"
AGE = "age_ns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One writing process: a role, or the supervisor, with the words of its channel.

    Synchronization: none required; immutable.
    """

    role: str
    role_id: int
    kind: str
    period_ns: int
    signals: tuple[SignalPlan, ...]

    def word(self, name: str) -> int:
        """Return the word that carries a signal; -1 where it has none of that name."""
        return next((index for index, one in enumerate(self.signals) if one.name == name), -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A signal that somebody reads.

    Synchronization: none required; immutable.
    """

    writer: Writer
    word: int
    signal: SignalPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Every writer, the supervisor first, and for each role whose channels it reads.

    Synchronization: none required; immutable.
    """

    writers: Mapping[str, Writer]
    reads: Mapping[str, tuple[str, ...]]

    def source(self, text: str) -> Source:
        """Find `role.signal` or `operator.name`."""
        role, _, name = text.partition(".")
        writer = self.writers[SUPERVISOR if role == OPERATOR else role]
        word = writer.word(name)
        return Source(writer=writer, word=word, signal=writer.signals[word])

    def readers(self, role: str) -> tuple[str, ...]:
        """Return the roles that read a role's channel, in the spec's order."""
        return tuple(name for name, sources in self.reads.items() if role in sources)


def wire(loaded: LoadedSpec) -> Wiring:
    """Give every role its number, its period and its words."""
    spec = loaded.spec
    writers = {SUPERVISOR: _supervisor(spec)}
    for role_id, (name, role) in enumerate(spec.roles.items(), start=SUPERVISOR_ID + 1):
        writers[name] = Writer(
            role=name,
            role_id=role_id,
            kind=role.kind,
            period_ns=_period_ns(role, loaded),
            signals=_signals(role, loaded),
        )
    reads = {name: _sources(name, role, spec) for name, role in spec.roles.items()}
    return Wiring(writers=writers, reads=reads)


def device_of(loaded: LoadedSpec, role: IoRole) -> DeviceSpec:
    """Return the device behind an io role."""
    return loaded.board.devices[role.device]


def frame_source(loaded: LoadedSpec, wiring: Wiring, role: IoRole) -> Writer | None:
    """Return who sets the pace of a link's actuation frames: whoever feeds the device, the fastest
    where there are several (`limits` refuses those); None for a device that accepts nothing.
    """
    names = device_of(loaded, role).accepts
    sources = [wiring.source(role.reads[name].source).writer for name in names]
    return min(sources, key=lambda one: one.period_ns, default=None)


def frame_period_ns(loaded: LoadedSpec, wiring: Wiring, role: IoRole) -> int:
    """Return F; the period of the state frames where no actuation frame is sent."""
    source = frame_source(loaded, wiring, role)
    if source is None:
        return timing.period_ns(device_of(loaded, role).state_rate_hz)
    return source.period_ns


def role_period_ns(loaded: LoadedSpec, wiring: Wiring, name: str) -> int:
    """Return the period of a role's own loop: that of its heartbeat, and of its reading."""
    role = loaded.spec.roles[name]
    if isinstance(role, IoRole):
        return frame_period_ns(loaded, wiring, role)
    return wiring.writers[name].period_ns


def _supervisor(spec: Spec) -> Writer:
    return Writer(
        role=SUPERVISOR,
        role_id=SUPERVISOR_ID,
        kind=SUPERVISOR,
        period_ns=OPERATOR_PERIOD_NS,
        signals=tuple(
            _scalar(name, value.unit, value.range) for name, value in spec.operator.items()
        ),
    )


def _period_ns(role: RoleSpec, loaded: LoadedSpec) -> int:
    """Return how often a role publishes."""
    if isinstance(role, (ControlRole, PythonRole, ExecRole)):
        return timing.period_ns(role.rate_hz)
    if isinstance(role, IoRole):
        return timing.period_ns(device_of(loaded, role).state_rate_hz)
    return DRAIN_PERIOD_NS


def _signals(role: RoleSpec, loaded: LoadedSpec) -> tuple[SignalPlan, ...]:
    if isinstance(role, ControlRole):
        outputs = (_scalar(name, one.unit, one.range) for name, one in role.writes.items())
        return (*outputs, _word(TICK, "u64", NO_UNIT), _word(SENSED, "i64", "ns"))
    if isinstance(role, WorkerRole):
        results = (_scalar(name, one.unit, one.range) for name, one in role.writes.items())
        return (*results, _word(ITEM, "u64", NO_UNIT), _word(AGE, "i64", "ns"))
    if isinstance(role, PythonRole):
        outputs = (_scalar(name, one.unit, one.range) for name, one in role.writes.items())
        counts = WORK_COUNTS if role.workers is not None else ()
        added = (_word(name, "u64", NO_UNIT) for name in (TICK, *counts))
        return (*outputs, *added)
    if isinstance(role, ExecRole):
        return tuple(_scalar(name, one.unit, one.range) for name, one in role.writes.items())
    if isinstance(role, IoRole):
        sends = device_of(loaded, role).sends
        values = (_scalar(name, one.unit, one.range) for name, one in sends.items())
        return (
            *values,
            _word("device_us", "u64", "us"),
            _word("applied", "u64", NO_UNIT),
            _word("sampled_ns", "i64", "ns"),
        )
    unit = _tracking_unit(loaded)
    return (
        _word("samples", "u64", NO_UNIT),
        _word("lost", "u64", NO_UNIT),
        _word("bytes", "u64", "B"),
        _word("tracking_count", "u64", NO_UNIT),
        _word("tracking_square_sum", "f64", NO_UNIT if unit == NO_UNIT else f"{unit}^2"),
        _word("tracking_max", "f64", unit),
    )


def _tracking_unit(loaded: LoadedSpec) -> str:
    tracking = loaded.spec.report.tracking
    if tracking is None:
        return NO_UNIT
    role, _, name = tracking.setpoint.partition(".")
    if role == OPERATOR:
        return loaded.spec.operator[name].unit
    producer = loaded.spec.roles[role]
    if isinstance(producer, (ControlRole, PythonRole, ExecRole)):
        return producer.writes[name].unit
    if isinstance(producer, IoRole):
        return device_of(loaded, producer).sends[name].unit
    return NO_UNIT


def _sources(name: str, role: RoleSpec, spec: Spec) -> tuple[str, ...]:
    """Return the roles whose segments a role maps: the supervisor first, then the spec's order."""
    if isinstance(role, (ControlRole, IoRole, PythonRole, ExecRole)):
        named = {read.source.partition(".")[0] for read in role.reads.values()}
        if isinstance(role, PythonRole):
            named.update(worker_names(name, role))
    else:
        named = set(spec.roles)
    return (SUPERVISOR, *(other for other in spec.roles if other in named and other != name))


def _scalar(name: str, unit: str, limits: tuple[float, float]) -> SignalPlan:
    return SignalPlan(name=name, type="f64", unit=unit, low=limits[0], high=limits[1])


def _word(name: str, kind: str, unit: str) -> SignalPlan:
    return SignalPlan(name=name, type=kind, unit=unit, low=None, high=None)
