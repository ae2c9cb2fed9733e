"""Say in one sentence what a numbered fault means for a given role.

Rules. Pure. Names the signal, the value and the bound that the plan set; numbers of the loop
become words here and nowhere else. They are a role's own words: none of them may raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amphost.lifecycle import Fault
from amphost.pump import ISOLATIONS

if TYPE_CHECKING:
    from amphost.plan.model import ControlPlan, RolePlan

NS_PER_MS = 1e6


def fault_name(fault: int) -> str:
    """Return the short name of a fault, as reports have it."""
    return Fault(fault).name.lower() if fault in _NUMBERS else f"fault_{fault}"


def describe(fault: int, argument: int, role: RolePlan) -> str:
    """Return what happened, with names and figures."""
    if fault not in _NUMBERS:
        return f"a fault of the unknown number {fault}"
    number = Fault(fault)
    text = ""
    if number is Fault.DEVICE_ISOLATED and argument in ISOLATIONS:
        text = f"the device is isolated: {ISOLATIONS[argument]}"
    elif role.control is not None:
        text = _of_control(number, argument, role.control)
    return text or _PLAIN[number].format(argument=argument, ms=_ms(argument))


def _of_control(number: Fault, argument: int, control: ControlPlan) -> str:
    """Return what a loop's fault means in the words of its plan; empty where they add nothing."""
    if number in (Fault.INPUT_STALE, Fault.INPUT_INVALID):
        return _input(number, argument, control)
    if number is Fault.OUTPUT_INVALID and 0 <= argument < len(control.outputs):
        output = control.outputs[argument]
        return (
            f"the law's output {output.name} was not finite or outside "
            f"[{output.low:g}, {output.high:g}] {output.unit}; it did not leave"
        )
    if number is Fault.OVERRUN:
        budget_ms = control.budget_ns / NS_PER_MS
        return f"too many periods ran over their budget of {budget_ms:g} ms (last: {_ms(argument)})"
    if number is Fault.BLACKOUT:
        bound_ms = control.blackout_ns / NS_PER_MS
        return f"the core was away for {_ms(argument)}, over the bound of {bound_ms:g} ms"
    return ""


def _input(number: Fault, argument: int, control: ControlPlan) -> str:
    if argument < 0:
        return "armed while an input was missing, invalid or over its age"
    if argument >= len(control.inputs):
        return ""
    source = control.inputs[argument]
    if number is Fault.INPUT_STALE:
        return (
            f"input {source.name} (from {source.role}) stayed over its age of "
            f"{source.max_age_ns / NS_PER_MS:g} ms"
        )
    return f"input {source.name} (from {source.role}) was not finite or out of range three times"


def _ms(argument: int) -> str:
    return f"{argument / NS_PER_MS:.3g} ms"


_NUMBERS = frozenset(Fault)
_PLAIN = {
    Fault.NONE: "nothing",
    Fault.INPUT_STALE: "an input was over its age",
    Fault.INPUT_INVALID: "an input was not finite or out of range",
    Fault.OUTPUT_INVALID: "an output was not finite or out of its limits",
    Fault.OVERRUN: "too many periods ran over their budget (last: {ms})",
    Fault.BLACKOUT: "the core was away for {ms}",
    Fault.SUSPEND: "the machine was suspended for {ms}",
    Fault.SUPERVISOR_LOST: "the supervisor's heartbeat stood still for {ms}",
    Fault.LINK_LOST: "no valid frame came from the device for {ms}",
    Fault.LINK_REFUSED: "the device was refused in the handshake",
    Fault.PORT: "the port hung up",
    Fault.DEVICE_REBOOT: "the device has rebooted",
    Fault.DEVICE_SAFE: "the device went safe by itself (reason {argument})",
    Fault.ASSERT: "an assertion of the native code failed (line {argument})",
    Fault.HEARTBEAT: "its heartbeat stopped",
    Fault.ROLE_DIED: "its process died",
    Fault.ESTOP: "emergency stop",
    Fault.CHANNEL: "a channel is corrupt",
    Fault.DEVICE_ISOLATED: "the device is isolated",
    Fault.ARM_REFUSED: "the device did not take the command to arm (result {argument})",
}
