"""The plan: what `plan.resolve` decides and `run` executes. Frozen values, nothing else.

Rules. Times are integer nanoseconds, sizes bytes. A `RolePlan` is all that a role process gets
of the plan; it travels as JSON and is read there without this module (see `roles.handover`), so
its fields are numbers, strings, booleans, lists and further dataclasses, never mappings.
Nothing here names a descriptor, a process or a time of day: those belong to a run.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from dataclasses import dataclass

from amphost.plan.faults_model import FaultPlan, ProxyPlan
from amphost.plan.program_model import ExecPlan, PythonPlan
from amphost.plan.second_core_model import SecondCorePlan

__all__ = [
    "AcceptPlan",
    "BoundPlan",
    "ChainRow",
    "ChannelPlan",
    "ControlPlan",
    "DevicePlan",
    "FaultPlan",
    "FollowPlan",
    "InputPlan",
    "IoPlan",
    "LineLoad",
    "NumberPlan",
    "OperatorPlan",
    "OperatorValue",
    "OutputPlan",
    "ParameterPlan",
    "Plan",
    "PlantPlan",
    "ProgramPlan",
    "ProxyPlan",
    "RolePlan",
    "SecondCorePlan",
    "SegmentPlan",
    "SendPlan",
    "SensorPlan",
    "SignalPlan",
    "StreamPlan",
    "SupervisorPlan",
    "TelemetryPlan",
    "TrackingPlan",
    "TunableBlock",
    "WatchPlan",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPlan:
    """One 64-bit word of a channel."""

    name: str
    type: str  # f64, i64, u64 or bool
    unit: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """The one channel of a role: its signals are its words, in this order."""

    offset: int
    words: int
    depth: int
    signals: tuple[SignalPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """One sealed memfd. `directory` is the text that `layout_hash` covers."""

    role: str
    role_id: int
    size: int
    page_size: int
    layout_hash: int
    directory: str
    channel: ChannelPlan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPlan:
    """An input of a law: where it comes from and its freshness contract."""

    name: str
    role: str
    word: int
    type: str
    unit: str
    low: float | None
    high: float | None
    max_age_ns: int  # 0: no contract (operator values)
    stale: str  # hold, value, ramp or trip
    stale_value: float
    stale_ramp_per_s: float  # towards stale_value, under `ramp`
    trip_after_ns: int  # counted from expiry; 0: never trips by age


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlan:
    """An output of a law and the guard that stands behind it."""

    name: str
    word: int
    unit: str
    low: float
    high: float
    slew_per_s: float  # 0: unlimited
    safe: float
    ramp_per_s: float  # towards `safe`; 0: at once


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlan:
    """A user's C file as `amphost build` compiled it."""

    file: str  # the source, for people
    library: str
    hash: str  # SHA-256 of the library's bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramPlan:
    """A law as `native/include/amp/program.h` runs it: flat lists."""

    instructions: tuple[tuple[int, int, int, int, int, int], ...]
    sources: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: tuple[float, ...]
    state_count: int
    registers: tuple[str, ...]  # the name behind each register, for people
    tunable: tuple[str, ...]  # blocks whose parameters may change while it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPlan:
    """A number of a block as people set it: in the unit of the YAML file."""

    name: str
    unit: str
    low: float
    high: float
    value: float | None  # at the start; None: left out


