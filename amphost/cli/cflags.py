"""`amphost cflags [--cflags] [--libs]`: what a C compiler is told, as pkg-config prints it."""

from __future__ import annotations

import argparse
import json
import shlex


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--cflags", action="store_true", help="only what the compiler needs")
    parser.add_argument("--libs", action="store_true", help="only what the linker needs")
    parser.add_argument(
        "--json", action="store_true", help="print folder, library and flags as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Print the flags that are asked for; without an option, all of them."""
    from amphost import interface

    if args.json:
        print(json.dumps(_places()))
        return 0
    both = args.cflags == args.libs
    words = interface.compile_flags() if both or args.cflags else []
    words += interface.link_flags() if both or args.libs else []
    print(shlex.join(words))
    return 0


def _places() -> dict[str, str | list[str]]:
    from amphost import interface

    return {
        "include": interface.get_include(),
        "library": interface.get_library(),
        "cflags": interface.compile_flags(),
        "libs": interface.link_flags(),
    }
