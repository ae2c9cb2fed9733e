"""The process that keeps a second core: `python -I -m amphost.link.second_core --plan-fd N`.

Rules. It stands between the supervisor and remoteproc: loads the firmware and starts the core, says
where its port is once that is there, watches its state, and stops it when the supervisor lets go of
the lifeline, which it does after the outputs are safe. A crash ends this process; its successor
brings the core back. A core that runs another firmware is somebody else's: it is left alone and the
start refused. No priority: nothing here has a period.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # signal itself makes enums: 4 ms
import os
import select
import sys
import time

from amphost import lean_json, platform
from amphost.errors import AmphostError, HardwareMissingError
from amphost.link.remoteproc import ATTACHED, CRASHED, OFFLINE, RUNNING, RemoteCore
from amphost.port_address import is_tty, is_usb, settings_of

TYPE_CHECKING = False  # typing's own costs a process 6 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from amphost.plan.model import SecondCorePlan

Namespace = type(sys.implementation)  # types.SimpleNamespace, without the import
LOOK_MS = 50
CHANGE_S = 5.0  # for a state to be reached, and for the firmware to announce its tty
SETTLE_S = 0.2  # for whoever has the old tty open to let go of its name
FAILED = 1
USAGE = "usage: python -I -m amphost.link.second_core --plan-fd N"


class CrashedError(AmphostError):
    """The second core has crashed."""


def bring_up(core: RemoteCore, firmware: str) -> None:
    """Have the core run `firmware` from its beginning, whatever it did before."""
    state = core.state()
    if state == CRASHED:
        core.recover()
        _until(core, lambda now: now != CRASHED, "leave its crash")
        state = core.state()
    if state in (RUNNING, ATTACHED):
        _refuse_a_foreign_one(core, state, firmware)
        core.stop()
        _until(core, lambda now: now == OFFLINE, "stop")
        time.sleep(SETTLE_S)
    core.choose(firmware)
    core.leave_crashes_to_us()
    core.start()
    _until(core, lambda now: now == RUNNING, "start")


def _refuse_a_foreign_one(core: RemoteCore, state: str, firmware: str) -> None:
    running = core.firmware()
    if state == ATTACHED or running != firmware:
        what = "what the boot loader gave it" if state == ATTACHED else running
        raise AmphostError(
            f"the second core {core.name} runs {what}, not {firmware}; if nothing needs that, stop "
            "it first (`echo stop` into its state file)"
        )


def _until(core: RemoteCore, reached: Callable[[str], bool], what: str) -> None:
    deadline_s = time.monotonic() + CHANGE_S
    while not reached(core.state()):
        if time.monotonic() > deadline_s:
            raise AmphostError(
                f"the second core {core.name} did not {what} within {CHANGE_S:g} s: it is "
                f"{core.state()}; `dmesg | grep remoteproc` says why"
            )
        time.sleep(0.01)


def wait_for_port(core: RemoteCore, address: str) -> None:
    """Wait until the firmware has announced its tty."""
    name = settings_of(address)[0]
    deadline_s = time.monotonic() + CHANGE_S
    while is_tty(name) and not is_usb(name) and not os.path.exists(name):  # noqa: PTH110
        if core.state() == CRASHED:
            raise CrashedError("the second core crashed before it had a port")
        if time.monotonic() > deadline_s:
            lack = f"{name}: {core.name} runs, and after {CHANGE_S:g} s there is no such port"
            remedy = "its firmware must announce the channel `rpmsg-tty`, Linux needs rpmsg_tty"
            raise HardwareMissingError([f"{lack}; {remedy}"])
        time.sleep(0.01)


def watch(core: RemoteCore, lifeline: int, ended: int) -> None:
    """Come back when the core is to stop; CrashedError when it has crashed or was stopped."""
    waiting = select.poll()
    for descriptor in (lifeline, ended):
        waiting.register(descriptor, select.POLLIN)
    while not waiting.poll(LOOK_MS):
        state = core.state()
        if state != RUNNING:
            how = "crashed" if state == CRASHED else f"was taken away: it is {state}"
            raise CrashedError(f"the second core {core.name} {how}")


def serve(plan: SecondCorePlan, facts: Any) -> None:
    """Keep the core from its start to its stop."""
    ended, ask = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(ask, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    platform.set_name(plan.name)
    core = RemoteCore(plan.remoteproc, facts.root)
    bring_up(core, plan.firmware)
    wait_for_port(core, plan.port)
    granted = {"cores": sorted(os.sched_getaffinity(0)), "policy": "other", "priority": 0}
    tell(facts.status_fd, "ready", port=plan.port, granted=granted)
    watch(core, facts.lifeline_fd, ended)
    core.stop()
    _until(core, lambda now: now == OFFLINE, "stop")


def tell(descriptor: int, event: str, **fields: object) -> None:
    """Tell the supervisor, as one line of JSON; a supervisor that is gone is no error here."""
    try:
        os.write(descriptor, (lean_json.dumps({"event": event, **fields}) + "\n").encode())
    except OSError:
        return


def main(arguments: list[str]) -> int:
    """Read the handover and keep the core; return the exit code."""
    if len(arguments) != 2 or arguments[0] != "--plan-fd" or not arguments[1].isdigit():
        sys.stderr.write(f"{USAGE}\n")
        return 2
    with os.fdopen(int(arguments[1]), "rb") as stream:
        handover = lean_json.loads(stream.read(), lambda fields: Namespace(**fields))
    try:
        serve(handover.device, handover.run)
    except CrashedError as error:
        tell(handover.run.status_fd, "crashed", error=str(error))
        sys.stderr.write(f"{error}\n")
        return FAILED
    except AmphostError as error:
        tell(handover.run.status_fd, "failed", error=str(error), exit=error.exit_code)
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
