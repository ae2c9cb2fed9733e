"""The protocol reference, docs/wire.md, against the golden vectors and the headers."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/wire.md").read_text(encoding="utf-8")
HEADERS = "\n".join(
    (ROOT / "native/device/include/amp" / name).read_text(encoding="utf-8")
    for name in ("frame.h", "value.h", "wire.h", "session.h", "device.h")
)
FRAMES: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "tests/vectors/frame.yaml").read_text(encoding="utf-8")
)["frames"]
MESSAGES = [frame for frame in FRAMES if "fields" in frame]
SCALARS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "f32": "f"}
# How an enum of the headers begins its enumerators.
ENUMS = {
    "verb": "AMP_VERB_",
    "result": "AMP_RESULT_",
    "event_code": "AMP_EVENT_",
    "device_mode": "AMP_DEVICE_",
    "device_reason": "AMP_REASON_",
    "reset_cause": "AMP_RESET_",
    "refusal": "AMP_REFUSAL_",
}


def rows_under(first_line: str, text: str = TEXT) -> list[list[str]]:
    """Return the cells of the table whose head begins with these words."""
    after = text[text.index(f"\n{first_line}") + 1 :]
    table = after[: after.index("\n\n")] if "\n\n" in after else after
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")][2:]


def section(name: str) -> str:
    """Return a section of the reference, from its heading to the next."""
    begin = TEXT.index(f"### {name}\n")
    end = re.compile(r"^##", re.MULTILINE).search(TEXT, begin + 3)
    return TEXT[begin : end.start() if end else None]


def read_field(kind: str, payload: bytes, at: int) -> tuple[Any, int]:
    """Read one field as the reference's type says; answer it and where it ends."""
    match = re.fullmatch(r"(\w+)(?:\[(\d*)\])?", kind)
    assert match is not None
    base, count = match.groups()
    if base == "char" and not count:
        return payload[at:].decode(), len(payload)
    if base == "char":
        return payload[at : at + int(count)].rstrip(b"\0").decode(), at + int(count)
    if count is None:
        size = struct.calcsize(SCALARS[base])
        return struct.unpack_from(f"<{SCALARS[base]}", payload, at)[0], at + size
    size = struct.calcsize(SCALARS[base])
    number = int(count) if count else (len(payload) - at) // size
    return list(struct.unpack_from(f"<{number}{SCALARS[base]}", payload, at)), at + number * size


def decode(rows: list[list[str]], payload: bytes) -> dict[str, Any]:
    """Decode a payload with nothing but a table of the reference."""
    fields: dict[str, Any] = {}
    at = 0
    for offset, kind, name, _ in rows:
        assert int(offset) == at
        fields[name], at = read_field(kind, payload, at)
    assert at == len(payload)
    return fields


@pytest.mark.parametrize("frame", MESSAGES, ids=lambda frame: str(frame["name"]))
def test_the_tables_decode_the_golden_payloads(frame: dict[str, Any]) -> None:
    """Who writes the other end from the reference alone must get the same fields."""
    rows = rows_under("| offset |", section(frame["name"].upper()))
    assert decode(rows, bytes.fromhex(frame["payload"])) == frame["fields"]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(frame["name"]))
def test_the_frame_table_decodes_the_golden_headers(frame: dict[str, Any]) -> None:
    """The header is what everything else is found by."""
    wire = bytes.fromhex(frame["wire"])
    body = bytearray()
    at = 0
    while wire[at] != 0:
        body += wire[at + 1 : at + wire[at]] + b"\0"
        at += wire[at]
    head = decode(rows_under("| offset |"), bytes(body[:7]))
    assert head == {**frame["header"], "length": len(bytes.fromhex(frame["payload"]))}


def test_the_list_of_messages_has_types_and_sizes_of_the_headers() -> None:
    """A size in the text that the code does not have misleads whoever counts line load."""
    for kind, name, _, _, payload in rows_under("| type | message |"):
        assert re.search(rf"\bAMP_FRAME_{name} = {kind},", HEADERS)
        size = payload.split()[0]
        assert re.search(rf"#define AMP_{name}_SIZE {size}\n", HEADERS)


@pytest.mark.parametrize("enum", ENUMS)
def test_the_numbers_are_those_of_the_headers(enum: str) -> None:
    """A code that is missing from the reference is a riddle in somebody's log."""
    match = re.search(rf"\benum amp_{enum} \{{(.*?)\}};", HEADERS, re.DOTALL)
    assert match is not None
    said = re.findall(rf"\b{ENUMS[enum]}(\w+) = (\d+)", match.group(1))
    assert [(row[1], row[0]) for row in rows_under(f"| {enum} |")] == said


def test_the_schema_that_is_shown_has_the_hash_that_is_named() -> None:
    """Nobody can build a firmware that fits without getting this number right."""
    lines = re.findall(r"^    ((?:send|accept) .*)$", TEXT, re.MULTILINE)
    match = re.search(r"The hash of these three lines is ([0-9a-f]{8})", TEXT)
    assert match is not None
    assert len(lines) == 3
    assert zlib.crc32("".join(f"{line}\n" for line in lines).encode()) == int(match.group(1), 16)


def test_the_frame_that_is_explained_byte_by_byte_is_a_golden_one() -> None:
    """The example is what a reader tries first."""
    match = re.search(r"^    (02  13 .*00)$", TEXT, re.MULTILINE)
    assert match is not None
    (ack,) = (frame for frame in FRAMES if frame["name"] == "ack")
    assert bytes.fromhex(match.group(1)) == bytes.fromhex(ack["wire"])
