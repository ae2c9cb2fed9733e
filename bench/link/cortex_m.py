"""The device's library on an emulated Cortex-M3 that counts instructions.

Rules. The image is built as a firmware is, by native/device/Makefile. `-icount` makes the board's
clock a count of instructions, so the figures are the same in every run and on every machine; they
are no cycles of a real Cortex-M3, whose instructions take one to three.
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
from pathlib import Path

from bench.install import PLACE, ROOT, debian, last_line

SHIFT = 6  # an instruction is 2^SHIFT ns
PACKAGES = {
    "gcc-arm-none-eabi": "/usr/bin/arm-none-eabi-gcc",
    "qemu-system-arm": "/usr/bin/qemu-system-arm",
}
SOURCE = Path(__file__).parent / "c" / "cortex_m.c"
BUILD = PLACE / "link" / "cortex_m"
LIMIT_S = 30.0
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def measure() -> dict[str, float] | str:
    """Return instructions a frame; the reason where there is no compiler or no emulator."""
    for package, proof in PACKAGES.items():
        absent = debian(package, proof)
        if absent is not None:
            return absent
    make = ["make", "-s", "-C", str(ROOT / "native" / "device"), "PORT=lm3s6965evb"]
    built = subprocess.run(
        [*make, f"SOURCES={SOURCE}", f"OUT={BUILD}"], capture_output=True, text=True, check=False
    )
    if built.returncode != 0:
        return last_line(built.stderr)
    try:
        done = subprocess.run(
            _command(), capture_output=True, text=True, timeout=LIMIT_S, check=False,
            preexec_fn=lambda: _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )  # fmt: skip
        return figures(json.loads(last_line(done.stderr)))  # where the emulator has its console
    except subprocess.TimeoutExpired:
        return "the emulator did not end"
    except ValueError:
        return last_line(done.stderr)


def _command() -> list[str]:
    quiet = ["-display", "none", "-monitor", "none", "-nodefaults"]
    counting = ["-icount", f"shift={SHIFT}", "-semihosting-config", "enable=on,target=native"]
    image = str(BUILD / f"{SOURCE.stem}.elf")
    return ["qemu-system-arm", "-M", "lm3s6965evb", "-kernel", image, *quiet, *counting]


def figures(printed: dict[str, int]) -> dict[str, float]:
    """Return instructions a frame."""
    each = 1000 / 2**SHIFT / printed["turns"]
    return {
        "cortex_m.receive_instructions": printed["receive_us"] * each,
        "cortex_m.send_instructions": printed["send_us"] * each,
    }
