"""A frame on the wire as bytes of its own: opened, changed, and sealed again with a right CRC.

Rules. Pure: bytes in, bytes out; the layout is docs/wire.md's. For the fault proxy alone, which has
to make frames that only their session or their schema gives away. What is no frame is None.
"""

from __future__ import annotations

from zlib import crc32

__all__ = ["opened", "sealed", "session_of", "with_session"]

CRC_SIZE = 4
HEADER_SIZE = 7
SEEDED = 16
"""Frame types from here on are sealed with the schema hash, those below with 0."""
BODY_MAX = 251


def opened(frame: bytes) -> bytes | None:
    """Return header and payload of a frame with its delimiter; None where it is none."""
    body = _unstuffed(frame[:-1]) if frame[-1:] == b"\0" else None
    if body is None or not HEADER_SIZE + CRC_SIZE <= len(body) <= BODY_MAX:
        return None
    return body[:-CRC_SIZE]


def sealed(body: bytes, schema_hash: int) -> bytes:
    """Return header and payload as a frame of this schema, delimiter included."""
    seed = schema_hash if body[0] >= SEEDED else 0
    return _stuffed(body + crc32(body, seed).to_bytes(CRC_SIZE, "little")) + b"\0"


def session_of(body: bytes) -> int:
    """Return the session that a header names."""
    return int.from_bytes(body[2:4], "little")


def with_session(body: bytes, session: int) -> bytes:
    """Return the same under another session."""
    return body[:2] + session.to_bytes(2, "little") + body[4:]


def _stuffed(plain: bytes) -> bytes:
    """Encode by COBS, without the delimiter: a body is shorter than one block."""
    return b"".join(bytes((len(part) + 1,)) + part for part in plain.split(b"\0"))


def _unstuffed(stuffed: bytes) -> bytes | None:
    """Decode COBS; None for bytes that are none."""
    parts = []
    at = 0
    while at < len(stuffed):
        code = stuffed[at]
        block = stuffed[at + 1 : at + code]
        if code == 0 or len(block) != code - 1:
            return None
        parts.append(block)
        at += code
    return b"\0".join(parts)
