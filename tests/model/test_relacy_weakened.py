"""Every order of the source, taken away in turn: a case notices, or a list says why not.

The sites come from the compiled source, so an order that is added tomorrow is weakened tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.model.programs import MODEL, Verdict, cases, judge, sites

pytestmark = pytest.mark.usefixtures("relacy")
NEEDED_SCHEDULES = 20_000
REDUNDANT_SCHEDULES = 5_000
# Short cases in which most flaws show at once come first.
FIRST = ("log-2", "queue-plain-2", "death-2", "view-2", "attach-view-2")


@dataclass(frozen=True, slots=True)
class Redundant:
    """A line of redundant.txt.

    Synchronization: none required; a value.
    """

    scope: str
    change: str  # weaken | drop
    site: str
    reason: str


def redundant() -> list[Redundant]:
    """Read the list."""
    found = []
    for line in (MODEL / "redundant.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            words, reason = line.split(" | ")
            scope, change, site = words.split(maxsplit=2)
            found.append(Redundant(scope, change, site, reason))
    return found


def ordered_sites() -> list[str]:
    """List the sites that have an order to lose."""
    return [s for s in sites() if not s.split()[1].endswith("_relaxed")]


def stores() -> list[str]:
    """List the sites that store."""
    return [s for s in sites() if s.split()[1].startswith("store_")]


def catch(names: list[str], schedules: int, *options: str, program: str = "relacy") -> str:
    """Play cases until one is broken; say which, when and by what; nothing when none is."""
    for case in sorted(names, key=lambda name: (name not in FIRST, name)):
        verdict: Verdict = judge(case, schedules, *options, program=program)
        if not verdict.clean:
            return f"{case} in schedule {verdict.schedule}: {verdict.rule}"
    return ""


Catch = Callable[[str, str], str]


@pytest.fixture(scope="module")
def caught(relacy: ThreadPoolExecutor) -> Catch:
    """Start every weakening; return what caught it within cases of some kinds."""
    started: dict[tuple[str, str], Future[str]] = {}
    listed = {(entry.change, entry.site): entry.scope for entry in redundant()}
    changes = [("weaken", s) for s in ordered_sites()] + [("drop", s) for s in stores()]
    for change, site in changes:
        scope = listed.get((change, site), "")
        kinds = {"": ("safety queue",), "safety": ("safety queue", "view")}.get(
            scope, ("queue", "safety")
        )
        for kind in kinds:
            schedules = NEEDED_SCHEDULES if kind != kinds[0] or not scope else REDUNDANT_SCHEDULES
            names = cases(*kind.split())
            started[kind, f"{change} {site}"] = relacy.submit(
                catch, names, schedules, f"--{change}", site
            )
    return lambda kind, what: started[kind, what].result()


def test_the_list_names_sites_that_exist() -> None:
    """A line about code that is gone would stand for nothing."""
    entries = redundant()
    assert len({(e.change, e.site) for e in entries}) == len(entries)
    for entry in entries:
        assert entry.site in (ordered_sites() if entry.change == "weaken" else stores())
        assert entry.scope in {"safety", "queue"}
        assert len(entry.reason) > 20


def test_every_needed_order_is_caught_when_it_is_weakened(caught: Catch) -> None:
    """An order that no case misses is either not needed or not tested: the list tells which."""
    listed = {entry.site for entry in redundant() if entry.change == "weaken"}
    missed = []
    for site in ordered_sites():
        if site not in listed:
            by = caught("safety queue", f"weaken {site}")
            print(f"weaken {site}: {by}")
            if not by:
                missed.append(site)
    assert not missed, "no case notices; find one, or add a line to redundant.txt with its reason"


def test_every_store_is_needed(caught: Catch) -> None:
    """A store that can be left out has no business in a real-time path."""
    listed = {entry.site for entry in redundant() if entry.change == "drop"}
    needed = [site for site in stores() if site not in listed]
    assert [site for site in needed if not caught("safety queue", f"drop {site}")] == []


@pytest.mark.parametrize(("scope", "noticed_by"), [("safety", "view"), ("queue", "safety")])
def test_redundant_ones_are_not_caught(scope: str, noticed_by: str, caught: Catch) -> None:
    """The list is a claim like any other; beyond its scope each still has its use."""
    quiet = {"safety": "safety queue", "queue": "queue"}[scope]
    entries = [entry for entry in redundant() if entry.scope == scope]
    assert entries
    for entry in entries:
        what = f"{entry.change} {entry.site}"
        assert caught(quiet, what) == "", f"{what} is needed after all"
        assert caught(noticed_by, what) != "", f"{what} has no use that a case shows"


@pytest.mark.parametrize("scope", ["safety", "queue"])
def test_redundant_ones_are_not_caught_together(scope: str, relacy: ThreadPoolExecutor) -> None:
    """Two that stand in for each other would both look redundant when weakened one at a time."""
    options: list[str] = []
    for entry in redundant():
        if entry.scope in {scope, "safety"}:
            options += [f"--{entry.change}", entry.site]
    kinds = ("safety", "queue") if scope == "safety" else ("queue",)
    played = relacy.map(lambda c: catch([c], REDUNDANT_SCHEDULES, *options), cases(*kinds))
    assert [by for by in played if by] == []
