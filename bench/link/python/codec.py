"""What one frame costs in Python: `codec.py KIND SECONDS CORE` prints ns a frame as JSON.

Rules. The same work as ours in C: 58 bytes of header and payload, a CRC-32 behind them, COBS, a
delimiter; and back, with the CRC compared. KIND is `cobs` (PyPI's C extension, with zlib's CRC) or
`pure` (Python alone). What comes out is compared with what went in before anything is timed.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
import zlib
from collections.abc import Callable

BODY = 58
FRAMES = 256

Codec = Callable[[bytes], bytes]
Crc = Callable[[bytes], int]


def _kind(name: str) -> tuple[Codec, Codec, Crc]:
    """Return encode, decode and CRC of this kind."""
    if name == "pure":
        from cobs.cobs import _cobs_py as cobs

        table = [0] * 256
        for index in range(256):
            value = index
            for _ in range(8):
                value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
            table[index] = value

        def crc(body: bytes) -> int:
            value = 0xFFFFFFFF
            for byte in body:
                value = table[(value ^ byte) & 0xFF] ^ value >> 8
            return value ^ 0xFFFFFFFF

        return cobs.encode, cobs.decode, crc
    from cobs.cobs import _cobs_ext as cobs

    return cobs.encode, cobs.decode, zlib.crc32


def main() -> None:
    """Measure slices of frames; print the medians."""
    name, seconds, core = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    os.sched_setaffinity(0, {core})
    encode, decode, crc = _kind(name)
    randomly = random.Random(1)
    bodies = [randomly.randbytes(BODY) for _ in range(FRAMES)]

    def write(body: bytes) -> bytes:
        return encode(body + crc(body).to_bytes(4, "little")) + b"\0"

    def read(wire: bytes) -> bytes:
        frame = decode(wire[:-1])
        body = frame[:-4]
        if crc(body).to_bytes(4, "little") != frame[-4:]:
            raise SystemExit("a frame that is not what was sent")
        return body

    wires = [write(body) for body in bodies]
    if [read(wire) for wire in wires] != bodies or zlib.crc32(bodies[0]) != crc(bodies[0]):
        raise SystemExit("this codec is wrong")
    encode_ns, parse_ns = [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter_ns()
        for body in bodies:
            write(body)
        between = time.perf_counter_ns()
        for wire in wires:
            read(wire)
        parse_ns.append((time.perf_counter_ns() - between) / FRAMES)
        encode_ns.append((between - began) / FRAMES)
    print(
        json.dumps(
            {"encode_ns": statistics.median(encode_ns), "parse_ns": statistics.median(parse_ns)}
        )
    )


main()
