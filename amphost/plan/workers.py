"""The plan of a role that hands out work: the queues to its workers, and what an item is on them.

Rules. Pure. A segment has one channel, so each queue is a segment of its own, with the number of
the role that writes it and a name that no role may have. An item larger than a message goes in
parts.
"""

from __future__ import annotations

from amphost.plan import layout
from amphost.plan.model import SegmentPlan, SignalPlan
from amphost.plan.program_model import WORK_COUNTS, ProgramOutput, WorkerPlan, WorkPlan
from amphost.plan.wiring import ITEM, NO_UNIT, Wiring
from amphost.spec.load import LoadedSpec
from amphost.spec.model import PythonRole, WorkerRole
from amphost.spec.program_roles import WorkersSpec, worker_names

HEAD = (
    ("item", "u64", NO_UNIT),
    ("t_ns", "i64", "ns"),
    ("bytes", "u64", "B"),
    ("part", "u64", "1"),
)
PART_WORDS_MAX = layout.WORDS_MAX - len(HEAD)
RESULTS_DEPTH = 256
"""Results that a role may leave unread: far more than its queues hold items."""


def queue_name(worker: str) -> str:
    """Name the segment that brings a worker its items."""
    return f"{worker}.items"


def parts_of(item_bytes: int) -> int:
    """Return how many messages the largest item takes."""
    return -(-item_bytes // (PART_WORDS_MAX * layout.WORD_SIZE))


def queue_segments(loaded: LoadedSpec, wiring: Wiring, page_size: int) -> dict[str, SegmentPlan]:
    """Lay out the queue of every worker."""
    segments = {}
    for name, role in loaded.spec.roles.items():
        if isinstance(role, WorkerRole):
            writer = wiring.writers[role.producer].role_id
            segments[queue_name(name)] = _queue_segment(name, writer, role.work, page_size)
    return segments


def results_depth(loaded: LoadedSpec, name: str) -> int:
    """Return the depth of a worker's channel; 0 for any other role: its periods decide."""
    return RESULTS_DEPTH if isinstance(loaded.spec.roles.get(name), WorkerRole) else 0


def work_plan(wiring: Wiring, name: str, role: PythonRole) -> WorkPlan | None:
    """Return how a role hands out work; None where it has no workers."""
    work = role.workers
    if work is None:
        return None
    names = tuple(worker_names(name, role))
    writer = wiring.writers[names[0]]
    return WorkPlan(
        workers=names,
        queues=tuple(queue_name(worker) for worker in names),
        item_bytes=work.item_bytes,
        parts=parts_of(work.item_bytes),
        queue_items=work.queue,
        waiting=work.waiting,
        drop_oldest=work.when_full == "drop_oldest",
        results=tuple(
            ProgramOutput(
                name=key,
                word=writer.word(key),
                unit=one.unit,
                low=one.range[0],
                high=one.range[1],
                initial=one.initial,
            )
            for key, one in work.writes.items()
        ),
        item_word=writer.word(ITEM),
        count_word=wiring.writers[name].word(WORK_COUNTS[0]),
    )


def worker_plan(name: str, role: PythonRole) -> WorkerPlan | None:
    """Return how a worker gets its work; None for any other role."""
    if not isinstance(role, WorkerRole):
        return None
    return WorkerPlan(
        producer=role.producer, queue=queue_name(name), item_bytes=role.work.item_bytes
    )


def _queue_segment(worker: str, writer_id: int, work: WorkersSpec, page_size: int) -> SegmentPlan:
    parts = parts_of(work.item_bytes)
    words = min(-(-work.item_bytes // layout.WORD_SIZE), PART_WORDS_MAX)
    depth = max(layout.DEPTH_MIN, 1 << (work.queue * parts - 1).bit_length())
    return layout.segment(
        role=queue_name(worker),
        role_id=writer_id,
        page_size=page_size,
        signals=[
            SignalPlan(name=name, type=kind, unit=unit, low=None, high=None)
            for name, kind, unit in HEAD
        ],
        writer_period_ns=1,
        follower_periods_ns=(),
        depth=depth,
        block_words=words,
    )
