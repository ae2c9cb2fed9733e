"""The tables of modes and role states, and what each fault leads to."""

from __future__ import annotations

import itertools
import re
from enum import IntEnum
from pathlib import Path

import pytest

from amphost.lifecycle import (
    FAULT_CLASSES,
    MODES,
    RESTART_FIRST_NS,
    RESTART_WINDOW_NS,
    RESTARTS_MAX,
    ROLE_STATES,
    Fault,
    FaultClass,
    ImpossibleEventError,
    Mode,
    ModeEvent,
    RoleEvent,
    RoleState,
    fault_class,
    mode_event,
    next_mode,
    next_role_state,
    restart_delay_ns,
)

HEADERS = Path(__file__).parents[2] / "native/include/amp"
S = 1_000_000_000


@pytest.mark.parametrize(
    ("numbers", "header", "prefix"),
    [
        (Mode, "base.h", "AMP_MODE_"),
        (Fault, "base.h", "AMP_FAULT_"),
        (RoleState, "segment.h", "AMP_ROLE_"),
    ],
)
def test_numbers_are_those_of_the_headers(numbers: type[IntEnum], header: str, prefix: str) -> None:
    """Python and C read the same words of the mailbox."""
    found = re.findall(rf"^ *{prefix}(\w+) = (\d+),", (HEADERS / header).read_text(), re.MULTILINE)
    there = {name: int(number) for name, number in found if name != "COUNT"}
    assert there == {one.name: one.value for one in numbers}


def test_the_way_from_boot_to_safe_and_back() -> None:
    """The one way round: ready, arm, trip, acknowledge, and arm again by a further act."""
    mode = Mode.BOOT
    for event, expected in [
        (ModeEvent.READY, Mode.DISARMED),
        (ModeEvent.ARM, Mode.ARMED),
        (ModeEvent.TRIP, Mode.SAFE),
        (ModeEvent.ACKNOWLEDGE, Mode.DISARMED),
        (ModeEvent.ARM, Mode.ARMED),
        (ModeEvent.DISARM, Mode.DISARMED),
    ]:
        mode = next_mode(mode, event)
        assert mode is expected


def test_only_arming_a_disarmed_system_leads_to_armed() -> None:
    """Nothing moves but by an explicit act."""
    into = {key for key, mode in MODES.items() if mode is Mode.ARMED and key[0] is not Mode.ARMED}
    assert into == {(Mode.DISARMED, ModeEvent.ARM)}


def test_only_an_acknowledgement_leaves_safe() -> None:
    """A held button or a replayed command must not resume."""
    out = {key for key, mode in MODES.items() if key[0] is Mode.SAFE and mode is not Mode.SAFE}
    assert out == {(Mode.SAFE, ModeEvent.ACKNOWLEDGE)}


@pytest.mark.parametrize("event", [ModeEvent.TRIP, ModeEvent.ESTOP])
def test_faults_and_estops_are_possible_in_every_mode(event: ModeEvent) -> None:
    """They do not wait for a convenient moment, and never lead to ARMED."""
    for mode in Mode:
        assert next_mode(mode, event) is not Mode.ARMED


def test_an_estop_latches_from_everywhere() -> None:
    """Whoever pressed it must find the system latched, armed or not."""
    assert {next_mode(mode, ModeEvent.ESTOP) for mode in Mode} == {Mode.SAFE}


def test_a_fault_while_disarmed_latches_nothing() -> None:
    """Nothing moves then: a link that comes up late is no reason to acknowledge anything."""
    assert next_mode(Mode.DISARMED, ModeEvent.TRIP) is Mode.DISARMED
    assert next_mode(Mode.BOOT, ModeEvent.TRIP) is Mode.BOOT


