"""The native pump as an io role sets it up and starts it.

Rules. `link.serial_port` opens and locks the port; this module takes the descriptor, fills the
structure once and calls `run`, which comes back when a port is lost. No Python stands on the byte
path.
"""

from __future__ import annotations

from amphost import platform
from amphost._native.amp import ffi, lib
from amphost.clock_watch import clock_ns
from amphost.errors import MailboxError
from amphost.wire_values import describe

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from amphost.blocks import Owner
    from amphost.mailbox import Segment
    from amphost.plan.model import FollowPlan, IoPlan, RolePlan
    from amphost.roles.handover import Run

FOREVER_NS = 2**63 - 1

_ENDS = {
    lib.AMP_PUMP_ENDED: "ended",
    lib.AMP_PUMP_SUPERVISOR_LOST: "supervisor_lost",
    lib.AMP_PUMP_PORT_LOST: "port_lost",
    lib.AMP_PUMP_TIME: "time",
    lib.AMP_PUMP_REFUSED: "refused",
}

SESSION_STATES = {
    lib.AMP_SESSION_DOWN: "down",
    lib.AMP_SESSION_IDENTIFYING: "identifying",
    lib.AMP_SESSION_UP: "up",
    lib.AMP_SESSION_REFUSED: "refused",
}
REFUSALS = {
    lib.AMP_REFUSAL_NONE: "nothing",
    lib.AMP_REFUSAL_PROTOCOL: "the protocol version",
    lib.AMP_REFUSAL_SCHEMA: "the schema hash: signals, types, units or ranges",
    lib.AMP_REFUSAL_BOARD: "the board id",
    lib.AMP_REFUSAL_COUNTS: "the number of values",
    lib.AMP_REFUSAL_LEASE: "the lease: the device's is longer than the plan relies on",
    lib.AMP_REFUSAL_RATE: "the rate of its states",
}
ISOLATIONS = {
    lib.AMP_ISOLATED_BAD_FRAMES: "more than 20 % of its frames in 100 ms were damaged",
    lib.AMP_ISOLATED_BYTES: "it sent more than its share of the line in 100 ms",
    lib.AMP_ISOLATED_BLOCKED: "it took no byte for half of its lease",
}
DICTIONARIES = {
    lib.AMP_DICTIONARY_UNREAD: "unread",
    lib.AMP_DICTIONARY_READING: "reading",
    lib.AMP_DICTIONARY_WHOLE: "whole",
    lib.AMP_DICTIONARY_ABSENT: "absent",
    lib.AMP_DICTIONARY_SILENT: "silent",
    lib.AMP_DICTIONARY_BROKEN: "broken",
}
DEVICE_MODES = {
    lib.AMP_DEVICE_IDLE: "idle",
    lib.AMP_DEVICE_READY: "ready",
    lib.AMP_DEVICE_ARMED: "armed",
    lib.AMP_DEVICE_SAFE: "safe",
}


def session_word(owner: Owner) -> str:
    """Return how a link stands, by the block of its io role."""
    if owner.gauge("isolated"):
        return "isolated"
    return SESSION_STATES.get(owner.gauge("link"), "unknown")


