"""Records of the mailbox as CDR: taken over unconverted, in the byte order of the machine."""

from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.plan.model import SignalPlan
from amphost.telemetry.cdr import ByteOrder, encapsulation, message_types

FIELD = re.compile(r"^[a-z](_?[a-z0-9]+)*$")  # what ROS 2 allows
TYPE = re.compile(r"^amphost_msgs/msg/[A-Z][A-Za-z0-9]*$")


def one(name: str, kind: str = "f64", unit: str = "V") -> SignalPlan:
    """Return a signal."""
    return SignalPlan(name=name, type=kind, unit=unit, low=-1.5, high=2.0)


def test_a_record_without_bools_becomes_a_message_by_four_bytes_before_it() -> None:
    """The fields stand in the mailbox's order for this: nothing is converted, nothing rounded."""
    (kind,) = message_types([("io", [one("a"), one("b", "i64"), one("c", "u64")])], "little")
    first, second = bytes(range(48)), bytes(range(100, 148))
    messages = list(kind.encode(first + second))
    assert [message for _, _, message in messages] == [
        b"\x00\x01\x00\x00" + first,
        b"\x00\x01\x00\x00" + second,
    ]
    assert kind.message_size == 52


@pytest.mark.parametrize(("order", "mark"), [("little", "<"), ("big", ">")])
def test_count_and_time_are_read_in_the_machines_byte_order(order: ByteOrder, mark: str) -> None:
    """A big-endian host's records are taken over as they are: only these two are looked at."""
    (kind,) = message_types([("io", [one("a")])], order)
    record = struct.pack(f"{mark}QqQd", 7, -3, 1, 0.5)
    assert list(kind.encode(record)) == [(7, -3, encapsulation(order) + record)]


def test_the_encapsulation_names_the_byte_order() -> None:
    """A reader on another machine has nothing else to go by. (CDR_BE is 0, CDR_LE 1.)"""
    assert encapsulation("big") == b"\x00\x00\x00\x00"
    assert encapsulation("little") == b"\x00\x01\x00\x00"


@pytest.mark.parametrize(("order", "mark"), [("little", "<"), ("big", ">")])
def test_bools_go_to_the_end_as_one_byte_each(order: ByteOrder, mark: str) -> None:
    """CDR has no 64-bit bool; at the end they need no padding before the words."""
    channel = [one("x", "bool"), one("y", "u64"), one("z", "bool"), one("w", "f64")]
    (kind,) = message_types([("io", channel)], order)
    record = struct.pack(f"{mark}Qq5Q", 1, -2, 3, 1 << 40, 5, 0, 7)
    ((count, t_ns, message),) = kind.encode(record)
    assert (count, t_ns) == (1, -2)
    words = struct.pack(f"{mark}Qq3Q", 1, -2, 3, 5, 7)
    assert message == encapsulation(order) + words + b"\x01\x00"
    assert len(message) == kind.message_size
    lines = kind.definition.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["uint64", "count"],
        ["int64", "t_ns"],
        ["uint64", "mark"],
        ["uint64", "y"],
        ["float64", "w"],
        ["bool", "x"],
        ["bool", "z"],
    ]


def test_the_definition_says_unit_and_range() -> None:
    """The schema is what a viewer shows beside the plot."""
    (kind,) = message_types([("io", [one("position", unit="rad")])])
    assert kind.definition.splitlines()[3] == "float64 position  # rad from -1.5 to 2.0"


def test_names_that_ros_refuses_are_bent_and_stay_apart() -> None:
    """A signal may be called `count`, and `a__b` and `a_b` are two signals."""
    channel = [one("count"), one("a__b"), one("a_b"), one("a_b_"), one("t_ns_2"), one("t_ns")]
    (kind,) = message_types([("io", channel)])
    assert kind.fields == ("count_2", "a_b", "a_b_2", "a_b_3", "t_ns_2", "t_ns_3")


def test_two_roles_never_share_a_message_type() -> None:
    """Readers keep one definition a type name: the second role would be misread."""
    kinds = message_types([("arm_1", []), ("arm1", []), ("arm", [])])
    assert [kind.name.removeprefix("amphost_msgs/msg/") for kind in kinds] == [
        "Arm1",
        "Arm1N2",
        "Arm",
    ]


names = st.from_regex(r"\A[a-z][a-z0-9_]{0,31}\Z")


@given(st.lists(names, max_size=12, unique=True), st.lists(names, max_size=6, unique=True))
def test_any_name_of_a_spec_becomes_a_legal_one(signals: list[str], roles: list[str]) -> None:
    """A recording must not fail over a name."""
    kinds = message_types([(role, [one(name) for name in signals]) for role in roles])
    assert len({kind.name for kind in kinds}) == len(roles)
    for kind in kinds:
        assert TYPE.match(kind.name)
        assert len(set(kind.fields)) == len(signals)
        assert all(FIELD.match(field) for field in kind.fields)
        assert not {"count", "t_ns", "mark"} & set(kind.fields)
