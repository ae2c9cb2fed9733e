"""The telemetry role on a system that is one object: channels, clock and supervisor in memory."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from mcap.reader import make_reader

from amphost.plan.model import (
    ChannelPlan,
    RolePlan,
    SegmentPlan,
    SignalPlan,
    StreamPlan,
    TelemetryPlan,
    TrackingPlan,
)
from amphost.roles import telemetry
from amphost.telemetry import context as seam
from amphost.telemetry.recover import Outcome, finalise
from amphost.telemetry.tracking import MARK_ARMED

if TYPE_CHECKING:
    from amphost.roles.context import Context

MS = 1_000_000
DRAIN_NS = 100 * MS
OWN_WORDS = (
    ("samples", "u64"),
    ("lost", "u64"),
    ("bytes", "u64"),
    ("tracking_count", "u64"),
    ("tracking_square_sum", "f64"),
    ("tracking_max", "f64"),
)


def the_real_context_fits(context: Context) -> seam.Context:
    """Let mypy compare the seam with what a role process really gets."""
    return context


class Channel:
    """A log in memory: overwrites its oldest record, as the mailbox does."""

    def __init__(self, words: int, depth: int) -> None:
        self.pack = struct.Struct(f"=QqQ{words}d")
        self.depth = depth
        self.records: list[bytes] = []
        self.first = 1

    @property
    def newest(self) -> int:
        return self.first + len(self.records) - 1

    def publish(self, t_ns: int, mark: int, *values: float) -> None:
        self.records.append(self.pack.pack(self.newest + 1, t_ns, mark, *values))
        if len(self.records) > self.depth:
            del self.records[0]
            self.first += 1


class Follower:
    """A cursor that counts its exact loss."""

    def __init__(self, channel: Channel, batch: int, *, oldest: bool) -> None:
        self.channel = channel
        self.batch = batch
        self.position = channel.first - 1 if oldest else channel.newest
        self.lost = 0

    def drain(self) -> memoryview:
        if self.position + 1 < self.channel.first:
            self.lost += self.channel.first - self.position - 1
            self.position = self.channel.first - 1
        start = self.position + 1 - self.channel.first
        got = self.channel.records[start : start + self.batch]
        self.position += len(got)
        return memoryview(b"".join(got))


@dataclass
class Owner:
    """Counts heartbeats."""

    beats: list[int] = field(default_factory=list)

    def beat(self, now_ns: int) -> None:
        self.beats.append(now_ns)


@dataclass
class Segment:
    """A role's segment: its channel, or what the role itself published."""

    channel: Channel | None = None
    owner: Owner = field(default_factory=Owner)
    published: list[tuple[float | int | bool, ...]] = field(default_factory=list)

    def count(self) -> int:
        return self.channel.newest if self.channel else 0

    def follow(self, batch: int, *, oldest: bool) -> Follower:
        assert self.channel is not None
        return Follower(self.channel, batch, oldest=oldest)

    def publish(self, t_ns: int, flags: int, words: Sequence[float | int | bool]) -> None:
        assert (t_ns >= 0, flags) == (True, 0)
        self.published.append(tuple(words))


class System:
    """The whole system around the role. `script[n]` runs during the n-th sleep."""

    def __init__(self, plan: RolePlan, script: Sequence[Callable[[System], None]]) -> None:
        # As in a role process, the plan is a tree of plain namespaces.
        self.plan: RolePlan = json.loads(
            json.dumps(asdict(plan)), object_hook=lambda fields: SimpleNamespace(**fields)
        )
        self.run = SimpleNamespace(nonce=0xC0FFEE)
        self.segment = Segment()
        self.channels = {
            one.role: Channel(one.channel.words, one.channel.depth)
            for one in plan.reads
            if one.channel is not None
        }
        self.segments: Mapping[str, seam.Segment] = {
            one.role: Segment(self.channels.get(one.role)) for one in plan.reads
        } | {plan.name: self.segment}
        self.attachments = [("spec.yaml", "application/yaml", b"name: motor\n")]
        self.script = list(script)
        self.now_ns = 5_000 * MS
        self.ending = False
        self.before_the_end: Callable[[], None] = lambda: None
        self.supervised = True
        self.reports: list[dict[str, Any]] = []

    def now(self) -> int:
        return self.now_ns

    def sleep(self, duration_ns: int) -> None:
        assert duration_ns <= DRAIN_NS
        self.now_ns += duration_ns
        self.script.pop(0)(self)

    def wanted_end(self) -> bool:
        if self.ending:
            self.before_the_end()
        return self.ending

    def supervisor_alive(self, now_ns: int) -> bool:
        assert now_ns == self.now_ns
        return self.supervised

    def report(self, **fields: Any) -> None:
        self.reports.append(fields)

    def observe(self) -> str:
        return telemetry.run(cast("seam.Context", self), lambda: None)

    def say(self, count: int, *, armed: bool = True, signal: float = 1.0) -> None:
        """Publish `count` samples of io and one setpoint, a millisecond apart."""
        self.channels["supervisor"].publish(self.now_ns, 0, 1.5)
        for _ in range(count):
            self.now_ns += MS
            mark = 1 | (MARK_ARMED if armed else 0)
            self.channels["io"].publish(self.now_ns, mark, 0.0, signal)

    def words(self) -> dict[str, float]:
        """Return what the role published last."""
        return dict(zip((name for name, _ in OWN_WORDS), self.segment.published[-1], strict=True))


