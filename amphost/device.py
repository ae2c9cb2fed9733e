"""The native link as Python holds it: the loopback device, and a host's end of a session.

Rules. Python fills the structures once; bytes, clocks and plant are the C library's. `Twin.run`
returns only so that signals and the journal are served. `Session` moves no bytes by itself: what
comes and goes are arguments and results. Of values that a board declares, the twin's plant has
those of `plan.plants`, or is a C file of the user's own; anything else is refused before it boots.
"""

from __future__ import annotations

from amphost import platform
from amphost._native.amp import ffi, lib
from amphost.errors import LocalLinkError
from amphost.plan.plants import PLANTS, offers
from amphost.wire_values import decoded, described, encoded

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence

    from amphost.plan.model import AcceptPlan, CodePlan, DevicePlan, SendPlan
    from amphost.plan.plants import Plant
    from amphost.user_library import UserLibrary

LINE_COUNTERS = (
    *("frames_in", "bad_cobs", "bad_length", "bad_crc", "sequence_gaps", "repeated", "foreign"),
    *("unexpected", "handshakes"),
)
DEVICE_COUNTERS = ("applied", "refused_values", "refused_mode", "leases_ended")
STEP_US_LEAST = 50  # AMP_TWIN_STEP_US_MIN
STEP_US = 250
STEP_US_MOST = 1000
STEPS_PER_STATE = 20
NEVER = 2**64 - 1


