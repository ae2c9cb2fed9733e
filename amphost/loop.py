"""The native loop as a control role sets it up and starts it.

Rules. Python fills the structures once and calls `run` once; between that call and its return no
Python runs on the tick path. All memory is allocated here, before arming.
"""

from __future__ import annotations

import math

from amphost import platform
from amphost._native.amp import ffi, lib
from amphost.errors import MailboxError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.mailbox import Segment
    from amphost.plan.model import (
        CodePlan,
        ControlPlan,
        FollowPlan,
        InputPlan,
        OutputPlan,
        ProgramPlan,
        RolePlan,
    )
    from amphost.user_library import UserLibrary

_TYPES = {
    "f64": lib.AMP_TYPE_F64,
    "i64": lib.AMP_TYPE_I64,
    "u64": lib.AMP_TYPE_U64,
    "bool": lib.AMP_TYPE_BOOL,
}
_WAIT = {
    "sleep": lib.AMP_PACE_SLEEP,
    "hybrid": lib.AMP_PACE_HYBRID,
    "spin": lib.AMP_PACE_SPIN,
}
_STALE = {
    "hold": lib.AMP_STALE_HOLD,
    "value": lib.AMP_STALE_VALUE,
    "ramp": lib.AMP_STALE_RAMP,
    "trip": lib.AMP_STALE_TRIP,
}


def load_program(plan: ProgramPlan) -> ffi.CData:
    """Return a checked `struct amp_program` holding the compiled law."""
    program = ffi.new("struct amp_program *")
    program.output_count = len(plan.outputs)
    program.instruction_count = len(plan.instructions)
    program.source_count = len(plan.sources)
    program.parameter_count = len(plan.parameters)
    program.state_count = plan.state_count
    program.input_count = len(plan.registers) - len(plan.instructions)
    for index, fields in enumerate(plan.instructions):
        program.instructions[index] = tuple(fields)
    program.sources[0 : len(plan.sources)] = list(plan.sources)
    program.outputs[0 : len(plan.outputs)] = list(plan.outputs)
    program.parameters[0 : len(plan.parameters)] = list(plan.parameters)
    at = ffi.new("uint32_t *")
    if lib.amp_program_check(program, at) < 0:
        raise MailboxError(f"the law's program is refused at instruction {at[0]}")
    return program


def _load_library(control: ControlPlan, code: CodePlan) -> UserLibrary:
    from amphost.user_library import UserLibrary  # hashlib is for this alone

    inputs = [one.name for one in control.inputs]
    return UserLibrary(code, "law", inputs, [one.name for one in control.outputs])


