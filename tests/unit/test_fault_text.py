"""Every numbered fault as a sentence, for whatever a role may have written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amphost.lifecycle import Fault
from amphost.plan.model import Plan, RolePlan
from amphost.supervisor.fault_text import describe, fault_name


@pytest.fixture
def roles(plan_of: Callable[..., Plan]) -> dict[str, RolePlan]:
    """The roles of the standard system."""
    return {role.name: role for role in plan_of().roles}


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("name", ["control", "io", "telemetry"])
@pytest.mark.parametrize("argument", [-1, 0, 1, 10**9, -(1 << 63), (1 << 63) - 1])
def test_every_fault_of_every_role_has_words(
    roles: dict[str, RolePlan], fault: Fault, name: str, argument: int
) -> None:
    """The number and its argument are a role's own words: no value may end the supervisor."""
    text = describe(fault, argument, roles[name])
    assert text
    assert "\n" not in text
    assert "{" not in text


@pytest.mark.parametrize("fault", [63, 255, 1 << 40])
def test_a_number_that_is_no_fault_has_words_too(roles: dict[str, RolePlan], fault: int) -> None:
    """A role that ran wild may have written anything there."""
    assert str(fault) in describe(fault, 0, roles["control"])
    assert fault_name(fault) == f"fault_{fault}"


def test_names_are_those_of_the_report() -> None:
    """docs/reference/report.md names them in lower case."""
    assert fault_name(Fault.INPUT_STALE) == "input_stale"


def test_words_name_the_signal_the_figure_and_the_bound(roles: dict[str, RolePlan]) -> None:
    """`input_stale` alone sends people to the wrong wire."""
    control = roles["control"]
    assert control.control is not None
    position = [one.name for one in control.control.inputs].index("position")
    age_ms = control.control.inputs[position].max_age_ns / 1e6
    assert describe(Fault.INPUT_STALE, position, control) == (
        f"input position (from io) stayed over its age of {age_ms:g} ms"
    )
    assert "input position (from io)" in describe(Fault.INPUT_INVALID, position, control)
    assert "while an input was missing" in describe(Fault.INPUT_STALE, -1, control)
    assert "output voltage" in describe(Fault.OUTPUT_INVALID, 0, control)
    assert "[-12, 12] V" in describe(Fault.OUTPUT_INVALID, 0, control)
    assert "budget of 0.5 ms (last: 0.75 ms)" in describe(Fault.OVERRUN, 750_000, control)
    assert "away for 30 ms, over the bound of" in describe(Fault.BLACKOUT, 30_000_000, control)
    assert "52 ms" in describe(Fault.LINK_LOST, 52_000_000, roles["io"])
