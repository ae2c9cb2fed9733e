"""The machine: facts read from this host, under a root that a test can replace.

Rules. A fact is what a file says, never a wish and never a guess: a file that is missing or
cannot be read makes its fact None (or an empty tuple), and nothing here raises for it. Nothing is
written and no program is run. Two facts have no file and come from the caller: the affinity mask
(`os.sched_getaffinity`) and, when it reads its own host, the page size (`os.sysconf`).

Isolated cores are missing from the default affinity mask although a role may pin itself there:
`Machine.usable` adds them back and takes away what is offline or outside the cgroup's cpuset.

Pure but for reading: one of the two marked exceptions among the pure modules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from amphost.port_address import is_usb
from amphost.tty_identity import find_usb

UNLIMITED = (1 << 64) - 1
"""What a limit of `unlimited` reads as (RLIM_INFINITY)."""

_CPUS = "sys/devices/system/cpu"
_CAP_IPC_LOCK = 14
_CAP_SYS_NICE = 23
_FILE_BYTES_MAX = 65536
_PORT_PATTERNS = ("serial/by-id/*", "ttyACM*", "ttyUSB*", "ttyAMA*", "serial[0-9]*")
_VIRTUAL_MAKERS = (
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "innotek",
    "xen",
    "bochs",
    "parallels",
    "amazon ec2",
    "google compute engine",
    "virtual machine",
    "dummy-virt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this host is and what this process may do on it.

    Synchronization: none required; immutable.
    """

    model: str | None
    virtual: bool | None
    linux: str | None
    preempt_rt: bool | None
    boot_id: str | None
    page_size: int | None
    memory_total: int | None  # bytes
    memory_available: int | None  # bytes
    online: tuple[int, ...]
    possible: tuple[int, ...]
    isolated: tuple[int, ...]
    nohz_full: tuple[int, ...]
    cpuset: tuple[int, ...] | None  # the cgroup's limit; None: no limit was found
    allowed: tuple[int, ...]  # the caller's affinity mask
    usable: tuple[int, ...]  # where a role may be pinned
    governors: tuple[tuple[int, str], ...]  # (core, governor)
    rtprio_max: int | None  # RLIMIT_RTPRIO, hard
    memlock_max: int | None  # RLIMIT_MEMLOCK, hard, bytes
    cap_sys_nice: bool | None
    cap_ipc_lock: bool | None
    rt_runtime_us: int | None  # -1: real-time throttling is off
    cpu_dma_latency: bool  # the device file is there, and this process may write it
    serial_ports: tuple[str, ...]

    @property
    def realtime_rights(self) -> bool:
        """Say whether this process may take a SCHED_FIFO priority at all."""
        return self.priority_max > 0

    @property
    def priority_max(self) -> int:
        """Return the highest SCHED_FIFO priority this process may take; 0 for none."""
        if self.cap_sys_nice:
            return 99
        return min(self.rtprio_max or 0, 99)


def read_machine(
    root: Path = Path("/"),
    *,
    allowed: Iterable[int] | None = None,
    page_size: int | None = None,
    ports: Sequence[str] = (),
) -> Machine:
    """Read the facts of the host whose file tree starts at `root`.

    `allowed` is the affinity mask of this process, None for every core that is online and not
    isolated. `ports` are addresses of ttys to look for beside the usual names of serial ports.
    """
    online = _cores(_text(root, f"{_CPUS}/online")) or ()
    isolated = _cores(_text(root, f"{_CPUS}/isolated")) or ()
    cpuset = _cpuset(root)
    mask = set(online) - set(isolated) if allowed is None else set(allowed)
    reach = set(online) if cpuset is None else set(online) & set(cpuset)
    status = _fields(_text(root, "proc/self/status"))
    memory = _fields(_text(root, "proc/meminfo"))
    limits = _text(root, "proc/self/limits")
    return Machine(
        model=_model(root),
        virtual=_virtual(root),
        linux=_text(root, "proc/sys/kernel/osrelease"),
        preempt_rt=_preempt_rt(root),
        boot_id=_text(root, "proc/sys/kernel/random/boot_id"),
        page_size=_page_size(root) if page_size is None else page_size,
        memory_total=_kibibytes(memory.get("MemTotal")),
        memory_available=_kibibytes(memory.get("MemAvailable")),
        online=online,
        possible=_cores(_text(root, f"{_CPUS}/possible")) or (),
        isolated=isolated,
        nohz_full=_cores(_text(root, f"{_CPUS}/nohz_full")) or (),
        cpuset=cpuset,
        allowed=tuple(sorted(mask)),
        usable=tuple(sorted(reach & (mask | set(isolated)))),
        governors=_governors(root, online),
        rtprio_max=_limit(limits, "Max realtime priority"),
        memlock_max=_limit(limits, "Max locked memory"),
        cap_sys_nice=_capability(status.get("CapEff"), _CAP_SYS_NICE),
        cap_ipc_lock=_capability(status.get("CapEff"), _CAP_IPC_LOCK),
        rt_runtime_us=_integer(_text(root, "proc/sys/kernel/sched_rt_runtime_us")),
        cpu_dma_latency=os.access(root / "dev/cpu_dma_latency", os.W_OK),
        serial_ports=_ports(root, ports),
    )


