"""Golden vectors of the wire: tests/vectors/frame.yaml against zlib and a COBS written here.

The C tests read the same vectors through native/tests/frame_vectors.h, which
`python tests/unit/test_frame_vectors.py` writes; a test below says whether it is current.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from amphost._native.amp import ffi

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "native/tests/frame_vectors.h"
VECTORS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (ROOT / "tests/vectors/frame.yaml").read_text(encoding="utf-8")
)
SEEDED = 16  # types below it use seed 0
BLOCK = 254  # bytes of a COBS block without a zero

# How each type's fields lie in its payload; a list of values or a text goes behind them.
LAYOUTS = {
    1: ("<BBI", "major minor schema_hash"),
    2: (
        "<BB3sBIIIIIIBB32s",
        (
            "major minor firmware reset_cause boot_nonce challenge schema_hash baud lease_us"
            " state_period_us sends_count accepts_count board"
        ),
    ),
    3: ("<H", "offset"),
    4: ("<HH", "offset size"),
    16: (
        "<QBBHHII",
        "sampled_us mode reason applied_sequence applied_count applied_age_us sense_to_actuate_us",
    ),
    17: ("<I", "answers_us"),
    18: ("<HBIH", "id verb argument ttl_ms"),
    19: ("<HB", "id result"),
    20: ("<BIQ", "code argument clock_us"),
    21: ("<I", "token"),
    22: ("<IQI", "token received_us held_us"),
    23: ("<Q", "clock_us"),
}
AS_BYTES: dict[str, Callable[[Any], bytes]] = {"board": str.encode, "firmware": bytes}


def each(kind: str) -> pytest.MarkDecorator:
    """Run a test once for each vector of a kind, under the vector's name."""
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=lambda v: str(v["name"]))


def cobs_encode(decoded: bytes) -> bytes:
    """Replace each zero by the distance to the next, as the paper's text says it."""
    out = bytearray()
    groups = decoded.split(b"\0")
    for index, group in enumerate(groups):
        rest = group
        while len(rest) > BLOCK or (len(rest) == BLOCK and index < len(groups) - 1):
            out += bytes([BLOCK + 1]) + rest[:BLOCK]
            rest = rest[BLOCK:]
        out += bytes([len(rest) + 1]) + rest
    return bytes(out)


def cobs_decode(encoded: bytes) -> bytes:
    """Undo cobs_encode(): each block ends in a zero unless it is full or the last."""
    out = bytearray()
    at = 0
    while at < len(encoded):
        code = encoded[at]
        out += encoded[at + 1 : at + code]
        at += code
        if code <= BLOCK and at < len(encoded):
            out.append(0)
    return bytes(out)


def payload_of(kind: int, fields: dict[str, Any]) -> bytes:
    """Lay the fields of a message out as the protocol reference says."""
    layout, names = LAYOUTS[kind]
    values = [
        AS_BYTES[name](fields[name]) if name in AS_BYTES else fields[name] for name in names.split()
    ]
    floats = fields.get("values", [])
    text: bytes = fields.get("text", "").encode()
    return struct.pack(layout, *values) + struct.pack(f"<{len(floats)}f", *floats) + text


INTEGERS = {"i16": "h", "u16": "H", "i8": "b", "u8": "B"}


def none_of(kind: str) -> int:
    """Return the code that means "no value": the least of a signed type, the most of another."""
    bits = int(kind[1:])
    return -(1 << bits - 1) if kind[0] == "i" else (1 << bits) - 1


def values_of(types: list[str], numbers: list[float | None]) -> bytes:
    """Lay values out as the protocol reference says, by an implementation that shares nothing."""
    out = bytearray()
    bits = ""
    for described, number in zip(types, numbers, strict=True):
        kind, _, scale = described.partition("*")
        if kind == "bool":
            bits += str(number)
            continue
        out += packed_bits(bits)
        bits = ""
        if kind == "f32":
            out += struct.pack("<f", number)
            continue
        code = none_of(kind) if number is None else round(number / float(scale))
        out += struct.pack(f"<{INTEGERS[kind]}", code)
    return bytes(out + packed_bits(bits))


