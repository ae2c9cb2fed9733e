"""Devices on a second core and by identity, in the plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amphost.errors import HardwareMissingError
from amphost.plan.model import Plan, SecondCorePlan
from amphost.plan.stored import from_text, to_text

LOOPBACK = """\
    loopback:
      skew_ppm: 25
      plant: {kind: dc_motor, resistance_ohm: 1.0, inductance_h: 0.001,
              torque_constant_nm_per_a: 0.1, inertia_kg_m2: 0.001, viscous_friction_nm_s: 0.001}
    baud: 1000000
"""


def ported(text: str) -> tuple[tuple[str, str], ...]:
    """Put another port in place of the loopback device."""
    return ((LOOPBACK, text),)


def test_a_second_core_is_planned_and_its_port_is_not_missed(
    plan_of: Callable[..., Plan],
) -> None:
    """Its tty is there once it runs, which the plan is made before."""
    text = "    port: /dev/ttyRPMSG0\n    remoteproc: {name: m4, firmware: motor.elf}\n"
    plan = plan_of(board=ported(text))
    assert plan.second_cores == (
        SecondCorePlan(
            name="mcu", remoteproc="m4", firmware="motor.elf", port="/dev/ttyRPMSG0", cores=(0,)
        ),
    )
    assert plan.devices == ()
    assert from_text(to_text(plan)) == plan


def test_an_rpmsg_port_that_is_not_there_is_missing_hardware(
    plan_of: Callable[..., Plan],
) -> None:
    """Who starts the second core by other means has its port as any other."""
    with pytest.raises(HardwareMissingError, match="/dev/ttyRPMSG0: no such port"):
        plan_of(board=ported("    port: /dev/ttyRPMSG0\n"))


def test_an_identity_that_is_not_there_is_missing_hardware(plan_of: Callable[..., Plan]) -> None:
    """Said as a person reads it, before anything starts."""
    text = '    port: {usb: "2e8a:ffff", serial: X}\n    baud: 1000000\n'
    with pytest.raises(HardwareMissingError, match="USB 2e8a:ffff, serial X: no such port"):
        plan_of(board=ported(text))


def test_a_socket_is_not_looked_for_and_how_the_lines_stand_travels_with_the_port(
    plan_of: Callable[..., Plan],
) -> None:
    """Its server may come later; and whoever opens a port, opens it as the board file has it."""
    plan = plan_of(board=ported("    port: unix:///run/mcu.sock\n    baud: 1000000\n"))
    (io,) = [role.io for role in plan.roles if role.io is not None]
    assert io.port == "unix:///run/mcu.sock"
    plan = plan_of(board=ported("    port: /dev/ttyACM0\n    dtr: pulse\n    baud: 1000000\n"))
    (io,) = [role.io for role in plan.roles if role.io is not None]
    assert io.port == "/dev/ttyACM0 dtr=pulse"
