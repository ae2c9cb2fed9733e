"""The fixed blocks of a segment, as Python sees them.

Rules. The owner block (stats.h) is what a role says about itself, the system block (segment.h) what
the supervisor says to all. Every access is a call into the C library and what comes back is a copy.
Counters and gauges go by the short names of their native enums.
"""

from __future__ import annotations

from amphost._native.amp import ffi, lib

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from amphost.platform import Mapping


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
TUNING_RESULTS = _names("enum amp_tuning_result", "AMP_TUNING_")
CHECKPOINTS = _names("enum amp_checkpoint", "AMP_AT_")


class Owner:
    """The owner block of a segment: heartbeat, faults, counters, gauges, histograms.

    Synchronization: one writing process and thread; any number of readers.
    """

    def __init__(self, mapping: Mapping, page_size: int) -> None:
        self._mapping = mapping
        self._block = lib.amp_segment_owner(mapping.at(0), page_size)

    @property
    def native(self) -> ffi.CData:
        """The `struct amp_owner`; MailboxError once its segment is closed."""
        self._mapping.check()
        return self._block

    def beat(self, now_ns: int) -> None:
        """Advance the heartbeat: progress was made at `now_ns`."""
        self._mapping.check(writing=True)
        lib.amp_owner_beat(self._block, lib.AMP_AT_WAIT, now_ns)

    def at(self, checkpoint: str) -> None:
        """Say where this process's own loop is, without progress."""
        self._mapping.check(writing=True)
        lib.amp_owner_at(self._block, CHECKPOINTS[checkpoint])

    def begin(self, t0_ns: int) -> None:
        """Begin the accounting of this process's periods."""
        self._mapping.check(writing=True)
        lib.amp_owner_begin(self._block, t0_ns)

    def add(self, name: str, increment: int = 1) -> None:
        """Add to a counter of this process's own block."""
        self._mapping.check(writing=True)
        lib.amp_owner_add(self._block, COUNTERS[name], increment)

    def record(self, histogram: str, value_ns: int) -> None:
        """Add a value to a histogram of this process's own block."""
        self._mapping.check(writing=True)
        lib.amp_owner_record(self._block, HISTOGRAMS[histogram], value_ns)

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

    def signed(self, name: str) -> int:
        """Return one gauge that holds an int64_t."""
        return int(ffi.cast("int64_t", self.gauge(name)))

    def set_gauge(self, name: str, value: int) -> None:
        """Set one gauge of this process's own block."""
        self._mapping.check(writing=True)
        lib.amp_owner_set(self._block, GAUGES[name], value)

    def faults(self) -> tuple[int, int, int, int]:
        """Return the mask of all faults, and number, argument and time of the first."""
        view = ffi.new("struct amp_fault_view *")
        lib.amp_owner_faults(self.native, view)
        return int(view.mask), int(view.first), int(view.argument), int(view.first_t_ns)

    def answer(self, message: int) -> tuple[str, int, int] | None:
        """Return result, tick and time of a message of parameters; None: no answer yet."""
        view = ffi.new("struct amp_tuning_answer *")
        if not lib.amp_tuning_answered(self.native, message, view):
            return None
        names = {number: name for name, number in TUNING_RESULTS.items()}
        return names[int(view.result)], int(view.tick), int(view.t_ns)

    def trip(self) -> tuple[int, int]:
        """Return number and argument of the fault behind the newest trip."""
        argument = ffi.cast("int64_t", self.gauge("trip_argument"))
        return self.gauge("trip_fault"), int(argument)

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

    def __init__(self, mapping: Mapping, page_size: int) -> None:
        self._mapping = mapping
        self._block = lib.amp_segment_system(mapping.at(0), page_size)

    @property
    def native(self) -> ffi.CData:
        """The `struct amp_system`; MailboxError once its segment is closed."""
        self._mapping.check()
        return self._block

    def mode(self) -> tuple[int, int]:
        """Return the mode and the act of arming it belongs to."""
        arming = ffi.new("uint64_t *")
        mode = lib.amp_system_mode(self.native, arming)
        return int(mode), int(arming[0])

    def set_mode(self, mode: int, arming: int) -> None:
        """Set both at once."""
        self._mapping.check(writing=True)
        lib.amp_system_set_mode(self._block, mode, arming)

    def tripped(self, arming: int) -> tuple[int, int] | None:
        """Return fault and role of the e-stop word where it is latched for `arming`."""
        fault = ffi.new("enum amp_fault *")
        role = ffi.new("uint32_t *")
        if not lib.amp_system_tripped(self.native, arming, fault, role):
            return None
        return int(fault[0]), int(role[0])

    def set_role(self, role_id: int, *, state: int, pid: int, epoch: int, end: bool) -> None:
        """Write a line of the role table; `end` asks the role to leave."""
        self._mapping.check(writing=True)
        wanted = lib.AMP_WANTED_END if end else lib.AMP_WANTED_RUN
        lib.amp_system_set_role(self._block, role_id, state, pid, epoch, wanted)

    def wanted_end(self, role_id: int) -> bool:
        """Return whether the role is asked to leave."""
        return bool(lib.amp_system_wanted(self.native, role_id) == lib.AMP_WANTED_END)
