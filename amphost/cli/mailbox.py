"""`amphost mailbox selftest`: is the mailbox right on these very cores?

Rules. Exit code 0 only if nothing wrong was accepted and the positive control failed as it must.
"""

from __future__ import annotations

import argparse
import json
import platform
from typing import TYPE_CHECKING, Any

from amphost.cli.run import duration_s

if TYPE_CHECKING:
    from amphost.selftest import Hammering

_X86 = ("x86_64", "AMD64", "i686")
_ABOUT = """\
One writer publishes as fast as it can, a reader on each other core reads and checks every value.
Beside it runs a reader that is wrong on purpose: if it is given nothing torn, the run proves
nothing. Exit code 0: nothing wrong was accepted, and the control failed as it must; else 1.
It takes the cores whole while it runs: not beside a system whose outputs move.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _ABOUT
    parser.add_argument("test", choices=("selftest",), help="which test: hammer the mailbox")
    parser.add_argument(
        "--cores",
        type=_cores,
        metavar="CORES",
        help="as in 2,3: the writer's core, then the readers' (default: all that there are)",
    )
    parser.add_argument(
        "--for",
        dest="duration",
        type=duration_s,
        default=5.0,
        metavar="TIME",
        help="how long: 5s, 500ms, 2m (default: 5s)",
    )
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


def _cores(text: str) -> list[int]:
    words = text.split(",")
    if len(words) < 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} are no two cores; write 2,3")
    return [int(word) for word in words]


def run(args: argparse.Namespace) -> int:
    """Hammer, print what came of it, return 0 or 1."""
    from amphost import selftest  # loads the native library: not for --help

    cores = args.cores or selftest.default_cores()
    result = selftest.hammer(cores, args.duration)
    machine = platform.machine()
    if args.json:
        print(json.dumps(_object(result, cores, args.duration, machine)))
    else:
        print("\n".join(_lines(result, cores, args.duration, machine)))
    return 0 if result.verdict == "ok" else 1


def _object(result: Hammering, cores: list[int], seconds: float, machine: str) -> dict[str, Any]:
    return {
        "verdict": result.verdict,
        "machine": machine,
        "cores": {"writer": cores[0], "readers": cores[1:]},
        "seconds": seconds,
        "published": result.published,
        "read": result.read,
        "torn_detected": result.torn_detected,
        "no_new": result.no_new,
        "lost": result.lost,
        "wrong": {
            "total": result.wrong,
            "torn": result.torn_accepted,
            "order": result.order_broken,
            "loss": result.loss_wrong,
        },
        "control": {"read": result.control_read, "torn": result.control_torn},
    }


def _lines(result: Hammering, cores: list[int], seconds: float, machine: str) -> list[str]:
    readers = ", ".join(str(core) for core in cores[1:])
    rows = [
        ("published", result.published, ""),
        ("read", result.read, "accepted, and checked word by word"),
        ("torn, detected", result.torn_detected, "overlapped a write and were discarded"),
        ("wrong, accepted", result.wrong, _wrong(result)),
        ("control", result.control_torn, "torn values taken by a reader that is wrong on purpose"),
    ]
    lines = [f"writer on core {cores[0]}, readers on {readers}, {seconds:g} s, {machine}"]
    lines += [f"  {name:<16}{count:>14,}  {note}".rstrip() for name, count, note in rows]
    lines.append(_VERDICTS[result.verdict])
    if result.verdict == "ok" and machine in _X86:
        lines.append(
            "an x86 machine keeps most orders by itself: only an ARM board tests the fences"
        )
    return lines


def _wrong(result: Hammering) -> str:
    return (
        f"must be 0: torn {result.torn_accepted}, out of order {result.order_broken}, "
        f"loss miscounted {result.loss_wrong}"
    )


_VERDICTS = {
    "ok": "ok: nothing wrong was accepted, and the control shows that it would have been seen",
    "wrong": "WRONG: the mailbox broke its word on this machine; please report these lines",
    "proves nothing": "this run proves nothing here: the control met no torn value; "
    "give it longer (--for 1m), or two cores that are free",
}
