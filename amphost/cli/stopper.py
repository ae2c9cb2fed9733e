"""Signals that ask a running command to end: once in order, once more at once.

Rules. The handler only remembers: it never raises, because it may run in the middle of anything.
SIGINT, SIGTERM and SIGHUP ask for the ordered stop; a further SIGINT or SIGTERM asks for the end at
once. A hang-up that this process was told to ignore (`nohup`) stays ignored.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopper:
    """What has been asked for so far.

    Synchronization: main thread.
    """

    def __init__(self) -> None:
        self.asked = False
        self.at_once = False
        self.interrupted = False
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.at_once = self.at_once or (self.asked and number != signal.SIGHUP)
        self.asked = True
        self.interrupted = self.interrupted or number == signal.SIGINT
