"""The records of an MCAP file as bytes and places.

Rules. The caller opens the file. Records are parsed by the package; what stands here is what its
readers leave out: where a record starts and ends, whether all of it is there, and whether it
passes its own checksum. The bytes may be anything: nothing here raises for them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Header, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, get_chunk_data_stream
from mcap.writer import MCAP0_MAGIC
from zstandard import ZstdError

MAGIC: bytes = MCAP0_MAGIC
HEAD = struct.Struct("<BQ")  # opcode, length of what follows
MESSAGE_HEAD = struct.Struct("<HIQ")  # channel, sequence, log time
FOOTER = struct.Struct("<BQQQI")  # opcode, length, start of the summary, of its offsets, checksum
FOOTER_LENGTH = FOOTER.size - HEAD.size
CHECKSUM = struct.Struct("<I")
KNOWN_OPCODES = frozenset(Opcode)
UNREADABLE = (McapError, struct.error, ValueError, OverflowError, MemoryError)
NOT_UNPACKED = (*UNREADABLE, RuntimeError, ZstdError)  # what lz4 and zstandard raise

Lines = dict[int, list[tuple[int, int]]]  # channel: (log time, place in the chunk) of its messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A record of which all bytes are there. Its content may still be damaged."""

    opcode: int
    end: int  # where the next one starts
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkContent:
    """What a whole chunk holds: descriptions as records, messages as places."""

    descriptions: tuple[Schema | Channel, ...]
    lines: Lines


class _Exact(BytesIO):
    """Bytes that give what is asked for or nothing: the package would take less without a word."""

    def read(self, size: int | None = None) -> bytes:
        if size is None or not 0 <= size <= len(self.getbuffer()) - self.tell():
            raise EndOfFile
        return super().read(size)


def read_header(source: BinaryIO, size: int) -> Header | None:
    """Return the header of an MCAP file; None when this is not the start of one."""
    source.seek(0)
    if source.read(len(MAGIC)) != MAGIC:
        return None
    frame = read_frame(source, len(MAGIC), size)
    record = parse(frame.raw) if frame else None
    return record if isinstance(record, Header) else None


def is_complete(source: BinaryIO, size: int) -> bool:
    """Tell whether the file ends as an MCAP file does, its summary passing its checksum."""
    footer_start = size - FOOTER.size - len(MAGIC)
    if footer_start < len(MAGIC):
        return False
    source.seek(footer_start)
    tail = source.read()
    opcode, length, summary_start, _, checksum = FOOTER.unpack_from(tail)
    if tail[FOOTER.size :] != MAGIC or (opcode, length) != (Opcode.FOOTER, FOOTER_LENGTH):
        return False
    if summary_start == 0 or checksum == 0:
        return True
    if summary_start > footer_start:
        return False
    source.seek(summary_start)
    covered = source.read(size - len(MAGIC) - CHECKSUM.size - summary_start)
    return bool(zlib.crc32(covered) == checksum)


def read_frame(source: BinaryIO, start: int, size: int) -> Frame | None:
    """Return the record at `start`; None when the file of `size` bytes has not all of it."""
    if start + HEAD.size > size:
        return None
    source.seek(start)
    head = source.read(HEAD.size)
    opcode, length = HEAD.unpack(head)
    end = start + HEAD.size + length
    return Frame(opcode=opcode, end=end, raw=head + source.read(length)) if end <= size else None


def parse(raw: bytes) -> McapRecord | None:
    """Return the record that `raw` holds; None for an unknown or a damaged one."""
    reader = StreamReader(_Exact(raw), skip_magic=True, emit_chunks=True)
    try:
        return next(reader.records, None)
    except UNREADABLE:
        return None


def is_intact_attachment(raw: bytes) -> bool:
    """Tell whether an attachment passes its checksum; 0 stands for none."""
    (checksum,) = CHECKSUM.unpack(raw[-CHECKSUM.size :])
    return checksum in (0, zlib.crc32(raw[HEAD.size : -CHECKSUM.size]))


def unpacked(chunk: Chunk) -> bytes | None:
    """Return the records of a chunk; None when it fails its checksum or cannot be unpacked."""
    try:
        stream, size = get_chunk_data_stream(chunk, validate_crc=True)
        content: bytes = stream.read(size)
    except NOT_UNPACKED:
        return None
    return content if size == chunk.uncompressed_size else None


def read_chunk(chunk: Chunk) -> ChunkContent | None:
    """Return what a chunk holds; None when any of it is damaged."""
    content = unpacked(chunk)
    try:
        return None if content is None else _walk(content)
    except NOT_UNPACKED:
        return None


def _walk(content: bytes) -> ChunkContent | None:
    descriptions: list[Schema | Channel] = []
    lines: Lines = {}
    at = 0
    while at < len(content):
        opcode, length = HEAD.unpack_from(content, at)
        end = at + HEAD.size + length
        if end > len(content):
            return None
        if opcode == Opcode.MESSAGE:
            channel, _, log_ns = MESSAGE_HEAD.unpack_from(content, at + HEAD.size)
            lines.setdefault(channel, []).append((log_ns, at))
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            record = parse(content[at:end])
            if not isinstance(record, Schema | Channel):
                return None
            descriptions.append(record)
        at = end
    return ChunkContent(descriptions=tuple(descriptions), lines=lines)


def lines_of(message: Message) -> Lines:
    """Return the lines of a message that stands outside of any chunk."""
    return {message.channel_id: [(message.log_time, 0)]}