def segment_plan(role: str, names: Sequence[tuple[str, str]], depth: int = 1024) -> SegmentPlan:
    """Return a segment's plan as far as this role looks at it."""
    signals = tuple(
        SignalPlan(name=name, type=kind, unit="rad", low=None, high=None) for name, kind in names
    )
    channel = ChannelPlan(offset=0, words=len(signals), depth=depth, signals=signals)
    return SegmentPlan(
        role=role,
        role_id=0,
        size=0,
        page_size=4096,
        layout_hash=0,
        directory="",
        channel=channel if signals else None,
    )


def role_plan(
    directory: Path | None,
    *,
    depth: int = 1024,
    tracking: bool = True,
    stream: StreamPlan | None = None,
) -> RolePlan:
    """Return the plan of a telemetry role that follows the supervisor, io and a silent role."""
    return RolePlan(
        system="motor",
        name="telemetry",
        role_id=3,
        kind="telemetry",
        cores=(0,),
        policy="other",
        priority=0,
        nice=0,
        lock_memory=False,
        timer_slack_ns=0,
        rttime_us=0,
        heartbeat_ns=1,
        supervisor_ns=1,
        segment=segment_plan("telemetry", OWN_WORDS),
        reads=(
            segment_plan("supervisor", [("target", "f64")]),
            segment_plan("io", [("current", "f64"), ("position", "f64")], depth),
            segment_plan("silent", []),
        ),
        control=None,
        io=None,
        telemetry=TelemetryPlan(
            directory=str(directory) if directory else "",
            max_bytes=0,
            drain_period_ns=DRAIN_NS,
            flush_period_ns=500 * MS,
            stream=stream,
            tracking=TrackingPlan(
                signal_role="io",
                signal_word=1,
                setpoint_role="supervisor",
                setpoint_word=0,
                unit="rad",
                rms_max=1.0,
            )
            if tracking
            else None,
        ),
    )


def end(system: System) -> None:
    """Ask the role to leave."""
    system.ending = True


def recorded(path: Path) -> dict[str, list[int]]:
    """Return the sample counts of each topic."""
    found: dict[str, list[int]] = {}
    with path.open("rb") as stream:
        for _, channel, message in make_reader(stream).iter_messages():
            (count,) = struct.unpack_from("=Q", message.data, 4)
            found.setdefault(channel.topic, []).append(count)
    return found


def last_report(system: System) -> dict[str, Any]:
    """Return the last report about the recording."""
    return [one for one in system.reports if "samples" in one][-1]


def test_everything_published_from_the_start_to_the_end_is_recorded(tmp_path: Path) -> None:
    """What was published before the role ran, and what comes with the request to end, included."""

    def say_and_end(system: System) -> None:
        system.say(30)
        end(system)

    system = System(role_plan(tmp_path), [lambda one: one.say(50), say_and_end])
    system.say(20)
    assert system.observe() == "ended"
    report = last_report(system)
    path = Path(report["path"])
    assert recorded(path) == {"/motor/supervisor": [1, 2, 3], "/motor/io": list(range(1, 101))}
    assert (report["samples"], report["lost"], report["complete"]) == (103, 0, True)
    assert (system.words()["samples"], system.words()["lost"]) == (103, 0)
    assert system.words()["bytes"] == path.stat().st_size
    with path.open("rb") as stream:
        reader = make_reader(stream)
        assert [one.name for one in reader.iter_attachments()] == ["spec.yaml"]
        (metadata,) = reader.iter_metadata()
    assert metadata.metadata["session"] == "0000000000c0ffee"