class Pump:
    """The native part of an io role with everything that it needs, ready to run.

    Synchronization: one thread; it is the only writer of its segment and the only user of the port.
    """

    def __init__(
        self,
        role: RolePlan,
        io: IoPlan,
        segments: Mapping[str, Segment],
        run: Run,
        descriptor: int,
    ) -> None:
        own = segments[role.name]
        supervisor = segments["supervisor"]
        source = segments[io.accepts[0].role] if io.accepts else own
        self._segments = segments
        self._board = ffi.new("char[]", io.board.encode())
        self.native = ffi.new("struct amp_pump *")
        self.native.platform = platform.linux_edges()
        self.native.system = supervisor.system().native
        self.native.supervisor = supervisor.owner.native
        self.native.owner = own.owner.native
        self.native.channel = own.native_channel[0]
        self.native.source = source.native_channel[0]
        self.native.role = role.role_id
        self.native.descriptor = descriptor
        self.native.wake_descriptor = -1
        self.native.session_number = (run.nonce + run.epoch) % 0xFFFF + 1
        self.native.sensed_word = io.sensed_word
        for index, accept in enumerate(io.accepts):
            self.native.accept_words[index] = accept.word
        self._set_timing(role, io, run.origin_ns)
        self._set_tally(io, segments, run.epoch)
        if io.follow is not None:
            self._set_follow(io.follow, own)
        self._set_expected(io)
        self._set_parameters(io, segments, run.epoch)
        if lib.amp_pump_init(self.native) < 0:
            raise MailboxError(f"pump of {role.name}: a figure of its plan is out of range")

    @property
    def has_port(self) -> bool:
        """Whether its port is open: a lost one is for the caller to close and to open anew."""
        return bool(self.native.descriptor >= 0)

    def take_refusal(self) -> dict[str, Any] | None:
        """Return who was refused, once, as soon as everything is known of it; None: nobody."""
        if not self.native.refused_news:
            return None
        self.native.refused_news = False
        identity, dictionary = self.native.session.identity, self.native.dictionary
        return {
            "refusal": int(self.native.session.refusal),
            "protocol": f"{identity.major}.{identity.minor}",
            "board": ffi.string(identity.board).decode("ascii", "replace"),
            "counts": [int(identity.sends_count), int(identity.accepts_count)],
            "lease_us": int(identity.lease_us),
            "state_period_us": int(identity.state_period_us),
            "state": DICTIONARIES[dictionary.state],
            "dictionary": ffi.string(dictionary.text).decode("ascii", "replace"),
        }

    def wake_by(self, descriptor: int) -> None:
        """Have a run without its port come back once this descriptor is readable; -1: none."""
        self.native.wake_descriptor = descriptor

    def open(self, descriptor: int, now_ns: int) -> None:
        """Go on with another descriptor: the port was opened anew."""
        self.wake_by(-1)
        lib.amp_pump_open(self.native, descriptor, now_ns)

    def check_open(self) -> None:
        """Raise MailboxError if a segment of it is closed."""
        for segment in self._segments.values():
            segment.check_open()

    def _set_timing(self, role: RolePlan, io: IoPlan, origin_ns: int) -> None:
        timing = self.native.timing
        timing.period_ns = io.period_ns
        timing.origin_ns = origin_ns
        timing.send_offset_ns = io.send_offset_ns
        timing.supervisor_ns = role.supervisor_ns
        timing.lease_ns = io.lease_ns
        timing.clock_ns = clock_ns(io.baud)

    def _set_tally(self, io: IoPlan, segments: Mapping[str, Segment], epoch: int) -> None:
        """Let it tell about its line: a tally once a second, and every byte."""
        tally, tap, said = segments[io.tally], segments[io.tap], segments[io.said]
        for segment in (tally, tap, said):
            segment.attach_writer(epoch)
        self.native.tally.channel = tally.native_channel[0]
        self.native.tally.baud = io.baud
        self.native.tap = tap.native_channel[0]
        self.native.said.channel = said.native_channel[0]

    def _set_follow(self, plan: FollowPlan, own: Segment) -> None:
        """Let the send points follow the device's clock, which this role itself knows."""
        native = self.native.follow
        native.link = own.owner.native
        native.phase_ns = plan.phase_ns
        native.age_most_ns = plan.age_most_ns
        native.bound_most_ns = plan.bound_most_ns

    def _set_parameters(self, io: IoPlan, segments: Mapping[str, Segment], epoch: int) -> None:
        """Hand over what the device's parameters are to be, and the queue that changes them."""
        native = self.native
        native.epoch = epoch
        native.parameter_count = len(io.parameters)
        for index, one in enumerate(io.parameters):
            native.parameters[index] = (one.low, one.high, one.value)
        if io.commands:
            native.commands = segments[io.commands].native_channel[0]

    def _set_expected(self, io: IoPlan) -> None:
        expected = self.native.expected
        expected.board = self._board
        expected.schema_hash = io.schema_hash
        expected.lost_after_us = io.link_lost_ns // 1000
        expected.lease_us_max = io.lease_ns // 1000
        expected.state_period_us = io.state_period_ns // 1000
        expected.sends_count = len(io.sends)
        expected.accepts_count = len(io.accepts)
        self.native.share.bytes = io.share_bytes
        self.native.share.frames = io.share_frames
        describe(self.native.sends, io.sends)
        describe(self.native.accepts, io.accepts)


class Pumps:
    """The native loop of an io process: one device, or several that share it.

    Synchronization: one thread; each pump is the only writer of its segment.
    """

    def __init__(self, pumps: Sequence[Pump]) -> None:
        self._pumps = pumps
        self._natives = ffi.new("struct amp_pump *[]", [pump.native for pump in pumps])

    def run(self, until_ns: int = FOREVER_NS) -> str:
        """Run until the end, or `until_ns`; return `ended`, `supervisor_lost`, `port_lost`, `time`.

        After `port_lost` and `time` another call goes on with the same grid.
        """
        for pump in self._pumps:
            pump.check_open()
        return _ENDS[lib.amp_pump_run(self._natives, len(self._pumps), until_ns)]

    def close(self) -> None:
        """Let go of the descriptors that were watched: their numbers may stand for others soon."""
        platform = self._natives[0].platform
        platform.poll(platform.context, ffi.NULL, 0, 0)
