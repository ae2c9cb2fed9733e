"""`amphost schema [spec|board]`: the JSON Schema of a spec or a board file, for editors."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "kind",
        nargs="?",
        choices=("spec", "board"),
        default="spec",
        help="which files it is for (default: spec)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    from amphost.spec.schema import board_schema, schema_text, spec_schema

    schema = spec_schema() if args.kind == "spec" else board_schema()
    print(schema_text(schema), end="")
    return 0
