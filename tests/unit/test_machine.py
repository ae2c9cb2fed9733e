"""Facts come from files under a root; what cannot be read is unknown, never guessed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from amphost.machine import UNLIMITED, read_machine, to_json

MACHINES = Path(__file__).parents[1] / "fake_machines"


def test_pi_facts_are_those_of_its_files() -> None:
    """A wrong fact becomes a wrong plan: this is the machine most users have."""
    machine = read_machine(MACHINES / "pi5", allowed={0, 1})
    assert machine.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine.virtual is False
    assert machine.linux == "6.12.34+rpt-rpi-2712-rt"
    assert machine.preempt_rt is True
    assert machine.page_size == 16384
    assert machine.online == machine.possible == (0, 1, 2, 3)
    assert machine.isolated == machine.nohz_full == (2, 3)
    assert dict(machine.governors) == {
        0: "ondemand",
        1: "ondemand",
        2: "performance",
        3: "performance",
    }
    assert machine.memory_total == 8256224 * 1024
    assert machine.memory_available == 7000000 * 1024
    assert machine.boot_id == "0d3c1a52-9f0e-4f43-8c4b-6a7f5d1f2b11"
    assert machine.rt_runtime_us == -1
    assert machine.cpu_dma_latency


def test_isolated_cores_are_usable_though_no_mask_has_them() -> None:
    """Linux leaves isolated cores out of the default mask; they are what control is meant for."""
    machine = read_machine(MACHINES / "pi5", allowed={0, 1})
    assert machine.allowed == (0, 1)
    assert machine.usable == (0, 1, 2, 3)


def test_a_core_outside_the_mask_that_is_not_isolated_is_not_usable() -> None:
    """A taskset or a unit's CPUAffinity is somebody's wish."""
    assert read_machine(MACHINES / "pi5", allowed={1}).usable == (1, 2, 3)


def test_without_a_mask_every_core_but_the_isolated_is_allowed() -> None:
    """A root of another machine has no process to ask."""
    assert read_machine(MACHINES / "pi5").allowed == (0, 1)


@pytest.mark.parametrize(
    ("lines", "folder"),
    [
        ("0::/a/b\n", "a"),
        ("0::/a/b\n", "a/b"),
        ("7:memory:/x\n3:cpuset,cpu:/a\n0::/\n", "cpuset/a"),
    ],
)
def test_cpuset_of_the_nearest_cgroup_limits(tmp_path: Path, lines: str, folder: str) -> None:
    """A container is often given some cores only, by either hierarchy."""
    _write(tmp_path / "sys/devices/system/cpu/online", "0-7\n")
    _write(tmp_path / "proc/self/cgroup", lines)
    _write(tmp_path / "sys/fs/cgroup" / folder / "cpuset.cpus.effective", "1-2,5\n")
    machine = read_machine(tmp_path)
    assert machine.cpuset == (1, 2, 5)
    assert machine.usable == (1, 2, 5)


def test_a_cgroup_path_cannot_leave_its_folder(tmp_path: Path) -> None:
    """A process moved out of its namespace reads `/..` there."""
    _write(tmp_path / "sys/devices/system/cpu/online", "0-1\n")
    _write(tmp_path / "proc/self/cgroup", "0::/../../elsewhere\n")
    assert read_machine(tmp_path).usable == (0, 1)


def test_rights_are_capabilities_or_limits() -> None:
    """Degraded or not hangs on these four facts."""
    virtual = read_machine(MACHINES / "vm2")
    assert (virtual.cap_sys_nice, virtual.cap_ipc_lock) == (True, True)
    assert (virtual.rtprio_max, virtual.memlock_max) == (0, 8388608)
    assert virtual.realtime_rights
    assert virtual.priority_max == 99
    pi = read_machine(MACHINES / "pi5")
    assert (pi.cap_sys_nice, pi.cap_ipc_lock) == (False, False)
    assert (pi.rtprio_max, pi.memlock_max) == (95, UNLIMITED)
    assert pi.priority_max == 95
    box = read_machine(MACHINES / "core1")
    assert not box.realtime_rights
    assert box.priority_max == 0


@pytest.mark.parametrize(
    ("mask", "nice", "lock"),
    [("0000000000800000", True, False), ("0000000000004000", False, True)],
)
def test_each_capability_has_its_own_bit(tmp_path: Path, mask: str, nice: bool, lock: bool) -> None:
    """CAP_SYS_NICE is bit 23 and CAP_IPC_LOCK bit 14."""
    _write(tmp_path / "proc/self/status", f"Name:\tx\nCapPrm:\tff\nCapEff:\t{mask}\n")
    machine = read_machine(tmp_path)
    assert (machine.cap_sys_nice, machine.cap_ipc_lock) == (nice, lock)


def test_an_unlimited_priority_is_the_highest_there_is(tmp_path: Path) -> None:
    """RLIM_INFINITY is no priority."""
    _write(tmp_path / "proc/self/limits", "Max realtime priority     unlimited  unlimited\n")
    machine = read_machine(tmp_path)
    assert machine.rtprio_max == UNLIMITED
    assert machine.priority_max == 99


def test_the_lowest_priority_is_a_right(tmp_path: Path) -> None:
    """RLIMIT_RTPRIO 1 is enough for SCHED_FIFO."""
    _write(tmp_path / "proc/self/limits", "Max realtime priority     0  1\n")
    machine = read_machine(tmp_path)
    assert machine.realtime_rights
    assert machine.priority_max == 1


def test_virtual_machine_is_known_by_its_processor_flag() -> None:
    """A virtual machine's host stalls it: the plan says so."""
    assert read_machine(MACHINES / "vm2").virtual is True


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sys/class/dmi/id/sys_vendor", "QEMU\n"),
        ("sys/class/dmi/id/product_name", "VirtualBox\n"),
        ("proc/device-tree/compatible", "linux,dummy-virt\0"),
        ("proc/device-tree/hypervisor", ""),
    ],
)
def test_virtual_machine_is_known_by_its_firmware(tmp_path: Path, file: str, text: str) -> None:
    """On ARM there is no processor flag."""
    _write(tmp_path / "proc/cpuinfo", "Features\t: fp asimd\n")
    _write(tmp_path / file, text)
    assert read_machine(tmp_path).virtual is True


