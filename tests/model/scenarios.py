"""Small scenarios for the enumerator: a writer or two, deaths, one observer, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from tests.model import steps
from tests.model.enumerator import Exploration
from tests.model.processes import Process, Start, Weakness
from tests.model.steps import Channel, Sample, Step

TOTAL = 3
Program = Generator[Step, int, object]
Reader = Callable[[Channel], Program]


@dataclass(frozen=True, slots=True)
class Found:
    """What an enumeration came to.

    Synchronization: none required; a value.
    """

    broken: str
    states: int


def writer(channel: Channel, who: int, total: int) -> Start:
    """Attach and publish up to a number."""

    def program() -> Program:
        yield from steps.attach(channel)
        while True:
            count = yield Step("- load_relaxed latest", "latest", use="own")
            if count >= total:
                return None
            yield from steps.publish(channel, who)

    return program


def producer(channel: Channel, who: int, total: int) -> Start:
    """Attach and push up to a number, or until the queue is full."""

    def program() -> Program:
        yield from steps.attach(channel)
        while True:
            count = yield Step("- load_relaxed latest", "latest", use="own")
            if count >= total or not (yield from steps.push(channel, who)):
                return None

    return program


def latest_reader(channel: Channel) -> Program:
    """Read the newest value once."""
    return (yield from steps.latest(channel))


def log_reader(channel: Channel) -> Program:
    """Follow from the beginning, twice."""
    first = yield from steps.following(channel, 0)
    if first[0] == steps.EMPTY:
        return (first,)
    return (first, (yield from steps.following(channel, first[1])))


def draining_reader(channel: Channel) -> Program:
    """Follow from the beginning, two publications in one call."""
    _, reads = yield from steps.drain(channel, 0, 2)
    return reads


def consumer(channel: Channel) -> Program:
    """Use two messages of a queue."""
    position = yield from steps.reopen()
    reads = []
    for _ in range(2):
        read = yield from steps.following(channel, position)
        if read[0] == steps.EMPTY:
            break
        reads.append(read)
        position = read[1]
        yield from steps.done(position)
    return tuple(reads)


def judge_sample(sample: object, memory: dict[str, int]) -> str:
    """Return the rule that a whole value breaks."""
    assert isinstance(sample, Sample)
    content = sample.words[-1]
    if sample.words != steps.payload_of(content, len(sample.words) - 2):
        return "no torn value"
    if content // 16 != sample.count:
        return "the content belongs to its number"
    if memory[f"committed{sample.count}"] != content:
        return "only what was committed is read"
    return ""


def judge_reads(outcome: object, memory: dict[str, int]) -> str:
    """Judge what a reader read, in order."""
    assert isinstance(outcome, tuple)
    reads = outcome if outcome and isinstance(outcome[0], tuple) else (outcome,)
    position = 0
    for result, now, sample in reads if outcome else ():
        if result in {steps.VALUE, steps.EMPTY} and now < position:
            return "never backward"
        position = now
        if result == steps.VALUE:
            broken = judge_sample(sample, memory)
            if broken:
                return broken
    return ""


def judge_in_order(outcome: object, memory: dict[str, int]) -> str:
    """Judge what a queue's consumer read: every message, in order."""
    assert isinstance(outcome, tuple)
    if [now for _, now, _ in outcome] != list(range(1, len(outcome) + 1)):
        return "a queue loses nothing"
    return judge_reads(outcome, memory)


def judge_at_rest(outcome: object, memory: dict[str, int]) -> str:
    """Judge a read after a death: what is committed is there."""
    assert isinstance(outcome, tuple)
    if outcome[0] == steps.NO_NEW:
        return "after a death the last committed value is readable"
    if outcome[0] == steps.NEVER and memory["latest"] > 0:
        return "what was published stays"
    return judge_reads(outcome, memory)


def _exploration(channel: Channel, model: str, weakness: Weakness) -> Exploration:
    words = ["latest", "cursor"]
    for slot in range(channel.depth):
        words += [f"slot{slot}.{word}" for word in ("seq", "t_ns", "mark")]
        words += [f"slot{slot}.words{i}" for i in range(channel.words)]
    words += [f"committed{k}" for k in range(1, TOTAL + 2)]

    def domain(word: str) -> Iterable[int]:
        if word == "cursor":
            return range(TOTAL + 1)
        slot = int(word[4])
        counts = [k for k in range(1, TOTAL + 1) if k & (channel.depth - 1) == slot]
        return [0, *(value for k in counts for value in (2 * k - 1, 2 * k))]

    def committed(word: str, value: int) -> str:
        is_even_mark = word.endswith(".seq") and value % 2 == 0
        return f"committed{value // 2}" if is_even_mark else ""

    return Exploration(
        model=model,
        processes=[],
        initial=dict.fromkeys(words, 0),
        domain=domain,
        committed=committed,
        judge=judge_reads,
        weakness=weakness,
    )


