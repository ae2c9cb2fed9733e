"""A file of wake-up latencies, one for each period: kept to be replayed in virtual time.

Rules. Pure but for the file that is handed in: text in, text out. The file is CSV: lines that begin
with `#` hold one `key: value` each, the first of them says what it is; then the column's name, then
one whole number of nanoseconds a line, -1 for a release that was skipped. So any tool reads it.
docs/reference/latency.md describes every key.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from amphost.errors import AmphostError

TITLE = "# amphost latency trace 1"
COLUMN = "wakeup_latency_ns"
SKIPPED = -1
_LARGEST_NS = (1 << 63) - 1
_AT_ONCE = 4096


class TraceError(AmphostError):
    """A file is no trace: `line N: rule; remedy`."""

    exit_code = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHead:
    """Where and how a trace was made.

    Synchronization: none required; immutable.
    """

    date: str
    machine: str
    period_ns: int
    wait: str
    core: int
    policy: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trace: `latencies_ns` has one entry a period, SKIPPED where there was no wake-up.

    Synchronization: none required; nobody changes it.
    """

    head: TraceHead
    latencies_ns: array[int]


def lines(head: TraceHead, latencies_ns: Sequence[int]) -> Iterator[str]:
    """Yield the text of a trace, in pieces that end with a line."""
    yield f"{TITLE}\n"
    for field in fields(TraceHead):
        text = " ".join(str(getattr(head, field.name)).split())
        yield f"# {field.name}: {text}\n"
    yield f"# periods: {len(latencies_ns)}\n{COLUMN}\n"
    for start in range(0, len(latencies_ns), _AT_ONCE):
        yield "".join(f"{latency}\n" for latency in latencies_ns[start : start + _AT_ONCE])


def read(text: Iterable[str]) -> Trace:
    """Read a trace from its lines, as an open text file yields them. TraceError if it is none."""
    numbered = enumerate(text, start=1)
    keys, at = _keys(numbered)
    latencies = array("q")
    for at, line in numbered:
        latencies.append(_latency(line, at))
    if len(latencies) != keys["periods"]:
        raise TraceError(
            f"line {at}: {len(latencies)} of {keys['periods']} periods; the file was cut off"
        )
    values = {field.name: keys[field.name] for field in fields(TraceHead)}
    return Trace(head=TraceHead(**values), latencies_ns=latencies)  # type: ignore[arg-type]


def _keys(numbered: Iterator[tuple[int, str]]) -> tuple[dict[str, str | int], int]:
    at, first = next(numbered, (1, ""))
    if first.rstrip("\r\n") != TITLE:
        raise TraceError(f"line {at}: not {TITLE!r}; give a file that --save-trace has written")
    found: dict[str, str | int] = {}
    for at, line in numbered:
        text = line.rstrip("\r\n")
        if text == COLUMN:
            return _checked(found, at), at
        key, colon, value = text.removeprefix("# ").partition(": ")
        if not text.startswith("# ") or not colon:
            raise TraceError(f"line {at}: neither `# key: value` nor {COLUMN!r}; it is damaged")
        found[key] = value
    raise TraceError(f"line {at}: there is no {COLUMN!r}; the file was cut off")


def _checked(found: dict[str, str | int], at: int) -> dict[str, str | int]:
    wanted = [(field.name, str(field.type)) for field in fields(TraceHead)] + [("periods", "int")]
    missing = [name for name, _ in wanted if name not in found]
    if missing:
        raise TraceError(f"line {at}: no {', '.join(missing)}; the head was cut")
    whole = [name for name, kind in wanted if kind == "int"]
    for name in whole:
        text = str(found[name])
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise TraceError(f"line {at}: {name} is {text!r}; it must be a whole number")
        found[name] = int(text)
    if found["period_ns"] == 0:
        raise TraceError(f"line {at}: period_ns is 0; it must be above")
    return found


def _latency(line: str, at: int) -> int:
    try:
        latency = int(line)
    except ValueError:
        latency = -2
    if not SKIPPED <= latency <= _LARGEST_NS:
        raise TraceError(f"line {at}: {line.strip()[:40]!r} is no latency in ns; it is damaged")
    return latency
