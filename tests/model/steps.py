"""The mailbox as steps: each function of channel.c and queue.c, access by access, with its site.

Rules. A function is a generator: it yields the access it makes and is sent what a load returned.
The names of the sites are those of the compiled source, and test_enumerator_drift.py holds every
list of accesses here against the one that the source makes.

What a load is for decides how far a core may run ahead of it: `own` is the word of the process
itself, so its value is known; an `address` is needed before the next access can be made at all; on
`control` only a branch depends, which a core may guess; `data` is only carried away.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

NEVER, VALUE, NO_NEW, EMPTY = range(4)
TRIES = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One access, or a fence.

    Synchronization: none required; a value.
    """

    site: str
    word: str = ""
    value: int = 0
    use: str = ""

    @property
    def operation(self) -> str:
        """Return it as amp/atomic.h calls it."""
        return self.site.split()[1]


@dataclass(frozen=True, slots=True)
class Sample:
    """What a reader took for a whole publication; the words are filled in when they are read.

    Synchronization: none required; a value.
    """

    count: int
    words: tuple[int, ...]


Access = Generator[Step, int, None]
Read = Generator[Step, int, tuple[int, int, Sample | None]]


@dataclass(frozen=True, slots=True)
class Channel:
    """Shape of a channel, and how often a read is tried.

    Synchronization: none required; a value.
    """

    depth: int
    words: int = 1
    tries: int = TRIES
    shallow: int = 2  # the depth at which a lapped cursor lands near the oldest slot

    def slot(self, count: int) -> str:
        """Name the slot of a publication."""
        return f"slot{count & (self.depth - 1)}"


def content_of(count: int, who: int) -> int:
    """Return what the writer of epoch `who` publishes under a number; no two are alike."""
    return count * 16 + who


def payload_of(content: int, words: int) -> tuple[int, ...]:
    """Return the words of a slot after its number: t_ns, mark (epoch and flags), values."""
    return (content, content % 16 | content << 32, *[content] * words)


def attach(channel: Channel) -> Access:
    """Become the writer, after a predecessor's death."""
    name = "amp_channel_attach"
    count = (yield Step(f"{name} load_relaxed latest", "latest", use="own")) + 1
    seq = yield Step(
        f"{name} load_relaxed slot_of(channel, next)->seq", f"{channel.slot(count)}.seq", use="own"
    )
    if seq == 2 * count:
        yield Step(f"{name} store_release latest", "latest", count)
    yield Step(f"{name} load_relaxed latest#2", "latest", use="own")


def publish(channel: Channel, who: int, content: int = 0) -> Access:
    """Publish `content`, or what `content_of` says."""
    name = "amp_channel_publish"
    count = (yield Step(f"{name} load_relaxed latest", "latest", use="own")) + 1
    slot = channel.slot(count)
    words = payload_of(content or content_of(count, who), channel.words)
    yield Step(f"{name} store_relaxed slot->seq", f"{slot}.seq", 2 * count - 1)
    yield Step(f"{name} fence_release")
    yield Step(f"{name} store_relaxed slot->t_ns", f"{slot}.t_ns", words[0])
    yield Step(f"{name} store_relaxed slot->mark", f"{slot}.mark", words[1])
    for i in range(channel.words):
        yield Step(f"{name} store_relaxed slot->words[i]", f"{slot}.words{i}", words[2 + i])
    yield Step(f"{name} store_release slot->seq", f"{slot}.seq", 2 * count)
    yield Step(f"{name} store_release latest", "latest", count)


def read_slot(channel: Channel, count: int) -> Generator[Step, int, tuple[int, Sample | None]]:
    """Read one publication; return the last number seen in its slot."""
    slot = channel.slot(count)
    seq = yield Step("read_slot load_acquire slot->seq", f"{slot}.seq", use="control")
    if seq != 2 * count:
        return seq, None
    words = [
        (yield Step("copy_slot load_relaxed slot->t_ns", f"{slot}.t_ns", use="data")),
        (yield Step("copy_slot load_relaxed slot->mark", f"{slot}.mark", use="data")),
    ]
    for i in range(channel.words):
        word = f"{slot}.words{i}"
        words.append((yield Step("copy_slot load_relaxed slot->words[i]", word, use="data")))
    yield Step("read_slot fence_acquire")
    after = yield Step("read_slot load_relaxed slot->seq", f"{slot}.seq", use="control")
    return after, Sample(count, tuple(words))


def latest(channel: Channel) -> Read:
    """Read the newest publication; the position returned is its number."""
    for _ in range(channel.tries):
        count = yield Step("amp_channel_latest load_acquire latest", "latest", use="address")
        if count == 0:
            return NEVER, 0, None
        seq, sample = yield from read_slot(channel, count)
        if seq == 2 * count:
            return VALUE, count, sample
    return NO_NEW, 0, None


def count(use: str) -> Generator[Step, int, int]:
    """Load `latest`."""
    return (yield Step("amp_channel_count load_acquire latest_of(channel)", "latest", use=use))


def open_oldest(channel: Channel) -> Generator[Step, int, int]:
    """Open a cursor at the oldest publication, less a margin; return its position."""
    newest = yield from count("address")
    margin = max(channel.depth // 8, 1)
    return 0 if newest < channel.depth - margin else newest + 1 + margin - channel.depth


def following(channel: Channel, position: int) -> Read:
    """Read the publication after a position; return the new one."""
    for _ in range(channel.tries):
        wanted = position + 1
        seq, sample = yield from read_slot(channel, wanted)
        if seq == 2 * wanted:
            return VALUE, wanted, sample
        if seq < 2 * wanted:
            break
        newest = max((yield from count("address")), seq >> 1)
        if newest - wanted < channel.depth - 1:
            break
        is_shallow = channel.depth == channel.shallow
        position = newest + (1 - channel.depth if is_shallow else -channel.depth // 2 - 1)
    return EMPTY, position, None


Reads = tuple[tuple[int, int, Sample | None], ...]


def drain(channel: Channel, position: int, most: int) -> Generator[Step, int, tuple[int, Reads]]:
    """Read up to so many publications; return the new position and what was read."""
    reads: Reads = ()
    while True:
        while len(reads) < most:  # what stands next in line
            seq, sample = yield from read_slot(channel, position + 1)
            if seq != 2 * (position + 1):
                break
            position += 1
            reads += ((VALUE, position, sample),)
        if len(reads) == most:
            return position, reads
        result, position, sample = yield from following(channel, position)
        if result != VALUE:
            return position, reads
        reads += ((VALUE, position, sample),)


def push(channel: Channel, who: int, content: int = 0) -> Generator[Step, int, bool]:
    """Publish into a queue, unless it is full."""
    newest = yield from count("own")
    consumed = yield Step("used load_acquire cursor", "cursor", use="control")
    if consumed > newest or newest - consumed >= channel.depth:
        return False
    yield from publish(channel, who, content)
    return True


def reopen() -> Generator[Step, int, int]:
    """Open a queue's consuming end where it was left; return the position."""
    yield from count("data")  # looked at, not used
    return (yield Step("amp_queue_reader_open load_relaxed reader->stored", "cursor", use="own"))


def done(position: int) -> Access:
    """Say that a message was used."""
    yield Step("amp_queue_done store_release reader->stored", "cursor", position)
