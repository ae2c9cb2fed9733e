"""The device's library on an emulated Cortex-M3 that counts instructions.

Rules. The image is built as a firmware is, by native/device/Makefile. `-icount` makes the board's
clock a count of instructions, so the figures are the same in every run and on every machine; they
are no cycles of a real Cortex-M3, whose instructions take one to three. Flash is what the library
takes of an image that `amphost firmware new` writes for the loopback board.
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.install import PLACE, ROOT, debian, last_line, run

SHIFT = 6  # an instruction is 2^SHIFT ns
PACKAGES = {
    "gcc-arm-none-eabi": "/usr/bin/arm-none-eabi-gcc",
    "qemu-system-arm": "/usr/bin/qemu-system-arm",
}
SOURCE = Path(__file__).parent / "c" / "cortex_m.c"
BUILD = PLACE / "link" / "cortex_m"
DEVICE = ROOT / "native" / "device"
MAKE = ("PORT=lm3s6965evb",)
LIMIT_S = 30.0
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def measure() -> dict[str, float] | str:
    """Return instructions a frame; the reason where there is no compiler or no emulator."""
    for package, proof in PACKAGES.items():
        absent = debian(package, proof)
        if absent is not None:
            return absent
    why = run("make", "-s", "-C", str(DEVICE), *MAKE, f"SOURCES={SOURCE}", f"OUT={BUILD}")
    if why is not None:
        return why
    try:
        done = subprocess.run(
            _command(), capture_output=True, text=True, timeout=LIMIT_S, check=False,
            preexec_fn=lambda: _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )  # fmt: skip
        printed = json.loads(last_line(done.stderr))  # where the emulator has its console
        return figures(printed, _flash_bytes())
    except subprocess.TimeoutExpired:
        return "the emulator did not end"
    except ValueError:
        return last_line(done.stderr)


def _command() -> list[str]:
    quiet = ["-display", "none", "-monitor", "none", "-nodefaults"]
    counting = ["-icount", f"shift={SHIFT}", "-semihosting-config", "enable=on,target=native"]
    image = str(BUILD / f"{SOURCE.stem}.elf")
    return ["qemu-system-arm", "-M", "lm3s6965evb", "-kernel", image, *quiet, *counting]


def _flash_bytes() -> float | None:
    """Return what the library takes of a generated firmware; None where none can be made."""
    amphost = [sys.executable, "-m", "amphost", "firmware"]
    board = str(ROOT / "boards" / "loopback.yaml")
    with tempfile.TemporaryDirectory(prefix="amphost-bench-") as folder:
        port = ["--port", "lm3s6965evb", "--to", folder]
        why = run(*amphost, "new", board, *port)
        main = f"SOURCES={folder}/main.c"
        made = ("make", "-s", "-C", str(DEVICE), *MAKE, "FLAGS=-g")  # by which size tells the parts
        why = why or run(*made, main, f"OUT={folder}")
        if why is not None:
            return None
        done = subprocess.run(
            [*amphost, "size", f"{folder}/main.elf", "--json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        [image] = json.loads(done.stdout)
        return float(image["parts"]["library"]["flash"])


def figures(printed: dict[str, int], flash_bytes: float | None) -> dict[str, float]:
    """Return instructions a frame, and bytes."""
    each = 1000 / 2**SHIFT / printed["turns"]
    flash = {} if flash_bytes is None else {"flash_bytes": flash_bytes}
    return {
        "cortex_m.receive_instructions": printed["receive_us"] * each,
        "cortex_m.send_instructions": printed["send_us"] * each,
        "ram_bytes": float(printed["device_bytes"] - printed["buffer_bytes"]),
        **flash,
    }
