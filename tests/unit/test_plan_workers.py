"""The queues of workers: how an item is carried, and what its messages take."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from amphost.items import HEAD as PACKED
from amphost.mailbox import Segment
from amphost.plan import layout
from amphost.plan.roles import segment_plans
from amphost.plan.wiring import Wiring, wire
from amphost.plan.workers import HEAD, parts_of, queue_segments, work_plan
from amphost.spec.load import LoadedSpec, load
from amphost.spec.model import PythonRole, WorkerRole

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "08_workers.yaml"
PAGE = 4096


def loaded(folder: Path, *changes: tuple[str, str]) -> tuple[LoadedSpec, Wiring]:
    """Load the example with some of its text changed."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "workers.yaml").write_text(text, encoding="utf-8")
    shutil.copytree(EXAMPLE.parent / "workers", folder / "workers", dirs_exist_ok=True)
    spec = load(folder / "workers.yaml", boards=[ROOT / "boards"])
    return spec, wire(spec)


def test_each_worker_is_a_role_of_its_own(tmp_path: Path) -> None:
    """A process, a segment, a line in the report; its core is the next of the list."""
    spec, wiring = loaded(tmp_path, ("count: 2", "count: 3"))
    workers = {name: role for name, role in spec.spec.roles.items() if isinstance(role, WorkerRole)}
    assert list(workers) == ["camera_1", "camera_2", "camera_3"]
    assert [role.core for role in workers.values()] == [0, 1, 0]
    assert wiring.reads["camera"] == ("supervisor", "camera_1", "camera_2", "camera_3")
    assert wiring.reads["camera_1"] == ("supervisor",)


@pytest.mark.parametrize(
    ("item_bytes", "queue", "words", "depth"),
    [(1, 1, 5, 4), (3072, 2, 388, 4), (8160, 4, 1024, 4), (8161, 4, 1024, 8), (76800, 2, 1024, 32)],
)
def test_a_queue_holds_its_items_in_messages(
    tmp_path: Path, item_bytes: int, queue: int, words: int, depth: int
) -> None:
    """A frame of 64 x 48 is one message, one of 320 x 240 goes in ten parts."""
    change = ("item_bytes: 3072", f"item_bytes: {item_bytes}\n      queue: {queue}")
    spec, wiring = loaded(tmp_path, change)
    segment = queue_segments(spec, wiring, PAGE)["camera_1.items"]
    assert segment.channel is not None
    assert (segment.channel.words, segment.channel.depth) == (words, depth)
    assert depth >= queue * parts_of(item_bytes)
    assert segment.role_id == wiring.writers["camera"].role_id
    assert f"block:u64[{words - len(HEAD)}]:1\n" in segment.directory
    assert len(segment.directory) < layout.DIRECTORY_MAX


def test_the_head_of_a_message_is_what_both_ends_pack() -> None:
    """The plan names the words, the role packs them."""
    assert PACKED.size == len(HEAD) * layout.WORD_SIZE


def test_a_block_travels_through_a_queue(tmp_path: Path) -> None:
    """The words behind the signals are the mailbox's like any other, and room is told exactly."""
    spec, wiring = loaded(tmp_path)
    plans = segment_plans(spec, wiring, PAGE)
    queue_plan, worker_plan = plans["camera_1.items"], plans["camera_1"]
    queue_fd, worker_fd = Segment.create(queue_plan, 1), Segment.create(worker_plan, 1)
    with (
        Segment.attach(queue_fd, queue_plan, nonce=1, writable=True) as ours,
        Segment.attach(queue_fd, queue_plan, nonce=1, writable=False) as theirs,
        Segment.attach(worker_fd, worker_plan, nonce=1, writable=True) as own,
    ):
        writer, reader = ours.queue_writer(own, epoch=1), theirs.queue_reader(own)
        payload = bytes(range(256)) * 12 + bytes(32)
        rooms = []
        while writer.put(5, 0, payload):
            rooms.append(writer.room)
        assert rooms == [3, 2, 1, 0]
        assert reader.take() == payload
        assert writer.room == 0
        reader.done()
        assert writer.room == 1


def test_results_find_their_words(tmp_path: Path) -> None:
    """The producer reads them by name, whatever their order is."""
    spec, wiring = loaded(tmp_path)
    camera = spec.spec.roles["camera"]
    assert isinstance(camera, PythonRole)
    plan = work_plan(wiring, "camera", camera)
    assert plan is not None
    signals = [signal.name for signal in wiring.writers["camera_2"].signals]
    assert [signals[one.word] for one in plan.results] == ["x", "y", "found"]
    assert signals[plan.item_word] == "item"
    counts = [signal.name for signal in wiring.writers["camera"].signals][plan.count_word :]
    assert counts[0] == "items_submitted"
    assert len(counts) == 6
