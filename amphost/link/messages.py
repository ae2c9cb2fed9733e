"""What the payload of a frame says: its fields by name, as docs/wire.md has them.

Rules. Pure, and a reading of its own: nothing here is the C code's, which tests compare. A payload
that is not exactly its message's size has no fields, only the reason why. Values of STATE and
ACTUATE have names where a schema is known, and are hexadecimal where not.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from amphost.device import MODES, REASONS, RESETS, RESULTS, VERBS
from amphost.link.schema import Schema, Value, decode_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TYPES = {
    1: "IDENTIFY",
    2: "IDENTITY",
    3: "DESCRIBE",
    4: "DICTIONARY",
    16: "STATE",
    17: "ACTUATE",
    18: "COMMAND",
    19: "ACK",
    20: "EVENT",
    21: "CLOCK",
    22: "TIME",
    23: "LOG",
}
NUMBERED = 16
"""Types from here on carry a sequence number, and are seeded with the schema hash."""
NONE = 0xFFFFFFFF
PROTOCOL = 2
EVENT_USER = 64
"""Event codes from here on are the firmware's own."""
SET = 64
SET_LAST = 127
EVENTS = {1: "boot", 2: "mode", 3: "at_safe", 4: "bad_value", 5: "bad_sample"}
_VERB_NAMES = {number: name for name, number in VERBS.items()}

Fields = dict[str, Any]


class PayloadError(ValueError):
    """A payload that is not its message's."""


def fields_of(kind: int, payload: bytes, schema: Schema | None) -> Fields:
    """Return the fields of a message; PayloadError says why it has none."""
    decode = _DECODERS.get(kind)
    if decode is None:
        raise PayloadError(f"a type {kind} is not known; payload {payload.hex()}")
    return decode(payload, schema)


def _exactly(payload: bytes, form: str) -> tuple[Any, ...]:
    size = struct.calcsize(form)
    if len(payload) != size:
        raise PayloadError(f"{len(payload)} bytes of payload, where it has {size}")
    return struct.unpack(form, payload)


def _identify(payload: bytes, _: Schema | None) -> Fields:
    major, minor, schema_hash = _exactly(payload, "<BBI")
    return {"protocol": f"{major}.{minor}", "schema_hash": f"{schema_hash:08x}"}


def _identity(payload: bytes, _: Schema | None) -> Fields:
    if payload[:1] not in (b"", bytes([PROTOCOL])):
        raise PayloadError(f"it speaks protocol {payload[0]}; this amphost reads {PROTOCOL}")
    major, minor, *firmware, reset, nonce, challenge, schema_hash, baud, lease_us, period_us, \
        sends, accepts, board = _exactly(payload, "<BB3BBIIIIIIBB32s")  # fmt: skip
    return {
        "board": board.rstrip(b"\0").decode("ascii", "backslashreplace"),
        "firmware": ".".join(map(str, firmware)),
        "protocol": f"{major}.{minor}",
        "schema_hash": f"{schema_hash:08x}",
        "reset_cause": RESETS.get(reset, str(reset)),
        "boot_nonce": nonce,
        "challenge": challenge,
        "baud": baud,
        "lease_us": lease_us,
        "state_period_us": period_us,
        "sends": sends,
        "accepts": accepts,
    }


def _state(payload: bytes, schema: Schema | None) -> Fields:
    if len(payload) < 22:
        raise PayloadError(f"{len(payload)} bytes of payload, where it has at least 22")
    sampled_us, mode, reason, sequence, count, age_us, latency_us = struct.unpack(
        "<QBBHHII", payload[:22]
    )
    return {
        "sampled_us": sampled_us,
        "mode": MODES.get(mode, str(mode)),
        "reason": REASONS.get(reason, str(reason)),
        "applied_sequence": sequence,
        "applied_count": count,
        "applied_age_us": None if age_us == NONE else age_us,
        "sense_to_actuate_us": None if latency_us == NONE else latency_us,
        **_values(None if schema is None else schema.sends, payload[22:]),
    }


