"""The mailbox as Python sees it: segments, their channel, their owner block, the system block.

Rules. Python never touches a shared word: every access is a call into the C library, and what
comes back is a copy. A segment is mapped read-write by its role and read-only by everybody else.
Only this module, `loop`, `pump`, `device`, `watchdog` and `platform` use the native library.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

from amphost import platform
from amphost._native.amp import ffi, lib
from amphost.errors import MailboxError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from amphost.plan.model import SegmentPlan

RECORD_HEADER_WORDS = 3
"""Words before the payload in a drained record: count, t_ns, mark (epoch | flags << 32)."""

FLAG_ARMED: int = lib.AMP_FLAG_ARMED
FLAG_AT_SAFE: int = lib.AMP_FLAG_AT_SAFE
FLAG_STALE: int = lib.AMP_FLAG_STALE

_FORMATS = {"f64": "d", "i64": "q", "u64": "Q", "bool": "Q"}
_REFUSALS = {
    -lib.AMP_EFORMAT: "it is not a segment of this ABI, byte order, page size or role",
    -lib.AMP_ESIZE: "its size or its seals are not those of the plan",
    -lib.AMP_ENONCE: "it belongs to another session",
    -lib.AMP_ENOTREADY: "it was never formatted",
}


def _names(enum: str, prefix: str) -> dict[str, int]:
    """Map the short lower-case names of a native enum to their numbers."""
    members = ffi.typeof(enum).relements
    return {
        name.removeprefix(prefix).lower(): number
        for name, number in members.items()
        if not name.endswith("_COUNT_COUNT") and name != f"{prefix}COUNT"
    }


COUNTERS = _names("enum amp_counter", "AMP_COUNT_")
GAUGES = _names("enum amp_gauge", "AMP_GAUGE_")
HISTOGRAMS = _names("enum amp_histogram", "AMP_HISTOGRAM_")
CHECKPOINTS = _names("enum amp_checkpoint", "AMP_AT_")


class Owner:
    """The owner block of a segment: heartbeat, faults, counters, gauges, histograms.

    Counters and gauges go by the names of `COUNTERS` and `GAUGES`.

    Synchronization: one writing process and thread; any number of readers.
    """

    def __init__(self, block: ffi.CData) -> None:
        self.native = block

    def beat(self, now_ns: int) -> None:
        """Advance the heartbeat: progress was made at `now_ns`."""
        lib.amp_owner_beat(self.native, lib.AMP_AT_WAIT, now_ns)

    def heartbeat(self) -> tuple[int, str, int]:
        """Return count, checkpoint and time of the newest heartbeat."""
        checkpoint = ffi.new("enum amp_checkpoint *")
        t_ns = ffi.new("amp_ns *")
        count = lib.amp_owner_heartbeat(self.native, checkpoint, t_ns)
        names = {number: name for name, number in CHECKPOINTS.items()}
        return int(count), names[int(checkpoint[0])], int(t_ns[0])

    def counter(self, name: str) -> int:
        """Return one counter."""
        return int(lib.amp_owner_counter(self.native, COUNTERS[name]))

    def counters(self) -> dict[str, int]:
        """Return every counter by its name."""
        return {name: self.counter(name) for name in COUNTERS}

    def gauge(self, name: str) -> int:
        """Return one gauge."""
        return int(lib.amp_owner_gauge(self.native, GAUGES[name]))

    def set_gauge(self, name: str, value: int) -> None:
        """Set one gauge of this process's own block."""
        lib.amp_owner_set(self.native, GAUGES[name], value)

    def faults(self) -> tuple[int, int, int, int]:
        """Return the mask of all faults, and number, argument and time of the first."""
        view = ffi.new("struct amp_fault_view *")
        lib.amp_owner_faults(self.native, view)
        return int(view.mask), int(view.first), int(view.argument), int(view.first_t_ns)

    def summary_us(self, histogram: str) -> dict[str, float | int] | None:
        """Return n, p50, p99, p999 and max of a histogram in microseconds; None if it is empty."""
        view = ffi.new("struct amp_summary *")
        lib.amp_owner_summary(self.native, HISTOGRAMS[histogram], view)
        if view.count == 0:
            return None
        return {
            "n": int(view.count),
            "p50": view.p50_ns / 1e3,
            "p99": view.p99_ns / 1e3,
            "p999": view.p999_ns / 1e3,
            "max": view.max_ns / 1e3,
        }


