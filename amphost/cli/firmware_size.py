"""`amphost firmware size [ELF|FOLDER]`: what a firmware takes of its microcontroller.

Rules. Reads the ELF file and asks the target's own nm which source each symbol is of; so it wants a
firmware that was built with -g, which puts nothing on the chip. Exit 69 without that nm.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from amphost.errors import AmphostError, MissingPackageError, UsageError
from amphost.firmware import elf
from amphost.firmware.library import library_folder
from amphost.firmware.sizes import NM_OPTIONS, PARTS, part_sizes, symbols_of
from amphost.firmware.targets import CHIPS

_TOOLS = {
    elf.ARM: ("arm-none-eabi-nm", "binutils-arm-none-eabi"),
    elf.AVR: ("avr-nm", "binutils-avr"),
}
_HOST = ("nm", "binutils")
_LONGEST_S = 60.0
_ELF_BYTES_MAX = 64 * 1024 * 1024


def run(args: argparse.Namespace) -> int:
    """Print the sizes of one firmware, or of every one in a folder."""
    if args.check or args.to is not None or args.device is not None:
        raise UsageError("--check, --to and --device are of amphost firmware new")
    found = [_measured(path, args.port) for path in _elf_files(Path(args.file or "."))]
    if args.json:
        print(json.dumps(found))
        return 0
    print("\n\n".join(_text(one) for one in found))
    return 0


def _elf_files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    files = sorted({*place.glob("*.elf"), *place.glob("build/*.elf"), *place.glob("build/*/*.elf")})
    if not files:
        raise UsageError(f"there is no ELF file in {place} nor in {place / 'build'}: make it first")
    return files


def _measured(path: Path, port: str | None) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_ELF_BYTES_MAX)
    except OSError as error:
        raise AmphostError(f"{path}: {error.strerror}") from error
    try:
        image = elf.read_image(content)
    except elf.ElfError as error:
        raise AmphostError(f"{path}: {error}") from error
    if not image.has_lines:
        raise AmphostError(f"{path}: it does not say what is whose; build it with -g (FLAGS=-g)")
    library = library_folder().resolve()
    symbols = symbols_of(_listing(path, image.machine))
    parts = part_sizes(image, list(symbols), str(library), _sources(library))
    flash, ram = (sum(getattr(parts[name], kind) for name in PARTS) for kind in ("flash", "ram"))
    named = port if port is not None else path.resolve().parent.name
    chip = CHIPS.get(named)
    if chip is None and port is None and image.machine == elf.AVR:
        chip = CHIPS["atmega328p"]
    return {
        "file": str(path),
        "chip": None if chip is None else chip.name,
        "flash": flash,
        "flash_of": None if chip is None else chip.flash,
        "ram": ram,
        "ram_of": None if chip is None else chip.ram,
        "parts": {name: {"flash": parts[name].flash, "ram": parts[name].ram} for name in PARTS},
    }


def _sources(library: Path) -> dict[str, str]:
    """Say of the name of each source in the library's folder whose it is."""
    ours = {one.name: "port" for one in library.glob("ports/**/*.c")}
    ours |= {one.name: "port" for one in library.glob("src/arduino/*")}
    return ours | {one.name: "library" for one in library.glob("src/*.c")}


def _listing(path: Path, machine: int) -> str:
    tool, package = _TOOLS.get(machine, _HOST)
    if shutil.which(tool) is None:
        raise MissingPackageError(f"there is no {tool}: install it (apt install {package})")
    command = [tool, *NM_OPTIONS, "--", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=_LONGEST_S, check=False
    )
    if done.returncode != 0:
        raise AmphostError(f"{path}: {tool} says: {' '.join(done.stderr.split())[:200]}")
    return done.stdout


def _text(one: dict[str, Any]) -> str:
    chip = one["chip"]
    lines = [f"{one['file']}{'' if chip is None else f', {chip}'}", _row("part", "flash", "RAM")]
    lines += [_row(name, part["flash"], part["ram"]) for name, part in one["parts"].items()]
    lines.append(_row("total", one["flash"], one["ram"]))
    if chip is not None:
        flash, ram = one["flash"] / one["flash_of"], one["ram"] / one["ram_of"]
        lines.append(_row("of", one["flash_of"], one["ram_of"]))
        lines.append(_row("takes", f"{flash * 100:.1f} %", f"{ram * 100:.1f} %"))
        lines.append(_row("left", one["flash_of"] - one["flash"], one["ram_of"] - one["ram"]))
        lines.append("What is left of the RAM is the stack's.")
    return "\n".join(lines)


def _row(name: str, flash: object, ram: object) -> str:
    return f"{name:<9}{flash!s:>9}{ram!s:>9}"
