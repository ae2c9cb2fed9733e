"""What a user's class sees of its role: its inputs with their ages, its outputs, its parameters.

Rules. Everything a step sees belongs to one instant, `now_ns`, and stays as it is until the step is
over; what it writes is published once, when it has returned. A name that is not there raises an
AttributeError that says which are. A value that is not finite or out of its range is refused where
it is written, and counted. Nothing here touches shared memory or the clock, so a class is tested
without a system: see `amphost.rehearsal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from amphost.errors import WriteRefusedError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.items import Item, Work
    from amphost.plan.program_model import ProgramInput, ProgramOutput

__all__ = ["Parameters", "Read", "Reads", "Role", "Writes"]

NS_PER_MS = 1e6
NEVER_MS = float("inf")
UNKNOWN = float("nan")
MODES = ("BOOT", "DISARMED", "ARMED", "SAFE")  # enum amp_mode
ARMED = 2


class Read:
    """One input at the instant of this step.

    value: the newest value; not a number until there is one.
    age_ms: how long ago it was published; infinite until then.
    is_stale: older than its contract allows, or not there at all.
    is_new: published since the last step.
    count: how often its source has published so far.
    unit: as the spec has it.

    Synchronization: one thread, the role's own.
    """

    __slots__ = ("_max_age_ms", "age_ms", "count", "is_new", "is_stale", "unit", "value")

    value: float
    age_ms: float
    is_stale: bool
    is_new: bool
    count: int
    unit: str

    def __init__(self, unit: str, max_age_ns: int) -> None:
        self._max_age_ms = max_age_ns / NS_PER_MS if max_age_ns else NEVER_MS
        self.unit = unit
        self.value, self.age_ms, self.count = UNKNOWN, NEVER_MS, 0
        self.is_stale, self.is_new = True, False

    def take(self, now_ns: int, count: int, t_ns: int, value: float) -> None:
        """Take over a publication as it is at `now_ns`."""
        self.is_new = count != self.count
        self.count, self.value = count, value
        self.age_ms = max((now_ns - t_ns) / NS_PER_MS, 0.0)
        self.is_stale = self.age_ms > self._max_age_ms

    def __repr__(self) -> str:
        stale = ", stale" if self.is_stale else ""
        return f"<{self.value!r} {self.unit}, {self.age_ms:.3g} ms old{stale}>"


class Reads:
    """The inputs by name: `role.reads.position.value`, or `role.reads["position"]`.

    Synchronization: one thread, the role's own.
    """

    _role: str
    _names: tuple[str, ...]

    def __init__(self, role: str, inputs: Iterable[ProgramInput]) -> None:
        reads = {one.name: Read(one.unit, one.max_age_ns) for one in inputs}
        self.__dict__.update(reads, _role=role, _names=tuple(reads))

    def __getattr__(self, name: str) -> Read:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(_unknown(self._role, "reads", name, self._names))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self._role}: reads.{name} is an input; write to role.writes")

    def __getitem__(self, name: str) -> Read:
        read: Read = getattr(self, name)
        return read

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)


class Store:
    """What stands behind `Writes`: the values, and how many were refused.

    Synchronization: one thread, the role's own.
    """

    __slots__ = ("refused", "values")

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.refused = 0


class Writes:
    """The outputs by name: `role.writes.target = 0.5`; each keeps its value until it is written.

    Synchronization: one thread, the role's own.
    """

    _role: str
    _outputs: dict[str, ProgramOutput]
    _store: Store

    def __init__(self, role: str, outputs: Iterable[ProgramOutput], store: Store) -> None:
        by_name = {one.name: one for one in outputs}
        store.values = {name: float(one.initial) for name, one in by_name.items()}
        self.__dict__.update(_role=role, _outputs=by_name, _store=store)

    def __setattr__(self, name: str, value: float) -> None:
        output = self._outputs.get(name)
        if output is None:
            raise AttributeError(_unknown(self._role, "writes", name, tuple(self._outputs)))
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = UNKNOWN
        if not output.low <= number <= output.high:
            self._store.refused += 1
            raise WriteRefusedError(_refusal(self._role, output, value, number))
        self._store.values[name] = number

    def __getattr__(self, name: str) -> float:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._outputs:
            raise AttributeError(_unknown(self._role, "writes", name, tuple(self._outputs)))
        return self._store.values[name]

    def __getitem__(self, name: str) -> float:
        value: float = getattr(self, name)
        return value

    def __setitem__(self, name: str, value: float) -> None:
        setattr(self, name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)


class Parameters:
    """The parameters by name: `role.parameters.gain`, or `role.parameters["gain"]`.

    Synchronization: none required; they never change.
    """

    def __init__(self, role: str, parameters: Iterable[Sequence[Any]]) -> None:
        self.__dict__.update([(name, value) for name, value in parameters], _role=role)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(_unknown(self._role, "parameters", name, tuple(self)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self._role}: parameters.{name} stands in the spec; it is not set")

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.__dict__ if not name.startswith("_"))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or `default` where the spec has none of that name."""
        return self.__dict__.get(name, default)