def to_json(machine: Machine) -> str:
    """Write the facts as one JSON object, keys in the order of `Machine`."""
    return json.dumps(asdict(machine), allow_nan=False)


def _exists(path: Path) -> bool:
    """Say whether a path leads anywhere; a dangling link or a closed folder does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _bytes(root: Path, path: str) -> bytes | None:
    try:
        with (root / path).open("rb") as file:
            return file.read(_FILE_BYTES_MAX)
    except OSError:
        return None


def _text(root: Path, path: str) -> str | None:
    """Return a file's text without the trailing newline and NUL bytes."""
    content = _bytes(root, path)
    if content is None:
        return None
    return content.decode("utf-8", "replace").strip(" \t\r\n\0")


def _fields(text: str | None) -> dict[str, str]:
    """Read `name: value` lines; the first line of a name counts."""
    found: dict[str, str] = {}
    for line in (text or "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found


def _integer(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _cores(text: str | None) -> tuple[int, ...] | None:
    """Read a list such as `0-3,6`; None for text that is none (`(null)` on some releases)."""
    if text is None:
        return None
    cores: set[int] = set()
    for part in filter(None, text.split(",")):
        first, dash, last = part.partition("-")
        end = last if dash else first
        if not first.isdecimal() or not end.isdecimal():
            return None
        cores.update(range(int(first), int(end) + 1))
    return tuple(sorted(cores))


def _kibibytes(text: str | None) -> int | None:
    count = _integer((text or "").removesuffix("kB").strip() or None)
    return None if count is None else count * 1024


def _capability(mask: str | None, bit: int) -> bool | None:
    try:
        return None if mask is None else bool(int(mask, 16) >> bit & 1)
    except ValueError:
        return None


def _limit(text: str | None, name: str) -> int | None:
    """Return the hard limit of a row of /proc/self/limits."""
    for line in (text or "").splitlines():
        if line.startswith(name):
            words = line[len(name) :].split()
            if len(words) >= 2:
                return UNLIMITED if words[1] == "unlimited" else _integer(words[1])
    return None


def _page_size(root: Path) -> int | None:
    """Return the page size of the first mapping of this process, in bytes."""
    return _kibibytes(_fields(_text(root, "proc/self/smaps")).get("KernelPageSize"))


def _preempt_rt(root: Path) -> bool | None:
    if _text(root, "sys/kernel/realtime") == "1":
        return True
    version = _text(root, "proc/sys/kernel/version")
    return None if version is None else "PREEMPT_RT" in version.split()


def _product(root: Path) -> str | None:
    """Return maker and product by DMI."""
    words = [_text(root, f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    return " ".join(word for word in words if word) or None


def _model(root: Path) -> str | None:
    tree = _text(root, "proc/device-tree/model") or _text(
        root, "sys/firmware/devicetree/base/model"
    )
    chip = _fields(_text(root, "proc/cpuinfo"))
    return tree or _product(root) or chip.get("Model") or chip.get("model name")


def _virtual(root: Path) -> bool | None:
    """Say whether this is a virtual machine; None when no file says anything about it."""
    if _exists(root / "proc/device-tree/hypervisor"):
        return True
    chip = _fields(_text(root, "proc/cpuinfo"))
    if "hypervisor" in chip.get("flags", "").split():
        return True
    maker = " ".join(
        filter(None, (_product(root), _text(root, "proc/device-tree/compatible")))
    ).lower()
    if any(name in maker for name in _VIRTUAL_MAKERS):
        return True
    return False if chip or maker else None


def _governors(root: Path, cores: Iterable[int]) -> tuple[tuple[int, str], ...]:
    found = ((core, _text(root, f"{_CPUS}/cpu{core}/cpufreq/scaling_governor")) for core in cores)
    return tuple((core, governor) for core, governor in found if governor)


def _cpuset(root: Path) -> tuple[int, ...] | None:
    """Return the cores of the nearest cgroup that limits them, of either hierarchy."""
    for line in (_text(root, "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpuset" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("cpuset" if controllers else "")
        group = Path(path.strip("/"))
        for place in (group, *group.parents):
            for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
                cores = _cores(_text(base, str(place / name)))
                if cores:
                    return cores
    return None


def _is_there(root: Path, port: str) -> bool:
    if is_usb(port):
        return bool(find_usb(port, str(root).rstrip("/")))
    return _exists(root / port.lstrip("/"))


def _ports(root: Path, asked: Sequence[str]) -> tuple[str, ...]:
    found = {
        "/" + str(path.relative_to(root))
        for pattern in _PORT_PATTERNS
        for path in (root / "dev").glob(pattern)
        if _exists(path)
    }
    found.update(port for port in asked if _is_there(root, port))
    return tuple(sorted(found))
