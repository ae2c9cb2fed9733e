"""What a monitor follows of a line: the newest values, what was odd, what the firmware says."""

from __future__ import annotations

from amphost.link import tally
from amphost.link.line_decoder import LineDecoder
from amphost.link.line_view import ODD_KEPT, LineView
from amphost.link.trace import Kind, Record
from amphost.link.trace_figures import TraceFigures
from amphost.plan.link_segments import TALLY_WORDS
from tests.unit.test_link_line_decoder import SCHEMA, frame, state

ZERO = {name: 0.0 if kind == "f64" else 0 for name, kind, _ in TALLY_WORDS}
WORDS = tally.words_of(list((ZERO | {"interval_ns": 10**9}).values()))


def view_of(*lines: bytes) -> LineView:
    """Follow a line that has brought these bytes."""
    view = LineView("mcu", TraceFigures(LineDecoder(SCHEMA)))
    for t_ns, line in enumerate(lines, start=1):
        view.record(Record(t_ns=t_ns, kind=Kind.FROM_DEVICE, content=line))
    return view


def test_values_are_the_newest_and_stay() -> None:
    """A device that pauses still stands somewhere."""
    view = view_of(state(1), state(2, b"\0\0\0\x40"))
    assert view.second(1, WORDS)["values"] == {"position": 2.0}
    assert view.second(2, WORDS)["values"] == {"position": 2.0}


def test_a_value_that_is_none_is_null() -> None:
    """JSON knows no NaN."""
    assert view_of(state(1, b"\0\0\xc0\x7f")).second(1, WORDS)["values"] == {"position": None}


def test_what_was_odd_and_said_is_of_its_second() -> None:
    """And of much of it the newest, so that a babbler does not fill the screen."""
    log = frame(23, bytes(8) + b"motor hot", sequence=1)
    view = view_of(log, *([b"\1\1\1\0"] * (ODD_KEPT + 3)))
    shown = view.second(1, WORDS)
    assert shown["said"] == ["motor hot"]
    assert len(shown["remarks"]) == ODD_KEPT
    after = view.second(2, WORDS)
    assert (after["said"], after["remarks"]) == ([], [])


def test_without_frames_there_are_no_values() -> None:
    """Of a running system the tally alone is read."""
    view = LineView("mcu")
    view.record(Record(t_ns=1, kind=Kind.FROM_DEVICE, content=state(1)))
    assert view.second(1, WORDS)["values"] is None