class Loop:
    """A control role's native loop with everything that it needs, ready to run.

    Synchronization: one thread; it is the only writer of its segment.
    """

    def __init__(
        self,
        role: RolePlan,
        control: ControlPlan,
        segments: Mapping[str, Segment],
        origin_ns: int,
        *,
        epoch: int = 1,
    ) -> None:
        own = segments[role.name]
        self._library: UserLibrary | None = None
        self._segments = segments
        self.native = ffi.new("struct amp_loop *")
        supervisor = segments["supervisor"]
        self.native.platform = platform.linux()
        self.native.system = supervisor.system().native
        self.native.supervisor = supervisor.owner.native
        self.native.owner = own.owner.native
        self.native.channel = own.native_channel[0]
        self.native.role = role.role_id
        self.native.tick_word = control.tick_word
        self.native.sensed_word = control.sensed_word
        self._set_timing(role, control, origin_ns)
        if control.follow is not None:
            self._set_follow(control.follow)
        self._set_inputs(control.inputs)
        for index, output in enumerate(control.outputs):
            self._set_output(self.native.outputs[index], output)
        self.native.output_count = len(control.outputs)
        law = ffi.addressof(self.native, "law")
        if control.code is None:
            self._program = load_program(control.program)
            lib.amp_program_bind(self._program, law)
        else:
            self._library = _load_library(control, control.code)
            lib.amp_user_library_bind(self._library.native, self._library.state, law)
        if control.commands:
            self._tuning = self._open_tuning(own, control, epoch)
            self.native.tuning = self._tuning
        if lib.amp_loop_init(self.native) < 0:
            raise MailboxError(f"loop of {role.name}: a figure of its plan is out of range")

    def _open_tuning(self, own: Segment, control: ControlPlan, epoch: int) -> ffi.CData:
        """Open the queue that brings new parameters to the law."""
        tuning = ffi.new("struct amp_tuning *")
        for block in control.tunables:
            for place, (low, high) in enumerate(block.ranges):
                tunable = tuning.tunables[tuning.tunable_count]
                tunable.parameter, tunable.instruction = block.first + place, block.instruction
                tunable.low, tunable.high = low, high
                tuning.tunable_count += 1
        commands = self._segments[control.commands].native_channel
        owner = own.owner.native
        if lib.amp_tuning_init(tuning, self._program, owner, commands, epoch) < 0:
            raise MailboxError(f"{control.commands}: it is not the queue of that law")
        return tuning

    def own_code(self) -> ffi.CData:
        """Return an address in a user's library, for who touches its pages; NULL: there is none."""
        return ffi.NULL if self._library is None else self._library.native.law

    def calibrate(self) -> None:
        """Measure how late this process wakes: 25 ms, once it is settled and before it is ready."""
        pace = ffi.addressof(self.native, "pace")
        lib.amp_pace_calibrate(pace, self.native.platform)

    def run(self) -> str:
        """Run until the end; return `ended` or `supervisor_lost`. No Python runs meanwhile."""
        for segment in self._segments.values():
            segment.check_open()
        end = lib.amp_loop_run(self.native)
        return "ended" if end == lib.AMP_LOOP_ENDED else "supervisor_lost"

    def _set_timing(self, role: RolePlan, control: ControlPlan, origin_ns: int) -> None:
        timing = self.native.timing
        timing.period_ns = control.period_ns
        timing.origin_ns = origin_ns
        timing.offset_ns = control.offset_ns
        timing.budget_ns = control.budget_ns
        timing.deadline_ns = control.deadline_ns
        timing.blackout_ns = control.blackout_ns
        timing.supervisor_ns = role.supervisor_ns
        timing.overruns_in_row = control.overruns_in_row
        timing.overruns_per_s = control.overruns_per_s
        self.native.pace.kind = _WAIT[control.wait]
        self.native.pace.margin_most_ns = control.margin_most_ns

    def _set_follow(self, plan: FollowPlan) -> None:
        """Let the grid follow the device's clock, as the owner block of its io role tells it."""
        native = self.native.follow
        native.link = self._segments[plan.io].owner.native
        native.phase_ns = plan.phase_ns
        native.age_most_ns = plan.age_most_ns
        native.bound_most_ns = plan.bound_most_ns

    def _set_inputs(self, inputs: tuple[InputPlan, ...]) -> None:
        sources: dict[str, int] = {}
        for index, plan in enumerate(inputs):
            if plan.role not in sources:
                sources[plan.role] = len(sources)
                channel = self._segments[plan.role].native_channel[0]
                self.native.sources[sources[plan.role]].channel = channel
            self._set_input(self.native.inputs[index], plan, sources[plan.role])
        self.native.source_count = len(sources)
        self.native.input_count = len(inputs)

    @staticmethod
    def _set_input(native: ffi.CData, plan: InputPlan, source: int) -> None:
        native.source = source
        native.word = plan.word
        native.type = _TYPES[plan.type]
        native.stale = _STALE[plan.stale]
        native.low = -math.inf if plan.low is None else plan.low
        native.high = math.inf if plan.high is None else plan.high
        native.stale_value = plan.stale_value
        native.stale_ramp_per_s = plan.stale_ramp_per_s
        native.max_age_ns = plan.max_age_ns
        native.trip_after_ns = plan.trip_after_ns

    @staticmethod
    def _set_output(native: ffi.CData, plan: OutputPlan) -> None:
        native.word = plan.word
        native.low = plan.low
        native.high = plan.high
        native.slew_per_s = plan.slew_per_s
        native.safe = plan.safe
        native.ramp_per_s = plan.ramp_per_s
