"""`amphost export RECORDING [--csv|--parquet]`: a recording as tables, one file a role."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from amphost.cli import recording_argument
from amphost.errors import AmphostError, UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    recording_argument.configure(parser)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--csv",
        dest="kind",
        action="store_const",
        const="csv",
        help="text, one line a sample (default)",
    )
    kind.add_argument(
        "--parquet",
        dest="kind",
        action="store_const",
        const="parquet",
        help="for pandas, polars and DuckDB; needs pip install 'amphost[parquet]'",
    )
    parser.add_argument(
        "--to",
        metavar="DIR",
        help="folder for the files (default: the recording's); - prints the CSV of one role",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.set_defaults(kind="csv")


def run(args: argparse.Namespace) -> int:
    """Read, write, print the paths."""
    from amphost.telemetry import export

    loaded, parts = recording_argument.load(args)
    if args.to == "-":
        if args.kind != "csv" or args.json or len(parts) != 1:
            roles = ", ".join(part.track.role for part in parts)
            raise UsageError(
                f"- prints the CSV of one role alone; say --csv --signals ROLE: {roles}"
            )
        export.print_csv(loaded, parts[0], sys.stdout)
        return 0
    folder = loaded.path.parent if args.to is None else Path(args.to)
    try:
        written = export.export(loaded, parts, args.kind, folder, replace=args.force)
    except OSError as error:
        raise AmphostError(f"{error.filename or folder}: {error.strerror or error}") from None
    if args.json:
        files = [
            {"path": str(o.path), "role": o.role, "rows": o.rows, "signals": list(o.signals)}
            for o in written
        ]
        print(json.dumps({"recording": str(loaded.path), "system": loaded.system, "files": files}))
    else:
        for one in written:
            print(one.path)
    return 0