def packed_bits(bits: str) -> bytes:
    """Pack a run of bools, the first in bit 0."""
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def body_of(vector: dict[str, Any]) -> bytes:
    """Put header, payload and CRC together."""
    header, payload = vector["header"], bytes.fromhex(vector["payload"])
    body = struct.pack(
        "<BBHHB",
        header["type"],
        header["flags"],
        header["session"],
        header["sequence"],
        len(payload),
    )
    seed = 0 if header["type"] < SEEDED else vector["schema_hash"]
    return body + payload + struct.pack("<I", zlib.crc32(body + payload, seed))


@each("crc32")
def test_crc_vectors_are_those_of_zlib(vector: dict[str, Any]) -> None:
    """The C code is held to these numbers, so they must be everybody's CRC-32."""
    assert zlib.crc32(bytes.fromhex(vector["bytes"]), vector["seed"]) == vector["crc"]


@each("cobs")
def test_cobs_vectors_agree_with_a_second_implementation(vector: dict[str, Any]) -> None:
    """A typing error in a vector would otherwise be copied into the C code."""
    decoded, encoded = bytes.fromhex(vector["decoded"]), bytes.fromhex(vector["encoded"])
    assert cobs_encode(decoded) == encoded
    assert cobs_decode(encoded) == decoded
    assert 0 not in encoded


@each("frames")
def test_frames_are_cobs_of_header_payload_and_seeded_crc(vector: dict[str, Any]) -> None:
    """The wire is what the protocol reference says, by an implementation that shares nothing."""
    assert cobs_encode(body_of(vector)) + b"\0" == bytes.fromhex(vector["wire"])
    assert len(bytes.fromhex(vector["wire"])) == len(bytes.fromhex(vector["payload"])) + 13


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["frames"] if "fields" in v], ids=lambda v: str(v["name"])
)
def test_payloads_are_their_fields_little_endian(vector: dict[str, Any]) -> None:
    """A field that moved would be read as its neighbour by an older firmware."""
    assert payload_of(vector["header"]["type"], vector["fields"]) == bytes.fromhex(
        vector["payload"]
    )


@each("values")
def test_values_are_packed_by_their_types(vector: dict[str, Any]) -> None:
    """A scale or a run of bools that one end reads otherwise would move a motor."""
    assert values_of(vector["types"], vector["numbers"]) == bytes.fromhex(vector["bytes"])


def test_every_message_type_has_a_vector() -> None:
    """One without could change its bytes unseen, and no attack of the C tests would meet it."""
    vectors = {v["header"]["type"] for v in VECTORS["frames"] if "fields" in v}
    assert vectors == set(LAYOUTS) == set(ffi.typeof("enum amp_frame_type").elements)


def c_bytes(name: str, text: str) -> str:
    """Write one array of bytes; C has no empty ones."""
    content = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(text)) or "0"
    return f"static const uint8_t {name}[] = {{{content}}};"


def size_of(text: str) -> int:
    """Count the bytes of a hexadecimal text."""
    return len(bytes.fromhex(text))


def c_crc() -> list[str]:
    """Write the CRC vectors."""
    arrays, rows = [], []
    for n, v in enumerate(VECTORS["crc32"]):
        arrays.append(c_bytes(f"crc_bytes_{n}", v["bytes"]))
        rows.append(
            f'    {{"{v["name"]}", crc_bytes_{n}, {size_of(v["bytes"])}, '
            f"0x{v['seed']:08x}u, 0x{v['crc']:08x}u}},"
        )
    return [
        *arrays,
        "static const struct crc_vector {",
        "    const char *name;",
        "    const uint8_t *bytes;",
        "    size_t size;",
        "    uint32_t seed, crc;",
        "} crc_vectors[] = {",
        *rows,
        "};",
    ]


