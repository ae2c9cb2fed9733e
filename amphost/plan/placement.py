"""Where everything runs: cores, priorities, and the floor that follows from them.

Rules. Pure. The spec names the core of each role; the plan adds the supervisor, its watchdog
thread and the loopback devices. The supervisor takes the core the spec gives it, else the lowest
one of this process's affinity mask that no control role uses. A loopback device stays beside it,
never on a control role's core unless there is no other, and just above its io role, so that it
keeps its own time. The watchdog thread stands above every role and device of its core: a role that
never sleeps cannot hide behind a priority.

Every wish that the machine cannot fulfil is a finding; the placement itself always comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amphost import timing
from amphost.machine import Machine
from amphost.plan.wiring import device_of
from amphost.port_address import is_tty, is_usb, shown
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole, IoRole, RoleSpec
from amphost.spec.program_roles import WorkerRole, cores_of

PRIORITY_MAX = 99
PAGE_SIZE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem of a spec on a machine; `hardware` when something it names is not there.

    Synchronization: none required; immutable.
    """

    text: str
    hardware: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What the machine adds to a spec: everything that `resolve` needs of it.

    Synchronization: none required; immutable.
    """

    page_size: int
    floor_ns: int
    floor_reason: str
    supervisor_core: int
    watchdog_priority: int
    device_cores: Mapping[str, int]  # io role -> core of its loopback device
    device_priorities: Mapping[str, int]
    emulator_cores: tuple[int, ...] = ()  # wherever Linux may put what needs no core of its own


def place(loaded: LoadedSpec, machine: Machine) -> Placement:
    """Decide every core and priority that the spec leaves open."""
    spec = loaded.spec
    control = {role.core for role in spec.roles.values() if isinstance(role, ControlRole)}
    supervisor = spec.supervisor.core if spec.supervisor else _free_core(machine, control)
    beside = supervisor if supervisor not in control else _free_core(machine, control)
    loopback = {
        name: role
        for name, role in spec.roles.items()
        if isinstance(role, IoRole) and device_of(loaded, role).loopback is not None
    }
    priorities = {name: min(_priority(role) + 1, PRIORITY_MAX) for name, role in loopback.items()}
    cores = dict.fromkeys(loopback, beside)
    rivals = [_priority(role) for role in spec.roles.values() if supervisor in cores_of(role)]
    rivals += [priorities[name] for name, core in cores.items() if core == supervisor]
    floor_ns, reason = floor(loaded, machine)
    return Placement(
        page_size=machine.page_size or PAGE_SIZE,
        floor_ns=floor_ns,
        floor_reason=reason,
        supervisor_core=supervisor,
        watchdog_priority=min(max(rivals, default=0) + 1, PRIORITY_MAX),
        device_cores=cores,
        device_priorities=priorities,
        emulator_cores=tuple(core for core in machine.usable if core not in machine.isolated),
    )


def floor(loaded: LoadedSpec, machine: Machine) -> tuple[int, str]:
    """Return the least bound that holds here, and why."""
    roles = loaded.spec.roles
    shared = [
        f"{name} on core {role.core}"
        for name, role in roles.items()
        if isinstance(role, ControlRole) and role.core not in machine.isolated
    ]
    controlled = any(isinstance(role, ControlRole) for role in roles.values())
    preempt_rt = machine.preempt_rt is True
    isolated = controlled and not shared
    lacks = [] if preempt_rt else ["no PREEMPT_RT"]
    lacks += [f"not isolated: {', '.join(shared)}"] if shared else []
    reason = "; ".join(lacks) if lacks else "PREEMPT_RT, and control on an isolated core"
    if not controlled and preempt_rt:
        reason = "no control role"
    return timing.floor_ns(preempt_rt=preempt_rt, isolated=isolated), reason


def findings(loaded: LoadedSpec, machine: Machine) -> list[Finding]:
    """Return what the machine lacks: cores, ports, room above a priority."""
    found: list[Finding] = []
    for name, role in loaded.spec.roles.items():
        if getattr(role, "shares", None):
            continue  # its core is another's
        path: tuple[str, ...] = ("roles", name, "core" if role.core is not None else "cores")
        if isinstance(role, WorkerRole):
            path = ("roles", role.producer, "workers", "cores")
        for core in cores_of(role):
            found += _core_finding(loaded, machine, path, core)
    if loaded.spec.supervisor:
        path = ("supervisor", "core")
        found += _core_finding(loaded, machine, path, loaded.spec.supervisor.core)
    for device in dict.fromkeys(
        role.device for role in loaded.spec.roles.values() if isinstance(role, IoRole)
    ):
        found += _port_finding(loaded, machine, device)
    placement = place(loaded, machine)
    for name, role in loaded.spec.roles.items():
        if getattr(role, "shares", None):
            continue
        found += _priority_finding(loaded, placement, name, role)
    return found


def ports(loaded: LoadedSpec) -> tuple[str, ...]:
    """Return the ttys that a spec needs: `machine.read_machine` looks for them."""
    roles = loaded.spec.roles.values()
    devices = (device_of(loaded, role) for role in roles if isinstance(role, IoRole))
    addresses = (device.address for device in devices if device.address and not device.remoteproc)
    return tuple(dict.fromkeys(address for address in addresses if is_tty(address)))


def core_list(cores: Sequence[int]) -> str:
    """Write cores as Linux does: `0-3, 6`."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][-1] + 1:
            runs[-1].append(core)
        else:
            runs.append([core])
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def cores_text(machine: Machine) -> str:
    """Say which cores a machine has."""
    if not machine.online:
        return "cores unknown"
    noun = "core" if len(machine.online) == 1 else "cores"
    numbers = ", ".join(str(core) for core in machine.isolated)
    isolated = f" (isolated: {numbers})" if numbers else ""
    return f"{noun} {core_list(machine.online)}{isolated}"


