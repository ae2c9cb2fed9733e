"""What a user's class sees: values with their ages, checked writes, names that help."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from amphost import WriteRefusedError
from amphost.plan.program_model import ProgramInput, ProgramOutput
from amphost.role_api import Role

PERIOD_NS = 20_000_000


def make() -> Role:
    """Return a role with one ageing input, one that does not age, and one output."""
    inputs = [
        ProgramInput(name="position", role="io", word=0, type="f64", unit="rad", max_age_ns=10**8),
        ProgramInput(name="goal", role="supervisor", word=0, type="f64", unit="rad", max_age_ns=0),
    ]
    outputs = [ProgramOutput(name="target", word=0, unit="rad", low=-1.0, high=2.0, initial=0.5)]
    return Role("pick", inputs, outputs, {"gain": 2, "places": [1, 2]}, PERIOD_NS)


def test_an_input_is_stale_until_there_is_one() -> None:
    """A role that starts first must not take a zero for a position."""
    read = make().reads.position
    assert math.isnan(read.value)
    assert (read.age_ms, read.is_stale, read.is_new, read.unit) == (math.inf, True, False, "rad")


@pytest.mark.parametrize(("age_ns", "stale"), [(0, False), (10**8, False), (10**8 + 1, True)])
def test_an_input_is_stale_beyond_its_age_and_not_at_it(age_ns: int, stale: bool) -> None:
    """The bound itself is still good, as in the native loop."""
    read = make().reads.position
    read.take(10**9 + age_ns, 1, 10**9, 0.25)
    assert (read.value, read.age_ms, read.is_stale) == (0.25, age_ns / 1e6, stale)


def test_an_operator_value_does_not_age() -> None:
    """It stands until somebody sets another."""
    read = make().reads.goal
    read.take(10**15, 1, 0, 1.0)
    assert not read.is_stale


def test_an_input_is_new_in_one_step_only() -> None:
    """Work that is done once for each publication hangs on it."""
    read = make().reads.position
    seen = []
    for now_ns, count in ((1, 7), (2, 7), (3, 8)):
        read.take(now_ns, count, 0, 0.0)
        seen.append(read.is_new)
    assert seen == [True, False, True]


def test_an_output_keeps_its_value_until_it_is_written() -> None:
    """`role.writes.count += 1` is the shortest counter."""
    role = make()
    assert role.writes.target == 0.5
    role.writes.target += 0.25
    role.writes["target"] += 1
    assert role.written() == [1.75]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.5, "pick: writes.target = 2.5 is outside [-1, 2] rad"),
        (-1.0000001, "pick: writes.target = -1 is outside [-1, 2] rad"),
        (math.nan, "pick: writes.target = nan is not a finite number; it takes [-1, 2] rad"),
        (math.inf, "pick: writes.target = inf is not a finite number; it takes [-1, 2] rad"),
        ("x", "pick: writes.target = 'x' is not a finite number; it takes [-1, 2] rad"),
        (None, "pick: writes.target = None is not a finite number; it takes [-1, 2] rad"),
    ],
)
def test_a_value_that_may_not_leave_is_refused_where_it_is_written(value: float, text: str) -> None:
    """The traceback then points at the user's own line, and the output keeps what it had."""
    role = make()
    with pytest.raises(WriteRefusedError) as refused:
        role.writes.target = value
    assert str(refused.value) == text
    assert isinstance(refused.value, ValueError)
    assert (role.writes.target, role.refused_writes()) == (0.5, 1)


def test_what_a_failed_step_wrote_can_be_taken_back() -> None:
    """Half a step must never be published."""
    role = make()
    before = role.written()
    role.writes.target = 1.0
    role.restore(before)
    assert role.writes.target == 0.5


def _assign(role: Role) -> None:
    role.writes.tarqet = 1.0


def _assign_read(role: Role) -> None:
    role.reads.position = 1.0


def _assign_parameter(role: Role) -> None:
    role.parameters.gain = 1


@pytest.mark.parametrize(
    ("access", "text"),
    [
        (lambda role: role.reads.speed, "there is no reads.speed: pick reads position, goal"),
        (lambda role: role.reads["x"], "there is no reads.x: pick reads position, goal"),
        (lambda role: role.writes.x, "there is no writes.x: pick writes target"),
        (_assign, "there is no writes.tarqet: pick writes target"),
        (_assign_read, "pick: reads.position is an input; write to role.writes"),
        (
            lambda role: role.parameters.kp,
            "there is no parameters.kp: pick has the parameters gain, places",
        ),
        (_assign_parameter, "pick: parameters.gain stands in the spec; it is not set"),
    ],
)
def test_a_wrong_name_says_which_are_right(access: Callable[[Role], object], text: str) -> None:
    """A misspelt output must not become a new attribute that nobody ever reads."""
    with pytest.raises(AttributeError) as error:
        access(make())
    assert str(error.value) == text


def test_names_can_be_iterated() -> None:
    """For logging all of them."""
    role = make()
    names = [list(one) for one in (role.reads, role.writes, role.parameters)]
    assert names == [["position", "goal"], ["target"], ["gain", "places"]]
    assert role.parameters.get("kp", 3) == 3


def test_the_mode_is_seen_in_words() -> None:
    """Whether outputs may move is the first question of many a step."""
    role = make()
    role.begin(5, 3, 2)
    assert (role.now_ns, role.tick, role.mode, role.is_armed) == (5, 3, "ARMED", True)
    role.begin(6, 4, 3)
    assert (role.mode, role.is_armed) == ("SAFE", False)
