"""A recording as tables: one CSV or Parquet file a role.

Rules. Every value is written so that it reads back as the same bits. A file is written under
another name and moved into its place when it is whole; one that is there already stays unless the
caller says otherwise. Parquet is pyarrow's, which is imported here and nowhere else.

Columns: `t_s` since the first sample of the recording, `t_ns` of CLOCK_MONOTONIC, `time_ns` of the
wall clock, `count`, `epoch`, `armed`, `at_safe`, `stale`, then the signals.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from amphost.errors import AmphostError, MissingPackageError
from amphost.telemetry.reading import ARMED, AT_SAFE, STALE, Loaded
from amphost.telemetry.selection import Part

HEAD = ("t_s", "t_ns", "time_ns", "count", "epoch", "armed", "at_safe", "stale")
EPOCH_MASK = 0xFFFFFFFF
BLOCK_ROWS = 65536
FORMATS = ("csv", "parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One table that was written."""

    path: Path
    role: str
    rows: int
    signals: tuple[str, ...]


def export(
    loaded: Loaded,
    parts: Sequence[Part],
    kind: str,
    folder: Path,
    *,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Written]:
    """Write one file a role into `folder`, which is made. Raises OSError as the system says it."""
    write = _write_csv if kind == "csv" else _parquet_writer()
    paths = [folder / f"{loaded.path.stem}_{part.track.role}.{kind}" for part in parts]
    there = [str(path) for path in paths if path.exists()]
    if there and not replace:
        raise AmphostError(f"{', '.join(there)}: there already; --force replaces, --to DIR evades")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for part, path in zip(parts, paths, strict=True):
        progress(part.track.role)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            write(loaded, part, partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        names = tuple(signal.name for signal in part.signals)
        one = Written(path=path, role=part.track.role, rows=len(part.rows), signals=names)
        written.append(one)
    return written


def print_csv(loaded: Loaded, part: Part, out: IO[str]) -> None:
    """Write one role's table to an open text stream."""
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow([*HEAD, *_names(part)])
    lines.writerows(_rows(loaded, part))


def _names(part: Part) -> list[str]:
    """Name the columns; a signal that is called as one of ours gets `signal_` before it."""
    return [f"signal_{s.name}" if s.name in HEAD else s.name for s in part.signals]


def _rows(loaded: Loaded, part: Part) -> Iterator[tuple[object, ...]]:
    track = part.track
    offset_ns, origin_ns = loaded.wall_offset_ns, part.origin_ns
    columns = [track.columns[index] for index in part.columns]
    for row in part.rows:
        t_ns, mark = track.t_ns[row], track.mark[row]
        flags = mark >> 32
        yield (
            (t_ns - origin_ns) / 1e9,
            t_ns,
            t_ns + offset_ns,
            track.count[row],
            mark & EPOCH_MASK,
            int(bool(flags & ARMED)),
            int(bool(flags & AT_SAFE)),
            int(bool(flags & STALE)),
            *[column[row] for column in columns],
        )


def _write_csv(loaded: Loaded, part: Part, path: Path) -> None:
    with path.open("x", encoding="utf-8", newline="") as out:
        print_csv(loaded, part, out)


def _parquet_writer() -> Callable[[Loaded, Part, Path], None]:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise MissingPackageError(
            "Parquet needs the package pyarrow: pip install 'amphost[parquet]'; --csv needs nothing"
        ) from None
    arrow: Any = pa
    kinds = {"f64": arrow.float64(), "i64": arrow.int64(), "u64": arrow.uint64()}

    def write(loaded: Loaded, part: Part, path: Path) -> None:
        fields = [
            arrow.field("t_s", arrow.float64(), metadata={"unit": "s"}),
            arrow.field("t_ns", arrow.int64(), metadata={"unit": "ns"}),
            arrow.field("time_ns", arrow.timestamp("ns", tz="UTC")),
            arrow.field("count", arrow.uint64()),
            arrow.field("epoch", arrow.uint32()),
            *(arrow.field(name, arrow.bool_()) for name in HEAD[-3:]),
        ]
        for name, signal in zip(_names(part), part.signals, strict=True):
            kind = kinds.get(signal.type, arrow.bool_())
            fields.append(arrow.field(name, kind, metadata={"unit": signal.unit}))
        about = {"system": loaded.system, "session": loaded.session, "role": part.track.role}
        schema = arrow.schema(fields, metadata=about)
        with arrow.parquet.ParquetWriter(str(path), schema, compression="zstd") as out:
            rows = _rows(loaded, part)
            while block := list(islice(rows, BLOCK_ROWS)):
                columns = zip(*block, strict=True)
                arrays = [
                    _column(arrow, column, one.type)
                    for column, one in zip(columns, fields, strict=True)
                ]
                out.write_table(arrow.Table.from_arrays(arrays, schema=schema))

    return write


def _column(arrow: Any, values: Sequence[object], kind: Any) -> Any:
    if arrow.types.is_boolean(kind):
        return arrow.array([bool(value) for value in values], kind)
    return arrow.array(values, kind)