def test_the_last_words_of_the_other_roles_are_recorded(tmp_path: Path) -> None:
    """They end before this role is asked to, and maybe right behind its last round."""
    system = System(role_plan(tmp_path), [end])
    system.before_the_end = lambda: system.say(2000)
    system.observe()
    report = last_report(system)
    assert (report["samples"], report["lost"]) == (1024 + 1, 976)
    assert recorded(Path(report["path"]))["/motor/io"] == list(range(977, 2001))


def test_nothing_is_lost_while_the_role_starts_behind_a_predecessor(tmp_path: Path) -> None:
    """The logs are full then: what comes while the package is imported overwrites the oldest."""
    system = System(role_plan(tmp_path, depth=64), [end])
    system.say(500)
    telemetry.run(cast("seam.Context", system), lambda: system.say(60))
    report = last_report(system)
    assert report["lost"] == 0
    assert recorded(Path(report["path"]))["/motor/io"] == list(range(437, 561))


def test_ready_is_said_with_a_heartbeat_behind_it_and_no_file_yet(tmp_path: Path) -> None:
    """Arming must not wait for a disk."""
    system = System(role_plan(tmp_path / "runs"), [end])
    seen: list[tuple[int, bool]] = []

    def ready() -> None:
        seen.append((len(system.segment.owner.beats), (tmp_path / "runs").exists()))

    telemetry.run(cast("seam.Context", system), ready)
    assert seen == [(1, False)]
    assert list((tmp_path / "runs").glob("motor_*.mcap"))


def test_every_round_beats(tmp_path: Path) -> None:
    """The supervisor sees progress, not existence."""
    system = System(role_plan(tmp_path), [lambda one: one.say(1)] * 5 + [end])
    system.observe()
    beats = system.segment.owner.beats
    assert len(beats) >= 7
    assert beats == sorted(beats)


def test_a_lapped_channel_is_counted_not_hidden(tmp_path: Path) -> None:
    """The role was kept from running for longer than the log is deep."""
    system = System(
        role_plan(tmp_path, depth=16), [lambda one: one.say(100), lambda one: one.say(3), end]
    )
    system.observe()
    report = last_report(system)
    assert (report["lost"], report["samples"]) == (84, 16 + 3 + 2)
    assert recorded(Path(report["path"]))["/motor/io"] == list(range(85, 104))


def test_tracking_counts_what_was_armed(tmp_path: Path) -> None:
    """The figures of the run's report come from the published words."""
    system = System(
        role_plan(tmp_path),
        [
            lambda one: one.say(10, armed=False, signal=99.0),
            lambda one: one.say(10, signal=1.0),
            lambda one: one.say(10, signal=2.5),
            end,
        ],
    )
    system.observe()
    words = system.words()
    assert words["tracking_count"] == 20
    assert words["tracking_square_sum"] == pytest.approx(10 * 0.25 + 10 * 1.0)
    assert words["tracking_max"] == 1.0


def test_a_setpoint_published_late_is_waited_for(tmp_path: Path) -> None:
    """Its writer was preempted between reading the clock and publishing, across a round."""

    def stamp(system: System) -> None:
        system.channels["supervisor"].publish(system.now_ns - 20, 0, 0.0)
        system.channels["io"].publish(system.now_ns - 5, MARK_ARMED, 0.0, 2.0)

    def publish(system: System) -> None:
        system.channels["supervisor"].publish(system.now_ns - DRAIN_NS - 10, 0, 2.0)

    system = System(role_plan(tmp_path), [stamp, publish, lambda _: None, end])
    system.observe()
    assert system.words()["tracking_count"] == 1
    assert system.words()["tracking_max"] == 0.0


def test_without_a_directory_nothing_is_written_and_tracking_goes_on() -> None:
    """`record` is optional, the tracking bound is not part of it."""
    system = System(role_plan(None), [lambda one: one.say(10), end])
    assert system.observe() == "ended"
    assert system.reports == []
    words = system.words()
    assert (words["samples"], words["lost"], words["tracking_count"]) == (0, 0, 10)


