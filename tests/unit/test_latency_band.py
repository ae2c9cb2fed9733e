"""Bands and advice: what a number means, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amphost.latency.band import BANDS, Circumstances, advice, band_of
from amphost.latency.machine_line import machine_line, throttling
from amphost.machine import Machine

PERFECT = Machine(
    model="Raspberry Pi 5",
    virtual=False,
    linux="6.12.1-rt",
    preempt_rt=True,
    boot_id=None,
    page_size=16384,
    memory_total=None,
    memory_available=None,
    online=(0, 1, 2, 3),
    possible=(0, 1, 2, 3),
    isolated=(3,),
    nohz_full=(3,),
    cpuset=None,
    allowed=(0, 1, 2),
    usable=(0, 1, 2, 3),
    governors=((3, "performance"),),
    rtprio_max=99,
    memlock_max=None,
    cap_sys_nice=True,
    cap_ipc_lock=True,
    rt_runtime_us=950_000,
    cpu_dma_latency=True,
    serial_ports=(),
)
WELL = Circumstances(
    core=3, wait="hybrid", fifo=True, locked=True, idle_held=True, max_ns=15_000, gap_max_ns=9_000
)


@pytest.mark.parametrize(
    ("max_ns", "name"),
    [
        (0, "very good"),
        (20_000, "very good"),
        (20_001, "good"),
        (50_000, "good"),
        (50_001, "hardware only"),
        (500_000, "hardware only"),
        (500_001, "unacceptable"),
        (10**12, "unacceptable"),
    ],
)
def test_largest_latency_decides_the_band(max_ns: int, name: str) -> None:
    """One late period is one jerk of the tool."""
    assert band_of(max_ns).name == name


def test_bands_follow_one_another() -> None:
    """Every latency has one."""
    ends = [band.most_ns for band in BANDS]
    assert ends[-1] is None
    assert ends[:-1] == sorted(end for end in ends if end is not None)


def test_nothing_is_advised_where_nothing_is_lacking() -> None:
    """Advice that always comes is not read."""
    assert advice(PERFECT, WELL) == []


@pytest.mark.parametrize(
    ("machine", "seen", "word"),
    [
        ({"cap_sys_nice": False, "rtprio_max": 0}, {"fifo": False}, "CAP_SYS_NICE"),
        ({}, {"locked": False}, "CAP_IPC_LOCK"),
        ({}, {"idle_held": False}, "/dev/cpu_dma_latency"),
        ({"governors": ((3, "ondemand"),)}, {}, "from ondemand to performance"),
        ({"virtual": True}, {"max_ns": 900_000, "gap_max_ns": 800_000}, "stood still for 800 us"),
        ({"preempt_rt": False}, {}, "PREEMPT_RT"),
        ({"isolated": ()}, {}, "isolcpus=3"),
        ({}, {"wait": "sleep", "max_ns": 40_000}, "--wait hybrid"),
    ],
)
def test_each_lack_has_its_own_advice(
    machine: dict[str, object], seen: dict[str, object], word: str
) -> None:
    """It names what this machine lacks, and the remedy."""
    (sentence,) = advice(
        replace(PERFECT, **machine),  # type: ignore[arg-type]
        replace(WELL, **seen),  # type: ignore[arg-type]
    )
    assert word in sentence


def test_advice_does_not_blame_the_host_for_what_it_did_not_do() -> None:
    """A virtual machine whose gaps are short is late for another reason."""
    seen = replace(WELL, max_ns=900_000, gap_max_ns=30_000)
    assert advice(replace(PERFECT, virtual=True), seen) == []
    assert advice(replace(PERFECT, virtual=True), replace(seen, gap_max_ns=None)) == []


def test_core_0_is_not_isolated_another_one_is() -> None:
    """Linux keeps core 0 for itself."""
    (sentence,) = advice(PERFECT, replace(WELL, core=0))
    assert "isolcpus=3" in sentence
    assert "core 0" in sentence


def test_the_only_core_cannot_be_isolated() -> None:
    """Advice that cannot be followed is none."""
    assert advice(replace(PERFECT, online=(0,), isolated=()), replace(WELL, core=0)) == []


def test_machine_line_says_what_the_figure_depends_on() -> None:
    """A figure without its machine is noise."""
    assert machine_line(PERFECT, 3) == (
        "Raspberry Pi 5, Linux 6.12.1-rt, PREEMPT_RT, core 3 isolated, governor performance, "
        "not virtual"
    )
    assert "core 1 not isolated, governor not shown" in machine_line(PERFECT, 1)


def test_machine_line_does_not_guess() -> None:
    """What no file says is unknown, not absent."""
    unknown = replace(PERFECT, model=None, linux=None, preempt_rt=None, virtual=None)
    line = machine_line(unknown, 3)
    assert line.startswith("unknown model, Linux unknown, PREEMPT_RT unknown")
    assert line.endswith("virtual or not: unknown")


@pytest.mark.parametrize(
    ("limit", "text"), [(None, "unknown"), (-1, "off"), (950_000, "0.95 of each s")]
)
def test_throttling_in_words(limit: int | None, text: str) -> None:
    """It stops a spinning loop, and nothing else does."""
    assert throttling(replace(PERFECT, rt_runtime_us=limit)) == text
