"""The command that starts an emulator: one microcontroller, its firmware, its UART on a socket.

Rules. Pure. The socket is a listening one that the emulator inherits, so whoever connects early
waits there instead of being refused. `seed` is what the microcontroller's RAM wakes up with: its
boot nonce is made of it.
"""

from __future__ import annotations

from amphost.errors import AmphostError

__all__ = ["PACKAGES", "PROGRAMS", "emulator_command"]

SIMAVR = "atmega328p"
RP2040JS = "rp2040"
QEMU_MACHINES = {"lm3s6965evb": "lm3s6965evb", "stm32f405": "netduinoplus2"}
POOL = 0x20000000
"""Where RAM begins on a Cortex-M; native/device/ports/boot.h has its pool there."""
PROGRAMS = {"lm3s6965evb": "qemu-system-arm", "stm32f405": "qemu-system-arm", "rp2040": "node"}
"""What has to be in PATH; simavr's program is our own."""
PACKAGES = {"qemu-system-arm": "qemu-system-arm", "node": "nodejs"}
"""The Debian packages that bring it."""


def emulator_command(
    machine: str, *, elf: str, listening: int, seed: int, runner: str = "", library: str = ""
) -> list[str]:
    """Return program and arguments; `seed` has 64 bits.

    `runner` is what `amphost build` has made, `library` the folder of the device library.
    """
    last = [elf, str(listening), f"{seed:x}"]
    if machine == SIMAVR:
        return [runner, *last]
    if machine == RP2040JS:
        script = f"{library}/ports/rp2040/emulator/run.mjs"
        return [PROGRAMS[machine], script, f"{runner}/node_modules", *last]
    if machine not in QEMU_MACHINES:
        raise AmphostError(f"there is no emulator for {machine}")
    return [
        PROGRAMS[machine],
        *("-M", QEMU_MACHINES[machine], "-kernel", elf),
        *("-display", "none", "-nodefaults", "-monitor", "none"),
        *("-chardev", f"socket,id=line,fd={listening},server=on,wait=off"),
        *("-serial", "chardev:line"),
        *("-device", f"loader,addr={POOL:#x},data={seed:#x},data-len=8"),
    ]