def c_cobs() -> list[str]:
    """Write the COBS vectors."""
    arrays, rows = [], []
    for n, v in enumerate(VECTORS["cobs"]):
        arrays.append(c_bytes(f"cobs_decoded_{n}", v["decoded"]))
        arrays.append(c_bytes(f"cobs_encoded_{n}", v["encoded"]))
        rows.append(
            f'    {{"{v["name"]}", cobs_decoded_{n}, {size_of(v["decoded"])}, '
            f"cobs_encoded_{n}, {size_of(v['encoded'])}}},"
        )
    return [
        *arrays,
        "static const struct cobs_vector {",
        "    const char *name;",
        "    const uint8_t *decoded;",
        "    size_t decoded_size;",
        "    const uint8_t *encoded;",
        "    size_t encoded_size;",
        "} cobs_vectors[] = {",
        *rows,
        "};",
    ]


def c_frames() -> list[str]:
    """Write the frame vectors."""
    arrays, rows = [], []
    for n, v in enumerate(VECTORS["frames"]):
        arrays.append(c_bytes(f"frame_payload_{n}", v["payload"]))
        arrays.append(c_bytes(f"frame_wire_{n}", v["wire"]))
        head = v["header"]
        rows.append(
            f'    {{"{v["name"]}", 0x{v["schema_hash"]:08x}u, {{{head["type"]}, {head["flags"]}, '
            f"{head['session']}, {head['sequence']}, {size_of(v['payload'])}, "
            f"frame_payload_{n}}}, frame_wire_{n}, {size_of(v['wire'])}}},"
        )
    return [
        *arrays,
        "static const struct frame_vector {",
        "    const char *name;",
        "    uint32_t schema_hash;",
        "    struct amp_frame frame;",
        "    const uint8_t *wire;",
        "    size_t wire_size;",
        "} frame_vectors[] = {",
        *rows,
        "};",
    ]


def c_values() -> list[str]:
    """Write the vectors of values."""
    arrays, rows = [], []
    for n, v in enumerate(VECTORS["values"]):
        described = []
        for one in v["types"]:
            kind, _, scale = one.partition("*")
            described.append(f"{{.type = AMP_VALUE_{kind.upper()}, .scale = {float(scale or 1)}f}}")
        numbers = ", ".join("NAN" if one is None else f"{float(one)}f" for one in v["numbers"])
        arrays.append(
            f"static const struct amp_value value_types_{n}[] = {{{', '.join(described)}}};"
        )
        arrays.append(f"static const float value_numbers_{n}[] = {{{numbers}}};")
        arrays.append(c_bytes(f"value_bytes_{n}", v["bytes"]))
        rows.append(
            f'    {{"{v["name"]}", value_types_{n}, value_numbers_{n}, {len(v["numbers"])}, '
            f"value_bytes_{n}, {size_of(v['bytes'])}}},"
        )
    return [
        *arrays,
        "static const struct value_vector {",
        "    const char *name;",
        "    const struct amp_value *described;",
        "    const float *numbers;",
        "    size_t count;",
        "    const uint8_t *bytes;",
        "    size_t size;",
        "} value_vectors[] = {",
        *rows,
        "};",
    ]


def header() -> str:
    """Return the text of native/tests/frame_vectors.h."""
    return "\n".join(
        [
            "/* Written by tests/unit/test_frame_vectors.py from tests/vectors/frame.yaml. */",
            "/* clang-format off */",
            "#ifndef AMP_TESTS_FRAME_VECTORS_H",
            "#define AMP_TESTS_FRAME_VECTORS_H",
            "",
            '#include "amp/frame.h"',
            "",
            "#ifdef FRAME_VECTORS_OF_CODECS",
            *c_crc(),
            "",
            *c_cobs(),
            "#endif",
            "",
            "#ifdef FRAME_VECTORS_OF_VALUES",
            "#include <math.h>",
            "",
            '#include "amp/value.h"',
            "",
            *c_values(),
            "#endif",
            "",
            *c_frames(),
            "",
            "#endif",
            "",
        ]
    )


def test_the_c_tests_read_these_vectors() -> None:
    """Two languages that test themselves against different vectors prove nothing about a link."""
    assert HEADER.read_text(encoding="utf-8") == header()


if __name__ == "__main__":
    HEADER.write_text(header(), encoding="utf-8")
