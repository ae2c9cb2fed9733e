"""The enumerator's models against outcomes that are known of each machine.

A model that forbids too much would find the mailbox right whatever it does. These are the smallest
programs that tell the models apart, with the verdicts of ARM's and Intel's manuals.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.model.enumerator import Exploration
from tests.model.processes import Process, Start, Weakness
from tests.model.steps import Step

Program = Generator[Step, int, object]


def write(word: str, how: str = "relaxed", value: int = 1) -> Step:
    """Store to a word."""
    return Step(f"- store_{how}", word, value)


def read(word: str, use: str, how: str = "relaxed") -> Step:
    """Load from a word."""
    return Step(f"- load_{how}", word, use=use)


def fence(how: str) -> Step:
    """Stand between accesses."""
    return Step(f"- fence_{how}")


def writes(*steps: Step) -> Start:
    """Make a process that only stores."""

    def program() -> Program:
        for step in steps:
            _ = yield step
        return None

    return program


def reads(first: Step, *between: Step, then: Step) -> Start:
    """Make an observer of two words; what comes between them may depend on the first."""

    def program() -> Program:
        seen = yield first
        if first.use == "control" and seen == 0:
            return (0, 0)
        for step in between:
            _ = yield step
        return (seen, (yield then))

    return program


def outcomes(model: str, writer: Start, observer: Start) -> set[object]:
    """Collect every pair of values that an observer can come to."""
    found: set[object] = set()

    def collect(outcome: object, _memory: dict[str, int]) -> str:
        found.add(outcome)
        return ""

    Exploration(
        model=model,
        processes=[Process(writer), Process(observer)],
        initial={"x": 0, "y": 0},
        domain=lambda _word: (0, 1),
        committed=lambda _word, _value: "",
        judge=collect,
        weakness=Weakness(),
    ).run()
    return found


PLAIN = writes(write("x"), write("y"))
RELEASED = writes(write("x"), write("y", "release"))
FENCED = writes(write("x"), fence("release"), write("y"))
X = read("x", "data")


@pytest.mark.parametrize(
    ("writer", "observer", "on_arm"),
    [
        (PLAIN, reads(read("y", "data"), then=X), True),
        (FENCED, reads(read("y", "data"), then=X), True),
        (RELEASED, reads(read("y", "data"), then=X), True),
        (PLAIN, reads(read("y", "data", "acquire"), then=X), True),
        (FENCED, reads(read("y", "control"), then=X), True),  # a branch is guessed
        (FENCED, reads(read("y", "address"), then=X), False),  # an address is not
        (FENCED, reads(read("y", "data"), fence("acquire"), then=X), False),
        (RELEASED, reads(read("y", "data", "acquire"), then=X), False),
        (FENCED, reads(read("y", "control", "acquire"), then=X), False),
    ],
)
def test_message_passing(writer: Start, observer: Start, *, on_arm: bool) -> None:
    """The new flag with the old content: what the mailbox must never show."""
    assert ((1, 0) in outcomes("arm", writer, observer)) is on_arm
    for model in ("sc", "tso"):
        assert (1, 0) not in outcomes(model, writer, observer)
    assert (1, 1) in outcomes("arm", writer, observer)


@pytest.mark.parametrize("model", ["sc", "tso", "arm"])
def test_one_word_never_goes_back(model: str) -> None:
    """Coherence: every machine has it."""
    twice = reads(read("x", "data"), then=read("x", "data"))
    assert outcomes(model, writes(write("x")), twice) == {(0, 0), (0, 1), (1, 1)}


@pytest.mark.parametrize(
    ("model", "store", "load", "allowed"),
    [
        ("sc", "relaxed", "relaxed", False),
        ("tso", "relaxed", "relaxed", True),
        ("tso", "release", "acquire", True),
        ("arm", "relaxed", "relaxed", True),
        ("arm", "release", "acquire", False),  # ldar waits for stlr
    ],
)
def test_store_buffering(model: str, store: str, load: str, *, allowed: bool) -> None:
    """Both miss what the other wrote: the one reordering that a PC does show."""

    def other() -> Program:
        yield write("x", store)
        seen = yield read("y", "control", load)
        yield write("seen", value=2 + seen)
        return None

    def observer() -> Program:
        yield write("y", store)
        return (yield read("x", "data", load))

    missed: list[bool] = []

    def judge(outcome: object, memory: dict[str, int]) -> str:
        missed.append(outcome == 0 and memory["seen"] == 2)
        return ""

    Exploration(
        model=model,
        processes=[Process(other), Process(observer)],
        initial={"x": 0, "y": 0, "seen": 0},
        domain=lambda _word: (0, 1),
        committed=lambda _word, _value: "",
        judge=judge,
        weakness=Weakness(),
    ).run()
    assert any(missed) is allowed