def _free_core(machine: Machine, control: set[int]) -> int:
    """Return the lowest core that no control role uses; any, where they use them all."""
    for cores in (machine.allowed, machine.usable):
        for core in cores:
            if core in machine.usable and core not in control:
                return core
    return min(machine.usable or machine.online, default=0)


def _priority(role: RoleSpec) -> int:
    return getattr(role, "priority", None) or 0


def _core_finding(
    loaded: LoadedSpec, machine: Machine, path: tuple[str, ...], core: int
) -> list[Finding]:
    if core in machine.usable or not machine.online:
        return []
    if core not in machine.online:
        rule = f"{core}: this machine has {cores_text(machine)}"
        remedy = f"give one of {core_list(machine.usable)}, or fold the roles onto these (--fold)"
    else:
        rule = f"{core}: this process may use {core_list(machine.usable) or 'no core'} only"
        remedy = "give one of these, widen its affinity mask or cgroup cpuset, or use --fold"
    return [Finding(text=loaded.where.problem(path, rule, remedy), hardware=True)]


def _port_finding(loaded: LoadedSpec, machine: Machine, device: str) -> list[Finding]:
    remoteproc = loaded.board.devices[device].remoteproc
    port = loaded.board.devices[device].address if remoteproc is None else None
    if port is None or port in machine.serial_ports or not is_tty(port):
        return []  # who serves a socket may come later: its opening will tell
    names = [one for one in machine.serial_ports if not is_usb(one)]
    there = ", ".join(names) or "none"
    rule = f"{shown(port)}: no such port on this machine (there: {there})"
    remedy = "connect the device, or give one of these"
    path = ("devices", device, "port")
    return [Finding(text=loaded.board_where.problem(path, rule, remedy), hardware=True)]


def _priority_finding(
    loaded: LoadedSpec, placement: Placement, name: str, role: RoleSpec
) -> list[Finding]:
    """Return a finding when a role leaves no room for those that must stand above it."""
    above = ["the loopback device"] if name in placement.device_priorities else []
    watched = placement.supervisor_core in cores_of(role)
    watched |= placement.device_cores.get(name) == placement.supervisor_core
    above += ["the watchdog thread"] if watched else []
    most = PRIORITY_MAX - len(above)
    if _priority(role) <= most:
        return []
    rule = f"{_priority(role)} leaves no priority for {' and '.join(above)} above it"
    text = loaded.where.problem(("roles", name, "priority"), rule, f"give at most {most}")
    return [Finding(text=text, hardware=False)]