def test_without_tracking_nothing_is_judged(tmp_path: Path) -> None:
    """No bound was asked for."""
    system = System(role_plan(tmp_path, tracking=False), [lambda one: one.say(10), end])
    system.observe()
    assert system.words()["tracking_count"] == 0


def test_a_lost_supervisor_leaves_a_complete_recording(tmp_path: Path) -> None:
    """The run that went wrong is the one whose recording is wanted."""

    def orphan(system: System) -> None:
        system.say(5)
        system.supervised = False

    system = System(role_plan(tmp_path), [orphan])
    assert system.observe() == "supervisor_lost"
    assert recorded(Path(last_report(system)["path"]))["/motor/io"] == [1, 2, 3, 4, 5]


def test_a_directory_that_cannot_be_made_is_reported_and_counted(tmp_path: Path) -> None:
    """The role lives on: it still measures tracking, and the report says what was lost."""
    (tmp_path / "runs").write_bytes(b"in the way")
    system = System(role_plan(tmp_path / "runs"), [lambda one: one.say(10), end])
    assert system.observe() == "ended"
    report = last_report(system)
    assert (report["path"], report["state"], report["lost"]) == (None, "ended", 11)
    assert report["reason"].startswith("EEXIST")
    assert system.words()["lost"] == 11
    assert system.words()["tracking_count"] == 10


def test_a_cut_recording_of_an_earlier_run_is_completed_meanwhile(tmp_path: Path) -> None:
    """After a crash nobody should have to know that there is something to repair."""
    earlier = System(role_plan(tmp_path), [lambda one: one.say(10), end])
    earlier.observe()
    done = Path(last_report(earlier)["path"])
    cut = tmp_path / "motor_20200101_000000.mcap"
    cut.write_bytes(done.read_bytes()[:-100])
    system = System(role_plan(tmp_path), [lambda one: one.say(1)] * 3 + [end])
    system.observe()
    (result,) = next(one for one in system.reports if "recovered" in one)["recovered"]
    assert result["path"] == str(cut)
    assert (result["outcome"], result["messages"]) == ("finalised", 11)
    assert recorded(cut)["/motor/io"] == list(range(1, 11))
    assert finalise(cut).outcome is Outcome.COMPLETE
    json.dumps(system.reports)  # they go to the supervisor as lines of JSON


def test_an_end_during_a_recovery_leaves_no_half_file(tmp_path: Path) -> None:
    """The run's end is not delayed by an old file, which stays for the next run."""
    earlier = System(role_plan(tmp_path), [lambda one: one.say(10), end])
    earlier.observe()
    content = Path(last_report(earlier)["path"]).read_bytes()[:-100]
    cut = tmp_path / "motor_20200101_000000.mcap"
    cut.write_bytes(content)
    system = System(role_plan(tmp_path), [])
    clock = system.now

    def slow() -> int:
        system.now_ns += DRAIN_NS
        return clock()

    system.now = slow  # type: ignore[method-assign] # of the fake: a machine that gets nowhere
    system.ending = True
    system.observe()
    assert cut.read_bytes() == content
    assert not list(tmp_path.glob("*.part"))


def test_reports_come_with_changes_only(tmp_path: Path) -> None:
    """Nothing is logged per round."""
    system = System(role_plan(tmp_path), [lambda one: one.say(5)] * 20 + [end])
    system.observe()
    states = [one["state"] for one in system.reports if "state" in one]
    assert states == ["recording", "ended"]
    assert Path(system.reports[0]["path"]).exists()


def test_a_viewer_sees_samples_while_the_system_runs() -> None:
    """The one picture that a person has of a robot while it moves; a viewer that is not there
    costs nothing but a count.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as viewer:
        viewer.bind(("127.0.0.1", 0))
        viewer.settimeout(5)
        stream = StreamPlan(
            address="127.0.0.1", port=viewer.getsockname()[1], rate_hz=20_000.0, batch=False
        )
        system = System(role_plan(None, stream=stream), [lambda one: one.say(3), end])
        assert system.observe() == "ended"
        seen = [json.loads(viewer.recv(65536)) for _ in range(3)]
    assert [set(one) for one in seen] == [{"timestamp", "motor"}] * 3
    assert {role for one in seen for role in one["motor"]} <= {"supervisor", "io"}
    [streamed] = [one["streamed"] for one in system.reports if "streamed" in one]
    assert streamed["sent"] >= 3
    assert streamed["dropped"] == 0
