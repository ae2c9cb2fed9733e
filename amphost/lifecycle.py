"""Modes of the system and states of a role, as tables; what each fault leads to.

Rules. Pure: an event and a state in, the next state out; whoever calls performs the effects.

Modes. BOOT until every needed role runs. DISARMED is the mode in which nothing moves. ARMED is
reached from DISARMED alone, by an explicit act. A fault of class A while ARMED latches SAFE; while
disarmed nothing moves, so it latches nothing and is looked at again when somebody arms. An e-stop
latches SAFE from everywhere. SAFE is left to DISARMED alone, by an explicit acknowledgement:
arming again takes a further act, so a held button or a replayed command does nothing. DEGRADED is
no mode: it is a flag that stands beside every mode.

Role states. A role is started only from ABSENT, or when its predecessor is proven dead (ENDED or
DEAD). ENDED is an exit that was asked for and went well; every other exit is DEAD.

Classes. A, the control path: SAFE, latched. B, support: hold and recover by itself within its
bound, else A. C, observers: restart only, never touches control. A control or io role that died is
started again under SAFE and waits DISARMED. All restarts back off; after the fifth within 60 s the
role stays down: an observer's system runs on DEGRADED, a control path's stays SAFE.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum
from types import MappingProxyType

from amphost.errors import AmphostError

NS_PER_S = 1_000_000_000
RESTARTS_MAX = 5
RESTART_WINDOW_NS = 60 * NS_PER_S
RESTART_FIRST_NS = 100_000_000


class Mode(IntEnum):
    """The system's mode; the numbers are those of enum amp_mode."""

    BOOT = 0
    DISARMED = 1
    ARMED = 2
    SAFE = 3


class ModeEvent(Enum):
    """What changes the mode."""

    READY = "ready"  # every needed role runs
    ARM = "arm"
    DISARM = "disarm"
    TRIP = "trip"  # a fault of class A
    ESTOP = "estop"
    ACKNOWLEDGE = "acknowledge"


class RoleState(IntEnum):
    """The state of a role; the numbers are those of enum amp_role_state."""

    ABSENT = 0
    STARTING = 1
    RUNNING = 2
    ENDING = 3
    ENDED = 4
    DEAD = 5


class RoleEvent(Enum):
    """What changes the state of a role."""

    START = "start"
    READY = "ready"  # its loop beats
    END = "end"  # it was asked to leave
    EXIT = "exit"  # its process is gone, with status 0
    DIE = "die"  # its process is gone, by a signal or with another status


class Fault(IntEnum):
    """Numbered faults; the numbers are those of enum amp_fault."""

    NONE = 0
    INPUT_STALE = 1
    INPUT_INVALID = 2
    OUTPUT_INVALID = 3
    OVERRUN = 4
    BLACKOUT = 5
    SUSPEND = 6
    SUPERVISOR_LOST = 7
    LINK_LOST = 8
    LINK_REFUSED = 9
    PORT = 10
    DEVICE_REBOOT = 11
    DEVICE_SAFE = 12
    ASSERT = 13
    HEARTBEAT = 14
    ROLE_DIED = 15
    ESTOP = 16
    CHANNEL = 17
    ARM_REFUSED = 18
    DEVICE_ISOLATED = 19


class FaultClass(Enum):
    """How far a fault reaches."""

    A = "A"
    B = "B"
    C = "C"


class ImpossibleEventError(AmphostError):
    """An event that the state does not know; nothing changed."""


MODES = MappingProxyType(
    {
        (Mode.BOOT, ModeEvent.READY): Mode.DISARMED,
        (Mode.BOOT, ModeEvent.TRIP): Mode.BOOT,
        (Mode.BOOT, ModeEvent.ESTOP): Mode.SAFE,
        (Mode.DISARMED, ModeEvent.READY): Mode.DISARMED,
        (Mode.DISARMED, ModeEvent.ARM): Mode.ARMED,
        (Mode.DISARMED, ModeEvent.DISARM): Mode.DISARMED,
        (Mode.DISARMED, ModeEvent.TRIP): Mode.DISARMED,
        (Mode.DISARMED, ModeEvent.ESTOP): Mode.SAFE,
        (Mode.ARMED, ModeEvent.READY): Mode.ARMED,
        (Mode.ARMED, ModeEvent.DISARM): Mode.DISARMED,
        (Mode.ARMED, ModeEvent.TRIP): Mode.SAFE,
        (Mode.ARMED, ModeEvent.ESTOP): Mode.SAFE,
        (Mode.SAFE, ModeEvent.READY): Mode.SAFE,
        (Mode.SAFE, ModeEvent.TRIP): Mode.SAFE,
        (Mode.SAFE, ModeEvent.ESTOP): Mode.SAFE,
        (Mode.SAFE, ModeEvent.ACKNOWLEDGE): Mode.DISARMED,
    }
)