def test_pairs_that_are_not_in_the_table_raise_and_name_what_is_possible() -> None:
    """A supervisor with a wrong picture of the mode must hear of it."""
    for mode, event in itertools.product(Mode, ModeEvent):
        if (mode, event) not in MODES:
            with pytest.raises(ImpossibleEventError, match=f"{event.value} is not possible"):
                next_mode(mode, event)
    with pytest.raises(ImpossibleEventError, match="possible: acknowledge"):
        next_mode(Mode.SAFE, ModeEvent.ARM)
    with pytest.raises(ImpossibleEventError, match="wait until every role runs"):
        next_mode(Mode.BOOT, ModeEvent.ARM)


def test_the_life_of_a_role_that_is_asked_to_leave() -> None:
    """The ordinary way."""
    state = RoleState.ABSENT
    for event, expected in [
        (RoleEvent.START, RoleState.STARTING),
        (RoleEvent.READY, RoleState.RUNNING),
        (RoleEvent.END, RoleState.ENDING),
        (RoleEvent.EXIT, RoleState.ENDED),
    ]:
        state = next_role_state(state, event)
        assert state is expected


def test_an_exit_nobody_asked_for_is_a_death() -> None:
    """Status 0 does not make it right."""
    for state in (RoleState.STARTING, RoleState.RUNNING):
        assert next_role_state(state, RoleEvent.EXIT) is RoleState.DEAD
        assert next_role_state(state, RoleEvent.DIE) is RoleState.DEAD


def test_a_successor_starts_only_after_proof_of_death() -> None:
    """Two writers of one segment would spoil it."""
    starts = {state for state, event in ROLE_STATES if event is RoleEvent.START}
    assert starts == {RoleState.ABSENT, RoleState.ENDED, RoleState.DEAD}


def test_role_events_without_a_line_raise() -> None:
    """The table is complete: what it does not say cannot happen."""
    for state, event in itertools.product(RoleState, RoleEvent):
        if (state, event) not in ROLE_STATES:
            with pytest.raises(ImpossibleEventError):
                next_role_state(state, event)


def test_every_fault_has_a_class() -> None:
    """A fault without a class would be one nobody acts on."""
    assert set(FAULT_CLASSES) == set(Fault) - {Fault.NONE}


@pytest.mark.parametrize("kind", ["control", "io"])
def test_a_dead_control_path_trips(kind: str) -> None:
    """Class A: SAFE, latched."""
    assert fault_class(Fault.ROLE_DIED, kind) is FaultClass.A
    assert mode_event(Fault.ROLE_DIED, kind) is ModeEvent.TRIP


def test_an_observer_never_touches_control() -> None:
    """Class C: whatever happens to telemetry, the mode stays."""
    for fault in set(Fault) - {Fault.NONE, Fault.ESTOP}:
        assert fault_class(fault, "telemetry") is FaultClass.C
        assert mode_event(fault, "telemetry") is None


def test_a_spoilt_channel_recovers_by_itself() -> None:
    """Class B: hold first, trip only when its bound has passed."""
    assert fault_class(Fault.CHANNEL, "control") is FaultClass.B
    assert mode_event(Fault.CHANNEL, "control") is None


@pytest.mark.parametrize("kind", ["control", "telemetry", "supervisor"])
def test_an_estop_is_one_whoever_asks(kind: str) -> None:
    """It has its own event, since it latches while disarmed too."""
    assert mode_event(Fault.ESTOP, kind) is ModeEvent.ESTOP


def test_restarts_back_off_and_end() -> None:
    """A role that dies at once, for ever, must not take the machine with it."""
    restarts: list[int] = []
    now = 1000 * S
    delays = []
    while (delay := restart_delay_ns(restarts, now)) is not None:
        delays.append(delay)
        now += delay
        restarts.append(now)
    assert (RESTARTS_MAX, RESTART_WINDOW_NS) == (5, 60 * S)
    assert delays == [S // 10, S // 5, S * 2 // 5, S * 4 // 5, S * 8 // 5]


def test_old_restarts_are_forgiven() -> None:
    """A death a day is not a loop of deaths."""
    restarts = [n * RESTART_WINDOW_NS for n in range(100)]
    assert restart_delay_ns(restarts, restarts[-1] + RESTART_WINDOW_NS) == RESTART_FIRST_NS
