"""`amphost link decode TRACE`: the frames of a trace, each with its fields, and what is wrong.

Rules. Never more in memory than a piece of the file. Names and units are those of the board file
that is given, else those that the trace itself brings. A damaged trace is printed up to the damage,
and then it is an error; one that was cut off is none, and says so.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amphost.cli.report_text import table
from amphost.errors import AmphostError, UsageError
from amphost.link.line_decoder import LineDecoder, LineFrame, Verdict, as_json
from amphost.link.schema import Schema, read_schema
from amphost.link.trace import Record, TraceReader, about_of
from amphost.link.trace_figures import Mark, TraceFigures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from amphost.link.schema import Value

PIECE = 1 << 16
NS_PER_S = 1e9
WAYS = {"in": "<-", "out": "->"}


def run(args: argparse.Namespace) -> int:
    """Print a trace; return 0, or raise what is wrong with it."""
    path = Path(args.trace_file)
    reader = TraceReader()
    records = _records(path, reader)
    first = next(records, None)
    if first is None:
        raise AmphostError(f"{path}: it is no trace, or was cut off before it began")
    about = about_of(first)
    schema = _schema(args, about)
    hash_told = about.get("schema_hash")
    decoder = LineDecoder(schema, hash_told if isinstance(hash_told, int) else None)
    figures = TraceFigures(decoder)
    _print_about(about, path, as_json_lines=args.json)
    for record in records:
        for found in figures.take(record):
            _print(found, figures, args, schema)
    _print_figures(figures.result() | {"cut_off_bytes": reader.missing}, as_json_lines=args.json)
    return 0


def _records(path: Path, reader: TraceReader) -> Iterator[Record]:
    try:
        with path.open("rb") as stream:
            while piece := stream.read(PIECE):
                yield from reader.feed(piece)
    except OSError as error:
        raise AmphostError(f"{path}: it cannot be read ({error.strerror})") from error
    except AmphostError as error:
        raise AmphostError(f"{path}: {error}") from error


def _schema(args: argparse.Namespace, about: dict[str, Any]) -> Schema | None:
    if args.board:
        from amphost.cli.link_files import schema_of  # pydantic and yaml: only who asks

        return read_schema(schema_of(args.board, args.device or about.get("device")))
    text = about.get("schema")
    if not isinstance(text, str):
        return None
    try:
        return read_schema(text)
    except AmphostError:
        return None  # of another version: its frames are still frames


def _print_about(about: dict[str, Any], path: Path, *, as_json_lines: bool) -> None:
    if as_json_lines:
        print(json.dumps({"about": about}))
        return
    names = ("system", "device", "board", "port", "baud")
    told = (f"{name} {about[name]}" for name in names if about.get(name))
    print(", ".join([str(path), *told]))


def _print(
    found: LineFrame | Mark, figures: TraceFigures, args: argparse.Namespace, schema: Schema | None
) -> None:
    wrong = isinstance(found, Mark) or found.verdict is not Verdict.GOOD or bool(found.remarks)
    if args.errors and not wrong:
        return
    since_s = (found.t_ns - (figures.began_ns or 0)) / NS_PER_S
    if isinstance(found, Mark):
        mark = {"t_s": since_s, "t_ns": found.t_ns, "mark": found.what, "argument": found.argument}
        print(json.dumps(mark) if args.json else f"{since_s:12.6f}  --  {found.text}")
    elif args.json:
        print(json.dumps(_finite(as_json(found, since_s))))
    else:
        print(f"{since_s:12.6f}  {frame_text(found, schema)}")


def frame_text(frame: LineFrame, schema: Schema | None) -> str:
    """Return a frame as one line of text."""
    arrow = WAYS[frame.way.value]
    remarks = "".join(f"  [{remark}]" for remark in frame.remarks)
    if frame.verdict is not Verdict.GOOD:
        return f"{arrow}  {frame.verdict.value:<9} {frame.size:3} B{remarks}"
    numbers = f"{frame.session:5} #{frame.sequence:<5}"
    trip = frame.round_trip_ns
    took = "" if trip is None else f"  [{trip / 1e3:.1f} us after it was asked]"
    values = (schema.sends if frame.type == "STATE" else schema.accepts) if schema else ()
    fields = " ".join(_field(name, value, values) for name, value in frame.fields.items())
    return f"{arrow}  {frame.type:<9} {frame.size:3} B  {numbers}  {fields}{took}{remarks}"


def _field(name: str, value: Any, values: tuple[Value, ...]) -> str:
    if name == "values":
        shown = (f"{one.name}={one.text(value[one.name])}" for one in values)
        return " ".join(shown)
    return f"{name}={'-' if value is None else value}"


def _finite(found: Any) -> Any:
    """Return it with null for what JSON cannot say."""
    if isinstance(found, dict):
        return {name: _finite(value) for name, value in found.items()}
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _print_figures(figures: dict[str, Any], *, as_json_lines: bool) -> None:
    if as_json_lines:
        print(json.dumps({"figures": figures}))
        return
    rows = [
        (
            text,
            str(figures[way]["bytes"]),
            _counts(figures[way]["frames"]),
            _counts(figures[way]["errors"]),
        )
        for way, text in (("in", "from the device"), ("out", "to the device"))
    ]
    print(f"\n{figures['seconds']:.3f} s\n{table(('', 'bytes', 'frames', 'errors'), rows)}")
    for name, trip in figures["round_trips"].items():
        times = " / ".join(f"{trip[key]:.1f}" for key in ("min_us", "mean_us", "max_us"))
        print(f"until {name}: {times} us (min/mean/max of {trip['n']})")
    if figures["missed"]:
        print(f"{figures['missed']} pieces of the line are missing: the trace was too slow")
    if figures["cut_off_bytes"]:
        print(f"cut off: the last {figures['cut_off_bytes']} bytes are no whole record")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def refuse_without_trace(args: argparse.Namespace) -> None:
    """Raise UsageError where `decode` has no trace."""
    if args.trace_file is None:
        raise UsageError("amphost link decode TRACE: say which trace")
