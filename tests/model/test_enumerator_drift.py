"""The enumerator's steps are the source's: the same accesses, in the same order, same values.

Both run the same commands, on the same memory, with the same interference by another process: the
compiled source prints its accesses (native/model/trace.c), the steps are walked beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import TypeVar

import pytest

from tests.model import steps
from tests.model.programs import build, output, sites
from tests.model.steps import Channel, Step

SEED = 20260101
SCENARIOS = 400
T = TypeVar("T")


@pytest.fixture(scope="module", autouse=True)
def trace() -> None:
    """Build the recorder."""
    build("trace")


class Walk:
    """The steps on plain memory, written as the recorder writes them.

    Synchronization: none required; one test only.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.memory: dict[str, int] = {}
        self.lines: list[str] = []
        self.epoch = 0
        self.position = 0  # of the cursor
        self.used = 0  # of the queue's consumer
        self.later: tuple[int, str, int] = (0, "", 0)

    def access(self, step: Step) -> int:
        """Make one access."""
        if step.operation.startswith("fence"):
            self.lines.append(f"- 0 {step.site}")
            value = 0
        else:
            if step.operation.startswith("store"):
                self.memory[step.word] = step.value
            value = self.memory.get(step.word, 0)
            self.lines.append(f"{step.word} {value} {step.site}")
        left, word, new = self.later
        if left > 0:
            self.later = (left - 1, word, new)
            if left == 1:
                self.memory[word] = new
        return value

    def walk(self, generator: Generator[Step, int, T]) -> T:
        """Walk a function to its end."""
        try:
            step = next(generator)
            while True:
                step = generator.send(self.access(step))
        except StopIteration as end:
            result: T = end.value
            return result

    def end(self, command: str, result: int, position: int) -> None:
        """Write what a command came to."""
        self.lines.append(f"= {command} {result} {position}")

    def attach(self, epoch: int) -> None:
        """Attach as a writer."""
        self.epoch = epoch
        self.walk(steps.attach(self.channel))
        self.end("attach", int(self.lines[-1].split()[1]), 0)

    def publish(self) -> None:
        """Publish."""
        self.walk(steps.publish(self.channel, self.epoch, self.content()))
        self.end("publish", 0, 0)

    def push(self) -> None:
        """Publish into a queue."""
        taken = self.walk(steps.push(self.channel, self.epoch, self.content()))
        self.end("push", int(taken), 0)

    def content(self) -> int:
        """Return what the recorder publishes: it reckons before any interference."""
        return steps.content_of(self.memory.get("latest", 0) + 1, self.epoch)

    def latest(self) -> None:
        """Read the newest."""
        result, count, _ = self.walk(steps.latest(self.channel))
        self.end("latest", result, count)

    def open(self) -> None:
        """Open a cursor."""
        self.position = self.walk(steps.open_oldest(self.channel))
        self.end("open", 0, self.position)

    def next(self) -> None:
        """Read on."""
        result, self.position, _ = self.walk(steps.following(self.channel, self.position))
        self.end("next", result, self.position)

    def drain(self) -> None:
        """Read up to three."""
        self.position, reads = self.walk(steps.drain(self.channel, self.position, 3))
        self.end("drain", len(reads), self.position)

    def reopen(self) -> None:
        """Open the consuming end."""
        self.used = self.walk(steps.reopen())
        self.end("reopen", 0, self.used)

    def take(self) -> None:
        """Consume."""
        result, self.used, _ = self.walk(steps.following(self.channel, self.used))
        self.end("take", result, self.used)

    def done(self) -> None:
        """Say so."""
        self.walk(steps.done(self.used))
        self.end("done", 0, self.used)


COMMANDS = ("publish", "push", "latest", "open", "next", "drain", "reopen", "take", "done")


def scenario(channel: Channel, chance: random.Random) -> list[str]:
    """Make up commands, memory that nobody sane would leave, and interference."""

    def any_word() -> tuple[str, str]:
        slot = chance.randrange(channel.depth)
        words = ("latest", "cursor", f"slot{slot}.seq", f"slot{slot}.seq", f"slot{slot}.words0")
        return chance.choice(words), str(chance.randrange(14))

    words = ["attach", str(chance.randrange(1, 8))]
    for _ in range(chance.randrange(3)):
        words += ["set", *any_word()]
    words += ["attach", str(chance.randrange(1, 8)), "open", "reopen"]
    for _ in range(14):
        if chance.randrange(3) == 0:
            words += ["later", str(chance.randrange(1, 8)), *any_word()]
        words.append(chance.choice(COMMANDS))
    return words


def walked(channel: Channel, commands: list[str]) -> list[str]:
    """Walk the steps of these commands."""
    walk = Walk(channel)
    plain: dict[str, Callable[[], None]] = {name: getattr(walk, name) for name in COMMANDS}
    words = iter(commands)
    for word in words:
        if word == "set":
            name, value = next(words), int(next(words))
            walk.memory[name] = value
        elif word == "later":
            accesses, name, value = int(next(words)), next(words), int(next(words))
            walk.later = (accesses, name, value)
        elif word == "attach":
            walk.attach(int(next(words)))
        else:
            plain[word]()
    return walk.lines


@pytest.mark.parametrize(("depth", "words"), [(2, 1), (4, 2), (8, 3)])
def test_steps_are_those_of_the_source(depth: int, words: int) -> None:
    """A model of other code than ours would prove nothing about ours."""
    chance = random.Random(SEED + depth)
    channel = Channel(depth, words, shallow=min(depth, 4))
    seen: set[str] = set()
    for _ in range(SCENARIOS // 2 if depth > 2 else SCENARIOS):
        commands = scenario(channel, chance)
        recorded = output("trace", str(depth), str(words), *commands).splitlines()
        assert walked(channel, commands) == recorded, " ".join(commands)
        seen |= {line.split(maxsplit=2)[2] for line in recorded if line[0] != "="}
    assert seen >= ENUMERATED


ENUMERATED = {
    "amp_channel_attach store_release latest",
    "amp_channel_publish fence_release",
    "used load_acquire cursor",
    "amp_channel_latest load_acquire latest",
    "read_slot fence_acquire",
    "read_slot load_relaxed slot->seq",
}


@pytest.mark.usefixtures("relacy")
def test_every_site_of_the_source_is_a_step() -> None:
    """A new access in the source has to appear among the steps."""
    walk = Walk(Channel(2))
    walk.memory["slot1.seq"] = 2
    walk.attach(1)
    for command in ("publish", "latest", "open", "next", "drain", "reopen", "take", "done", "push"):
        getattr(walk, command)()
    walked_sites = {line.split(maxsplit=2)[2] for line in walk.lines if line[0] != "="}
    assert walked_sites == set(sites())
