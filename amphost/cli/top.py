"""`amphost top`: a running system's figures, looked at again and again.

Rules. It reads what is there anyway: no role does anything for it. On a terminal the screen is
redrawn in place, by rich where that is installed and plainly where not; in a pipe each look follows
the one before. CPU is measured here, between two looks. Exit 1 when the system ends, 130 after
Ctrl-C, 0 when the time is over.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from amphost.cli import figures_text, running
from amphost.cli.run import duration_s
from amphost.cli.watch import rate_hz
from amphost.supervisor.usage import cpu_s

HOME_AND_CLEAR = "\x1b[H\x1b[J"
ALTERNATE, ORDINARY = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
PROC = Path("/proc")

Show = Callable[[dict[str, Any]], None]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = (
        "Show roles and links of a running system, until Ctrl-C: process, core, wake-ups, overruns,"
        " misses, CPU, memory, age of the heartbeat, losses, faults. Wake-ups are those since the"
        " role's start; CPU is that since the last look."
    )
    parser.add_argument("--once", action="store_true", help="look once and end")
    parser.add_argument(
        "--rate", type=rate_hz, default=1.0, metavar="HZ", help="looks a second; default 1"
    )
    parser.add_argument(
        "--for", dest="duration", type=duration_s, metavar="TIME", help="end after TIME (10s, 2m)"
    )
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Look, show, wait."""
    system = running.find(args)
    processor = _Processor()
    with ExitStack() as screen:
        show = _show_json if args.json else _show_on(screen, once=args.once)
        began_s = next_s = time.monotonic()
        while True:
            figures = system.ask("figures")
            processor.put_into(figures)
            show(figures)
            if args.once:
                return 0
            next_s = max(next_s + 1 / args.rate, time.monotonic())  # late: no burst to catch up
            if args.duration is not None and next_s - began_s > args.duration:
                return 0
            time.sleep(max(next_s - time.monotonic(), 0))


class _Processor:
    """The share of one core that each process took since the last look.

    Synchronization: main thread.
    """

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, float]] = {}

    def put_into(self, figures: dict[str, Any]) -> None:
        """Replace the averages since the start by what was used since the last look."""
        for role in figures["roles"].values():
            pid = role["pid"]
            try:
                used_s = cpu_s(PROC / str(pid))
            except OSError:
                continue
            now_s = time.monotonic()
            before = self._last.get(pid)
            self._last[pid] = now_s, used_s
            if before is not None and now_s > before[0]:
                role["cpu_percent"] = 100 * (used_s - before[1]) / (now_s - before[0])


def _show_json(figures: dict[str, Any]) -> None:
    print(json.dumps(figures), flush=True)


def _show_on(screen: ExitStack, *, once: bool) -> Show:
    if once or not sys.stdout.isatty():
        return _show_plain
    try:
        from rich.console import Console
    except ImportError:
        screen.callback(print, ORDINARY, end="", flush=True)
        print(ALTERNATE, end="", flush=True)
        return _redraw_plain
    return _rich(screen, Console())


def _text(figures: dict[str, Any]) -> str:
    tables = [figures_text.plain(block) for block in figures_text.top_blocks(figures)]
    remarks = "\n".join(figures_text.remarks(figures))
    return "\n\n".join(part for part in (figures_text.title(figures), *tables, remarks) if part)


def _show_plain(figures: dict[str, Any]) -> None:
    print(f"{_text(figures)}\n", flush=True)


def _redraw_plain(figures: dict[str, Any]) -> None:
    print(f"{HOME_AND_CLEAR}{_text(figures)}", flush=True)


def _rich(screen: ExitStack, console: Any) -> Show:
    from rich import box
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    live = screen.enter_context(Live(console=console, screen=True, auto_refresh=False))

    def drawn(block: figures_text.Block) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for x, name in enumerate(block.head):  # a narrow screen cuts off, it does not squeeze
            width = max(len(row[x]) for row in (block.head, *block.rows))
            made.add_column(name, min_width=width, no_wrap=True)
        for y, row in enumerate(block.rows):
            cells = [
                Text(cell, style="bold red" if (y, x) in block.marked else "")
                for x, cell in enumerate(row)
            ]
            made.add_row(*cells)
        return made

    def show(figures: dict[str, Any]) -> None:
        parts = [Text(figures_text.title(figures), style="bold")]
        tables = [drawn(block) for block in figures_text.top_blocks(figures)]
        remarks = [Text(line, style="yellow") for line in figures_text.remarks(figures)]
        live.update(Group(*parts, *tables, *remarks), refresh=True)

    return show
