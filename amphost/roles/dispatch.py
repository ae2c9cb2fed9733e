"""The producing end of a role's workers: items into their queues, results out of their channels.

Rules. An item goes to the worker with the fewest waiting, whole or not at all: its queue is asked
for room first, and only this end makes that less. A result is taken once: an item that a worker's
death brought back is counted as repeated the second time.
"""

from __future__ import annotations

from amphost.items import Result, Work, parts

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Iterator

    from amphost.plan.program_model import WorkPlan
    from amphost.roles.context import Context

EPOCH_SHIFT = 32
"""Item numbers of a successor begin above all of its predecessor's."""


class Dispatch:
    """Moves work between a role and its workers, once a step.

    Synchronization: one thread, the role's own.
    """

    def __init__(self, context: Context, plan: WorkPlan) -> None:
        self._context, self._plan = context, plan
        first = (context.run.epoch << EPOCH_SHIFT) + 1
        self.work = Work(plan.item_bytes, plan.waiting, drop_oldest=plan.drop_oldest, first=first)
        self._queues = []
        self._readers = []
        for worker, name in zip(plan.workers, plan.queues, strict=True):
            segment, theirs = context.segments[name], context.segments[worker]
            channel = segment.plan.channel
            assert channel is not None
            writer = segment.queue_writer(theirs, epoch=context.run.epoch)
            waker = segment.waker([theirs])
            self._queues.append((writer, waker, channel.depth, channel.words * 8))
            self._readers.append((worker, theirs.reader()))
        self._newest = dict.fromkeys(plan.workers, 0)
        latest = context.segment.latest()
        if latest is not None:
            counts = latest[3][plan.count_word :]
            self.work.go_on_from(counts)

    def collect(self) -> None:
        """Take the results that have come since the last step."""
        self.work.results = list(self._results())

    def send(self) -> None:
        """Hand out what waits, oldest first, as far as there is room."""
        work, plan = self.work, self._plan
        while work.waiting:
            outstanding = [depth - writer.room for writer, _, depth, _ in self._queues]
            count = len(outstanding)
            turn = work.sent  # of several with as few, each in its turn
            in_turn = ((turn + n) % count for n in range(count))
            index = min(in_turn, key=outstanding.__getitem__)
            if outstanding[index] + plan.parts > plan.queue_items * plan.parts:
                return
            writer, waker, _, size = self._queues[index]
            item = work.waiting.popleft()
            now_ns = self._context.now()
            for message in parts(item, now_ns, size):
                writer.put(now_ns, 0, message)
            waker.wake()
            work.sent += 1

    def close(self) -> None:
        """Drop what still waits: nobody will ask for it again."""
        self.work.dropped += len(self.work.waiting)
        self.work.waiting.clear()

    def _results(self) -> Iterator[Result]:
        plan, now_ns = self._plan, self._context.now()
        for worker, reader in self._readers:
            while (record := reader.next()) is not None:
                values = record[3:]
                item = values[plan.item_word]
                if item <= self._newest[worker]:
                    self.work.repeated += 1
                    continue
                self._newest[worker] = item
                self.work.finished += 1
                writes = {one.name: values[one.word] for one in plan.results}
                yield Result(item, worker, writes, (now_ns - record[1]) / 1e6)