def step_us(state_period_us: int) -> int:
    """Return how long the device's loop lets pass at a time: 250 us, up to 1 ms for a slow one.

    Sixteen devices that wake every 250 us would take a core; one that sends at 50 Hz need not. One
    that sends more often than every 250 us wakes as often as it sends.
    """
    step = min(max(state_period_us // STEPS_PER_STATE, STEP_US), STEP_US_MOST)
    return max(min(step, state_period_us), STEP_US_LEAST)


def _names(enum: str, prefix: str) -> dict[int, str]:
    """Map the numbers of a native enum to their short lower-case names."""
    members = ffi.typeof(enum).relements
    return {
        number: name.removeprefix(prefix).lower()
        for name, number in members.items()
        if not name.endswith("_COUNT")
    }


EVENT_KINDS = _names("enum amp_twin_event_kind", "AMP_TWIN_")
MODES = _names("enum amp_device_mode", "AMP_DEVICE_")
REASONS = _names("enum amp_device_reason", "AMP_REASON_")
SESSION_STATES = _names("enum amp_session_state", "AMP_SESSION_")
REFUSALS = _names("enum amp_refusal", "AMP_REFUSAL_")
SESSION_EVENTS = _names("enum amp_session_event_kind", "AMP_ON_")
VERBS = {name: number for number, name in _names("enum amp_verb", "AMP_VERB_").items()}
RESETS = _names("enum amp_reset_cause", "AMP_RESET_")
RESULTS = _names("enum amp_result", "AMP_RESULT_")


class TwinEvent:
    """What happened to the device, on its own clock: never before its cause.

    `kind` is one of EVENT_KINDS. `since_applied_us` is None where no actuation was ever applied;
    `late_us` is the latest wake-up of the device's loop since the event before.

    Synchronization: none required; nobody changes it.
    """

    __slots__ = ("argument", "host_ns", "kind", "late_us", "since_applied_us", "t_us")

    def __init__(
        self,
        kind: str,
        t_us: int,
        since_applied_us: int | None,
        argument: int,
        late_us: int,
        host_ns: int,
    ) -> None:
        self.kind = kind
        self.t_us = t_us
        self.since_applied_us = since_applied_us
        self.argument = argument
        self.late_us = late_us
        self.host_ns = host_ns


class Heard:
    """What a session's end reports: one of `SESSION_EVENTS`.

    `result` is that of an acknowledged command, `state` the struct amp_wire_state of a STATE.

    Synchronization: none required; nobody changes it.
    """

    __slots__ = ("kind", "refusal", "result", "state", "values", "verb")

    def __init__(
        self,
        kind: str,
        verb: int = 0,
        result: str = "",
        refusal: str = "",
        state: ffi.CData | None = None,
        values: tuple[float, ...] = (),
    ) -> None:
        self.kind = kind
        self.verb = verb
        self.result = result
        self.refusal = refusal
        self.state = state
        self.values = values


class Twin:
    """The loopback device: its C code, its clock and its plant, behind a descriptor.

    Synchronization: one thread.
    """

    def __init__(
        self,
        plan: DevicePlan,
        *,
        descriptor: int,
        wake_descriptor: int,
        mark_byte: int,
        boot_nonce: int,
        firmware: Sequence[int],
        reset_cause: str = "power",
    ) -> None:
        self._board = ffi.new("char[]", plan.board.encode())
        self.native = ffi.new("struct amp_twin *")
        self._event = ffi.new("struct amp_twin_event *")
        config = ffi.new("struct amp_twin_config *")
        config.device.board = self._board
        config.device.firmware = list(firmware)
        config.device.boot_nonce = boot_nonce
        config.descriptor = descriptor
        config.wake_descriptor = wake_descriptor
        config.mark_byte = mark_byte
        config.step_us = step_us(plan.state_period_us)
        config.skew_ppm = plan.skew_ppm
        causes = {name: number for number, name in RESETS.items()}
        config.device.reset_cause = causes[reset_cause]
        _set_device(config.device, plan)
        if plan.plant.code is None:
            _set_values(config, plan)
            _set_plant(config.plant, plan)
        else:
            self._user = _set_user(config, plan, plan.plant.code)
        self._tables = _set_tables(config.device, plan)
        _set_sensors(config, plan)
        config.held = plan.plant.held
        if lib.amp_twin_init(self.native, config, platform.linux_unpolled()) < 0:
            raise LocalLinkError(f"device {plan.name}: a value of its plan is out of range")

    def run(self, until_ns: int) -> bool:
        """Run until `until_ns`, CLOCK_MONOTONIC; return whether a wake-up ended it earlier."""
        return bool(lib.amp_twin_run(self.native, until_ns) == lib.AMP_TWIN_WOKEN)

    def drain(self) -> list[TwinEvent]:
        """Return what has happened since the last call, oldest first."""
        events = []
        event = self._event
        while lib.amp_twin_drain(self.native, event):
            since_us = None if event.since_applied_us == NEVER else event.since_applied_us
            events.append(
                TwinEvent(
                    EVENT_KINDS[event.kind],
                    event.t_us,
                    since_us,
                    event.argument,
                    event.late_us,
                    event.host_ns,
                )
            )
        return events

    def is_safe(self) -> bool:
        """Return whether it is not armed and every output stands at its safe value."""
        device = self.native.device
        return device.mode != lib.AMP_DEVICE_ARMED and bool(device.at_safe)

    def clock_us(self, host_ns: int) -> int:
        """Return the device's clock at `host_ns`."""
        return int(lib.amp_twin_clock(self.native, host_ns))

    def counters(self) -> dict[str, int]:
        """Return what its loop counted about itself."""
        counters = self.native.counters
        return {name: int(getattr(counters, name)) for name in dir(counters)}

    def line_counters(self) -> dict[str, int]:
        """Return what the device's own end of the session, and the device, counted of its line."""
        device = self.native.device
        line = {name: int(getattr(device.session.counters, name)) for name in LINE_COUNTERS}
        return line | {name: int(getattr(device.counters, name)) for name in DEVICE_COUNTERS}


def _set_device(native: ffi.CData, plan: DevicePlan) -> None:
    native.schema_hash = plan.schema_hash
    native.baud = plan.baud
    native.lease_us = plan.lease_us
    native.state_period_us = plan.state_period_us


def _set_values(config: ffi.CData, plan: DevicePlan) -> None:
    """Say which of the plant's quantities each value is, and which value drives it."""
    _check_count(plan)
    plant = _plant_of(plan)
    senses = list(plant.senses)
    for index, sent in enumerate(plan.sends):
        if plant.senses.get(sent.name, "?") not in ("", sent.unit):
            raise LocalLinkError(
                f"device {plan.name}: its plant has no {sent.name} in {sent.unit}; "
                f"it has {offers(plant.senses)}"
            )
        config.sends[index] = senses.index(sent.name)
    drive, unit = plant.drive
    driven = [one.name == drive and unit in ("", one.unit) for one in plan.accepts]
    if True not in driven:
        raise LocalLinkError(
            f"device {plan.name}: nothing drives its plant; accept {offers({drive: unit})}"
        )
    config.drive = driven.index(True)


def _check_count(plan: DevicePlan) -> None:
    most = lib.AMP_DEVICE_VALUES_MAX
    if max(len(plan.sends), len(plan.accepts)) > most:
        raise LocalLinkError(f"device {plan.name}: it has more than {most} values one way")


def _set_user(config: ffi.CData, plan: DevicePlan, code: CodePlan) -> UserLibrary:
    """Load a plant of the user's own; what is returned outlives the twin."""
    from amphost.user_library import UserLibrary  # hashlib is for this alone

    _check_count(plan)
    accepts = [one.name for one in plan.accepts]
    library = UserLibrary(code, "plant", accepts, [one.name for one in plan.sends])
    config.user = library.native.plant
    config.user_state = library.state
    return library


def _set_tables(device: ffi.CData, plan: DevicePlan) -> tuple[ffi.CData, ...]:
    """Describe the values and the dictionary; what is returned outlives the device."""
    sends, accepts = described(plan.sends), described(plan.accepts)
    text = plan.schema.encode()
    dictionary = ffi.new("char[]", text)
    device.sends_count = len(plan.sends)
    device.accepts_count = len(plan.accepts)
    device.sends = sends
    device.accepts = accepts
    if text:
        device.dictionary = dictionary
        device.dictionary_size = len(text)
    rows = [(one.low, one.high, one.initial) for one in plan.parameters]
    parameters = ffi.new("struct amp_device_parameter[]", rows)
    device.parameters_count = len(rows)
    device.parameters = parameters
    return sends, accepts, dictionary, parameters


def _plant_of(plan: DevicePlan) -> Plant:
    kind = plan.plant.kind
    plant = PLANTS.get(kind)
    if plant is None:
        raise LocalLinkError(
            f"device {plan.name}: there is no plant {kind}; use {', '.join(PLANTS)}"
        )
    return plant


def _set_plant(native: ffi.CData, plan: DevicePlan) -> None:
    plant = _plant_of(plan)
    given = dict(plan.plant.parameters)
    if set(given) != set(plant.parameters):
        names = ", ".join(plant.parameters)
        raise LocalLinkError(f"device {plan.name}: a {plan.plant.kind} has the numbers {names}")
    native.kind = plant.number
    native.parameters = [given[name] for name in plant.parameters]


def _set_sensors(config: ffi.CData, plan: DevicePlan) -> None:
    names = [one.name for one in plan.sends]
    for sensor in plan.plant.sensors:
        native = config.sensors[names.index(sensor.name)]
        native.seed = sensor.seed
        native.noise_rms = sensor.noise_rms
        native.resolution = sensor.resolution


class Session:
    """A host's end of a session, for whoever talks to a device without a pump.

    Sans-I/O: bytes and times are arguments and results, in microseconds of any one clock.

    Synchronization: none; one caller.
    """

    def __init__(
        self,
        *,
        board: str,
        schema_hash: int,
        sends: Sequence[SendPlan],
        accepts: Sequence[AcceptPlan],
        number: int,
        now_us: int,
        lost_after_us: int = 50_000,
    ) -> None:
        self._board = ffi.new("char[]", board.encode())
        expected = ffi.new("struct amp_session_host *")
        expected.board = self._board
        expected.schema_hash = schema_hash
        expected.lost_after_us = lost_after_us
        expected.sends_count = len(sends)
        expected.accepts_count = len(accepts)
        self._sends = described(sends)
        self._sends_count = len(sends)
        self._accepts = described(accepts)
        self._wire = ffi.new("uint8_t[]", lib.AMP_FRAME_WIRE_MAX)
        self._event = ffi.new("struct amp_session_event *")
        self.native = ffi.new("struct amp_session *")
        lib.amp_session_host_init(self.native, expected, number, now_us)

    def is_up(self) -> bool:
        """Return whether the session stands."""
        return bool(self.native.state == lib.AMP_SESSION_UP)

    def receive(self, line: bytes, now_us: int) -> list[Heard]:
        """Take what came from the line, and look at the clock; return what follows."""
        heard = []
        unread = ffi.from_buffer(line)
        used = 0
        while used < len(line):
            rest = len(line) - used
            used += lib.amp_session_receive(self.native, unread + used, rest, now_us, self._event)
            heard += self._report()
        while lib.amp_session_poll(self.native, now_us, self._event):
            heard += self._report()
        return heard

    def pending(self, now_us: int) -> bytes:
        """Return the frames that the session itself has to send now."""
        frames = b""
        room = lib.AMP_FRAME_WIRE_MAX
        while size := lib.amp_session_pending(self.native, now_us, self._wire, room):
            frames += ffi.buffer(self._wire, size)[:]
        return frames

    def actuate(self, values: Sequence[float], answers_us: int) -> bytes:
        """Return the frame of an actuation; empty unless the session stands."""
        head = ffi.new("uint8_t[]", lib.AMP_ACTUATE_SIZE)
        actuate = ffi.new("struct amp_wire_actuate *", {"answers_us": answers_us % 2**32})
        lib.amp_wire_actuate_encode(actuate, head)
        behind = encoded(self._accepts, values)
        if behind is None:
            raise LocalLinkError("a bool is neither 0 nor 1")
        payload = bytes(ffi.buffer(head)) + behind
        size = lib.amp_session_send(
            self.native,
            lib.AMP_FRAME_ACTUATE,
            payload,
            len(payload),
            self._wire,
            lib.AMP_FRAME_WIRE_MAX,
        )
        return bytes(ffi.buffer(self._wire, size))

    def command(self, verb: str, now_us: int, ttl_ms: int = 100) -> int:
        """Ask for one of `VERBS`; return the command's id, 0 when it was refused."""
        return int(lib.amp_session_command(self.native, VERBS[verb], 0, ttl_ms, now_us))

    def set_parameter(self, index: int, value: float, now_us: int, ttl_ms: int = 100) -> int:
        """Set a parameter of the device; return the command's id, 0 when it was refused."""
        return int(lib.amp_session_set(self.native, index, value, ttl_ms, now_us))

    def boot(self) -> tuple[int, str]:
        """Return the boot nonce and the cause of the reset, as the device last said them."""
        identity = self.native.identity
        return int(identity.boot_nonce), RESETS[identity.reset_cause]

    def restart(self, number: int, now_us: int) -> None:
        """Begin again under another number."""
        lib.amp_session_restart(self.native, number, now_us)

    def _report(self) -> list[Heard]:
        event = self._event
        kind = SESSION_EVENTS[event.kind]
        if kind == "nothing":
            return []
        if kind == "message":
            return self._message(event.frame)
        return [Heard(kind, event.verb, RESULTS[event.result], REFUSALS[event.refusal])]

    def _message(self, frame: ffi.CData) -> list[Heard]:
        if frame.type != lib.AMP_FRAME_STATE:
            return []
        state = ffi.new("struct amp_wire_state *")
        if not lib.amp_wire_state_decode(frame.payload, frame.length, state):
            return []
        size = frame.length - lib.AMP_STATE_SIZE
        values = decoded(self._sends, self._sends_count, frame.payload + lib.AMP_STATE_SIZE, size)
        return [] if values is None else [Heard("state", state=state, values=tuple(values))]
