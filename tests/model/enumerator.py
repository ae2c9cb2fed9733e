"""Every execution of a few processes, under a model of memory.

Rules. Operational: an access takes effect on one memory that all see at once (multi-copy atomic),
at any time after every access of its own process that the model (processes.py) orders before it. A
core may guess a branch and make later loads early; a guess that turns out wrong never happened. The
loads of `own` words are forwarded. The last process observes: at its end its outcome is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from tests.model.processes import Data, Fetched, Process, Weakness
from tests.model.steps import Sample, Step

STATES_MAX = 3_000_000
Memory = tuple[int, ...]
# One process in a state: results of its loads that steer it, mask of the steps that have taken
# effect, mask of guessed results, values of its data loads by step.
State = tuple[tuple[int, ...], int, int, tuple[tuple[int, int], ...]]
World = tuple[Memory, tuple[State, ...]]


@dataclass(slots=True, kw_only=True)
class Exploration:
    """Explore processes on a memory; `judge` gets the outcome of the observer, the last process.

    Synchronization: none required; one exploration only.
    """

    model: str
    processes: list[Process]
    initial: dict[str, int]
    domain: Callable[[str], Iterable[int]]  # values that a core may guess of a word
    committed: Callable[[str, int], str]  # the word that remembers what a store committed, or ""
    judge: Callable[[object, dict[str, int]], str]  # the rule that an outcome breaks, or ""
    weakness: Weakness
    states: int = 0
    index: dict[str, int] = field(default_factory=dict)

    def run(self) -> str:
        """Return the first rule found broken, or nothing."""
        self.index = {word: i for i, word in enumerate(self.initial)}
        begin: World = (
            tuple(self.initial.values()),
            tuple(((), 0, 0, ()) for _ in self.processes),
        )
        seen = {begin}
        todo = [begin]
        while todo:
            world = todo.pop()
            self.states += 1
            assert self.states < STATES_MAX, "too many states: choose a smaller scenario"
            for following in self._following(world):
                if isinstance(following, str):
                    return following
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
        return ""

    def _fetched(self, world: World, process: int) -> tuple[State, Fetched]:
        memory, states = world
        results, done, guessed, data = states[process]
        own = self.processes[process]
        fetched = own.fetch(results, self.model, self.weakness)
        while not fetched.ended and fetched.steps[-1].use == "own":
            last = len(fetched.steps) - 1
            word = fetched.steps[last].word
            value = memory[self.index[word]]
            for i, step in enumerate(fetched.steps[:last]):
                if step.word == word and fetched.operations[i].startswith("store"):
                    value = step.value
            results, done = (*results, value), done | 1 << last
            fetched = own.fetch(results, self.model, self.weakness)
        return (results, done, guessed, data), fetched

    def _is_over(self, world: World, process: int) -> bool:
        if not self._has_started(world, process):
            return False
        state, fetched = self._fetched(world, process)
        return fetched.ended and fetched.events & ~state[1] == 0

    def _has_started(self, world: World, process: int) -> bool:
        after = self.processes[process].after
        return after < 0 or self._is_over(world, after)

    def _following(self, world: World) -> Generator[World | str]:
        observer = len(self.processes) - 1
        for process in range(len(self.processes)):
            if not self._has_started(world, process):
                continue
            state, fetched = self._fetched(world, process)
            done = state[1]
            left = fetched.events & ~done
            if left == 0 and fetched.ended and process == observer:
                broken = self._judged(world, state, fetched)
                if broken:
                    yield broken
                return  # nothing that comes later changes what it has seen
            for i in range(len(fetched.steps)):
                if left >> i & 1 and fetched.before[i] & ~done == 0:
                    yield from self._take(world, process, state, fetched, i)
            if self.model == "arm" and not fetched.ended and left >> (len(fetched.steps) - 1) & 1:
                yield from self._guess(world, process, state, fetched)

    def _judged(self, world: World, state: State, fetched: Fetched) -> str:
        memory = dict(zip(self.index, world[0], strict=True))
        known = dict(state[3])
        return self.judge(_filled(fetched.outcome, known), memory)

    def _guess(
        self, world: World, process: int, state: State, fetched: Fetched
    ) -> Generator[World]:
        last = len(fetched.steps) - 1
        step = fetched.steps[last]
        if step.use != "control" or fetched.operations[last] == "load_acquire":
            return
        results, done, guessed, data = state
        for value in self.domain(step.word):
            yield _with(world, process, ((*results, value), done, guessed | 1 << last, data))

    def _take(
        self, world: World, process: int, state: State, fetched: Fetched, i: int
    ) -> Generator[World | str]:
        results, done, guessed, data = state
        step = fetched.steps[i]
        memory = world[0]
        if fetched.operations[i].startswith("store"):
            memory = _set(memory, self.index[step.word], step.value)
            committed = self.committed(step.word, step.value)
            if committed:
                place = self.index[committed]
                content = fetched.steps[i - 1].value  # the last word of the payload
                if memory[place] not in {0, content}:
                    yield "one number, one content"
                    return
                memory = _set(memory, place, content)
        else:
            value = memory[self.index[step.word]]
            if step.use == "data":
                data = tuple(sorted((*data, (i, value))))
            elif guessed >> i & 1:
                if results[_steering(fetched.steps, i)] != value:
                    return  # the guess was wrong: this never happened
            elif step.use:
                results = (*results, value)
        now = (results, done | 1 << i, guessed & ~(1 << i), data)
        yield _with((memory, world[1]), process, now)


def _steering(steps: list[Step], i: int) -> int:
    """Count the loads before a step whose results steer the process."""
    return sum(1 for step in steps[:i] if step.use not in {"", "data"})


def _set(memory: Memory, index: int, value: int) -> Memory:
    return (*memory[:index], value, *memory[index + 1 :])


def _with(world: World, process: int, state: State) -> World:
    memory, states = world
    return memory, (*states[:process], state, *states[process + 1 :])


def _filled(outcome: object, known: dict[int, int]) -> object:
    """Put the loaded values where they were waited for."""
    if isinstance(outcome, Data):
        return known[outcome]
    if isinstance(outcome, tuple):
        return tuple(_filled(part, known) for part in outcome)
    if isinstance(outcome, Sample):
        words = (known[w] if isinstance(w, Data) else w for w in outcome.words)
        return Sample(outcome.count, tuple(words))
    return outcome
