"""Messages to running laws: how many there are, and what a death does to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.errors import AmphostError
from amphost.plan.model import Plan
from amphost.plan.supervision import COMMANDS_DEPTH
from amphost.supervisor.tuning import LIFE_NS
from tests.unit.mailbox_reader import Document, Reader
from tests.unit.settings_bench import MS, PID, SettingsBench

GAINS = "error: {subtract: [target, position]}\n      voltage: {gain: error, by: 2.0}"
CHAIN = "".join(
    f"      g{n}: {{gain: {f'g{n - 1}' if n else 'error'}, by: 1.0, tunable: true}}\n"
    for n in range(20)
)
TWENTY = f"error: {{subtract: [target, position]}}\n{CHAIN}      voltage: {{gain: g19, by: 2.0}}"

CHAIN_OF_SECOND = "".join(
    f"      h{n}: {{gain: {f'h{n - 1}' if n else 'zero'}, by: 1.0, tunable: true}}\n"
    for n in range(COMMANDS_DEPTH)
)
WITH_SECOND = (
    "  second:\n    kind: control\n    core: 1\n    priority: 60\n    rate_hz: 100\n"
    f"    law:\n      zero: {{constant: 0.0}}\n{CHAIN_OF_SECOND}"
    f"      out: {{gain: h{COMMANDS_DEPTH - 1}, by: 1.0}}\n"
    "    writes: {out: {unit: V, range: [0, 2], safe: 0.0}}\n  telemetry:"
)


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[SettingsBench]:
    """A system with twenty gains, each a block of its own."""
    made = SettingsBench(plan_of((GAINS, TWENTY)))
    yield made
    made.close()


def test_changes_of_several_blocks_hold_from_one_tick_on(bench: SettingsBench) -> None:
    """Gains that belong together must not be seen one without the other."""
    bench.tick()
    names = {f"control__g{n}__by": 2.0 for n in range(16)}
    bench.set(**names)
    bench.tick()
    assert {event["tick"] for event in bench.happened()} == {1}
    assert len(bench.happened()) == 16
    assert bench.segments.mapped["control"].owner.counter("tuned") == 1


def test_no_more_messages_are_on_their_way_than_answers_are_kept(bench: SettingsBench) -> None:
    """An answer that was overwritten unread would be a change that nobody knows of."""
    for n in range(COMMANDS_DEPTH):
        bench.set(**{f"control__g{n}__by": 3.0})
    with pytest.raises(AmphostError, match=r"control: its queue of changes is full; try again"):
        bench.set(control__g9__by=3.0)
    bench.tick()
    assert bench.set(control__g9__by=3.0)["id"] == COMMANDS_DEPTH + 1
    for _ in range(COMMANDS_DEPTH):
        bench.tick()
    outcomes = [bench.ask("outcome", id=n + 1) for n in range(COMMANDS_DEPTH + 1)]
    assert [one["state"] for one in outcomes] == ["applied"] * (COMMANDS_DEPTH + 1)
    assert [one["tick"] for one in outcomes] == list(range(COMMANDS_DEPTH + 1))


def test_no_answer_is_overwritten_unread_by_one_to_a_later_message(
    plan_of: Callable[..., Plan],
) -> None:
    """Ids are counted over all roles, so those of one role may share a place sooner."""
    bench = SettingsBench(plan_of((GAINS, TWENTY), ("  telemetry:", WITH_SECOND)))
    try:
        bench.set(control__g0__by=3.0)
        for n in range(COMMANDS_DEPTH - 1):
            bench.set(**{f"second__h{n}__by": 3.0})
        with pytest.raises(AmphostError, match=r"control: its queue of changes is full; try again"):
            bench.set(control__g1__by=3.0)  # its answer would stand where that to g0 does
        for _ in range(2):
            bench.loop_only()
        bench.settings.turn()
        assert bench.get("control.g0.by")["value"] == 3.0
        assert bench.set(control__g1__by=3.0)["state"] == "sent"
    finally:
        bench.close()


def test_a_block_that_is_being_changed_waits_for_its_answer(bench: SettingsBench) -> None:
    """What its numbers would be must be known when they are judged."""
    bench.set(control__g0__by=3.0)
    with pytest.raises(AmphostError, match=r"control\.g0 is being changed already"):
        bench.set(control__g1__by=3.0, control__g0__by=4.0)
    assert bench.set(control__g1__by=3.0)["state"] == "sent"  # nothing of the refused one was sent
    bench.tick()
    assert bench.set(control__g0__by=4.0)["state"] == "sent"


def test_a_message_that_comes_too_late_is_refused_and_said(bench: SettingsBench) -> None:
    """A gain that somebody gave up on must not be applied when the role is back."""
    bench.set(control__g0__by=3.0)
    bench.tick(LIFE_NS + 50 * MS)
    outcome = bench.ask("outcome", id=1)
    assert outcome["state"] == "refused"
    assert outcome["reason"] == "the role did not come to it in time"
    (event,) = bench.happened()
    assert (event["event"], event["old"], event["new"], event["tick"], event["detail"]) == (
        "refused",
        1.0,
        3.0,
        None,
        2,
    )
    assert event["text"] == ("control.g0.by 1 -> 3, refused: the role did not come to it in time")
    assert bench.get("control.g0.by")["value"] == 1.0


def test_a_successor_begins_with_the_numbers_its_predecessor_ran_with(bench: SettingsBench) -> None:
    """A restart must not put the machine back to gains that nobody shows."""
    bench.set(control__g0__by=3.0, control__g5__by=7.0)
    bench.tick()
    bench.set(control__g1__by=9.0)  # sent, and the role dies before it comes to it
    run = bench.runs["control"]
    bench.settings.tuning.ended(run)
    outcome = bench.ask("outcome", id=2)
    assert (outcome["state"], outcome["reason"]) == (
        "refused",
        "the role has ended before it came to it",
    )
    run.epoch += 1
    bench.loop = bench.begin()
    control = run.plan.control
    assert control is not None
    assert control.program.parameters[:7] == (3.0, 1.0, 1.0, 1.0, 1.0, 7.0, 1.0)
    assert bench.get("control.g0.by")["value"] == 3.0
    bench.tick()  # takes the message to its predecessor, and refuses it
    assert bench.get("control.g1.by")["value"] == 1.0
    assert bench.segments.mapped["control"].owner.counter("tuning_refused") == 1
    bench.set(control__g1__by=5.0)
    bench.tick()
    assert bench.get("control.g1.by")["value"] == 5.0


def test_what_a_role_answered_before_it_died_counts(bench: SettingsBench) -> None:
    """The answer stands in the segment, which outlives it."""
    bench.set(control__g0__by=3.0)
    bench.loop_only()
    bench.settings.tuning.ended(bench.runs["control"])
    assert bench.ask("outcome", id=1)["state"] == "applied"
    assert bench.get("control.g0.by")["value"] == 3.0


def test_numbers_that_only_fit_together_are_set_together(plan_of: Callable[..., Plan]) -> None:
    """The limits of a pid move past each other in one step."""
    bench = SettingsBench(plan_of(PID))
    with pytest.raises(AmphostError, match="limit_low 13 is not below limit_high 12"):
        bench.set(control__voltage__limit_low=13.0)
    bench.set(control__voltage__limit_low=13.0, control__voltage__limit_high=14.0)
    bench.tick()
    assert bench.get("control.voltage.limit_low")["value"] == 13.0
    bench.close()


def test_answers_stand_where_the_document_says(bench: SettingsBench, root: Path) -> None:
    """A reader without our code finds out from which tick on a number holds."""
    document = Document((root / "docs" / "mailbox.md").read_text(encoding="utf-8"))
    reader = Reader(document, bench.segments.descriptors["control"])
    bench.tick()
    for number in range(COMMANDS_DEPTH + 2):
        bench.set(control__g0__by=float(number))
        bench.tick()
    place = 4 * ((COMMANDS_DEPTH + 2) % COMMANDS_DEPTH)
    message, result, tick, t_ns = (reader.word("answers", place + word) for word in range(4))
    assert (message, result, tick) == (COMMANDS_DEPTH + 2, 1, COMMANDS_DEPTH + 2)
    assert t_ns > bench.origin_ns
    reader.close()
