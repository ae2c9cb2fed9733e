"""What differs between the board file and a device's firmware, signal by signal and field by field.

Rules. Pure. A dictionary is the canonical schema text (`plan.line.schema_text`): one line for each
signal, its words in the order of FIELDS. What a device says is text from outside: nothing but
words of printable ASCII is shown of it, short, and a line that is none of ours is shown as it is.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIELDS = {
    "send": ("type", "scale", "unit", "low", "high"),
    "accept": ("type", "scale", "unit", "low", "high", "safe", "ramp_per_s"),
    "parameter": ("unit", "low", "high", "initial"),
}
WORD_MAX = 40
DIFFERENCES_MAX = 12
"""So many are told; the others are counted."""
UNREAD = {
    "absent": "it has no dictionary on board to say more",
    "silent": "it answers no question about its dictionary: its firmware is too old to say more",
    "broken": "what it says of its dictionary contradicts itself",
}


def differences(ours: str, theirs: str, places: Mapping[str, str]) -> list[str]:
    """Name every signal that differs; `places` says where the board file has a signal."""
    mine, said = _signals(ours), _signals(theirs)
    found = []
    for key, words in mine.items():
        if key not in said:
            found.append(f"{_name(key)}: the firmware has no such {_noun(key)}{_at(key, places)}")
        elif said[key] != words:
            found.append(f"{_name(key)}: {_fields(key, words, said[key])}{_at(key, places)}")
    found += [
        f"{_name(key)}: the board file has no such {_noun(key)}, the firmware {_verb(key)} it"
        for key in said
        if key not in mine
    ]
    if not found and list(mine) != list(said):
        order = ", ".join(_name(key) for key in said)
        found.append(f"the order of the signals: the firmware says {order[:200]}")
    more = len(found) - DIFFERENCES_MAX
    return found if more <= 0 else [*found[:DIFFERENCES_MAX], f"and {more} more"]


def _signals(text: str) -> dict[tuple[str, str], tuple[str, ...]]:
    signals: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in text.splitlines():
        words = tuple(_shown(word) for word in line.split(" "))
        signals.setdefault((words[0], words[1] if len(words) > 1 else ""), words[2:])
    return signals


def _shown(word: str) -> str:
    kept = "".join(one if one.isascii() and one.isprintable() else "?" for one in word)
    return kept if len(kept) <= WORD_MAX else f"{kept[:WORD_MAX]}..."


def _name(key: tuple[str, str]) -> str:
    return key[1] or key[0]


def _noun(key: tuple[str, str]) -> str:
    return "parameter" if key[0] == "parameter" else "signal"


def _verb(key: tuple[str, str]) -> str:
    return {"send": "sends", "accept": "accepts"}.get(key[0], "has")


def _at(key: tuple[str, str], places: Mapping[str, str]) -> str:
    place = places.get(" ".join(key))
    return f" ({place})" if place else ""


def _fields(key: tuple[str, str], ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    names = FIELDS.get(key[0], ())
    if len(ours) != len(theirs) or len(names) != len(ours):
        return f"the firmware says {' '.join(theirs)}, the board file says {' '.join(ours)}"
    apart = [index for index, name in enumerate(names) if ours[index] != theirs[index]]
    firmware, board = (", ".join(_words(names, words, apart)) for words in (theirs, ours))
    return f"the firmware says {firmware}, the board file says {board}"


def _words(names: tuple[str, ...], words: tuple[str, ...], apart: list[int]) -> Iterator[str]:
    for index in apart:
        yield f"{names[index]} {words[index]}" if names[index] != "type" else words[index]
