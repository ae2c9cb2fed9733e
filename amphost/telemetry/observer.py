"""Drain every channel, record it, show it live, measure tracking, count what was lost.

Rules. One thread, no file and no clock of its own: what it works on is what `Context` says, so
that a test stands in for a whole system with one object. A round drains everything, then writes; a
disk that stalls shows as lost samples and nowhere else. The mcap package is imported only by
`start_recording`: it takes a tenth of a second, and whoever arms must not wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from amphost import __version__
from amphost.telemetry.recording import (
    Attachment,
    RecordedChannel,
    Recording,
    measure_wall_offset,
)
from amphost.telemetry.tracking import Sample, Tracking, word_reader

if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.model import ChannelPlan, TrackingPlan
    from amphost.telemetry.context import Context, Follower, Segment
    from amphost.telemetry.live_stream import LiveStream
    from amphost.telemetry.recorder import Recorder
    from amphost.telemetry.recover import RecoveryResult

BATCH = 1024  # records a drain brings at most
LAST_ROUNDS = 10
RECOVERY_SHARE = 20  # one part in so many of a round goes into completing old recordings
FOREVER_NS = (1 << 63) - 1

Feed = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One followed channel.

    Synchronization: one thread.
    """

    role: str
    channel: ChannelPlan
    segment: Segment
    follower: Follower
    drains: int  # that empty the channel when it is full

    def batches(self) -> Iterator[bytes]:
        """Yield what has not been read yet."""
        for _ in range(self.drains):
            records = bytes(self.follower.drain())
            if not records:
                return
            yield records


