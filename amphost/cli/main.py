"""The command line: one module a verb, imported when its verb is asked for.

Rules. Every verb's module has `configure(parser)` and `run(args) -> int`, and its exit code is the
program's: 0 ok, 1 failed, 2 usage, 69 hardware missing, 77 no permission, 78 bad configuration, 130
interrupted (and 141, as for any program, when a pipe that it writes to is closed). A user's mistake
is lines on stderr; nothing but AMPHOST_DEBUG=1 shows a traceback. Nothing is imported here that a
verb might not need.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import amphost
from amphost.errors import AmphostError, PlanError, SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["VERBS", "Verb", "main"]

STARTED_NS = time.monotonic_ns()
"""When this program's first line ran: what a run's `startup_ms` counts from."""
FAILED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141
_DEBUG = "AMPHOST_DEBUG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb of the command line. `module` is imported when it is asked for."""

    name: str
    module: str
    text: str


VERBS = (
    Verb(name="run", module="amphost.cli.run", text="run a system until its end, and report"),
    Verb(name="check", module="amphost.cli.check", text="check a spec without any machine"),
    Verb(
        name="plan", module="amphost.cli.plan", text="print what would run where, and every bound"
    ),
    Verb(name="build", module="amphost.cli.build", text="compile the C files that a spec names"),
    Verb(name="arm", module="amphost.cli.ask", text="let a running system's outputs move"),
    Verb(name="disarm", module="amphost.cli.ask", text="take the outputs of a system to safe"),
    Verb(name="acknowledge", module="amphost.cli.ask", text="leave SAFE after a fault"),
    Verb(name="stop", module="amphost.cli.ask", text="end a running system in order"),
    Verb(name="state", module="amphost.cli.ask", text="print the mode of a running system"),
    Verb(name="ps", module="amphost.cli.ps", text="print which systems run, and their roles"),
    Verb(name="top", module="amphost.cli.top", text="show a running system's figures live"),
    Verb(name="get", module="amphost.cli.get", text="print values of a running system"),
    Verb(name="set", module="amphost.cli.set_values", text="change values of a running system"),
    Verb(name="watch", module="amphost.cli.watch", text="print values whenever they change"),
    Verb(name="events", module="amphost.cli.events", text="print what was done to a system"),
    Verb(
        name="export",
        module="amphost.cli.export",
        text="write a recording as CSV or Parquet tables",
    ),
    Verb(name="plot", module="amphost.cli.plot", text="draw a recording as SVG or as a page"),
    Verb(name="mailbox", module="amphost.cli.mailbox", text="test the mailbox on this machine"),
    Verb(
        name="latency",
        module="amphost.cli.latency",
        text="measure how late this machine wakes a control role",
    ),
    Verb(name="ports", module="amphost.cli.ports", text="list the serial ports and who has them"),
    Verb(name="link", module="amphost.cli.link", text="show what a device's line does, or a trace"),
    Verb(name="schema", module="amphost.cli.schema", text="print the JSON Schema for editors"),
    Verb(
        name="cflags",
        module="amphost.cli.cflags",
        text="print how to compile a program in C with it",
    ),
    Verb(
        name="firmware",
        module="amphost.cli.firmware",
        text="write a device's firmware from its board file, and say what it takes",
    ),
    Verb(
        name="completion",
        module="amphost.cli.completion",
        text="print what completes its words in a shell",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_closed_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
    except AmphostError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop(sys.stdout, sys.stderr)
        return PIPE_CLOSED
    except Exception as error:
        if os.environ.get(_DEBUG) == "1":
            raise
        return _internal(error)
    return code


def _open_closed_streams() -> None:
    """Open what the caller has closed, or the first file we open would be printed into."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _run(words: list[str]) -> int:
    parser = _parser()
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    asked = next((word for word in words if not word.startswith("-")), None)
    alone = next((verb for verb in VERBS if verb.name == asked == words[0]), None)
    runs = None
    for verb in VERBS if alone is None else (alone,):  # every other one costs 0.4 ms
        below = verbs.add_parser(verb.name, help=verb.text, description=_sentence(verb.text))
        if verb.name == asked:
            module = importlib.import_module(verb.module)
            module.configure(below)
            runs = module.run
    if asked is not None and runs is None:
        parser.error(_unknown(asked))
    args = parser.parse_args(words)
    assert runs is not None
    return int(runs(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amphost",
        description="Fixed duties on fixed cores: run a control system from one YAML file.",
        epilog="Try it: `amphost run motor --for 10s`. Help of a verb: `amphost VERB --help`.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"amphost {amphost.__version__}")
    return parser


def _unknown(word: str) -> str:
    import difflib  # only on the way out

    known = [verb.name for verb in VERBS]
    close = difflib.get_close_matches(word, known, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"there is no verb {word!r}; {guess}the verbs are {', '.join(known)}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _refused(error: AmphostError) -> int:
    """Say what is wrong; problems of files begin with their place, all else with our name."""
    prefix = "" if isinstance(error, (SpecError, PlanError)) else "amphost: "
    _say(f"{prefix}{error}")
    return error.exit_code


def _internal(error: Exception) -> int:
    text = " ".join(str(error).split())[:200]
    if isinstance(error, OSError):  # what Linux refuses is no error of ours
        _drop(sys.stdout)
        _say(f"amphost: {text}")
        return FAILED
    name = type(error).__name__
    _say(f"amphost: internal error: {name}: {text}; set {_DEBUG}=1 to see where, and report it")
    return FAILED


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr)
    except BrokenPipeError:
        _drop(sys.stdout, sys.stderr)


def _drop(*streams: TextIO) -> None:
    """Give what is left in the buffers to nobody, or the interpreter would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):
            continue
    os.close(nowhere)
