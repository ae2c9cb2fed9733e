"""What a recording is: its system, its channels, its attachments, and the wall time it counts by.

Rules. Values only, and the arithmetic of their size in a file. No file is opened here; clocks are
arguments. The wall clock is read once, at the start: a step of it later moves no sample against
another, and the metadata say which offset every log time was made with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.plan.model import SignalPlan
    from amphost.telemetry.cdr import MessageType

NS_PER_S = 1_000_000_000
METADATA_NAME = "amphost"
LIMIT_REACHED = "max_mb reached"
"""Why a recording ended that reached the size its spec allows."""
LIBRARY = "amphost "  # how the header of our own files starts
FILE_PATTERN = r"[a-z][a-z0-9_]*_\d{8}_\d{6}(_\d+)?\.mcap$"
LOG_TIME_MAX_NS = (1 << 63) - 2  # the latest that readers with signed times take

# Bytes of MCAP records beyond their texts and payloads, rounded up where they vary.
MESSAGE_BYTES = 31 + 16  # the record; its line in the index of its chunk
CHUNK_BYTES = 49
CHUNK_INDEX_BYTES = 73
CHANNEL_IN_CHUNK_BYTES = 15
CHANNEL_IN_INDEX_BYTES = 10
DESCRIPTION_BYTES = 128  # schema and channel, without their texts
ATTACHMENT_INDEX_BYTES = 64
END_BYTES = 512  # end of the data, statistics, offsets, footer


@dataclass(frozen=True, slots=True, kw_only=True)
class WallOffset:
    """Wall time minus CLOCK_MONOTONIC, and by how much it may be wrong."""

    offset_ns: int
    error_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file within the recording."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChannel:
    """The channel of one role."""

    role: str
    signals: tuple[SignalPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All that a recorder has to know. `max_bytes` 0: no limit."""

    directory: Path
    system: str
    session: str
    version: str
    channels: tuple[RecordedChannel, ...]
    attachments: tuple[Attachment, ...]
    wall: WallOffset
    flush_period_ns: int
    max_bytes: int


def measure_wall_offset(
    monotonic_ns: Callable[[], int], wall_ns: Callable[[], int], tries: int = 8
) -> WallOffset:
    """Read both clocks close together; of all tries the closest counts."""
    readings = []
    for _ in range(tries):
        before = monotonic_ns()
        wall = wall_ns()
        after = monotonic_ns()
        offset_ns = wall - (before + after) // 2
        readings.append(WallOffset(offset_ns=offset_ns, error_ns=(after - before + 1) // 2))
    return min(readings, key=lambda reading: reading.error_ns)


def file_stem(system: str, wall_ns: int) -> str:
    """Name a recording by its system and the local time of its start."""
    started = time.localtime(wall_ns // NS_PER_S)
    return f"{system}_{time.strftime('%Y%m%d_%H%M%S', started)}"


def log_time_ns(t_ns: int, wall: WallOffset) -> int:
    """Return the wall time of a sample, kept within what a file can say."""
    return min(max(t_ns + wall.offset_ns, 0), LOG_TIME_MAX_NS)


def metadata(recording: Recording) -> dict[str, str]:
    """Return what the metadata record says about the whole file."""
    return {
        "system": recording.system,
        "session": recording.session,
        "wall_offset_ns": str(recording.wall.offset_ns),
        "wall_offset_error_ns": str(recording.wall.error_ns),
        "amphost_version": recording.version,
    }


def channel_metadata(channel: RecordedChannel, fields: Sequence[str]) -> dict[str, str]:
    """Return what a channel says about its signals: which field, which type, unit and range."""
    signals = [
        {
            "name": signal.name,
            "field": field,
            "type": signal.type,
            "unit": signal.unit,
            "range": [signal.low, signal.high],
        }
        for signal, field in zip(channel.signals, fields, strict=True)
    ]
    return {"role": channel.role, "signals": json.dumps(signals)}


def index_bytes(recording: Recording, types: Sequence[MessageType]) -> int:
    """Bound the bytes that descriptions and the end of the file take, without its chunks."""
    total = END_BYTES + CHANNEL_IN_INDEX_BYTES * len(types)
    for channel, kind in zip(recording.channels, types, strict=True):
        texts = [kind.name, kind.definition, recording.system, channel.role]
        texts += channel_metadata(channel, kind.fields).values()
        total += 2 * (DESCRIPTION_BYTES + sum(len(text.encode()) for text in texts))
    for attachment in recording.attachments:
        names = attachment.name + attachment.media_type
        total += ATTACHMENT_INDEX_BYTES + len(names.encode())
    return total