def alive(reader: Reader, model: str, weakness: Weakness) -> Found:
    """Play a writer that lives against one reader."""
    channel = Channel(2, tries=2)
    world = _exploration(channel, model, weakness)
    world.processes = [Process(writer(channel, 1, TOTAL)), Process(lambda: reader(channel))]
    return Found(world.run(), world.states)


def queue(model: str, weakness: Weakness) -> Found:
    """Play a producer of three messages against the consumer, in a queue of two."""
    channel = Channel(2, tries=1)
    world = _exploration(channel, model, weakness)
    world.processes = [Process(producer(channel, 1, TOTAL)), Process(lambda: consumer(channel))]
    world.judge = judge_in_order
    return Found(world.run(), world.states)


def deaths(reader: Reader, model: str, weakness: Weakness, *, proof: bool = True) -> Found:
    """Let a writer die before each of its steps in turn; a successor goes on; a reader reads."""
    channel = Channel(2, tries=1)
    after = 0 if proof else -1
    states = 0
    for dies_at in range(lifetime(channel, 2)):
        world = _exploration(channel, model, weakness)
        world.processes = [
            Process(writer(channel, 1, 2), dies_at=dies_at),
            Process(writer(channel, 2, TOTAL), after=after),
            Process(lambda: reader(channel)),
        ]
        broken = world.run()
        states += world.states
        if broken:
            return Found(f"{broken}, after a death before step {dies_at}", states)
    return Found("", states)


def queue_deaths(model: str, weakness: Weakness) -> Found:
    """Let a producer die before each of its steps in turn; a successor goes on."""
    channel = Channel(2, tries=1)
    states = 0
    for dies_at in range(lifetime(channel, 1) + 2):
        world = _exploration(channel, model, weakness)
        world.processes = [
            Process(producer(channel, 1, 1), dies_at=dies_at),
            Process(producer(channel, 2, 2), after=0),
            Process(lambda: consumer(channel)),
        ]
        world.judge = judge_in_order
        broken = world.run()
        states += world.states
        if broken:
            return Found(f"{broken}, after a death before step {dies_at}", states)
    return Found("", states)


def two_deaths(model: str, weakness: Weakness) -> Found:
    """Let a writer and its successor die before each of their steps; a third one goes on."""
    channel = Channel(2, tries=1)
    states = 0
    for first in range(lifetime(channel, 1)):
        for second in range(lifetime(channel, 1)):
            world = _exploration(channel, model, weakness)
            world.processes = [
                Process(writer(channel, 1, 1), dies_at=first),
                Process(writer(channel, 2, 2), after=0, dies_at=second),
                Process(writer(channel, 3, 2), after=1),
                Process(lambda: latest_reader(channel), after=2),
            ]
            world.judge = judge_at_rest
            broken = world.run()
            states += world.states
            if broken:
                return Found(f"{broken}, after deaths before steps {first} and {second}", states)
    return Found("", states)


def at_rest(depth: int, model: str, weakness: Weakness) -> Found:
    """Let a writer die before each of its steps; then a reader reads what is left."""
    channel = Channel(depth, tries=1)
    states = 0
    for dies_at in range(lifetime(channel, 2)):
        world = _exploration(channel, model, weakness)
        world.processes = [
            Process(writer(channel, 1, 2), dies_at=dies_at),
            Process(lambda: latest_reader(channel), after=0),
        ]
        world.judge = judge_at_rest
        broken = world.run()
        states += world.states
        if broken:
            return Found(f"{broken}, after a death before step {dies_at}", states)
    return Found("", states)


def lifetime(channel: Channel, publications: int) -> int:
    """Return one more than the steps of a writer's life."""
    return 6 + publications * (7 + channel.words + 1)


Scenario = Callable[[str, Weakness], Found]
SCENARIOS: dict[str, Scenario] = {
    "latest": lambda model, weakness: alive(latest_reader, model, weakness),
    "log": lambda model, weakness: alive(log_reader, model, weakness),
    "drain": lambda model, weakness: alive(draining_reader, model, weakness),
    "queue": queue,
    "death, latest": lambda model, weakness: deaths(latest_reader, model, weakness),
    "death, log": lambda model, weakness: deaths(log_reader, model, weakness),
    "death, queue": queue_deaths,
    "two deaths": two_deaths,
    "death, at rest": lambda model, weakness: at_rest(2, model, weakness),
}
OF_QUEUES = ("queue", "death, queue")
EVERY: dict[str, Scenario] = {
    **SCENARIOS,
    "one slot, at rest": lambda model, weakness: at_rest(1, model, weakness),
    "death without proof": lambda model, weakness: deaths(
        latest_reader, model, weakness, proof=False
    ),
}


def play(name: str, model: str, weakness: Weakness) -> Found:
    """Play a scenario, or a broken twin of one."""
    return EVERY[name](model, weakness)
