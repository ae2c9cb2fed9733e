"""The system's mode in a run: every change through the table, stored where the loops read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from amphost.lifecycle import ImpossibleEventError, Mode, ModeEvent
from amphost.plan.model import OperatorValue, Plan
from amphost.supervisor.modes import Modes
from amphost.watchdog import Watchdog
from tests.system.live import wait_for
from tests.unit.role_bench import RoleBench


class Bench(RoleBench):
    """The mailbox of the standard system with a target that moves while armed, and its modes."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "control")
        target = OperatorValue(
            name="target",
            unit="rad",
            low=-6,
            high=6,
            initial=0.5,
            profile=((0.0, 1.0), (0.001, 3.0), (3600.0, 3.0)),
        )
        own = replace(plan.supervisor, operator=replace(plan.supervisor.operator, values=(target,)))
        self.watchdog = Watchdog(own, self.segments.mapped)
        self.watchdog.start(-1, 0)
        self.lines: list[str] = []
        self.modes = Modes(self.system, self.watchdog, self.lines.append)

    def target(self) -> float:
        """Return the newest target."""
        latest = self.supervisor.latest()
        return float(latest[3][0]) if latest is not None else 0.0

    def close(self) -> None:
        """End the thread first."""
        self.watchdog.stop()
        super().close()


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[Bench]:
    """A bench in BOOT."""
    made = Bench(plan_of())
    yield made
    made.close()


def test_each_act_of_arming_has_a_number_of_its_own(bench: Bench) -> None:
    """A loop that has tripped takes up a greater number only: nothing resumes by itself."""
    modes = bench.modes
    acts = []
    modes.change(ModeEvent.READY)
    for _ in range(3):
        modes.change(ModeEvent.ARM)
        acts.append(bench.system.mode())
        modes.change(ModeEvent.TRIP)
        assert bench.system.mode() == (Mode.SAFE, len(acts))
        modes.change(ModeEvent.ACKNOWLEDGE)
    assert acts == [(Mode.ARMED, 1), (Mode.ARMED, 2), (Mode.ARMED, 3)]
    assert bench.system.mode() == (Mode.DISARMED, 3)


def test_what_the_table_does_not_know_changes_nothing(bench: Bench) -> None:
    """A held button: the second `arm` is refused, and the act stays the same."""
    bench.modes.change(ModeEvent.READY)
    bench.modes.change(ModeEvent.ARM)
    before = (bench.modes.armed_ns, bench.system.mode())
    for event in (ModeEvent.ARM, ModeEvent.ACKNOWLEDGE):
        with pytest.raises(ImpossibleEventError, match="not possible in ARMED"):
            bench.modes.change(event)
    assert (bench.modes.armed_ns, bench.system.mode()) == before


def test_a_change_is_told_once_and_no_change_not_at_all(bench: Bench) -> None:
    """One line for each change of state, as people read them."""
    for event in (ModeEvent.READY, ModeEvent.READY, ModeEvent.DISARM, ModeEvent.ARM):
        bench.modes.change(event)
    for event in (ModeEvent.TRIP, ModeEvent.TRIP, ModeEvent.ACKNOWLEDGE):
        bench.modes.change(event)
    assert bench.lines == [
        "mode BOOT -> DISARMED",
        "mode DISARMED -> ARMED",
        "mode ARMED -> SAFE",
        "mode SAFE -> DISARMED",
    ]


def test_the_word_is_stored_before_anybody_is_told(bench: Bench) -> None:
    """Whoever reads the line and then the word must not find the old mode."""
    seen: list[int] = []
    modes = Modes(bench.system, bench.watchdog, lambda _: seen.append(bench.system.mode()[0]))
    modes.change(ModeEvent.READY)
    modes.change(ModeEvent.ARM)
    assert seen == [Mode.DISARMED, Mode.ARMED]


@pytest.mark.parametrize("event", [ModeEvent.DISARM, ModeEvent.TRIP, ModeEvent.ESTOP])
def test_profiles_run_while_armed_and_hold_otherwise(bench: Bench, event: ModeEvent) -> None:
    """A target that runs on while nothing moves would make the machine jump at the next act."""
    bench.modes.change(ModeEvent.READY)
    wait_for(lambda: bench.target() == 1.0, "the target holds at its start")
    bench.modes.change(ModeEvent.ARM)
    wait_for(lambda: bench.target() == 3.0, "the target moves")
    bench.modes.change(event)
    wait_for(lambda: bench.target() == 1.0, "the target holds again")