@dataclass(frozen=True, slots=True, kw_only=True)
class TunableBlock:
    """A block whose numbers may change while its law runs.

    The program's parameters `first`, `first + 1`, ... are made from its numbers; `ranges` holds
    between what each of those may lie.
    """

    name: str
    op: str
    instruction: int
    first: int
    numbers: tuple[NumberPlan, ...]
    ranges: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowPlan:
    """A grid that keeps step with a device's clock instead of the host's."""

    io: str  # the io role that knows the device's clock
    phase_ns: int  # of its releases on the device's clock
    age_most_ns: int  # of an estimate of that clock; with an older one the host's goes on
    bound_most_ns: int  # of the estimate's error


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlan:
    """A control role: `offset_ns` is its release within the grid."""

    period_ns: int
    offset_ns: int
    budget_ns: int
    deadline_ns: int
    blackout_ns: int
    overruns_in_row: int  # so many in a row trip
    overruns_per_s: int  # so many in one second trip
    wait: str  # sleep, hybrid or spin
    margin_most_ns: int  # under `hybrid`: the longest time by the clock before a release
    inputs: tuple[InputPlan, ...]
    outputs: tuple[OutputPlan, ...]
    tick_word: int  # where the channel carries the tick number
    sensed_word: int  # where it carries the sampling time (ns) of its oldest device input
    program: ProgramPlan
    tunables: tuple[TunableBlock, ...]
    commands: str  # the segment that brings changes of these, among `RolePlan.reads`; empty: none
    follow: FollowPlan | None = None  # None: the host's clock
    code: CodePlan | None = None  # a law in C; its program is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPlan:
    """A value the device sends."""

    name: str
    type: str  # on the wire, a key of spec.wire_types.WIRE_TYPES
    scale: float  # of an integer: value = integer * scale; else 1
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptPlan:
    """A value the device accepts: read from `role`, word `word`."""

    name: str
    type: str  # as of a SendPlan
    scale: float
    role: str
    word: int
    unit: str
    low: float
    high: float
    safe: float
    ramp_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterPlan:
    """A number of the firmware that people may set while it runs."""

    name: str
    unit: str
    low: float
    high: float
    initial: float  # at each start of the device
    value: float  # what it is to have: set at the beginning of each session


