"""The class by itself: no system, no process, no clock. `python -m pytest` runs it."""

from __future__ import annotations

from pick import Pick

from amphost import Rehearsal


def rehearse() -> Rehearsal:
    """Put the class on a stage, with the names that its spec gives it."""
    return Rehearsal(
        Pick,
        reads=["position"],
        writes={"target": (-6.3, 6.3), "arrivals": (0, 1e6)},
        parameters={"places": [1.0, -1.0], "near": 0.1},
        rate_hz=50,
        max_age_ms=100,
    )


def test_goes_on_when_it_has_arrived() -> None:
    """Near the first place, the second one is the target."""
    stage = rehearse()
    stage.set(position=0.0)
    stage.step()
    assert stage.writes.target == 1.0
    stage.set(position=0.95)
    stage.step()
    assert (stage.writes.target, stage.writes.arrivals) == (-1.0, 1)


def test_stays_where_it_is_without_a_fresh_position() -> None:
    """A sensor that is silent moves nothing."""
    stage = rehearse()
    stage.set(position=0.0)
    stage.step(10)
    assert stage.reads.position.is_stale
    stage.writes.target = 0.5
    stage.step()
    assert stage.writes.target == 0.5
