"""Every execution of small scenarios, under three models of memory: a second opinion to Relacy.

Relacy samples schedules of C11's model; this visits all executions, but of few steps. What holds on
`arm` and `sc` differs, and which orders matter where is checked too: on x86 (`tso`) not one of them
does, so no run on a PC could have told.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import pytest

from tests.model.processes import MODELS, Weakness
from tests.model.scenarios import OF_QUEUES, SCENARIOS, Found, play

FENCES = ("amp_channel_publish fence_release", "read_slot fence_acquire")
ODD_MARK = "amp_channel_publish store_relaxed slot->seq"
FINISH = "amp_channel_attach store_release latest"
# What ARM needs. C11 needs the orders of the queue's cursor as well; on ARM the acquire fence and
# the branch on the cursor do their work.
NEEDED = (
    *FENCES,
    "amp_channel_publish store_release slot->seq",
    "read_slot load_acquire slot->seq",
)
NOT_NEEDED = (
    FINISH,
    "amp_channel_publish store_release latest",
    "amp_channel_latest load_acquire latest",
    "amp_channel_count load_acquire latest_of(channel)",
    "amp_queue_done store_release reader->stored",
    "used load_acquire cursor",
)


AS_IT_IS = Weakness()


def without(*weakened: str) -> Weakness:
    """Take orders away."""
    return Weakness(weakened=frozenset(weakened))


def dropped(site: str) -> Weakness:
    """Take a store away."""
    return Weakness(dropped=frozenset({site}))


CURSOR_AND_FENCE = without("read_slot fence_acquire", "amp_queue_done store_release reader->stored")
ALL_GONE = without(*NEEDED, *NOT_NEEDED)
Play = Callable[[str, str, Weakness], Found]


@pytest.fixture(scope="module")
def found() -> Iterator[Play]:
    """Enumerate in one process a core, the long ones first."""
    wanted = [(name, "arm", without(*NOT_NEEDED)) for name in SCENARIOS]
    wanted += [(name, model, AS_IT_IS) for name in SCENARIOS for model in MODELS]
    started: dict[tuple[str, str, Weakness], Future[Found]] = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=spawn) as pool:

        def look(name: str, model: str, weakness: Weakness) -> Found:
            key = (name, model, weakness)
            if key not in started:
                started[key] = pool.submit(play, *key)
            return started[key].result()

        for key in wanted:
            started[key] = pool.submit(play, *key)
        yield look
        pool.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_execution_breaks_a_rule(scenario: str, model: str, found: Play) -> None:
    """All interleavings, all reorderings, a death before each step."""
    result = found(scenario, model, AS_IT_IS)
    assert result.broken == ""
    assert result.states > 200, "a scenario in which nothing happens"


@pytest.mark.parametrize("site", NEEDED)
def test_what_arm_needs_is_missed_on_arm(site: str, found: Play) -> None:
    """Each order alone; two opinions agree that it is needed."""
    assert found("log", "arm", without(site)).broken in {
        "no torn value",
        "the content belongs to its number",
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_arm_does_not_need_is_not_missed(scenario: str, found: Play) -> None:
    """All of them taken away at once, the queue's cursor included."""
    assert found(scenario, "arm", without(*NOT_NEEDED)).broken == ""


@pytest.mark.parametrize("scenario", OF_QUEUES)
def test_a_queue_needs_no_fence(scenario: str, found: Play) -> None:
    """Its writer is refused before it could overwrite what is being read."""
    assert found(scenario, "arm", without(*FENCES)).broken == ""


def test_the_fence_orders_the_queue_when_its_cursor_does_not(found: Play) -> None:
    """Either alone is enough on ARM: both gone, a consumer copies what is being written."""
    assert found("queue", "arm", CURSOR_AND_FENCE).broken == "no torn value"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_order_at_all_is_missed_on_x86(scenario: str, found: Play) -> None:
    """This is why the models exist: a PC runs the broken mailbox for ever without a fault."""
    assert found(scenario, "tso", ALL_GONE).broken == ""


@pytest.mark.parametrize("model", MODELS)
def test_plain_seqlock_is_rejected(model: str, found: Play) -> None:
    """One slot and a death in the middle of a write: nothing is left to read."""
    result = found("one slot, at rest", model, AS_IT_IS)
    assert result.broken.startswith("after a death the last committed value is readable")


@pytest.mark.parametrize("model", MODELS)
def test_steps_that_are_left_out_are_missed(model: str, found: Play) -> None:
    """No reordering is needed to see these."""
    assert found("log", model, dropped(ODD_MARK)).broken == "no torn value"
    broken = found("death, log", model, dropped(FINISH)).broken
    assert broken.startswith("one number, one content")
    assert found("death without proof", model, AS_IT_IS).broken != ""
