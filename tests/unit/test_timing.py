"""Each formula against the numbers that people were promised, and every row of the chain."""

from __future__ import annotations

import pytest
from amphost._native.amp import lib

from amphost import timing
from amphost.plan.model import ChainRow
from amphost.timing import InputBound, OutputPath

MS = 1_000_000
S = 1_000 * MS
KHZ = 1 * MS  # the period of 1 kHz
FLOOR = 20 * MS


@pytest.mark.parametrize(
    ("rate_hz", "period_ns"), [(1000.0, MS), (1.0, S), (20_000.0, 50_000), (3.0, 333_333_333)]
)
def test_period_is_the_rate_inverted(rate_hz: float, period_ns: int) -> None:
    """Whole nanoseconds: the grid is integers."""
    assert timing.period_ns(rate_hz) == period_ns


def test_milliseconds_are_rounded_not_cut() -> None:
    """0.3 ms is 299999.99... as a float."""
    assert timing.ms_ns(0.3) == 300_000
    assert timing.ms_ns(200) == 200 * MS


@pytest.mark.parametrize(
    ("preempt_rt", "isolated", "floor_ns"),
    [
        (True, True, 5 * MS),
        (True, False, 20 * MS),
        (False, True, 20 * MS),
        (False, False, 20 * MS),
    ],
)
def test_floor_is_low_only_with_both(preempt_rt: bool, isolated: bool, floor_ns: int) -> None:
    """Either alone still lets something else run for milliseconds."""
    assert timing.floor_ns(preempt_rt=preempt_rt, isolated=isolated) == floor_ns


def test_budget_is_half_the_period_and_the_deadline_all_of_it() -> None:
    """The other half is io's: it sends where the budget ends."""
    assert timing.budget_ns(KHZ) == 500_000
    assert timing.deadline_ns(KHZ) == KHZ


@pytest.mark.parametrize("formula", [timing.blackout_ns, timing.heartbeat_ns, timing.max_age_ns])
@pytest.mark.parametrize(
    ("period_ns", "floor_ns", "bound_ns"),
    [
        (KHZ, 5 * MS, 5 * MS),
        (KHZ, 20 * MS, 20 * MS),
        (4 * MS, 20 * MS, 20 * MS),
        (10 * MS, 20 * MS, 50 * MS),
        (50_000, 5 * MS, 5 * MS),
    ],
)
def test_five_periods_but_not_below_the_floor(
    formula: object, period_ns: int, floor_ns: int, bound_ns: int
) -> None:
    """Blackout, heartbeat and age share one shape, and the floor is in each."""
    assert callable(formula)
    assert formula(period_ns, floor_ns) == bound_ns


def test_trip_after_is_20_ms_and_at_least_the_floor() -> None:
    """Counted from expiry."""
    assert timing.trip_after_ns(5 * MS) == 20 * MS
    assert timing.trip_after_ns(50 * MS) == 50 * MS


@pytest.mark.parametrize(
    ("frame_ns", "floor_ns", "loopback", "lease_ns"),
    [
        (KHZ, 20 * MS, True, 20 * MS),
        (KHZ, 5 * MS, True, 5 * MS),
        (10 * MS, 5 * MS, True, 50 * MS),
        (KHZ, 20 * MS, False, 50 * MS),
        (20 * MS, 20 * MS, False, 100 * MS),
    ],
)
def test_lease_is_five_frames_with_a_least_for_each_kind_of_line(
    frame_ns: int, floor_ns: int, loopback: bool, lease_ns: int
) -> None:
    """A serial line has other stalls than a pty."""
    assert timing.lease_ns(frame_ns, floor_ns, loopback=loopback) == lease_ns


@pytest.mark.parametrize(
    ("frame_ns", "state_ns", "lost_ns"),
    [(KHZ, KHZ, 50 * MS), (20 * MS, KHZ, 100 * MS), (KHZ, 100 * MS, 500 * MS)],
)
def test_link_lost_waits_for_the_slower_direction(
    frame_ns: int, state_ns: int, lost_ns: int
) -> None:
    """A device that sends at 10 Hz is silent for 100 ms without any fault."""
    assert timing.link_lost_ns(frame_ns, state_ns) == lost_ns


def test_a_devices_share_is_twice_its_states_and_room_for_the_rest() -> None:
    """A handshake, events and what came a little late are no babble, at any rate."""
    assert timing.JUDGED_NS == lib.AMP_PUMP_JUDGED_NS
    assert (timing.share_frames(KHZ), timing.share_frames(1000 * MS)) == (100, 1)
    assert timing.share_bytes(39, KHZ) == 2 * 39 * 100 + 2048
    assert timing.share_bytes(39, 1000 * MS) == 2 * 39 + 2048


def test_python_roles_have_three_beats_and_a_second() -> None:
    """A collection of garbage is no fault."""
    assert timing.observer_heartbeat_ns(100 * MS) == 5 * S
    assert timing.observer_heartbeat_ns(2 * S) == 6 * S


def test_constants_of_the_supervisor() -> None:
    """Two bounds that depend on nothing."""
    assert timing.SUPERVISOR_NS == 100 * MS
    assert timing.STOP_NS == 2 * S
    assert (timing.OVERRUNS_IN_ROW, timing.OVERRUNS_PER_S) == (3, 10)


@pytest.mark.parametrize(
    ("low", "high", "safe", "ramp_per_s", "ramp_ns"),
    [
        (-12.0, 12.0, 0.0, 0.0, 0),
        (-12.0, 12.0, 0.0, 1200.0, 10 * MS),
        (-12.0, 12.0, -12.0, 1200.0, 20 * MS),
        (0.0, 1.0, 0.0, 3.0, 333_333_334),
        (5.0, 5.0, 5.0, 1.0, 0),
    ],
)
def test_ramp_is_the_longest_way_to_safe(
    low: float, high: float, safe: float, ramp_per_s: float, ramp_ns: int
) -> None:
    """From the far end of the range, rounded up: a bound is never short."""
    assert timing.ramp_ns(low, high, safe, ramp_per_s) == ramp_ns