class System:
    """The system block: mode, act of arming, e-stop word, role table.

    Synchronization: the supervisor writes (the watchdog thread the e-stop word); any process reads.
    """

    def __init__(self, block: ffi.CData) -> None:
        self.native = block

    def mode(self) -> tuple[int, int]:
        """Return the mode and the act of arming it belongs to."""
        arming = ffi.new("uint64_t *")
        mode = lib.amp_system_mode(self.native, arming)
        return int(mode), int(arming[0])

    def set_mode(self, mode: int, arming: int) -> None:
        """Set both at once."""
        lib.amp_system_set_mode(self.native, mode, arming)

    def tripped(self, arming: int) -> tuple[int, int] | None:
        """Return fault and role of the e-stop word where it is latched for `arming`."""
        fault = ffi.new("enum amp_fault *")
        role = ffi.new("uint32_t *")
        if not lib.amp_system_tripped(self.native, arming, fault, role):
            return None
        return int(fault[0]), int(role[0])

    def set_role(self, role_id: int, *, state: int, pid: int, epoch: int, end: bool) -> None:
        """Write a line of the role table; `end` asks the role to leave."""
        wanted = lib.AMP_WANTED_END if end else lib.AMP_WANTED_RUN
        lib.amp_system_set_role(self.native, role_id, state, pid, epoch, wanted)

    def wanted_end(self, role_id: int) -> bool:
        """Return whether the role is asked to leave."""
        return bool(lib.amp_system_wanted(self.native, role_id) == lib.AMP_WANTED_END)


class Follower:
    """A cursor on a channel: reads every publication in order and counts its own exact loss.

    Synchronization: one thread; the writer never looks at it.
    """

    def __init__(self, channel: ffi.CData, batch: int, *, oldest: bool) -> None:
        self._cursor = ffi.new("struct amp_cursor *")
        start = lib.AMP_START_OLDEST if oldest else lib.AMP_START_LATEST
        lib.amp_cursor_open(self._cursor, channel, start)
        self._batch = batch
        self._record_words = RECORD_HEADER_WORDS + int(channel.words)
        self._records = ffi.new("uint64_t[]", batch * self._record_words)
        self._bytes = memoryview(ffi.buffer(self._records))

    def drain(self) -> memoryview:
        """Return the records not read yet, at most `batch`, as bytes; valid until the next call.

        A record is 3 + words little- or big-endian 64-bit words, as the machine has them: count,
        t_ns, mark, then the channel's words.
        """
        got = lib.amp_cursor_drain(self._cursor, self._records, self._batch)
        return self._bytes[: int(got) * self._record_words * 8]

    @property
    def position(self) -> int:
        """Count of the last publication read."""
        return int(self._cursor.position)

    @property
    def lost(self) -> int:
        """Publications overwritten before they were read."""
        return int(self._cursor.lost)

    @property
    def torn(self) -> int:
        """Reads that overlapped a write and were discarded."""
        return int(self._cursor.torn)


