"""`amphost completion SHELL`: print a completion file, made of what the verbs declare.

Rules. Made anew at each call from every verb's own parser, so it cannot be out of date with the
program that prints it; using it runs nothing of amphost.
"""

from __future__ import annotations

import argparse
import importlib

from amphost.cli.shells import VerbWords, bash, fish, words_of, zsh

SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("shell", choices=tuple(SHELLS), help="for which shell")


def run(args: argparse.Namespace) -> int:
    """Print the file."""
    print(SHELLS[args.shell](every_verb()), end="")
    return 0


def every_verb() -> list[VerbWords]:
    """Return what may stand behind each verb, read from its parser."""
    from amphost.cli.main import VERBS

    verbs = []
    for verb in VERBS:
        parser = argparse.ArgumentParser(prog=f"amphost {verb.name}", allow_abbrev=False)
        importlib.import_module(verb.module).configure(parser)
        verbs.append(words_of(verb.name, verb.text, parser))
    return verbs
