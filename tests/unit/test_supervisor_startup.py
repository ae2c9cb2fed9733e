from __future__ import annotations

from amphost.supervisor.startup import PHASES, Startup


def test_phases_add_up_to_the_whole() -> None:
    """What is not in a phase would be lost time that nobody finds."""
    now_ms = iter((10, 15, 35, 65, 90))
    startup = Startup(0, lambda: next(now_ms) * 1_000_000)
    for phase in PHASES[:-1]:
        startup.done(phase)
    lengths = startup.phases_ms(100_000_000)
    assert list(lengths.items()) == list(zip(PHASES, (10, 5, 20, 30, 25, 10), strict=True))
    assert sum(length for length in lengths.values() if length is not None) == 100


def test_phase_ends_once() -> None:
    """A role that is started again later is no start of the system."""
    now_ms = iter((10, 99))
    startup = Startup(0, lambda: next(now_ms) * 1_000_000)
    startup.done("spec")
    startup.done("spec")
    assert startup.phases_ms(None)["spec"] == 10


def test_start_that_ended_early_has_no_figures_behind_its_end() -> None:
    """A figure that was not measured is null, never 0."""
    startup = Startup(0, lambda: 5_000_000)
    startup.done("spec")
    lengths = startup.phases_ms(None)
    assert lengths["spec"] == 5
    assert [lengths[phase] for phase in PHASES[1:]] == [None] * 5


def test_time_from_the_first_exec_counts_the_first_alone() -> None:
    """A role that is started again later does not move it."""
    now_ms = iter((20, 90))
    startup = Startup(0, lambda: next(now_ms) * 1_000_000)
    assert startup.from_exec_ms(100_000_000) is None
    startup.execs()
    startup.execs()
    assert startup.from_exec_ms(None) is None
    assert startup.from_exec_ms(100_000_000) == 80
