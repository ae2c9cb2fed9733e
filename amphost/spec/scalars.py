"""What a plain YAML scalar means: read as people mean it, refused where people differ.

Rules. Quoted text is never looked at here. `true` and `false` are the only booleans; `on`, `yes`
and dates are text; `1e3` is a number. A number that YAML 1.1, YAML 1.2 or a reader would take
differently (`010`, `0x1f`, `1_000`, `1:30`, `.inf`) is refused, with what to write instead. Pure.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["Refused", "plain"]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"([-+]?)0+([0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?)")
_BASED = re.compile(r"([-+]?)0([xXoObB])([0-9a-fA-F_]+)")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BASES = {"x": 16, "o": 8, "b": 2}
_BASE_NAMES = {"x": "hexadecimal", "o": "octal", "b": "binary"}
_NUMBER_LENGTH_MAX = 64
_LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A scalar that is not taken, and why."""

    rule: str
    remedy: str


def plain(text: str) -> str | int | float | bool | Refused | None:
    """Return what the plain scalar `text` means."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if not (text[0].isdigit() or text[0] in "+-."):
        return text
    return _number(text)


def _number(text: str) -> str | int | float | Refused:
    if len(text) > _NUMBER_LENGTH_MAX:
        if _UNDERSCORED.fullmatch(text):
            rule = f"a number of {len(text)} characters is too long"
            return Refused(rule=rule, remedy=f"use at most {_NUMBER_LENGTH_MAX}")
        return text
    if _INTEGER.fullmatch(text):
        number = int(text)
        if abs(number) > _LARGEST_INTEGER:
            rule = f"{text} does not fit 64 bits"
            return Refused(rule=rule, remedy="give a smaller number, or put text in quotes")
        return number
    if _FLOAT.fullmatch(text) and any(one.isdigit() for one in text.lower().split("e")[0]):
        return _float(text)
    return _ambiguous(text) or text


def _float(text: str) -> float | Refused:
    number = float(text)
    if math.isinf(number):
        return Refused(rule=f"{text} is too large", remedy="give a number below 1e308")
    if number == 0.0 and any(one in "123456789" for one in text.lower().split("e")[0]):
        return Refused(rule=f"{text} is too small", remedy="give 0, or a number above 1e-308")
    return number


def _ambiguous(text: str) -> Refused | None:
    """Refuse what one reader takes for one number and the next for another, or for text."""
    if match := _LEADING_ZERO.fullmatch(text):
        rule = f"{text} begins with 0 and could be read as an octal number"
        return Refused(rule=rule, remedy=f"write {match[1]}{match[2]}, or put text in quotes")
    if match := _BASED.fullmatch(text):
        return _based(text, match[1], match[2].lower(), match[3].replace("_", ""))
    if "_" in text and _UNDERSCORED.fullmatch(text):
        without = text.replace("_", "")
        rule = f"{text} has an underscore"
        return Refused(rule=rule, remedy=f"write {without}, or put text in quotes")
    if _SEXAGESIMAL.fullmatch(text):
        rule = f"{text} could be read as a base-60 number"
        return Refused(rule=rule, remedy="write one number, or put text in quotes")
    if _NOT_FINITE.fullmatch(text):
        return Refused(rule=f"{text} is not a finite number", remedy="give a finite number")
    return None


def _based(text: str, sign: str, letter: str, digits: str) -> Refused:
    rule = f"{text} is a {_BASE_NAMES[letter]} number"
    try:
        decimal = f"write {sign}{int(digits, _BASES[letter])}"
    except ValueError:
        decimal = "write it as a decimal number"
    return Refused(rule=rule, remedy=f"{decimal}, or put text in quotes")
