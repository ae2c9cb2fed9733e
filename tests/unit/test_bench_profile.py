"""What is said of a figure that is out of reach."""

from __future__ import annotations

from typing import Any

from bench.mailbox import profile
from bench.mailbox.play import Course

COURSE = Course(rounds=1, limit_s=1, share=1, cores=(0, 1), seed=1)


def found(*, is_reached: bool) -> dict[str, Any]:
    """Return a result with one figure of Python's."""
    return {"ratios": {"py_stream_vs_best_peer": {"reached": is_reached, "median": 0.9}}}


def test_only_what_is_out_of_reach_is_explained() -> None:
    """A reason for what needs none hides the one that matters."""
    assert profile.hints(found(is_reached=True), COURSE) == []
    [line] = profile.hints(found(is_reached=False), COURSE)
    assert line.startswith("* `py_stream_vs_best_peer`: ")
