"""Hear the children of a run: what they say, and that they are gone.

Rules. Waits for pidfds and status pipes, nothing else. A child that is gone is reaped here, in the
turn in which its pidfd says so; what it said last comes with its end.
"""

from __future__ import annotations

import selectors
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amphost.supervisor.process import Child
    from amphost.supervisor.proxy_run import ProxyRun
    from amphost.supervisor.runs import DeviceRun, RoleRun
    from amphost.supervisor.second_core_run import SecondCoreRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came from one child in one turn. `code` is how it ended; None: it has not.

    Synchronization: none required; immutable.
    """

    run: RoleRun | DeviceRun | ProxyRun | SecondCoreRun
    statuses: list[dict[str, Any]]
    code: int | None


class Listening:
    """Every child of a run that still lives.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, run: RoleRun | DeviceRun | ProxyRun | SecondCoreRun) -> None:
        """Listen to a run's child from now on."""
        child = run.child
        assert child is not None
        for descriptor in (child.pidfd, child.status_fd):
            self._selector.register(descriptor, selectors.EVENT_READ, (run, child))

    def wait(self, timeout_s: float) -> list[Heard]:
        """Return what is heard within a turn; a run that has ended has no child any more."""
        ready = self._selector.select(timeout_s)
        ended = {key.data[1] for key, _ in ready if key.fd == key.data[1].pidfd}
        runs = {key.data[1]: key.data[0] for key, _ in ready}
        return [self._hear(run, child, ended=child in ended) for child, run in runs.items()]

    def forget(self, run: RoleRun | DeviceRun | ProxyRun | SecondCoreRun) -> None:
        """Listen to a run's child no longer."""
        if run.child is not None:
            self._unregister(run.child.pidfd)
            self._unregister(run.child.status_fd)

    def close(self) -> None:
        """Stop listening."""
        self._selector.close()

    def _hear(
        self, run: RoleRun | DeviceRun | ProxyRun | SecondCoreRun, child: Child, *, ended: bool
    ) -> Heard:
        before = child.pidfd
        statuses = child.statuses()
        if child.pidfd != before:  # a held role has a process now
            self._unregister(before)
            self._selector.register(child.pidfd, selectors.EVENT_READ, (run, child))
            ended = False
        if child.hung_up:
            self._unregister(child.status_fd)
        code = None
        if ended:
            self.forget(run)
            code = child.reap()
            run.child = None
        return Heard(run=run, statuses=statuses, code=code)

    def _unregister(self, descriptor: int) -> None:
        with suppress(KeyError):
            self._selector.unregister(descriptor)