def _actuate(payload: bytes, schema: Schema | None) -> Fields:
    if len(payload) < 4:
        raise PayloadError(f"{len(payload)} bytes of payload, where it has at least 4")
    (answers_us,) = struct.unpack("<I", payload[:4])
    values = _values(None if schema is None else schema.accepts, payload[4:])
    return {"answers_us": answers_us or None, **values}


def _values(values: Sequence[Value] | None, content: bytes) -> Fields:
    if values is None:
        return {"values_hex": content.hex()}
    decoded = decode_values(values, content)
    if decoded is None:
        raise PayloadError(f"values {content.hex()} are not those of this schema")
    return {"values": {one.name: value for one, value in zip(values, decoded, strict=True)}}


def _command(payload: bytes, schema: Schema | None) -> Fields:
    identifier, verb, argument, ttl_ms = _exactly(payload, "<HBIH")
    fields: Fields = {"id": identifier, "verb": verb_name(verb, schema), "ttl_ms": ttl_ms}
    if SET <= verb <= SET_LAST:
        (fields["value"],) = struct.unpack("<f", struct.pack("<I", argument))
    else:
        fields["argument"] = argument
    return fields


def verb_name(verb: int, schema: Schema | None) -> str:
    """Name a verb: `arm`, `set kp`, or `set 3` for parameter 3 where it has no name."""
    if SET <= verb <= SET_LAST:
        names = () if schema is None else schema.parameters
        return f"set {names[verb - SET] if verb - SET < len(names) else verb - SET}"
    return _VERB_NAMES.get(verb, str(verb))


def _ack(payload: bytes, _: Schema | None) -> Fields:
    identifier, result = _exactly(payload, "<HB")
    return {"id": identifier, "result": RESULTS.get(result, str(result))}


def _event(payload: bytes, _: Schema | None) -> Fields:
    code, argument, clock_us = _exactly(payload, "<BIQ")
    event = EVENTS.get(code, f"{'user ' if code >= EVENT_USER else ''}{code}")
    fields: Fields = {"event": event, "argument": argument, "clock_us": clock_us}
    if event == "mode":
        fields["mode"] = MODES.get(argument & 255, str(argument & 255))
        fields["reason"] = REASONS.get(argument >> 8, str(argument >> 8))
    return fields


def _describe(payload: bytes, _: Schema | None) -> Fields:
    (offset,) = _exactly(payload, "<H")
    return {"offset": offset}


def _dictionary(payload: bytes, _: Schema | None) -> Fields:
    if not 4 <= len(payload) <= 60:
        raise PayloadError(f"{len(payload)} bytes of payload, where it has 4 to 60")
    offset, size = struct.unpack("<HH", payload[:4])
    return {"offset": offset, "size": size, "text": plain(payload[4:])}


def _log(payload: bytes, _: Schema | None) -> Fields:
    if not 8 <= len(payload) <= 56:
        raise PayloadError(f"{len(payload)} bytes of payload, where it has 8 to 56")
    (clock_us,) = struct.unpack("<Q", payload[:8])
    return {"clock_us": clock_us, "text": plain(payload[8:])}


def plain(text: bytes) -> str:
    """Write what a device says as printable ASCII: a question mark stands for anything else."""
    return "".join(chr(one) if 32 <= one < 127 else "?" for one in text)


def _clock(payload: bytes, _: Schema | None) -> Fields:
    (token,) = _exactly(payload, "<I")
    return {"token": token}


def _time(payload: bytes, _: Schema | None) -> Fields:
    token, received_us, held_us = _exactly(payload, "<IQI")
    return {"token": token, "received_us": received_us, "held_us": held_us}


_DECODERS: dict[int, Callable[[bytes, Schema | None], Fields]] = {
    1: _identify,
    2: _identity,
    3: _describe,
    4: _dictionary,
    16: _state,
    17: _actuate,
    18: _command,
    19: _ack,
    20: _event,
    21: _clock,
    22: _time,
    23: _log,
}
