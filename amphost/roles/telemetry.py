"""The telemetry role: an observer on the system's clock, until it is asked to leave.

Rules. Nobody waits for this role, and it asks for nothing that control needs. It says `ready` with
its cursors open and before it opens a file: the channels hold what is published meanwhile. All
other roles have ended before it is asked to, so what it drains then is the whole run. When the
supervisor is gone it completes the recording and leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amphost.telemetry.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.telemetry.context import Context


def run(context: Context, ready: Callable[[], None]) -> str:
    """Observe until the end; return `ended` or `supervisor_lost`."""
    telemetry = context.plan.telemetry
    assert telemetry is not None
    observer = Observer(context)
    context.segment.owner.beat(context.now())
    ready()
    observer.start_recording()
    end = ""
    while not end:
        began_ns = context.now()
        observer.round(began_ns)
        end = _end(context)
        if not end:
            context.sleep(telemetry.drain_period_ns - (context.now() - began_ns))
    observer.finish()
    return end


def _end(context: Context) -> str:
    if context.wanted_end():
        return "ended"
    return "" if context.supervisor_alive(context.now()) else "supervisor_lost"
