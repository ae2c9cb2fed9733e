"""What no machine could run: sizes against the headers, and one message for each limit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from amphost.plan import layout, limits
from amphost.plan.model import SignalPlan
from amphost.plan.resolve import problems
from amphost.spec.load import LoadedSpec

ROOT = Path(__file__).parents[2] / "native"
Loading = Callable[..., LoadedSpec]
Changes = tuple[tuple[str, str], ...]
READS = "      position: io.position\n"
SENDS = "      current: {unit: A, range: [-20, 20]}\n"


@pytest.mark.parametrize(
    ("header", "name", "ours"),
    [
        ("include/amp/loop.h", "AMP_LOOP_SOURCES_MAX", limits.LOOP_SOURCES_MAX),
        ("include/amp/loop.h", "AMP_LOOP_INPUTS_MAX", limits.LOOP_INPUTS_MAX),
        ("include/amp/loop.h", "AMP_LOOP_OUTPUTS_MAX", limits.LOOP_OUTPUTS_MAX),
        ("include/amp/watch.h", "AMP_WATCH_VALUES_MAX", limits.OPERATOR_VALUES_MAX),
        ("include/amp/pump.h", "AMP_PUMP_VALUES_MAX", limits.DEVICE_VALUES_MAX),
    ],
)
def test_limits_are_those_of_the_headers(header: str, name: str, ours: int) -> None:
    """The native side refuses what is larger, without a word of which line of the file it was."""
    found = re.search(rf"^#define {name} (\d+)$", (ROOT / header).read_text(), re.MULTILINE)
    assert found is not None
    assert int(found[1]) == ours


def operator_values(count: int) -> tuple[str, str]:
    """Return the change that adds `count` operator values."""
    line = "  v{}: {{unit: V, range: [0, 1], initial: 0}}\n"
    return ("operator:\n", "operator:\n" + "".join(line.format(n) for n in range(count)))


def test_as_many_operator_values_as_there_is_room_for(plan_load: Loading) -> None:
    """64, of which the standard spec has one."""
    assert problems(plan_load(operator_values(63))) == []
    assert problems(plan_load(operator_values(64))) == [
        "motor.yaml:4:1: operator: 65 operator values are more than 64; use at most 64"
    ]


def test_a_device_sends_at_most_sixteen_values(plan_load: Loading, plan_serial: Changes) -> None:
    """The pump's tables end there."""
    more = "".join(f"      v{n}: {{unit: A, range: [0, 1]}}\n" for n in range(15))
    assert (
        problems(plan_load(board=(*plan_serial, (SENDS, SENDS + more[: more.rindex("      v")]))))
        == []
    )
    (line,) = problems(plan_load(board=(*plan_serial, (SENDS, SENDS + more))))
    assert line.endswith("devices.mcu.sends: 17 values are more than 16; use at most 16")


def test_the_supervisor_is_one_of_the_roles(plan_load: Loading) -> None:
    """The role table has 32 lines, and the first is its."""

    def observers(count: int) -> tuple[str, str]:
        lines = "".join(f"  t{n}: {{kind: telemetry, core: 0}}\n" for n in range(count))
        return ("report:\n", f"{lines}report:\n")

    assert problems(plan_load(observers(28))) == []
    (line,) = problems(plan_load(observers(29)))
    assert line.endswith("roles: 32 roles are more than 31; use at most 31")


@pytest.mark.parametrize("name", ["device_us", "applied", "sampled_ns"])
def test_a_device_may_not_send_a_word_of_the_plan(
    plan_load: Loading, name: str, plan_serial: Changes
) -> None:
    """Two words of one name: a recording could not tell them apart."""
    sends = f"      {name}: {{unit: A, range: [0, 1]}}\n"
    (line,) = problems(plan_load(board=(*plan_serial, (SENDS, SENDS + sends))))
    assert line.startswith("bench.yaml:")
    assert f"devices.mcu.sends.{name}: {name} is the name of a word that every io role has" in line


@pytest.mark.parametrize("name", ["tick", "sensed_ns"])
def test_a_control_role_may_not_write_a_word_of_the_plan(plan_load: Loading, name: str) -> None:
    """The same for a law's outputs."""
    changes = (
        ("    law:\n", f"    law:\n      {name}: {{gain: target, by: 1.0}}\n"),
        ("    writes:\n", f"    writes:\n      {name}: {{unit: rad, range: [-6, 6], safe: 0}}\n"),
    )
    (line,) = problems(plan_load(*changes))
    assert f"roles.control.writes.{name}: {name} is the name of a word" in line


def test_one_role_feeds_a_device(plan_load: Loading, plan_serial: Changes) -> None:
    """An actuation frame is one publication: two roles never publish at one instant."""
    changes = (
        ("voltage: control.voltage", "voltage: control.voltage\n      brake: operator.brake"),
        ("operator:\n", "operator:\n  brake: {unit: A, range: [0, 1], initial: 0}\n"),
    )
    board = (
        *plan_serial,
        ("    accepts:\n", "    accepts:\n      brake: {unit: A, range: [0, 1], safe: 1}\n"),
    )
    (line,) = problems(plan_load(*changes, board=board))
    assert "roles.io.reads: the values of one device come from control and supervisor" in line


def test_a_lease_outlives_one_lost_frame(plan_load: Loading) -> None:
    """F is 1 ms: a lease of 1.9 ms would end with the first frame that is lost."""
    rate = "    state_rate_hz: 500\n"
    assert problems(plan_load(board=((rate, rate + "    lease_ms: 2\n"),))) == []
    (line,) = problems(plan_load(board=((rate, rate + "    lease_ms: 1.9\n"),)))
    assert "devices.mcu.lease_ms: 1.9 ms is less than two actuation frames, 2 ms" in line


def test_a_directory_that_is_too_long_names_its_section(plan_load: Loading) -> None:
    """The layout in plain text has to fit the header page, beside the count being too large."""
    value = "{{unit: kg.m^2/s^3*A^2, range: [0, 1], initial: 0}}"
    line = f"  value_with_a_quite_long_name_{{:02}}: {value}\n"
    values = "operator:\n" + "".join(line.format(n) for n in range(80))
    count, directory = problems(plan_load(("operator:\n", values)))
    assert "81 operator values are more than 64" in count
    assert directory.startswith(
        "motor.yaml:4:1: operator: the directory of its 81 signals takes up"
    )
    assert directory.endswith("more than 3968; use shorter names, or split the role")


def test_everything_within_the_limits_fits_the_header_page() -> None:
    """No file may be refused for its names alone."""
    signals = [
        SignalPlan(name="n" * 32, type="f64", unit="u" * 16, low=None, high=None)
        for _ in range(limits.LOOP_OUTPUTS_MAX + 2)
    ]
    assert layout.segment_problem("r" * 32, signals) is None