class Role:
    """What `setup(self, role)` and `step(self, role)` get.

    name: the role's name in the spec.
    reads, writes, parameters: by name, as the spec declares them.
    period_s: from step to step.
    now_ns: CLOCK_MONOTONIC at the beginning of this step; now_s is the same in seconds.
    tick: number of this step on the grid; a step that was skipped leaves a gap.
    work: what it hands out to its workers, where the spec gives it some.
    item: what a worker is to work on.
    mode: BOOT, DISARMED, ARMED or SAFE; is_armed says whether outputs may move.

    Synchronization: one thread, the role's own.
    """

    name: str
    reads: Reads
    writes: Writes
    parameters: Parameters
    period_s: float
    now_ns: int
    tick: int
    mode: str
    is_armed: bool
    work: Work
    item: Item

    def __init__(
        self,
        name: str,
        inputs: Iterable[ProgramInput],
        outputs: Iterable[ProgramOutput],
        parameters: Mapping[str, Any] | Iterable[Sequence[Any]],
        period_ns: int,
        log: Callable[[str], None] = print,
    ) -> None:
        self.name = name
        self.reads = Reads(name, inputs)
        self._store = Store()
        self.writes = Writes(name, outputs, self._store)
        pairs = parameters.items() if isinstance(parameters, Mapping) else parameters
        self.parameters = Parameters(name, pairs)
        self.period_s = period_ns / 1e9
        self.now_ns, self.tick = 0, 0
        self.mode, self.is_armed = MODES[0], False
        self._log = log

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            what = {"work": "hands out no work: its spec has no workers", "item": "is no worker"}
            if name in what:
                raise AttributeError(f"{self.name} {what[name]}")
            raise AttributeError(f"there is no role.{name}")

    @property
    def now_s(self) -> float:
        """CLOCK_MONOTONIC at the beginning of this step, in seconds."""
        return self.now_ns / 1e9

    def log(self, text: str) -> None:
        """Write a line to the role's log."""
        self._log(text)

    def begin(self, now_ns: int, tick: int, mode: int) -> None:
        """Begin a step; called by whoever steps the class."""
        self.now_ns, self.tick = now_ns, tick
        self.mode, self.is_armed = MODES[mode], mode == ARMED

    def refused_writes(self) -> int:
        """Return how many writes were refused so far."""
        return self._store.refused

    def written(self) -> list[float]:
        """Return every output, in the order of the spec."""
        return list(self._store.values.values())

    def restore(self, values: Sequence[float]) -> None:
        """Take back what a failed step wrote."""
        self._store.values.update(zip(self._store.values, values, strict=True))


def _unknown(role: str, where: str, name: str, known: Sequence[str]) -> str:
    there = ", ".join(known) or "nothing"
    verb = where if where != "parameters" else "has the parameters" if known else "is given"
    return f"there is no {where}.{name}: {role} {verb} {there}"


def _refusal(role: str, output: ProgramOutput, value: object, number: float) -> str:
    limits = f"[{output.low:g}, {output.high:g}] {output.unit}"
    if not math.isfinite(number):
        rule = f"writes.{output.name} = {value!r} is not a finite number"
        return f"{role}: {rule}; it takes {limits}"
    return f"{role}: writes.{output.name} = {number:g} is outside {limits}"