def test_stop_is_the_ramp_and_two_periods() -> None:
    """One to see it, one to have acted."""
    assert timing.stop_safe_ns(10 * MS, KHZ) == 12 * MS


def test_line_load_counts_ten_bits_a_byte() -> None:
    """1 kHz of 13-byte frames does not fit 115 200 baud."""
    assert timing.line_load(13, 1000, 115_200) == pytest.approx(1.1285, abs=1e-4)
    assert timing.line_load(13, 1000, 1_000_000) == pytest.approx(0.13)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (500_000, "0.5 ms"),
        (20 * MS, "20 ms"),
        (S, "1 s"),
        (2 * S, "2 s"),
        (1, "1e-06 ms"),
        (0, "0 ms"),
    ],
)
def test_times_are_written_for_people(time_ns: int, text: str) -> None:
    """Three units in one table would be read wrong."""
    assert timing.format_ns(time_ns) == text


def path(**changes: object) -> OutputPath:
    """Return the path of the shipped motor, with a ramp in each half."""
    values: dict[str, object] = {
        "source": "control",
        "io": "io",
        "relay_ns": None,
        "period_ns": KHZ,
        "frame_period_ns": 2 * MS,
        "lease_ns": 20 * MS,
        "blackout_ns": 25 * MS,
        "device_ramp_ns": 3 * MS,
        "trip_ramp_ns": 7 * MS,
        "inputs": (
            InputBound(name="io.position", producer_period_ns=4 * MS, stale_ns=(30 * MS, 40 * MS)),
        ),
    }
    return OutputPath(**{**values, **changes})  # type: ignore[arg-type]


def totals(rows: tuple[ChainRow, ...]) -> dict[str, int]:
    """Return milliseconds by fault."""
    return {row.fault: row.total_ns // MS for row in rows}


def test_chain_has_every_row_of_the_table() -> None:
    """T = 1, F = 2, L = 20, blackout 25, P = 4, age 30 + 40; ramps 3, and 7 after a trip."""
    assert totals(timing.chain([path()])) == {
        "control dies or hangs, or the host dies": 2 + 20 + 3,
        "io dies, or the cable is out": 20 + 3,
        "producer of io.position dies or freezes": 30 + 40 + 1 + 2 + 7,
        "bad values of io.position": 3 * 4 + 1 + 2 + 7,
        "blackout of control's core": 25 + 20 + 3,
        "supervisor dies": 100 + 1 + 2 + 7,
    }


def test_each_row_shows_its_formula_and_its_numbers() -> None:
    """A reader must be able to add it up."""
    rows = {row.fault: row.formula for row in timing.chain([path()])}
    assert rows["producer of io.position dies or freezes"] == (
        "max_age + trip_after + T + F + ramp = 30 + 40 + 1 + 2 + 7 ms"
    )
    assert rows["io dies, or the cable is out"] == "L + ramp = 20 + 3 ms"


def test_bad_samples_are_counted_by_whoever_is_slower() -> None:
    """A loop that reads every 10 ms sees three bad samples of a 1 ms producer after 30 ms."""
    slow = path(
        period_ns=10 * MS,
        inputs=(InputBound(name="io.x", producer_period_ns=MS, stale_ns=None),),
    )
    assert totals(timing.chain([slow]))["bad values of io.x"] == 30 + 10 + 2 + 7


def test_an_input_without_contract_has_no_row_for_its_producer() -> None:
    """Its policy replaces the value for ever: that is what its author asked for."""
    free = path(inputs=(InputBound(name="operator.x", producer_period_ns=5 * MS, stale_ns=None),))
    assert "producer of operator.x dies or freezes" not in totals(timing.chain([free]))


def test_of_two_paths_the_longer_counts() -> None:
    """One control role may feed two devices with two leases."""
    rows = timing.chain([path(lease_ns=50 * MS), path()])
    assert totals(rows)["control dies or hangs, or the host dies"] == 2 + 50 + 3
    assert len(rows) == 6


def test_a_relayed_role_reaches_the_output_one_hop_later() -> None:
    """An outer loop trips, and the inner loop that feeds the device must hear of it."""
    rows = timing.chain([path(source="outer", relay_ns=3 * MS)])
    assert totals(rows) == {
        "producer of io.position dies or freezes": 30 + 40 + 1 + 3 + 2 + 7,
        "bad values of io.position": 3 * 4 + 1 + 3 + 2 + 7,
    }


def test_an_operator_that_feeds_a_device_is_bounded_by_the_lease() -> None:
    """No law runs there, so there is no blackout and no trip to wait for."""
    rows = timing.chain([path(source="supervisor", blackout_ns=None, inputs=())])
    assert totals(rows) == {
        "supervisor dies or hangs, or the host dies": 2 + 20 + 3,
        "io dies, or the cable is out": 20 + 3,
    }


def test_largest_row_is_the_first_of_the_longest() -> None:
    """This is the one that safe_within_ms is held against."""
    rows = timing.chain([path()])
    worst = timing.largest(rows)
    assert worst is not None
    assert worst.fault == "supervisor dies"
    assert timing.largest([]) is None
    tie = (
        ChainRow(fault="a", formula="", total_ns=5),
        ChainRow(fault="b", formula="", total_ns=5),
    )
    assert timing.largest(tie) is tie[0]
