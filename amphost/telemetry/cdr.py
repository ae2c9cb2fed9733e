"""ROS 2 CDR: a publication of a channel as a message that other people's readers know.

Rules. Pure: no file, no clock, no mcap. A message's fields are `count`, `t_ns`, `mark`, then the
signals, 64-bit words in the channel's order and bools (one byte each) last: nothing in it needs
padding, and for a channel without bools the message is the record of the mailbox as it is, behind
the four bytes of the encapsulation. Those four bytes name the byte order, so that a big-endian
host takes its records over unconverted too. Names are bent to what ROS allows, never refused: a
recording must not fail over a name, and each channel says which field stands for which signal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amphost.plan.model import SignalPlan

ByteOrder = Literal["little", "big"]

PACKAGE = "amphost_msgs"
HEAD_FIELDS = (("uint64", "count"), ("int64", "t_ns"), ("uint64", "mark"))
HEAD_WORDS = len(HEAD_FIELDS)
WORD_SIZE = 8
FIELD_TYPES = {"f64": "float64", "i64": "int64", "u64": "uint64", "bool": "bool"}

Message = tuple[int, int, bytes]  # count, t_ns, the message


def encapsulation(byte_order: ByteOrder) -> bytes:
    """Return the four bytes before a message: plain CDR in `byte_order`, no options."""
    return b"\x00\x01\x00\x00" if byte_order == "little" else b"\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageType:
    """How the records of one channel are written and described.

    Synchronization: none required; immutable.
    """

    name: str  # amphost_msgs/msg/<CamelCase>
    definition: str  # the ros2msg text
    fields: tuple[str, ...]  # the field of each word, in the channel's order
    record_size: int  # bytes of a record of the mailbox
    message_size: int  # bytes of a message, encapsulation included
    encode: Callable[[bytes], Iterator[Message]]  # whole records, one after another


def message_types(
    channels: Iterable[tuple[str, Sequence[SignalPlan]]], byte_order: ByteOrder = sys.byteorder
) -> tuple[MessageType, ...]:
    """Return the message type of each (role, signals); no two share a name."""
    taken: set[str] = set()
    types = []
    for role, signals in channels:
        name = _unused(_camel_case(role), taken, "{}N{}")
        taken.add(name)
        types.append(_message_type(f"{PACKAGE}/msg/{name}", signals, byte_order))
    return tuple(types)


def _message_type(name: str, signals: Sequence[SignalPlan], byte_order: ByteOrder) -> MessageType:
    fields = _field_names(signals)
    bools = [word for word, signal in enumerate(signals) if signal.type == "bool"]
    wide = [word for word, signal in enumerate(signals) if signal.type != "bool"]
    record_size = (HEAD_WORDS + len(signals)) * WORD_SIZE
    prefix = encapsulation(byte_order)
    if bools:
        encode = _reordering(prefix, len(signals), wide, bools, byte_order)
    else:
        encode = _prefixing(prefix, record_size, byte_order)
    return MessageType(
        name=name,
        definition=_definition(signals, fields, [*wide, *bools]),
        fields=fields,
        record_size=record_size,
        message_size=len(prefix) + (HEAD_WORDS + len(wide)) * WORD_SIZE + len(bools),
        encode=encode,
    )


def _prefixing(
    prefix: bytes, record_size: int, byte_order: ByteOrder
) -> Callable[[bytes], Iterator[Message]]:
    head = Struct(f"{_order_mark(byte_order)}Qq").unpack_from

    def encode(records: bytes) -> Iterator[Message]:
        for start in range(0, len(records), record_size):
            count, t_ns = head(records, start)
            yield count, t_ns, prefix + records[start : start + record_size]

    return encode


def _reordering(
    prefix: bytes, words: int, wide: list[int], bools: list[int], byte_order: ByteOrder
) -> Callable[[bytes], Iterator[Message]]:
    mark = _order_mark(byte_order)
    record = Struct(f"{mark}Qq{words + 1}Q")
    message = Struct(f"{mark}4sQq{len(wide) + 1}Q{len(bools)}?")
    places = [HEAD_WORDS + word for word in (*wide, *bools)]
    in_order = itemgetter(*range(HEAD_WORDS), *places)

    def encode(records: bytes) -> Iterator[Message]:
        for values in record.iter_unpack(records):
            yield values[0], values[1], message.pack(prefix, *in_order(values))

    return encode


def _order_mark(byte_order: ByteOrder) -> str:
    return "<" if byte_order == "little" else ">"


def _definition(signals: Sequence[SignalPlan], fields: Sequence[str], order: list[int]) -> str:
    lines = [f"{kind} {field}" for kind, field in HEAD_FIELDS]
    lines += [_line(signals[word], fields[word]) for word in order]
    return "\n".join(lines) + "\n"


def _line(signal: SignalPlan, field: str) -> str:
    comment = signal.unit
    if signal.low is not None and signal.high is not None:
        comment = f"{comment} from {signal.low!r} to {signal.high!r}".strip()
    line = f"{FIELD_TYPES[signal.type]} {field}"
    return f"{line}  # {comment}" if comment else line


def _field_names(signals: Sequence[SignalPlan]) -> tuple[str, ...]:
    taken = {field for _, field in HEAD_FIELDS}
    names = []
    for signal in signals:
        name = _unused("_".join(part for part in signal.name.split("_") if part), taken, "{}_{}")
        taken.add(name)
        names.append(name)
    return tuple(names)


def _camel_case(role: str) -> str:
    return "".join(part.capitalize() for part in role.replace(".", "_").split("_"))


def _unused(name: str, taken: set[str], numbered: str) -> str:
    candidate = name
    number = 1
    while candidate in taken:
        number += 1
        candidate = numbered.format(name, number)
    return candidate
