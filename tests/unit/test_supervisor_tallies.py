"""What the report says of a line: read from the tally that its io role publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from amphost.mailbox import Segment
from amphost.plan.link_segments import TALLY_WORDS
from amphost.plan.model import IoPlan, Plan
from amphost.supervisor.tallies import Tallies
from tests.unit.role_bench import RoleBench

ZERO = {name: 0.0 if kind == "f64" else 0 for name, kind, _ in TALLY_WORDS}


class Bench(RoleBench):
    """An io role whose tally a test publishes."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "io")
        assert self.role.io is not None
        self.io: IoPlan = self.role.io
        self.tally: Segment = self.view["mcu.link"]
        self.tally.attach_writer(1)
        self.tallies = Tallies(self.segments.mapped)

    def publish(self, t_ns: int, **changed: float) -> None:
        """Publish a second."""
        self.tally.publish(t_ns, 0, list((ZERO | {"interval_ns": 10**9} | changed).values()))


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[Bench]:
    """A bench."""
    made = Bench(plan_of())
    yield made
    made.close()


def test_a_line_that_never_told_anything_is_null(bench: Bench) -> None:
    """A run may end before its first second."""
    result = bench.tallies.result(bench.io, 0)
    assert result["seconds"] == 0
    for name in ("identity", "errors", "worst_second", "device"):
        assert result[name] is None, name


def test_totals_are_the_newest_and_the_worst_second_is_kept(bench: Bench) -> None:
    """Between two looks several seconds may have gone by."""
    bench.publish(1_000_000_000, bad_crc=5, frames_in=100)
    bench.tallies.look(bench.io)
    bench.publish(2_000_000_000, bad_crc=6, frames_in=200, applied=50)
    bench.publish(3_000_000_000, bad_crc=6, frames_in=300, applied=90)
    result = bench.tallies.result(bench.io, 500_000_000)
    assert result["seconds"] == 3
    assert result["errors"]["bad_crc"] == 6
    assert result["device"]["applied"] == 90
    assert result["worst_second"]["after_ms"] == 500.0
    assert result["worst_second"]["errors"]["bad_crc"] == 5
