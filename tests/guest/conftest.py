"""The guest: made once, booted once for all tests of this folder."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.building import need
from tests.guest.guest import Guest
from tests.guest.system import chain_spec
from tests.mcu.emulator import Emulator
from tests.mcu.splice import Splice
from tests.mcu.system import firmware, io_plan, write_system

IMAGE_S = 240


@pytest.fixture(scope="session")
def image(root: Path) -> Path:
    """Return the folder of what the guest boots."""
    if platform.machine() != "x86_64":
        pytest.skip("the guest takes this machine's wheel, and is an x86-64 machine")
    for tool, package in (
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("mmdebstrap", "mmdebstrap"),
        ("cpio", "cpio"),
    ):
        need(tool, package)
    command = [str(root / "tests" / "guest" / "image.sh")]
    made = subprocess.run(
        command, capture_output=True, text=True, timeout=IMAGE_S, check=False, cwd=root
    )
    if made.returncode == 69 and os.environ.get("CI") != "true":
        pytest.skip(made.stderr.splitlines()[-1])
    assert made.returncode == 0, made.stderr[-3000:]
    print(made.stdout.strip())
    return root / "build" / "guest"


class Desk:
    """The guest, the microcontroller and the cable to its USB adapter.

    Synchronization: one thread.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        spec = write_system(folder, "/dev/null")
        spec.write_text(chain_spec())
        io = io_plan(spec)
        self.lease_us = int(io["lease_ns"]) // 1000
        elf = firmware("lm3s6965evb", folder / "firmware", io)
        self.mcu = Emulator(folder / "mcu", "lm3s6965evb", elf)
        self.mcu.power_up()
        self.cable = Splice(folder / "line", self.mcu.line)
        self.guest = _boot(image, folder, {"mcu": folder / "line"})

    def close(self) -> None:
        """Switch everything off."""
        self.guest.close()
        self.cable.close()
        self.mcu.power_down()


def _boot(image: Path, folder: Path, lines: dict[str, Path]) -> Guest:
    """Boot the guest; once more, if it ends before it is there."""
    for name in ("guest", "guest_again"):
        place = folder / name
        place.mkdir()
        guest = Guest(image, place, lines)
        try:
            print(f"booted in {guest.wait_ready():.1f} s")
        except (AssertionError, OSError) as error:
            guest.close()
            print(f"not booted: {error}")
        else:
            return guest
    pytest.fail("the guest did not boot, twice: what it said stands above")


@pytest.fixture(scope="session")
def desk(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return the desk, the guest booted."""
    folder = tmp_path_factory.mktemp("desk")
    made = Desk(image, folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
