"""Events: numbered without holes, published as they happen, kept for those who ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from amphost.errors import AmphostError
from amphost.lifecycle import Fault, Mode
from amphost.plan.model import Plan
from amphost.supervisor.control_socket import LINE_MAX, Peer
from amphost.supervisor.events import KEPT, EventCode
from amphost.supervisor.faults import FaultEvent
from tests.unit.settings_bench import SettingsBench


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[SettingsBench]:
    """The standard system."""
    made = SettingsBench(plan_of())
    yield made
    made.close()


def test_an_event_is_published_in_numbers(bench: SettingsBench) -> None:
    """A recording has no other source; text does not go into shared memory."""
    events = bench.events
    with events.asked_by(Peer(uid=7, pid=8)):
        events.mode(Mode.DISARMED, 0)
    events.mode(Mode.ARMED, 3)
    latest = bench.segments.mapped["events"].latest()
    assert latest is not None
    assert latest[0] == 2
    assert latest[3] == (EventCode.MODE, 0, 0, 1.0, 2.0, 0, 3, -1, -1)
    events.role("control", 2, 4711)
    latest = bench.segments.mapped["events"].latest()
    control = bench.runs["control"].plan.role_id
    assert latest is not None
    assert latest[3] == (EventCode.ROLE, control, 0, 0.0, 2.0, 0, 4711, -1, -1)
    texts = [event["text"] for event in bench.happened()]
    assert texts == [
        "mode BOOT -> DISARMED",
        "mode DISARMED -> ARMED",
        "control started as process 4711, epoch 2",
    ]
    assert [event["uid"] for event in bench.happened()] == [7, -1, -1]


def test_a_fault_is_an_event_of_its_role(bench: SettingsBench) -> None:
    """What tripped the machine stands among what people did to it."""
    fault = FaultEvent(t_ns=1, fault="overrun", role="control", kind="control", text="too slow")
    bench.events.fault(fault, Fault.OVERRUN)
    (event,) = bench.happened()
    assert (event["event"], event["role"], event["detail"]) == ("fault", "control", Fault.OVERRUN)
    assert event["text"] == "control: overrun: too slow"


def test_events_come_in_pages_without_holes(bench: SettingsBench) -> None:
    """Whoever follows asks from the last one on."""
    for number in range(250):
        bench.events.record(EventCode.STOP, f"number {number + 1}")
    last, seen = 0, []
    while last < bench.ask("events", after=last)["newest"]:
        page = [event["number"] for event in bench.happened(after=last)]
        assert 0 < len(page) < 100
        seen += page
        last = page[-1]
    assert seen == list(range(1, 251))
    assert bench.happened(after=250) == []


def test_a_page_fits_a_line_whatever_the_texts_are(bench: SettingsBench) -> None:
    """A reply that was cut would be no JSON; a fault may quote a user's own exception."""
    for _ in range(100):
        bench.events.record(EventCode.FAULT, "\U0001f4a5" * 5000, name=("n" * 160, 1))
    reply = bench.ask("events", after=0)
    assert reply["events"]
    assert len(json.dumps(reply)) < LINE_MAX


def test_what_is_no_longer_kept_shows_as_a_hole_at_the_beginning(bench: SettingsBench) -> None:
    """Bounded memory, and nobody takes the oldest kept for the first."""
    for _ in range(KEPT + 5):
        bench.events.record(EventCode.STOP, "again")
    assert bench.happened()[0]["number"] == 6
    assert bench.ask("events", after=0)["newest"] == KEPT + 5


@pytest.mark.parametrize("after", [None, "1", 1.5, True, [1]])
def test_what_is_no_number_is_refused(bench: SettingsBench, after: object) -> None:
    """It comes from outside."""
    with pytest.raises(AmphostError, match="the number of the last event"):
        bench.ask("events", after=after)
