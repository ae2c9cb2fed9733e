"""Designs that are known to be wrong: a checker that accepts one of them checks nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.model.programs import MODEL, cases, judge
from tests.model.test_relacy_weakened import catch

pytestmark = pytest.mark.usefixtures("relacy")
SCHEDULES = 20_000
SUCCESSION = ["death-2", "queue-death-2"]


def test_plain_seqlock_is_rejected() -> None:
    """One slot, overwritten in place: a writer that dies in it leaves nothing to read."""
    verdict = judge("one-slot", SCHEDULES)
    assert verdict.rule.endswith("after a death the last committed value is readable")


@pytest.mark.parametrize("fence", ["amp_channel_publish fence_release", "read_slot fence_acquire"])
@pytest.mark.parametrize("case", ["latest-2", "log-2", "latest-4", "log-4"])
def test_one_fence_less_is_torn(fence: str, case: str) -> None:
    """x86 cannot show either; every ARM core may."""
    verdict = judge(case, SCHEDULES, "--weaken", fence)
    torn = ("no torn value", "the content belongs to its number")  # in part, or as a whole
    assert verdict.rule.endswith(torn)


def test_jump_from_latest_alone_is_rejected() -> None:
    """What a reader has seen of a slot may be newer than what it sees of `latest`."""
    by = catch(["log-2"], SCHEDULES, program="relacy-jump-from-latest")
    assert by.endswith("a cursor never goes back")


def test_even_is_not_enough() -> None:
    """A whole value of another number is not the value that was asked for."""
    assert catch(["log-2"], SCHEDULES, program="relacy-even-is-enough") != ""


@pytest.mark.parametrize("case", SUCCESSION)
def test_successor_without_proof_of_death_is_rejected(case: str) -> None:
    """Two writers of one word: one number gets two contents."""
    verdict = judge(case, SCHEDULES, "--without-proof")
    assert verdict.rule.endswith("one number, one content")


@pytest.mark.parametrize("case", SUCCESSION)
def test_attach_without_the_finishing_store_is_rejected(case: str) -> None:
    """A number that readers have seen is given out again; a queue so loses a command."""
    verdict = judge(case, SCHEDULES, "--drop", "amp_channel_attach store_release latest")
    assert verdict.rule.endswith("one number, one content")


def test_every_twin_is_judged(relacy: ThreadPoolExecutor) -> None:
    """A twin that is added is judged, whatever it is."""
    twins = sorted(path.stem for path in (MODEL / "twins").glob("*.txt"))
    names = cases("safety", "queue")
    caught = relacy.map(lambda twin: catch(names, SCHEDULES, program=f"relacy-{twin}"), twins)
    assert twins
    assert [twin for twin, by in zip(twins, caught, strict=True) if not by] == []
