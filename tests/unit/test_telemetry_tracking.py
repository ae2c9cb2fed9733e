"""The tracking error against a brute force, in whatever batches the samples come."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.telemetry.tracking import (
    MARK_ARMED,
    WAITING_MAX,
    Sample,
    Tracking,
    word_reader,
)

HEADER = Path(__file__).parents[2] / "native/include/amp/channel.h"
EPOCH = 3
ARMED = MARK_ARMED | EPOCH
FOREVER_NS = 1 << 62


def test_the_armed_mark_is_the_headers() -> None:
    """The flags are the upper half of a mark: a moved bit would count the wrong samples."""
    found = re.search(r"^#define AMP_FLAG_ARMED (\d+)", HEADER.read_text(), re.MULTILINE)
    assert found is not None
    assert int(found[1]) << 32 == MARK_ARMED


def test_the_error_is_taken_against_the_setpoint_held() -> None:
    """Between two setpoints the last one stands; the signal has no say in when it changes."""
    tracking = Tracking()
    tracking.add_setpoints([(10, 0, 1.0), (20, 0, 3.0)])
    tracking.add_signals([(15, ARMED, 1.5), (20, ARMED, 1.0), (99, ARMED, 2.0)])
    tracking.settle(FOREVER_NS)
    result = tracking.result()
    assert (result.count, result.skipped, result.max) == (3, 0, 2.0)
    assert result.square_sum == 0.25 + 4.0 + 1.0
    assert result.rms == pytest.approx(math.sqrt(5.25 / 3))


def test_samples_published_disarmed_do_not_count() -> None:
    """A motor that is off tracks nothing: the figure is about the time under control."""
    tracking = Tracking()
    tracking.add_setpoints([(0, ARMED, 9.0)])
    tracking.add_signals([(1, EPOCH, 0.0), (2, ARMED, 8.0), (3, EPOCH | 2 << 32, 0.0)])
    tracking.settle(FOREVER_NS)
    assert (tracking.result().count, tracking.result().max) == (1, 1.0)


def test_a_profile_that_has_gone_back_is_no_setpoint() -> None:
    """At the end of a run the profile leaves before the device's last armed sample is there."""
    tracking = Tracking()
    tracking.add_setpoints([(0, EPOCH, 0.0), (10, ARMED, 5.0), (20, EPOCH, 0.0), (40, ARMED, 6.0)])
    tracking.add_signals([(12, ARMED, 5.0), (21, ARMED, 5.0), (41, ARMED, 5.0)])
    tracking.settle(FOREVER_NS)
    assert (tracking.result().count, tracking.result().skipped) == (2, 1)
    assert tracking.result().max == 1.0


def test_a_setpoint_that_comes_in_a_later_batch_is_waited_for() -> None:
    """Channels are drained one after another: the signal's batch is often ahead."""
    tracking = Tracking()
    tracking.add_setpoints([(0, 0, 1.0)])
    tracking.add_signals([(5, ARMED, 2.0), (15, ARMED, 2.0)])
    tracking.settle(4)
    assert tracking.result().count == 0
    tracking.add_setpoints([(10, 0, 2.0)])
    tracking.settle(20)
    result = tracking.result()
    assert (result.count, result.square_sum, result.max) == (2, 1.0, 1.0)


def test_what_cannot_be_judged_is_skipped_and_counted() -> None:
    """One NaN in a sum makes the whole figure NaN, and no setpoint is not a setpoint of 0."""
    tracking = Tracking()
    tracking.add_signals([(1, ARMED, 1.0)])
    tracking.add_setpoints([(2, 0, 1.0), (5, 0, math.inf)])
    tracking.add_signals([(3, ARMED, math.nan), (4, ARMED, 1.0), (6, ARMED, 1.0)])
    tracking.settle(FOREVER_NS)
    result = tracking.result()
    assert (result.count, result.skipped, result.rms) == (1, 3, 0.0)


def test_without_a_judged_sample_there_is_no_figure() -> None:
    """0.0 would read as perfect."""
    assert Tracking().result().rms is None


def test_a_time_from_the_far_future_cannot_fill_the_memory() -> None:
    """A role that runs wild stamps anything; what waits is bounded and what falls out counted."""
    tracking = Tracking()
    tracking.add_setpoints([(0, 0, 1.0)])
    tracking.add_signals([(1 << 61, ARMED, 1.0)])
    for start in range(0, 3 * WAITING_MAX, 1000):
        tracking.add_signals((start + n, ARMED, 1.0) for n in range(1000))
        tracking.settle(start)
    tracking.settle(1 << 60)
    result = tracking.result()
    total = len(range(0, 3 * WAITING_MAX, 1000)) * 1000
    assert result.count + result.skipped == total + 1
    assert result.count > WAITING_MAX


@pytest.mark.parametrize(
    ("kind", "pack", "value"),
    [("f64", "d", -0.25), ("i64", "q", -7), ("u64", "Q", 1 << 63), ("bool", "Q", 1)],
)
def test_a_word_is_read_by_its_type(kind: str, pack: str, value: float) -> None:
    """The words of a record are bits; the plan says what they mean."""
    record = struct.pack(f"=QqQQ{pack}Q", 1, -5, ARMED, 11, value, 12)
    assert list(word_reader(3, 1, kind)(record + record)) == [(-5, ARMED, value)] * 2


def brute_force(signals: list[Sample], setpoints: list[Sample]) -> tuple[int, int, float, float]:
    """Return count, skipped, square sum and max, by looking everything up for each sample."""
    errors = []
    skipped = 0
    for t_ns, mark, value in signals:
        if not mark & MARK_ARMED:
            continue
        before = [setpoint for at_ns, _, setpoint in setpoints if at_ns <= t_ns]
        error = before[-1] - value if before else math.nan
        if math.isfinite(error * error):
            errors.append(error)
        else:
            skipped += 1
    return len(errors), skipped, sum(e * e for e in errors), max(map(abs, errors), default=0.0)


values = st.floats(allow_nan=True, allow_infinity=True, width=32)
times = st.integers(min_value=0, max_value=300)


def samples(marks: st.SearchStrategy[int]) -> st.SearchStrategy[list[Sample]]:
    """Draw samples in the order of their times."""
    return st.lists(st.tuples(times, marks, values), max_size=40).map(sorted_by_time)


def sorted_by_time(drawn: list[Sample]) -> list[Sample]:
    """Sort by time alone: samples of one time stay in their order."""
    return sorted(drawn, key=lambda one: one[0])


@given(
    samples(st.sampled_from([EPOCH, ARMED])),
    samples(st.just(EPOCH)),
    st.lists(times, max_size=6).map(sorted),
    st.booleans(),
)
def test_any_batches_give_what_a_brute_force_gives(
    signals: list[Sample], setpoints: list[Sample], rounds: list[int], signals_first: bool
) -> None:
    """How often a role drains, and in which order, must not show in the result."""
    tracking = Tracking()
    done_ns = -1
    for upto_ns in (*rounds, 300):
        batch = [one for one in signals if done_ns < one[0] <= upto_ns]
        held = [one for one in setpoints if done_ns < one[0] <= upto_ns]
        if signals_first:
            tracking.add_signals(batch)
            tracking.add_setpoints(held)
        else:
            tracking.add_setpoints(held)
            tracking.add_signals(batch)
        tracking.settle(upto_ns)
        done_ns = upto_ns
    count, skipped, square_sum, peak = brute_force(signals, setpoints)
    result = tracking.result()
    assert (result.count, result.skipped, result.max) == (count, skipped, peak)
    assert result.square_sum == pytest.approx(square_sum)
