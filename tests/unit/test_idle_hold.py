"""Keeping idle states off: when it is held, and what is said when it cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from amphost.lifecycle import Mode
from amphost.supervisor.idle_hold import DEVICE, IdleHold


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A file that stands for the device."""
    path = tmp_path / "cpu_dma_latency"
    path.write_bytes(b"")
    return path


@pytest.fixture
def hold(device: Path) -> Iterator[IdleHold]:
    """A wish that is wanted."""
    made = IdleHold(True, device)
    yield made
    made.close()


def opened(path: Path) -> int:
    """Count this process's descriptors of a file."""
    folder = Path("/proc/self/fd")
    return sum(1 for one in folder.iterdir() if os.path.realpath(one) == str(path))


def test_it_is_held_while_roles_start_and_while_armed(hold: IdleHold, device: Path) -> None:
    """Linux forgets the wish with the descriptor: it has to stay open, and only then."""
    for mode, held in (
        (Mode.BOOT, 1),
        (Mode.DISARMED, 0),
        (Mode.ARMED, 1),
        (Mode.ARMED, 1),
        (Mode.SAFE, 0),
        (Mode.ARMED, 1),
    ):
        hold.follow(mode)
        assert opened(device) == held, mode
    assert device.read_bytes() == bytes(4)
    assert hold.was_held
    assert not hold.lack
    hold.close()
    hold.close()
    assert opened(device) == 0


def test_who_does_not_want_it_opens_nothing(device: Path) -> None:
    """On a battery the spec says so."""
    hold = IdleHold(False, device)
    hold.follow(Mode.ARMED)
    assert opened(device) == 0
    assert not hold.was_held
    assert not hold.lack


def test_a_device_that_is_refused_is_said(tmp_path: Path) -> None:
    """A run without it is late, and its report must not hide why."""
    hold = IdleHold(True, tmp_path / "nowhere")
    hold.follow(Mode.ARMED)
    assert not hold.was_held
    assert hold.lack.endswith("is not held, wake-ups may be late (No such file or directory)")


@pytest.mark.skipif(not os.access(DEVICE, os.W_OK), reason="needs /dev/cpu_dma_latency")
def test_linux_takes_the_wish() -> None:
    """Four bytes, as Linux wants them; the first read says what holds for the whole machine."""
    hold = IdleHold(True)
    hold.follow(Mode.ARMED)
    try:
        assert hold.was_held, hold.lack
        assert int.from_bytes(DEVICE.read_bytes()[:4], "little") == 0
    finally:
        hold.close()