class Segment:
    """One role's shared memory in this process: its channel, owner block and, maybe, system block.

    A context manager: leaving it unmaps. Nothing taken from it may be used afterwards.

    Synchronization: the role that maps it writable writes; any number of processes read.
    """

    def __init__(self, base: ffi.CData, plan: SegmentPlan, *, writable: bool) -> None:
        self.plan = plan
        self.writable = writable
        self._base = base
        self.owner = Owner(lib.amp_segment_owner(base, plan.page_size))
        self.native_channel = ffi.new("struct amp_channel *")
        self._pack: struct.Struct | None = None
        if plan.channel is not None:
            at = ffi.cast("char *", base) + plan.channel.offset
            room = plan.size - plan.channel.offset
            platform.check(
                lib.amp_channel_bind(
                    self.native_channel, at, room, plan.channel.words, plan.channel.depth
                ),
                f"channel of {plan.role}",
            )
            formats = "".join(_FORMATS[signal.type] for signal in plan.channel.signals)
            self._pack = struct.Struct(f"={formats}")
            self._words = ffi.new("uint64_t[]", plan.channel.words)

    @classmethod
    def create(cls, plan: SegmentPlan, nonce: int) -> int:
        """Make, seal and format a segment; return its descriptor."""
        descriptor = platform.memfd(f"amphost-{plan.role}", plan.size)
        base = ffi.new("void **")
        platform.check(lib.amp_platform_map(descriptor, plan.size, True, base), "map")
        directory = plan.directory.encode()
        identity = _identity(plan, nonce)
        result = lib.amp_segment_format(
            base[0], identity, directory, len(directory), time.monotonic_ns()
        )
        lib.amp_platform_unmap(base[0], plan.size)
        platform.check(result, f"segment of {plan.role}")
        return descriptor

    @classmethod
    def attach(cls, descriptor: int, plan: SegmentPlan, *, nonce: int, writable: bool) -> Self:
        """Map a segment and compare it with the plan; MailboxError says what differs."""
        base = ffi.new("void **")
        result = lib.amp_platform_map(descriptor, plan.size, writable, base)
        if result < 0:
            raise _refused(plan, result)
        result = lib.amp_segment_check(base[0], _identity(plan, nonce))
        if result < 0:
            error = _refused(plan, result, base[0])
            lib.amp_platform_unmap(base[0], plan.size)
            raise error
        return cls(base[0], plan, writable=writable)

    def system(self) -> System:
        """Return the system block; only the supervisor's segment has one."""
        return System(lib.amp_segment_system(self._base, self.plan.page_size))

    def attach_writer(self, epoch: int) -> int:
        """Become the channel's writer, once the predecessor is proven dead; return its count."""
        return int(lib.amp_channel_attach(self.native_channel, epoch))

    def publish(self, t_ns: int, flags: int, words: Sequence[float | int | bool]) -> None:
        """Publish one value for each signal of the channel, in the plan's order."""
        if self._pack is None or not self.writable:
            raise MailboxError(f"{self.plan.role}: this process does not write that channel")
        self._pack.pack_into(ffi.buffer(self._words), 0, *words)
        lib.amp_channel_publish(self.native_channel, t_ns, flags, self._words)

    def latest(self) -> tuple[int, int, int, tuple[Any, ...]] | None:
        """Return count, t_ns, mark and the typed values of the newest publication, if any."""
        if self._pack is None:
            return None
        words = len(self._words)
        record = ffi.new("uint64_t[]", RECORD_HEADER_WORDS + words)
        sample = ffi.cast("struct amp_sample *", record)
        if lib.amp_channel_latest(self.native_channel, sample, ffi.NULL) != lib.AMP_READ_VALUE:
            return None
        values = self._pack.unpack_from(ffi.buffer(record), RECORD_HEADER_WORDS * 8)
        return int(sample.count), int(sample.t_ns), int(sample.mark), values

    def count(self) -> int:
        """Return the count of the newest publication."""
        return int(lib.amp_channel_count(self.native_channel))

    def follow(self, batch: int, *, oldest: bool) -> Follower:
        """Open a cursor that reads at most `batch` publications a call."""
        return Follower(self.native_channel, batch, oldest=oldest)

    def close(self) -> None:
        """Unmap; a second call does nothing."""
        if self._base != ffi.NULL:
            lib.amp_platform_unmap(self._base, self.plan.size)
            self._base = ffi.NULL

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _identity(plan: SegmentPlan, nonce: int) -> ffi.CData:
    return ffi.new(
        "struct amp_segment_identity *",
        {
            "size": plan.size,
            "layout_hash": plan.layout_hash,
            "nonce": nonce,
            "role": plan.role_id,
            "page_size": plan.page_size,
        },
    )


def _refused(plan: SegmentPlan, result: int, base: ffi.CData = ffi.NULL) -> MailboxError:
    what = f"segment of {plan.role}: "
    if result != -lib.AMP_ELAYOUT or base == ffi.NULL:
        return MailboxError(what + _REFUSALS.get(result, f"refused ({result})"))
    import difflib  # only a refusal needs it

    room = ffi.new("char[]", lib.AMP_DIRECTORY_MAX)
    size = lib.amp_segment_directory(base, room, lib.AMP_DIRECTORY_MAX)
    found = bytes(ffi.buffer(room, size)).decode("utf-8", "replace")
    lines = difflib.unified_diff(
        plan.directory.splitlines(), found.splitlines(), "plan", "segment", lineterm="", n=0
    )
    return MailboxError("\n".join([what + "its layout differs from the plan's", *lines]))