ROLE_STATES = MappingProxyType(
    {
        (RoleState.ABSENT, RoleEvent.START): RoleState.STARTING,
        (RoleState.STARTING, RoleEvent.READY): RoleState.RUNNING,
        (RoleState.STARTING, RoleEvent.END): RoleState.ENDING,
        (RoleState.STARTING, RoleEvent.EXIT): RoleState.DEAD,
        (RoleState.STARTING, RoleEvent.DIE): RoleState.DEAD,
        (RoleState.RUNNING, RoleEvent.END): RoleState.ENDING,
        (RoleState.RUNNING, RoleEvent.EXIT): RoleState.DEAD,
        (RoleState.RUNNING, RoleEvent.DIE): RoleState.DEAD,
        (RoleState.ENDING, RoleEvent.READY): RoleState.ENDING,
        (RoleState.ENDING, RoleEvent.END): RoleState.ENDING,
        (RoleState.ENDING, RoleEvent.EXIT): RoleState.ENDED,
        (RoleState.ENDING, RoleEvent.DIE): RoleState.DEAD,
        (RoleState.ENDED, RoleEvent.START): RoleState.STARTING,
        (RoleState.DEAD, RoleEvent.START): RoleState.STARTING,
    }
)

FAULT_CLASSES = MappingProxyType(
    {
        Fault.INPUT_STALE: FaultClass.A,  # raised when its policy trips, not when it starts
        Fault.INPUT_INVALID: FaultClass.A,
        Fault.OUTPUT_INVALID: FaultClass.A,
        Fault.OVERRUN: FaultClass.A,
        Fault.BLACKOUT: FaultClass.A,
        Fault.SUSPEND: FaultClass.A,
        Fault.SUPERVISOR_LOST: FaultClass.A,
        Fault.LINK_LOST: FaultClass.A,
        Fault.LINK_REFUSED: FaultClass.A,
        Fault.PORT: FaultClass.A,
        Fault.DEVICE_REBOOT: FaultClass.A,
        Fault.DEVICE_SAFE: FaultClass.A,
        Fault.ASSERT: FaultClass.A,
        Fault.HEARTBEAT: FaultClass.A,
        Fault.ROLE_DIED: FaultClass.A,
        Fault.ESTOP: FaultClass.A,
        Fault.CHANNEL: FaultClass.B,
        Fault.ARM_REFUSED: FaultClass.A,
        Fault.DEVICE_ISOLATED: FaultClass.A,
    }
)

CONTROL_PATH = frozenset({"control", "io"})
"""Kinds of roles whose faults reach an output; every other kind observes."""


def next_mode(mode: Mode, event: ModeEvent) -> Mode:
    """Return the mode after `event`; raise ImpossibleEventError where the table has no line."""
    try:
        return MODES[mode, event]
    except KeyError:
        raise ImpossibleEventError(
            f"{event.value} is not possible in {mode.name}; {_possible(mode)}"
        ) from None


def next_role_state(state: RoleState, event: RoleEvent) -> RoleState:
    """Return a role's state after `event`; raise ImpossibleEventError where there is none."""
    try:
        return ROLE_STATES[state, event]
    except KeyError:
        raise ImpossibleEventError(f"{event.value} is not possible in {state.name}") from None


def fault_class(fault: Fault, kind: str) -> FaultClass:
    """Return the class of a fault of a role of `kind`: whatever an observer does is class C."""
    if fault is Fault.ESTOP or kind in CONTROL_PATH:
        return FAULT_CLASSES[fault]
    return FaultClass.C


def mode_event(fault: Fault, kind: str) -> ModeEvent | None:
    """Return what a fault does to the mode: nothing where it recovers or only observes.

    A fault of class B comes back as class A once its own bound has passed, by another number.
    """
    if fault is Fault.ESTOP:
        return ModeEvent.ESTOP
    return ModeEvent.TRIP if fault_class(fault, kind) is FaultClass.A else None


def restart_delay_ns(restarts_ns: Sequence[int], now_ns: int) -> int | None:
    """Return how long to wait before starting a dead role again; None when it stays down.

    `restarts_ns` are the times of its restarts so far. The wait doubles with each one that lies
    within the window.
    """
    recent = sum(1 for start_ns in restarts_ns if now_ns - start_ns < RESTART_WINDOW_NS)
    return None if recent >= RESTARTS_MAX else RESTART_FIRST_NS << recent


def _possible(mode: Mode) -> str:
    acts = (ModeEvent.ARM, ModeEvent.DISARM, ModeEvent.ACKNOWLEDGE)
    known = [act.value for act in acts if (mode, act) in MODES]
    return f"possible: {', '.join(known)}" if known else "wait until every role runs"
