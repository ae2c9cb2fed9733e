"""`amphost plot RECORDING`: a recording as an SVG, or as an HTML page that stands alone."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from amphost.cli import recording_argument
from amphost.errors import AmphostError

_ABOUT = """\
One panel a unit on one axis of time; shaded where the outputs were armed. The SVG is for a report,
the page to look around in: zoom, hover, switch curves off. Without --signals, what is measured is
drawn, not what counts. Needs pip install 'amphost[plot]'.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _ABOUT
    recording_argument.configure(parser)
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write an SVG (the default)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page that stands alone")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Read, draw, print the paths."""
    from amphost.telemetry import figure

    loaded, parts = recording_argument.load(args)
    if not args.signals:
        parts = figure.measured(parts)
    svg = args.svg
    if svg is None and args.html is None:
        svg = loaded.path.with_suffix(".svg")
    jobs = [
        (svg, figure.write_svg, figure.SVG_STEPS),
        (args.html, figure.write_html, figure.HTML_STEPS),
    ]
    asked = [(path, write, steps) for path, write, steps in jobs if path is not None]
    there = [str(path) for path, _, _ in asked if path.exists()]
    if there and not args.force:
        raise AmphostError(f"{', '.join(there)}: there already; --force replaces it")
    for path, write, steps in asked:
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            write(figure.picture(loaded, parts, steps), partial)
            partial.replace(path)
        except OSError as error:
            raise AmphostError(f"{path}: {error.strerror or error}") from None
        finally:
            partial.unlink(missing_ok=True)
    paths = [str(path) for path, _, _ in asked]
    print(
        json.dumps({"recording": str(loaded.path), "files": paths})
        if args.json
        else "\n".join(paths)
    )
    return 0
