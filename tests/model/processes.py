"""Processes that take steps: what each can know, and what a model of memory orders.

Rules. `sc` orders all accesses; `tso` lets a load pass earlier stores; `arm` orders what ARMv8
does: the same word, after an acquiring load, before a releasing store, a releasing store before an
acquiring load, across fences, after the load that gives an address, and stores after the branches
before them. A process that dies at its n-th step makes those before it, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from tests.model.steps import Step

MODELS = ("sc", "tso", "arm")

Start = Callable[[], Generator[Step, int, object]]


class Data(int):
    """What stands for a loaded word until it is known: the index of its step.

    Synchronization: none required; a value.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness:
    """What is taken away from the source, by site.

    Synchronization: none required; a value.
    """

    weakened: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()

    def operation(self, step: Step) -> str:
        """Return what is left of a step; nothing for a fence or a store that is gone."""
        operation = step.operation
        if step.site in self.dropped:
            return ""
        if step.site in self.weakened:
            return "" if operation.startswith("fence") else operation.split("_")[0] + "_relaxed"
        return operation


@dataclass(slots=True)
class Fetched:
    """What a process can know of its own steps from what its loads have returned so far.

    Synchronization: none required; one exploration only.
    """

    steps: list[Step]
    operations: list[str]
    before: list[int]  # for each step the mask of those that come first
    events: int  # mask of the steps that take effect: loads and stores
    ended: bool
    outcome: object


@dataclass(slots=True)
class Process:
    """A program, whose end it waits for before it starts, and the step before which it dies.

    Synchronization: none required; one exploration only.
    """

    start: Start
    after: int = -1
    dies_at: int = -1
    known: dict[tuple[int, ...], Fetched] = field(default_factory=dict)

    def fetch(self, results: tuple[int, ...], model: str, weakness: Weakness) -> Fetched:
        """Return the steps up to the first load whose result is needed and not there."""
        found = self.known.get(results)
        if found is None:
            found = self.known[results] = self._unfold(results, model, weakness)
        return found

    def _unfold(self, results: tuple[int, ...], model: str, weakness: Weakness) -> Fetched:
        steps: list[Step] = []
        left = iter(results)
        ended, outcome = False, None
        program = self.start()
        sent: int | None = None
        try:
            while len(steps) != self.dies_at:
                step = next(program) if sent is None else program.send(sent)
                steps.append(step)
                sent = 0
                if step.use == "data":
                    sent = Data(len(steps) - 1)
                elif step.use:
                    sent = next(left, None)
                    if sent is None:
                        break
            else:
                ended = True
        except StopIteration as end:
            ended, outcome = True, end.value
        operations = [weakness.operation(step) for step in steps]
        events = sum(1 << i for i, o in enumerate(operations) if o[:4] in {"load", "stor"})
        before = [_before(steps, operations, j, model) for j in range(len(steps))]
        return Fetched(steps, operations, before, events, ended, outcome)


def _before(steps: list[Step], operations: list[str], later: int, model: str) -> int:
    mask = 0
    for earlier in range(later):
        if operations[earlier][:4] in {"load", "stor"} and _ordered(
            steps, operations, earlier, later, model
        ):
            mask |= 1 << earlier
    return mask


def _ordered(steps: list[Step], operations: list[str], i: int, j: int, model: str) -> bool:
    first, second = operations[i], operations[j]
    if model == "sc" or steps[i].word == steps[j].word:
        return True
    if model == "tso":
        return first.startswith("load") or second.startswith("store")
    between = operations[i + 1 : j]
    if "fence_release" in between or (first.startswith("load") and "fence_acquire" in between):
        return True
    if first == "load_acquire" or second == "store_release":
        return True
    depends = steps[i].use == "address" or (
        steps[i].use == "control" and second.startswith("store")
    )
    return depends or (first == "store_release" and second == "load_acquire")
