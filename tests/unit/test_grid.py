"""The origin of the grid: found among gaps, chosen clear of the timer tick, or any without one."""

from __future__ import annotations

import random

import pytest

from amphost.grid import CLEAR_NS, Gap, Release, TimerTick, choose_origin, clear_ns, find_tick

MS = 1_000_000
JIFFY_NS = 4 * MS
WATCHED_NS = 13 * MS
BEGUN_NS = 17_458_388_123_456
NOW_NS = BEGUN_NS + 14 * MS


def ticks(phase_ns: int, length_ns: int = 26_000, *, count: int = 3) -> list[Gap]:
    """Return the gaps of `count` ticks, the first `phase_ns` after the watch began."""
    return [
        Gap(begin_ns=BEGUN_NS + phase_ns + number * JIFFY_NS, length_ns=length_ns)
        for number in range(count)
    ]


def noise(seed: int, count: int) -> list[Gap]:
    """Return gaps that come at no time of their own."""
    seeded = random.Random(seed)
    return [
        Gap(
            begin_ns=BEGUN_NS + seeded.randrange(WATCHED_NS),
            length_ns=seeded.randrange(1000, 20_000),
        )
        for _ in range(count)
    ]


def tick_at(at_ns: int) -> TimerTick:
    """Return a tick with its middle there."""
    return TimerTick(jiffy_ns=JIFFY_NS, at_ns=at_ns, length_ns=26_000)


@pytest.mark.parametrize("seed", range(8))
def test_tick_is_found_among_other_gaps_wherever_it_lies(seed: int) -> None:
    """Other interrupts and a hypervisor leave gaps too: they share no phase."""
    phase_ns = random.Random(seed).randrange(JIFFY_NS)
    found = find_tick([*noise(seed, 12), *ticks(phase_ns)], JIFFY_NS, WATCHED_NS)
    assert found is not None
    away_ns = (found.at_ns - BEGUN_NS - phase_ns - 13_000) % JIFFY_NS
    assert min(away_ns, JIFFY_NS - away_ns) <= 50_000
    assert found.length_ns >= 10_000


def test_ticks_that_come_a_little_late_are_still_one() -> None:
    """A hypervisor delivers the interrupt when it runs the guest again."""
    late = [
        Gap(begin_ns=gap.begin_ns + 15_000 * number, length_ns=gap.length_ns)
        for number, gap in enumerate(ticks(MS))
    ]
    assert find_tick(late, JIFFY_NS, WATCHED_NS) is not None


@pytest.mark.parametrize(
    "gaps",
    [[], ticks(MS, count=1), ticks(MS, count=2), [*ticks(MS, count=1), *ticks(3 * MS, count=1)]],
)
def test_no_tick_is_found_where_none_comes_every_jiffy(gaps: list[Gap]) -> None:
    """An isolated core without a tick has a gap now and then: it promises nothing."""
    assert find_tick(gaps, JIFFY_NS, WATCHED_NS) is None


def test_slow_tick_is_found_by_the_one_that_was_seen() -> None:
    """At 100 Hz the time that the start has shows one tick, not three."""
    found = find_tick(ticks(2 * MS, count=1), 10 * MS, WATCHED_NS)
    assert found is not None
    assert found.at_ns == BEGUN_NS + 2 * MS + 13_000


def test_origin_without_a_tick_is_the_one_that_was_offered() -> None:
    """Any is as good as another."""
    assert choose_origin(None, [Release(period_ns=MS, offset_ns=0)], [], before_ns=NOW_NS) == NOW_NS


@pytest.mark.parametrize("at_ns", [BEGUN_NS + step * 333_333 for step in range(13)])
@pytest.mark.parametrize(
    "releases",
    [
        [Release(period_ns=MS, offset_ns=0)],
        [Release(period_ns=MS, offset_ns=0), Release(period_ns=4 * MS, offset_ns=MS // 4)],
        [Release(period_ns=MS, offset_ns=0), Release(period_ns=MS, offset_ns=MS // 2)],
        [Release(period_ns=2 * MS, offset_ns=0), Release(period_ns=3 * MS, offset_ns=100_000)],
    ],
)
def test_every_release_and_send_point_is_well_clear(at_ns: int, releases: list[Release]) -> None:
    """Counted release by release over many jiffies, as they will meet."""
    tick = tick_at(at_ns)
    sends = [Release(period_ns=MS, offset_ns=MS // 2)]
    origin_ns = choose_origin(tick, releases, sends, before_ns=NOW_NS)
    assert NOW_NS - JIFFY_NS < origin_ns <= NOW_NS
    nearest_ns = JIFFY_NS
    for one in [*releases, *sends]:
        for number in range(48):
            release_ns = origin_ns + one.offset_ns + number * one.period_ns
            away_ns = (release_ns - at_ns) % JIFFY_NS
            nearest_ns = min(nearest_ns, away_ns, JIFFY_NS - away_ns)
    assert nearest_ns >= CLEAR_NS - 20_000
    met_ns = clear_ns(tick, [*releases, *sends], origin_ns)
    assert met_ns == nearest_ns


def test_fast_release_lies_in_the_middle_between_two_ticks_of_its_phase() -> None:
    """At 10 kHz there are 100 us: half of them on either side is the best."""
    tick = tick_at(BEGUN_NS)
    fast = Release(period_ns=200_000, offset_ns=0)
    origin_ns = choose_origin(tick, [fast], [], before_ns=NOW_NS)
    assert clear_ns(tick, [fast], origin_ns) == pytest.approx(100_000, abs=10_000)


def test_release_that_meets_every_phase_does_not_spoil_it_for_others() -> None:
    """At 3 kHz period and jiffy share a few nanoseconds: no origin helps it."""
    tick = tick_at(BEGUN_NS)
    stray, other = Release(period_ns=333_333, offset_ns=0), Release(period_ns=MS, offset_ns=0)
    origin_ns = choose_origin(tick, [stray, other], [], before_ns=NOW_NS)
    assert clear_ns(tick, [other], origin_ns) == pytest.approx(MS // 2, abs=20_000)


def test_control_release_comes_before_a_send_point() -> None:
    """Where both cannot be clear: a late release moves the law, a late send only one frame."""
    tick = tick_at(BEGUN_NS)
    control, send = Release(period_ns=MS, offset_ns=0), Release(period_ns=MS, offset_ns=150_000)
    four = [Release(period_ns=MS, offset_ns=250_000 * step) for step in (1, 2)]
    origin_ns = choose_origin(tick, [control, *four], [send], before_ns=NOW_NS)
    assert (clear_ns(tick, [control, *four], origin_ns) or 0) >= CLEAR_NS