class Observer:
    """Follow, record and measure. What a channel still holds is drained as its cursor opens: behind
    a predecessor the channel is full, and the next publication overwrites the oldest.

    Synchronization: one thread.
    """

    def __init__(self, context: Context) -> None:
        plan = context.plan
        assert plan.telemetry is not None
        self._telemetry = plan.telemetry
        self._context = context
        self._sources: list[Source] = []
        self._early: list[list[bytes]] = []
        for one in plan.reads:
            if one.channel is not None:
                source = _follow(context.segments[one.role], one.role, one.channel)
                self._early.append(list(source.batches()))
                self._sources.append(source)
        self._tracking = Tracking()
        self._feeds = _feeds(self._tracking, plan.telemetry.tracking, self._sources)
        self._stream = self._open_stream()
        self._recorder: Recorder | None = None
        self._recovery: Generator[None, None, list[RecoveryResult]] | None = None
        self._settled_ns = context.now()
        self._told: object = None

    @property
    def lost(self) -> int:
        """Samples that were overwritten before they were read, or that the disk did not take."""
        refused = self._recorder.lost if self._recorder is not None else 0
        return refused + sum(source.follower.lost for source in self._sources)

    def start_recording(self) -> None:
        """Open the recording, if one is wanted."""
        if not self._telemetry.directory:
            return
        from amphost.telemetry.recorder import Recorder  # late: see the rules
        from amphost.telemetry.recover import steps_all

        self._recorder = Recorder(self._recording())
        self._recorder.tick(self._context.now())
        self._recovery = steps_all(Path(self._telemetry.directory))

    def round(self, now_ns: int) -> None:
        """Take over everything published so far."""
        for place, source in enumerate(self._sources):
            feeds = self._feeds.get(source.role, ())
            early, self._early[place] = self._early[place], []
            for records in chain(early, source.batches()):
                if self._recorder is not None:
                    self._recorder.write(place, records, now_ns)
                for feed in feeds:
                    feed(records)
        self._tracking.settle(self._settled_ns)
        if self._stream is not None:
            self._stream.flush()
        self._settled_ns = now_ns  # a writer may be late by a moment, never by a round
        if self._recorder is not None:
            self._recorder.tick(now_ns)
        self._show(now_ns)
        self._recover()

    def finish(self) -> None:
        """Take over the rest and end the recording."""
        if self._recovery is not None:
            self._recovery.close()
            self._recovery = None
        ends = [source.segment.count() for source in self._sources]
        for _ in range(LAST_ROUNDS):
            self.round(self._context.now())
            places = [source.follower.position for source in self._sources]
            if all(place >= end for place, end in zip(places, ends, strict=True)):
                break
        self._tracking.settle(FOREVER_NS)
        now_ns = self._context.now()
        if self._stream is not None:
            self._stream.close()
            self._context.report(
                streamed={"sent": self._stream.sent, "dropped": self._stream.dropped}
            )
        if self._recorder is not None:
            self._recorder.finish(now_ns)
        self._show(now_ns)

    def _show(self, now_ns: int) -> None:
        self._publish(now_ns)
        self._tell()
        self._context.segment.owner.beat(now_ns)

    def _publish(self, now_ns: int) -> None:
        channel = self._context.plan.segment.channel
        if channel is None:
            return
        recorder = self._recorder
        tracked = self._tracking.result()
        values = {
            "samples": 0 if recorder is None else recorder.samples,
            "lost": self.lost,
            "bytes": 0 if recorder is None else recorder.stored_bytes,
            "tracking_count": tracked.count,
            "tracking_square_sum": tracked.square_sum,
            "tracking_max": tracked.max,
        }
        words = [values[signal.name] for signal in channel.signals]
        self._context.segment.publish(now_ns, 0, words)

    def _tell(self) -> None:
        """Report the recording whenever it has come to another state."""
        recorder = self._recorder
        if recorder is None:
            return
        state = (recorder.state, recorder.reason, recorder.path)
        if state == self._told:
            return
        self._told = state
        self._context.report(
            path=None if recorder.path is None else str(recorder.path),
            state=recorder.state.value,
            reason=recorder.reason,
            samples=recorder.samples,
            lost=self.lost,
            pauses=recorder.pauses,
            complete=recorder.complete,
        )

    def _open_stream(self) -> LiveStream | None:
        """Let the wanted viewer see what comes from now on."""
        plan = self._telemetry.stream
        if plan is None:
            return None
        from amphost.telemetry.live_stream import LiveStream, UdpSender  # only who streams

        wall = measure_wall_offset(self._context.now, time.time_ns)
        sender = UdpSender(plan.address, plan.port)
        stream = LiveStream(plan, self._context.plan.system, wall.offset_ns, sender, sender.close)
        for source in self._sources:
            if "." in source.role:
                continue  # what a line does is for the recording: too much for a datagram
            feed = stream.feed(source.role, source.channel.signals)
            self._feeds.setdefault(source.role, []).append(feed)
        return stream

    def _recover(self) -> None:
        """Complete what an earlier run left cut, for a small part of a round."""
        until_ns = self._context.now() + self._telemetry.drain_period_ns // RECOVERY_SHARE
        while self._recovery is not None and self._context.now() < until_ns:
            try:
                next(self._recovery)
            except StopIteration as end:
                self._recovery = None
                results: list[RecoveryResult] = end.value
                if results:
                    self._context.report(recovered=[_told(result) for result in results])

    def _recording(self) -> Recording:
        context = self._context
        return Recording(
            directory=Path(self._telemetry.directory),
            system=context.plan.system,
            session=f"{context.run.nonce:016x}",
            version=__version__,
            channels=tuple(
                RecordedChannel(role=source.role, signals=tuple(source.channel.signals))
                for source in self._sources
            ),
            attachments=tuple(
                Attachment(name=name, media_type=media_type, content=content)
                for name, media_type, content in context.attachments
            ),
            wall=measure_wall_offset(context.now, time.time_ns),
            flush_period_ns=self._telemetry.flush_period_ns,
            max_bytes=self._telemetry.max_bytes,
        )


def _follow(segment: Segment, role: str, channel: ChannelPlan) -> Source:
    batch = min(channel.depth, BATCH)
    return Source(
        role=role,
        channel=channel,
        segment=segment,
        follower=segment.follow(batch, oldest=True),
        drains=channel.depth // batch + 1,
    )


def _feeds(
    tracking: Tracking, plan: TrackingPlan | None, sources: Sequence[Source]
) -> dict[str, list[Feed]]:
    """Return for each role what its records are fed to."""
    feeds: dict[str, list[Feed]] = {}
    if plan is None:
        return feeds
    channels = {source.role: source.channel for source in sources}
    wanted = (
        (plan.signal_role, plan.signal_word, tracking.add_signals),
        (plan.setpoint_role, plan.setpoint_word, tracking.add_setpoints),
    )
    for role, word, add in wanted:
        channel = channels[role]
        read = word_reader(channel.words, word, channel.signals[word].type)
        feeds.setdefault(role, []).append(_feed(read, add))
    return feeds


def _feed(
    read: Callable[[bytes], Iterator[Sample]], add: Callable[[Iterator[Sample]], None]
) -> Feed:
    return lambda records: add(read(records))


def _told(result: RecoveryResult) -> dict[str, Any]:
    return {**asdict(result), "path": str(result.path), "outcome": result.outcome.value}