def test_model_falls_back_from_device_tree_to_dmi_to_processor() -> None:
    """A report must name the machine it was made on, whatever kind it is."""
    assert read_machine(MACHINES / "core1").model == "PC Engines apu1"
    assert read_machine(MACHINES / "vm2").model == "AMD EPYC"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("#1 SMP PREEMPT_RT Debian 6.12.95-1", True),
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1", False),
    ],
)
def test_preempt_rt_is_read_from_the_version_too(
    tmp_path: Path, version: str, expected: bool
) -> None:
    """Mainline PREEMPT_RT has no /sys/kernel/realtime."""
    _write(tmp_path / "proc/sys/kernel/version", version + "\n")
    assert read_machine(tmp_path).preempt_rt is expected


def test_missing_and_spoiled_files_are_unknown_facts() -> None:
    """A container hides files; a plan must still come out."""
    machine = read_machine(MACHINES / "bare")
    assert machine.online == (0, 1)
    for fact in (
        machine.model,
        machine.virtual,
        machine.preempt_rt,
        machine.boot_id,
        machine.page_size,
        machine.memory_total,
        machine.rtprio_max,
        machine.memlock_max,
        machine.cap_sys_nice,
        machine.rt_runtime_us,
        machine.cpuset,
    ):
        assert fact is None
    assert machine.governors == ()
    assert not machine.cpu_dma_latency


def test_an_empty_root_is_a_machine_of_which_nothing_is_known(tmp_path: Path) -> None:
    """Nothing raises, not even without /proc."""
    machine = read_machine(tmp_path / "nowhere")
    assert machine.online == machine.usable == ()
    assert not machine.realtime_rights


@pytest.mark.parametrize("text", ["(null)\n", "0-\n", "a-b\n", "0,,x\n"])
def test_a_list_that_is_none_is_unknown(tmp_path: Path, text: str) -> None:
    """Some releases write `(null)` into nohz_full."""
    _write(tmp_path / "sys/devices/system/cpu/nohz_full", text)
    assert read_machine(tmp_path).nohz_full == ()


def test_the_callers_page_size_wins() -> None:
    """On its own host the process knows it from sysconf."""
    assert read_machine(MACHINES / "pi5", page_size=65536).page_size == 65536


def test_ports_are_the_usual_names_and_those_asked_for(tmp_path: Path) -> None:
    """A missing port is answered with the ones that are there."""
    pi = read_machine(MACHINES / "pi5")
    assert pi.serial_ports == (
        "/dev/serial/by-id/usb-Raspberry_Pi_Pico_E6614C311B-if00",
        "/dev/ttyACM0",
        "/dev/ttyAMA10",
    )
    _write(tmp_path / "dev/pts/7", "")
    (tmp_path / "dev/ttyUSB0").symlink_to("gone")
    assert read_machine(tmp_path, ports=("/dev/pts/7", "/dev/pts/8")).serial_ports == (
        "/dev/pts/7",
    )


def test_facts_are_json() -> None:
    """They are attached to every recording."""
    facts = json.loads(to_json(read_machine(MACHINES / "pi5")))
    assert facts["isolated"] == [2, 3]
    assert facts["governors"][0] == [0, "ondemand"]
    assert facts["memlock_max"] == UNLIMITED


def test_this_host_agrees_with_its_system_calls() -> None:
    """The fake roots are only as good as the files they imitate."""
    machine = read_machine(allowed=os.sched_getaffinity(0))
    assert set(os.sched_getaffinity(0)) <= set(machine.usable)
    assert machine.linux == os.uname().release
    assert machine.page_size in (None, os.sysconf("SC_PAGESIZE"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
