"""The emulator's process: `python -I -m amphost.link.emulator --plan-fd N`.

Rules. It stands between the supervisor and an emulator, which knows neither lifelines nor status
lines: it binds the socket, starts the emulator with it, and ends with it. An emulator dies with
this process, whatever ends it, and this process when the supervisor lets go of the lifeline. The
firmware boots at once and waits for nobody; its outputs go safe by its own lease. No priority: an
emulator promises no time. What it prints goes to this process's log. Imports stay thin.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # signal itself makes enums: 4 ms
import _socket
import os
import select
import sys

from amphost import lean_json, platform
from amphost.built_code import check_folder
from amphost.errors import AmphostError, MissingPackageError
from amphost.link.emulator_command import PACKAGES, PROGRAMS, emulator_command

TYPE_CHECKING = False  # typing's own costs a process 6 ms
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.model import EmulatorPlan

Namespace = type(sys.implementation)  # types.SimpleNamespace, without the import
FAILED = 1
NOT_STARTED = 127
USAGE = "usage: python -I -m amphost.link.emulator --plan-fd N"


def find_program(machine: str, runner: str) -> str:
    """Return the path of the emulator's program; MissingPackageError names what brings it."""
    if runner:
        check_folder(runner.rpartition("/")[0])
    if machine not in PROGRAMS:
        return runner
    program = PROGRAMS[machine]
    for folder in os.get_exec_path():
        path = f"{folder}/{program}"
        if os.access(path, os.X_OK):
            return path
    raise MissingPackageError(
        f"there is no emulator for {machine}: {program} is not in PATH; install it"
        f" (apt install {PACKAGES[program]})"
    )


def listen(path: str) -> _socket.socket:
    """Bind the socket that stands for the device's port, for this user alone."""
    listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        os.unlink(path)  # noqa: PTH108 - of a predecessor; pathlib costs 10 ms
    except FileNotFoundError:
        pass
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    listening.listen(1)
    return listening


def settle(plan: EmulatorPlan) -> dict[str, object]:
    """Take the plan's cores as far as they are granted; return what Linux says."""
    platform.set_name(plan.name)
    try:
        os.sched_setaffinity(0, plan.cores)
    except OSError:
        pass  # the read-back says so
    return {"cores": sorted(os.sched_getaffinity(0)), "policy": "other", "priority": 0}


def start(program: str, words: list[str], listening: int) -> int:
    """Start the emulator; it dies with this process. Return its pid."""
    parent = os.getpid()
    os.set_inheritable(listening, True)
    pid = os.fork()
    if pid == 0:
        try:
            platform.die_with_parent(signal.SIGKILL)
            if os.getppid() == parent:
                os.execv(program, words)  # noqa: S606 - no shell is wanted
        finally:
            os._exit(NOT_STARTED)
    return pid


def wait(pid: int, lifeline: int, ended: int) -> str:
    """Wait until the emulator, the lifeline or this process is to end; say why."""
    waiting = select.poll()
    emulator = os.pidfd_open(pid)
    for descriptor in (emulator, lifeline, ended):
        waiting.register(descriptor, select.POLLIN)
    ready = {descriptor for descriptor, _ in waiting.poll()}
    os.close(emulator)
    return "" if emulator in ready else "asked to end"


def serve(plan: EmulatorPlan, facts: Any) -> int:
    """Start the emulator, say where its port is, and end with it; return the exit code.

    One that was killed is the supervisor's to start again; one that ends by itself cannot run this
    firmware, and says so.
    """
    program = find_program(plan.machine, plan.runner)
    ended, ask = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(ask, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    listening = listen(facts.socket)
    granted = settle(plan)
    seed = int.from_bytes(os.urandom(8), "little")
    words = emulator_command(
        plan.machine,
        elf=plan.firmware.library,
        listening=listening.fileno(),
        seed=seed,
        runner=plan.runner,
        library=plan.library,
    )
    pid = start(program, words, listening.fileno())
    listening.close()
    tell(facts.status_fd, "ready", port=f"unix://{facts.socket}", granted=granted)
    why = wait(pid, facts.lifeline_fd, ended)
    if why:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if not why and (code >= 0 or code == -signal.SIGABRT):
        raise AmphostError(f"{words[0]} ended by itself: it cannot run this (see {facts.log})")
    return 0 if why else FAILED


def tell(descriptor: int, event: str, **fields: object) -> None:
    """Tell the supervisor, as one line of JSON; a supervisor that is gone is no error here."""
    try:
        os.write(descriptor, (lean_json.dumps({"event": event, **fields}) + "\n").encode())
    except OSError:
        return


def main(arguments: list[str]) -> int:
    """Read the handover and be the device; return the exit code."""
    if len(arguments) != 2 or arguments[0] != "--plan-fd" or not arguments[1].isdigit():
        sys.stderr.write(f"{USAGE}\n")
        return 2
    with os.fdopen(int(arguments[1]), "rb") as stream:
        handover = lean_json.loads(stream.read(), lambda fields: Namespace(**fields))
    try:
        return serve(handover.device, handover.run)
    except (AmphostError, OSError) as error:
        code = error.exit_code if isinstance(error, AmphostError) else FAILED
        tell(handover.run.status_fd, "failed", error=str(error), exit=code)
        sys.stderr.write(f"{error}\n")
        return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