@dataclass(frozen=True, slots=True, kw_only=True)
class IoPlan:
    """An io role: one device behind one port. `port` is empty for a loopback device."""

    device: str
    port: str
    baud: int
    board: str
    schema: str  # canonical text; its CRC-32 is the schema hash
    schema_hash: int
    places: tuple[tuple[str, str], ...] = ()  # of a signal ("send position") in the board file
    sends: tuple[SendPlan, ...]
    accepts: tuple[AcceptPlan, ...]
    sensed_word: int  # in the channel of the first accept's role; -1: that role has none
    period_ns: int  # F, of the actuation frames
    send_offset_ns: int  # within the grid: the end of control's budget
    state_period_ns: int
    lease_ns: int
    link_lost_ns: int
    tally: str  # the segment that tells about the line, among `RolePlan.writes`
    tap: str  # the one that has its bytes
    said: str  # the one that has what its firmware tells people
    share_bytes: int  # of the device in 100 ms: more isolate it
    share_frames: int  # state frames that come in that time
    parameters: tuple[ParameterPlan, ...]
    commands: str  # the segment that brings changes of these, among `RolePlan.reads`; empty: none
    emulated: bool = False
    follow: FollowPlan | None = None  # None: the host's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingPlan:
    """What the tracking error is measured between."""

    signal_role: str
    signal_word: int
    setpoint_role: str
    setpoint_word: int
    unit: str
    rms_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """A live view by UDP."""

    address: str  # of IPv4 or IPv6, without brackets
    port: int
    rate_hz: float  # samples a second of each role at most
    batch: bool  # many samples a datagram


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryPlan:
    """A telemetry role; it follows every channel of `RolePlan.reads`."""

    directory: str  # absolute; empty: nothing is recorded
    max_bytes: int
    drain_period_ns: int
    flush_period_ns: int
    stream: StreamPlan | None
    tracking: TrackingPlan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlan:
    """All that a role process gets of the plan. One of the plans of a kind is set."""

    system: str
    name: str
    role_id: int
    kind: str
    cores: tuple[int, ...]
    policy: str  # fifo or other
    priority: int  # 1 to 99 under fifo, else 0
    nice: int
    lock_memory: bool
    timer_slack_ns: int
    rttime_us: int  # RLIMIT_RTTIME; 0: none
    heartbeat_ns: int  # the supervisor's bound on this role's heartbeat
    supervisor_ns: int  # this role's bound on the supervisor's heartbeat
    segment: SegmentPlan  # its own, mapped read-write
    reads: tuple[SegmentPlan, ...]  # mapped read-only; the supervisor's is always the first
    control: ControlPlan | None
    io: IoPlan | None
    telemetry: TelemetryPlan | None
    python: PythonPlan | None = None
    exec: ExecPlan | None = None
    writes: tuple[SegmentPlan, ...] = ()  # queues, tallies and taps, mapped read-write too
    fault_class: str = "C"  # how far its faults reach: A, B or C
    restart: str = "always"  # or never
    ready_within_ns: int = 5_000_000_000  # from its start until it says that it is ready
    shares: str = ""  # the io role in whose process it lives; empty: it has one of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPlan:
    """What the simulated sensor of one value adds: noise, by seed, and steps. 0: none."""

    name: str
    seed: int
    noise_rms: float
    resolution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantPlan:
    """The simulated plant of a loopback device."""

    kind: str  # a key of plan.plants.PLANTS, or c
    parameters: tuple[tuple[str, float], ...]
    held: bool = False  # until the device is armed for the first time
    sensors: tuple[SensorPlan, ...] = ()  # of the values sent that are not perfect
    code: CodePlan | None = None  # of kind c


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """A loopback device: its own process and clock, behind a pty."""

    name: str
    board: str
    cores: tuple[int, ...]
    policy: str
    priority: int
    baud: int
    schema: str
    schema_hash: int
    sends: tuple[SendPlan, ...]
    accepts: tuple[AcceptPlan, ...]
    lease_us: int
    state_period_us: int
    skew_ppm: float
    plant: PlantPlan
    parameters: tuple[ParameterPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorPlan:
    """An emulated microcontroller: a process of its own, behind a unix socket."""

    name: str  # of the device
    machine: str
    firmware: CodePlan  # its library is the ELF; no hash: the user's own
    runner: str  # what `amphost build` made for the emulator; empty: nothing
    library: str  # the folder of the device library
    cores: tuple[int, ...]
    state_period_us: int
    policy: str = "other"
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorValue:
    """A value that people set. `profile` holds (seconds, value) points; empty: none."""

    name: str
    unit: str
    low: float
    high: float
    initial: float
    profile: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPlan:
    """The operator's channel, in the supervisor's segment: word n is `values[n]`."""

    period_ns: int
    values: tuple[OperatorValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPlan:
    """A heartbeat that the watchdog thread judges."""

    role: str
    role_id: int
    bound_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorPlan:
    """The supervisor and its watchdog thread."""

    cores: tuple[int, ...]
    policy: str  # of its main thread
    priority: int  # below every role: a busy ordinary process cannot starve its heartbeat
    watchdog_priority: int
    watchdog_period_ns: int
    hold_cpu_dma_latency: bool  # while armed: idle states would make wake-ups late
    stop_safe_ns: int  # from the request to stop to safe outputs
    stop_ns: int  # to the last process gone
    segment: SegmentPlan
    events: SegmentPlan  # what people and faults did to the run: the main thread's channel
    commands: tuple[SegmentPlan, ...]  # a queue for each role with tunables, in their order
    operator: OperatorPlan
    watches: tuple[WatchPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundPlan:
    """One row of timing.md as it came out, for people: what, how long, by which formula, who."""

    subject: str
    bound_ns: int
    formula: str
    enforced_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRow:
    """Time until the output is safe after one single fault."""

    fault: str
    formula: str
    total_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLoad:
    """Share of one direction of one device's line, [0, 1]."""

    device: str
    direction: str  # to_host or to_device
    frame_bytes: int
    frames_per_s: float
    baud: int
    load: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """What folding onto the cores that are there has changed for a role, or for `supervisor`."""

    role: str
    asked: tuple[int, ...]
    got: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A spec resolved on a machine. Printable; running adds nothing to it."""

    system: str
    spec_path: str
    board: str
    arm: str  # on_start or manual
    allow_degraded: bool
    safe_within_ns: int
    floor_ns: int
    floor_reason: str
    supervisor: SupervisorPlan
    roles: tuple[RolePlan, ...]
    devices: tuple[DevicePlan, ...]
    bounds: tuple[BoundPlan, ...]
    chain: tuple[ChainRow, ...]
    line_loads: tuple[LineLoad, ...]
    notes: tuple[str, ...]  # what this machine lacks and what follows
    folded: tuple[FoldPlan, ...] = ()  # not as the spec has it, since cores are missing
    proxies: tuple[ProxyPlan, ...] = ()  # lines that are spoilt on purpose
    emulators: tuple[EmulatorPlan, ...] = ()
    second_cores: tuple[SecondCorePlan, ...] = ()  # of this chip, started by us
