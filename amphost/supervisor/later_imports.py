"""Modules that a start does without and a turn must not wait for: imported later, one a turn.

Rules. From a cold card an import may take as long as the loops wait for the supervisor's heartbeat.
So none of many modules is left to the moment in which somebody asks for what needs it.
"""

from __future__ import annotations

from collections import deque
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTLED_NS = 1_000_000_000
"""From the start until the first of them: no start takes so long where all is well."""


class LaterImports:
    """The modules that are still to come, those that others need first.

    Synchronization: one thread.
    """

    def __init__(self, names: Iterable[str], began_ns: int) -> None:
        self._names = deque(names)
        self._first_ns = began_ns + SETTLED_NS

    def turn(self, now_ns: int) -> None:
        """Import the next one."""
        if self._names and now_ns >= self._first_ns:
            import_module(self._names.popleft())
