"""The mailbox's own source under C11's memory model, as it stands: no rule is ever broken.

Each case is a few processes (threads in the model) that use the functions of channel.h and queue.h.
Its rules stand in native/model/actors.hpp and the cases_*.hpp beside it, in words.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.model.programs import Verdict, cases, judge, sites

pytestmark = pytest.mark.usefixtures("relacy")
SCHEDULES = 150_000
DEATHS = ("death-2", "death-4", "deaths-2", "deaths-4", "queue-death-2", "queue-death-plain-2")
ALL = [
    *("latest-2", "latest-4", "log-2", "log-4", "log-8", "readable-2", "readable-4"),
    *("death-2", "death-4", "deaths-2", "deaths-4", "queue-2", "queue-4", "queue-plain-2"),
    *("queue-death-2", "queue-death-plain-2", "view-2", "attach-view-2"),
]


@pytest.fixture(scope="module")
def verdicts(relacy: ThreadPoolExecutor) -> dict[str, Future[Verdict]]:
    """Start every case."""
    return {case: relacy.submit(judge, case, SCHEDULES) for case in ALL}


def test_every_case_is_played() -> None:
    """A case that is only written down proves nothing."""
    assert cases("safety", "queue", "view") == ALL


@pytest.mark.parametrize("case", ALL)
def test_no_rule_is_broken(case: str, verdicts: dict[str, Future[Verdict]]) -> None:
    """This is what the whole mailbox rests on."""
    verdict = verdicts[case].result()
    assert verdict.clean, f"schedule {verdict.schedule}: {verdict.rule}"
    assert verdict.counters["values"] > SCHEDULES // 10


@pytest.mark.parametrize(
    ("case", "counters"),
    [
        ("latest-2", "torn no_new never"),
        ("latest-4", "torn never"),
        ("log-2", "torn lost empty"),
        ("log-4", "torn lost empty"),
        ("log-8", "torn lost empty"),
        ("death-4", "torn lost"),
        ("deaths-4", "torn lost"),
        ("queue-4", "full empty"),
        ("queue-death-2", "full redelivered"),
    ],
)
def test_case_reaches_what_it_is_about(
    case: str, counters: str, verdicts: dict[str, Future[Verdict]]
) -> None:
    """A case in which no read is ever torn would also pass with the checks left out."""
    verdict = verdicts[case].result()
    for counter in counters.split():
        assert verdict.counters.get(counter, 0) > 100, counter


@pytest.mark.parametrize("case", DEATHS)
def test_a_writer_dies_at_every_access(case: str, verdicts: dict[str, Future[Verdict]]) -> None:
    """Also between the last two stores, and a successor while it finishes them."""
    verdict = verdicts[case].result()
    functions = {"amp_channel_publish", "amp_channel_attach"}
    if case.startswith("queue"):
        functions |= {"used", "amp_queue_done", "read_slot", "copy_slot"}
    for site in sites():
        if site.split()[0] in functions:
            is_finish = site == "amp_channel_attach store_release latest"
            # Only the successor of a dead one finishes, so two must die for a death there.
            wanted = 0 if is_finish and not case.startswith("deaths") else 50
            assert verdict.deaths[site] >= wanted, site


def test_every_site_is_executed(verdicts: dict[str, Future[Verdict]]) -> None:
    """Code that no case runs is not covered by any of this."""
    for site in sites():
        assert sum(v.result().executed[site] for v in verdicts.values()) > 0, site
