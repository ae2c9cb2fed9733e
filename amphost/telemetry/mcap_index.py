"""The end of an MCAP file, made anew from the records that stand before it.

Rules. Pure: bytes in, bytes out. A record is noted with the place it will stand at, and only when
it is sound: a damaged one, or a message of a channel that nothing describes, is refused, since a
reader would stumble over it. All that is written is written by the package's own records.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    McapRecord,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from amphost.telemetry.mcap_file import (
    FOOTER,
    FOOTER_LENGTH,
    KNOWN_OPCODES,
    MAGIC,
    Frame,
    Lines,
    is_intact_attachment,
    lines_of,
    parse,
    read_chunk,
)


class Index:
    """What is known of a file's records so far.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._chunks: list[ChunkIndex] = []
        self._attachments: list[AttachmentIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._counts: dict[int, int] = {}
        self._times: list[int] = []  # the first and the last log time

    @property
    def messages(self) -> int:
        """How many were noted."""
        return sum(self._counts.values())

    def take(self, frame: Frame, offset: int) -> bytes | None:
        """Note the record that will stand at `offset`; return what to write there, or None."""
        if frame.opcode == Opcode.MESSAGE_INDEX:
            return b""  # every chunk gets a new one
        record = parse(frame.raw)
        match record:
            case Chunk():
                return self._take_chunk(record, frame.raw, offset)
            case Message():
                return frame.raw if self._count(lines_of(record)) else None
            case Attachment():
                return self._take_attachment(record, frame.raw, offset)
            case Metadata():
                self._metadata.append(
                    MetadataIndex(offset=offset, length=len(frame.raw), name=record.name)
                )
            case Schema() | Channel():
                self._describe(record)
            case None if frame.opcode in KNOWN_OPCODES:
                return None
            case _:
                pass  # of a kind that this version does not know: it stays as it is
        return frame.raw

    def end(self, offset: int) -> bytes:
        """Return the end of a file whose records end at `offset`."""
        data_end = _written([DataEnd(data_section_crc=0)])
        summary_start = offset + len(data_end)
        summary = b""
        offsets: list[SummaryOffset] = []
        for opcode, records in self._groups():
            group = _written(records)
            start = summary_start + len(summary)
            offsets.append(
                SummaryOffset(group_opcode=opcode, group_start=start, group_length=len(group))
            )
            summary += group
        offsets_start = summary_start + len(summary)
        summary += _written(offsets)
        unsealed = FOOTER.pack(Opcode.FOOTER, FOOTER_LENGTH, summary_start, offsets_start, 0)
        checksum = zlib.crc32(summary + unsealed[:-4])
        footer = Footer(
            summary_start=summary_start, summary_offset_start=offsets_start, summary_crc=checksum
        )
        return data_end + summary + _written([footer]) + MAGIC

    def _take_chunk(self, chunk: Chunk, raw: bytes, offset: int) -> bytes | None:
        content = read_chunk(chunk)
        if content is None:
            return None
        for description in content.descriptions:
            self._describe(description)
        if not self._count(content.lines):
            return None
        times = [log_ns for lines in content.lines.values() for log_ns, _ in lines]
        places: dict[int, int] = {}
        indexes = b""
        for channel_id, lines in content.lines.items():
            places[channel_id] = offset + len(raw) + len(indexes)
            indexes += _written([MessageIndex(channel_id=channel_id, records=lines)])
        self._chunks.append(
            ChunkIndex(
                chunk_start_offset=offset,
                chunk_length=len(raw),
                message_start_time=min(times, default=0),
                message_end_time=max(times, default=0),
                message_index_offsets=places,
                message_index_length=len(indexes),
                compression=chunk.compression,
                compressed_size=len(chunk.data),
                uncompressed_size=chunk.uncompressed_size,
            )
        )
        return raw + indexes

    def _take_attachment(self, attachment: Attachment, raw: bytes, offset: int) -> bytes | None:
        if not is_intact_attachment(raw):
            return None
        self._attachments.append(
            AttachmentIndex(
                offset=offset,
                length=len(raw),
                log_time=attachment.log_time,
                create_time=attachment.create_time,
                data_size=len(attachment.data),
                name=attachment.name,
                media_type=attachment.media_type,
            )
        )
        return raw

    def _describe(self, record: Schema | Channel) -> None:
        if isinstance(record, Schema):
            self._schemas.setdefault(record.id, record)
        else:
            self._channels.setdefault(record.id, record)

    def _count(self, lines: Lines) -> bool:
        """Count messages; False, and nothing counted, when one is of an unknown channel."""
        if not lines.keys() <= self._channels.keys():
            return False
        for channel_id, of_channel in lines.items():
            self._counts[channel_id] = self._counts.get(channel_id, 0) + len(of_channel)
            times = [log_ns for log_ns, _ in of_channel]
            self._times = [min(self._times + times), max(self._times + times)]
        return True

    def _groups(self) -> Iterable[tuple[Opcode, Iterable[McapRecord]]]:
        first_ns, last_ns = self._times or (0, 0)
        statistics = Statistics(
            attachment_count=len(self._attachments),
            channel_count=len(self._channels),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=self.messages,
            message_end_time=last_ns,
            message_start_time=first_ns,
            metadata_count=len(self._metadata),
            schema_count=len(self._schemas),
        )
        return (
            (Opcode.SCHEMA, self._schemas.values()),
            (Opcode.CHANNEL, self._channels.values()),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments),
            (Opcode.METADATA_INDEX, self._metadata),
        )


def _written(records: Iterable[McapRecord]) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    return bytes(builder.end())  # type: ignore[no-untyped-call] # the package leaves it untyped
