"""Write the first inputs of the fuzzers: short scripts that open the doors behind which bugs live.

usage: python3 seeds.py FOLDER

Rules. Deterministic: the same files each time. An input is a script as fuzz_frame.c and hostile.h
read it; nothing here knows a checksum, the fuzzers' own steps make those.
"""

# ruff: noqa: INP001 (a program that the Makefile runs, no module)

from __future__ import annotations

import random
import sys
from pathlib import Path

FRAME_STEPS = 24
SEGMENTS = 200


def frame_scripts() -> list[bytes]:
    """One script for each kind of step and each frame type, then long mixtures of all."""
    scripts = [
        bytes([start, kind, 0, 40]) + bytes(range(60)) for start in (0, 1) for kind in range(8)
    ]
    scripts += [
        bytes([1, how, choice, 1, 12]) + bytes(range(choice, choice + 20))
        for how in (1, 1 + 16, 1 + 32, 1 + 64)
        for choice in range(64)
    ]
    scripts.append(bytes([0, 0, 3, 255]) + b"\x02" * 255)
    scripts.append(bytes([0, 0, 131, 255]) + b"\xff" * 255 + bytes([30]) + b"\x02" * 30)
    scripts.append(bytes([0, 0, 1, 8]) + b"\0\0\x05\x01\0\x01\x01\0")
    generator = random.Random(1)
    for _ in range(60):
        words = [bytes([1])]
        for _ in range(FRAME_STEPS):
            kind = generator.randrange(256)
            words.append(bytes([kind, generator.randrange(64), generator.randrange(4)]))
            words.append(bytes([size := generator.choice((0, 4, 8, 12, 16, 240))]))
            words.append(generator.randbytes(size))
        scripts.append(b"".join(words))
    return scripts


def segment_scripts() -> list[bytes]:
    """Noise of many lengths, each beginning with every choice of the parts that are read."""
    generator = random.Random(2)
    return [
        bytes([number % 32]) + generator.randbytes(generator.randrange(1, 400))
        for number in range(SEGMENTS)
    ]


def write(folder: Path, scripts: list[bytes]) -> None:
    """Write each script to a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, script in enumerate(scripts):
        (folder / f"seed-{number:03}").write_bytes(script)


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "frame", frame_scripts())
    write(Path(sys.argv[1]) / "segment", segment_scripts())
