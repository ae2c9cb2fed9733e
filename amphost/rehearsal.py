"""Step a user's class in a test: no system, no process, no clock.

    def test_goes_to_the_middle() -> None:
        stage = Rehearsal(Pick, reads=["position"], writes={"target": (-6.0, 6.0)}, gain=0.5)
        stage.set(position=2.0)
        stage.step()
        assert stage.writes.target == 1.0

Rules. Time moves by one period a step and only there. An input ages from the step in which it was
set, against the age given as `max_age_ms`. Whatever the class raises comes out as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from amphost.items import Item, Result, Work
from amphost.plan.program_model import ProgramInput, ProgramOutput
from amphost.role_api import MODES, Reads, Role, Writes

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Rehearsal"]

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
WAITING = 1024


class Rehearsal:
    """A user's class on a stage: set its inputs, step it, look at its outputs.

    `reads` are names, `writes` maps names to ranges (the value begins at the range's end that is
    nearest to 0, or at 0), `parameters` and further keywords are the parameters of the spec. What
    the class logs stands in `logged`. With `item_bytes` it hands out work: `role.work.waiting` has
    its items, `finish` brings a result. A worker's class is given its item by `work`.

    Synchronization: one thread.
    """

    def __init__(
        self,
        user_class: Callable[[], Any],
        *,
        reads: Sequence[str] = (),
        writes: Mapping[str, tuple[float, float]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        rate_hz: float = 100.0,
        max_age_ms: float = 0.0,
        item_bytes: int = 0,
        **more: Any,
    ) -> None:
        self.logged: list[str] = []
        self._period_ns = round(NS_PER_S / rate_hz)
        inputs = [_input(name, round(max_age_ms * NS_PER_MS)) for name in reads]
        outputs = [_output(name, *limits) for name, limits in (writes or {}).items()]
        self.role = Role(
            "rehearsal",
            inputs,
            outputs,
            {**(parameters or {}), **more},
            self._period_ns,
            self.logged.append,
        )
        if item_bytes:
            self.role.work = Work(item_bytes, WAITING, drop_oldest=False)
        self._has_work = item_bytes > 0
        self._results: list[Result] = []
        self._published: dict[str, tuple[int, int, float]] = {}
        self._mode = MODES.index("ARMED")
        self._now_ns, self._tick = NS_PER_S, 0
        self.user = user_class()
        setup = getattr(self.user, "setup", None)
        if setup is not None:
            setup(self.role)

    @property
    def reads(self) -> Reads:
        """The inputs as the class saw them in the last step."""
        return self.role.reads

    @property
    def writes(self) -> Writes:
        """The outputs as the class left them."""
        return self.role.writes

    def set(self, **values: float) -> None:
        """Publish inputs, now: each is new in the next step."""
        for name, value in values.items():
            _ = self.role.reads[name]  # it says which names there are
            count = self._published.get(name, (0, 0, 0.0))[0] + 1
            self._published[name] = (count, self._now_ns, value)

    def mode(self, mode: str) -> None:
        """Say in which mode the system is from the next step on: ARMED until you say otherwise."""
        if mode not in MODES:
            raise ValueError(f"{mode!r} is no mode; there are {', '.join(MODES)}")
        self._mode = MODES.index(mode)

    def work(self, data: bytes, number: int = 1) -> None:
        """Have a worker's class work on an item."""
        self.role.begin(self._now_ns, number, self._mode)
        self.role.item = Item(number, bytes(data), 0.0)
        self.user.work(self.role)

    def finish(self, **writes: float) -> Item:
        """Say what a worker wrote of the oldest item that waits; the next step has the result."""
        item = self.role.work.waiting.popleft()
        self._results.append(Result(item.number, "rehearsal_1", writes, 0.0))
        return item

    def step(self, count: int = 1) -> None:
        """Step the class, `count` times."""
        for _ in range(count):
            for name, (number, t_ns, value) in self._published.items():
                self.role.reads[name].take(self._now_ns, number, t_ns, value)
            self.role.begin(self._now_ns, self._tick, self._mode)
            if self._has_work:
                self.role.work.results, self._results = self._results, []
            self.user.step(self.role)
            self._now_ns += self._period_ns
            self._tick += 1


def _input(name: str, max_age_ns: int) -> ProgramInput:
    return ProgramInput(name=name, role="test", word=0, type="f64", unit="1", max_age_ns=max_age_ns)


def _output(name: str, low: float, high: float) -> ProgramOutput:
    initial = min(max(0.0, low), high)
    return ProgramOutput(name=name, word=0, unit="1", low=low, high=high, initial=initial)
