"""Compile the device part for microcontrollers, and say what it takes there.

    ./dev exec python tests/targets/device_sizes.py            print the table
    ./dev exec python tests/targets/device_sizes.py --write    put it into native/device/README.md,
                                                               and the whole images with it

Rules. Compiled as a firmware would, size first; never linked against a C library. A compiler that
is not here is named. The table in the README names the compilers it came from.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.targets import image_sizes

ROOT = Path(__file__).resolve().parents[2]
DEVICE = ROOT / "native" / "device"
README = DEVICE / "README.md"
OPEN, CLOSE = "<!-- sizes -->", "<!-- end of sizes -->"
HOST_ENDS = ("dictionary.c", "session_ask.c", "session_host.c")  # a firmware never links them
FLAGS = (
    *("-std=c11", "-Os", "-ffreestanding", "-ffunction-sections", "-DAMP_CRC_ENTRIES=16"),
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"),
)
RAM = "sizeof struct amp_device"
LINKED = "linked"
PROBE = """\
#include "amp/device.h"
extern const struct amp_device_config config;
extern struct amp_device device;
extern uint8_t bytes[64];
extern float sensed[4];
extern uint64_t now_us(void);
int main(void);
int main(void) {
    if (!amp_device_init(&device, &config, now_us())) {
        return 1;
    }
    for (;;) {
        amp_device_receive(&device, bytes, sizeof bytes, now_us());
        amp_device_tick(&device, now_us(), sensed);
        sensed[2] = amp_device_output(&device, 0);
        sensed[3] = amp_device_parameter(&device, 0);
        bytes[0] = (uint8_t)amp_device_transmit(&device, bytes, sizeof bytes);
    }
}
"""
# What the compiler may call of itself; everything else would have to come from a C library.
RUNTIME = re.compile(r"memcpy|memset|memmove|memcmp|__\w+|amp_\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One processor and the compiler for it.

    Synchronization: none required, immutable.
    """

    name: str
    prefix: str
    options: tuple[str, ...]
    package: str

    @property
    def is_here(self) -> bool:
        return shutil.which(f"{self.prefix}-gcc") is not None


def _arm(name: str, *options: str) -> Target:
    return Target(
        name=name,
        prefix="arm-none-eabi",
        options=("-mthumb", *options),
        package="gcc-arm-none-eabi",
    )


TARGETS = (
    _arm("Cortex-M0+", "-mcpu=cortex-m0plus"),
    _arm("Cortex-M3", "-mcpu=cortex-m3"),
    _arm("Cortex-M4F", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    Target(name="ATmega328P", prefix="avr", options=("-mmcu=atmega328p",), package="gcc-avr"),
)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _compile(target: Target, source: Path, out: Path) -> None:
    command = [f"{target.prefix}-gcc", *target.options, *FLAGS]
    done = subprocess.run(
        [*command, f"-I{DEVICE / 'include'}", "-c", str(source), "-o", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{target.name}: {source.name} does not compile:\n{done.stderr}")


def measure(target: Target) -> dict[str, int]:
    """Return bytes of code and constants of each source, and of the device's RAM."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((DEVICE / "src").glob("*.c")):
            out = Path(folder) / f"{source.stem}.o"
            _compile(target, source, out)
            text, ram = map(int, _run(f"{target.prefix}-size", str(out)).split("\n")[1].split()[:2])
            if ram:
                raise RuntimeError(f"{target.name}: {source.name} holds state of its own")
            found[source.name] = text
            named = _run(f"{target.prefix}-nm", "-u", str(out)).split()
            foreign = [name for name in named if name != "U" and not RUNTIME.fullmatch(name)]
            if foreign:
                raise RuntimeError(f"{target.name}: {source.name} calls {', '.join(foreign)}")
        found[LINKED] = linked(target)
        probe = Path(folder) / "probe.c"
        probe.write_text('#include "amp/device.h"\nconst char probe[sizeof(struct amp_device)];\n')
        out = probe.with_suffix(".o")
        _compile(target, probe, out)
        symbols = _run(f"{target.prefix}-nm", "-S", str(out)).split("\n")
        [of_probe] = [one.split() for one in symbols if one.endswith(" probe")]
        found[RAM] = int(of_probe[1], 16)
    return found


def linked(target: Target) -> int:
    """Return the library's bytes in an image that calls what every firmware calls."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "image"
        (Path(folder) / "probe.c").write_text(PROBE)
        objects = []
        for source in (Path(folder) / "probe.c", *sorted((DEVICE / "src").glob("*.c"))):
            objects.append(Path(folder) / f"{source.stem}.o")
            _compile(target, source, objects[-1])
        # The runtime is left out, and what the port brings.
        _run(
            *(f"{target.prefix}-gcc", *target.options, "-nostdlib", "-Wl,--gc-sections,-e,main"),
            *("-Wl,--unresolved-symbols=ignore-all", *map(str, objects), "-o", str(out)),
        )
        text = int(_run(f"{target.prefix}-size", str(out)).split("\n")[1].split()[0])
        symbols = (line.split() for line in _run(f"{target.prefix}-nm", "-S", str(out)).split("\n"))
        [of_main] = [int(one[1], 16) for one in symbols if len(one) == 4 and one[3] == "main"]
        return text - of_main


def compilers(targets: tuple[Target, ...]) -> str:
    """Name the compilers and their versions."""
    prefixes = sorted({target.prefix for target in targets})
    return ", ".join(f"{one}-gcc {_run(f'{one}-gcc', '-dumpversion').strip()}" for one in prefixes)


def table(targets: tuple[Target, ...]) -> str:
    """Render the block of the README."""
    sizes = {target.name: measure(target) for target in targets}
    names = [name for name in next(iter(sizes.values())) if name not in (RAM, LINKED, *HOST_ENDS)]
    lines = [
        OPEN,
        "| bytes | " + " | ".join(sizes) + " |",
        "| --- |" + " --- |" * len(sizes),
        *(_row(name, [one[name] for one in sizes.values()]) for name in names),
        _row(
            "a device, before the linker drops what it does not call",
            [sum(one[name] for name in names) for one in sizes.values()],
        ),
        _row("a device, linked with `--gc-sections`", [one[LINKED] for one in sizes.values()]),
        _row(
            f"{', '.join(HOST_ENDS)} (the host's end)",
            [sum(one[name] for name in HOST_ENDS) for one in sizes.values()],
        ),
        _row("RAM: `struct amp_device`", [one[RAM] for one in sizes.values()]),
        "",
        f"Compiled by {compilers(targets)}, `-Os -ffreestanding -DAMP_CRC_ENTRIES=16`.",
        CLOSE,
    ]
    return "\n".join(lines)


def _row(name: str, numbers: list[int]) -> str:
    return "| " + " | ".join([name, *map(str, numbers)]) + " |"


def main() -> int:
    """Print the table, or write it."""
    absent = [target for target in TARGETS if not target.is_here]
    if absent:
        names = ", ".join(sorted({target.package for target in absent}))
        print(f"device_sizes: missing: {names}", file=sys.stderr)
        return 69
    made = table(TARGETS)
    if sys.argv[1:] == ["--write"]:
        before, _, rest = README.read_text(encoding="utf-8").partition(OPEN)
        README.write_text(before + made + rest.partition(CLOSE)[2], encoding="utf-8")
        image_sizes.write(image_sizes.table(image_sizes.image_ports()))
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
