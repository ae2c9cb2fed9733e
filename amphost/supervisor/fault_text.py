"""Say in one sentence what a numbered fault means for a given role.

Rules. Pure. Names the signal, the value and the bound that the plan set; numbers of the loop
become words here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amphost.lifecycle import Fault

if TYPE_CHECKING:
    from amphost.plan.model import RolePlan

NS_PER_MS = 1e6


def describe(fault: int, argument: int, role: RolePlan) -> str:
    """Return what happened, with names and figures."""
    number = Fault(fault)
    if number in (Fault.INPUT_STALE, Fault.INPUT_INVALID) and role.control is not None:
        return _input(number, argument, role)
    if number is Fault.OUTPUT_INVALID and role.control is not None:
        output = role.control.outputs[argument]
        return (
            f"the law's output {output.name} was not finite or outside "
            f"[{output.low:g}, {output.high:g}] {output.unit}; it did not leave"
        )
    if number is Fault.OVERRUN and role.control is not None:
        budget_ms = role.control.budget_ns / NS_PER_MS
        return f"too many periods ran over their budget of {budget_ms:g} ms (last: {_ms(argument)})"
    if number is Fault.BLACKOUT and role.control is not None:
        bound_ms = role.control.blackout_ns / NS_PER_MS
        return f"the core was away for {_ms(argument)}, over the bound of {bound_ms:g} ms"
    return _PLAIN[number].format(argument=argument, ms=_ms(argument))


def _input(number: Fault, argument: int, role: RolePlan) -> str:
    assert role.control is not None
    if argument < 0:
        return "armed while an input was missing, invalid or over its age"
    source = role.control.inputs[argument]
    if number is Fault.INPUT_STALE:
        return (
            f"input {source.name} (from {source.role}) stayed over its age of "
            f"{source.max_age_ns / NS_PER_MS:g} ms"
        )
    return f"input {source.name} (from {source.role}) was not finite or out of range three times"


def _ms(argument: int) -> str:
    return f"{argument / NS_PER_MS:.3g} ms"


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
}
