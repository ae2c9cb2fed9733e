"""A second core on a fake /sys: a thread that does with its files what Linux would do.

Rules. The files are ordinary ones, so a write succeeds at once and the answer comes a moment later;
what Linux refuses is refused by file rights. `when` is called with each word that is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

LOOK_S = 0.002
NEXT = {"start": "running", "stop": "offline"}


class FakeCore:
    """One core, offline, with a tty that is there while it runs.

    Synchronization: its own thread answers; `words` and `crash` are for the test's.
    """

    def __init__(
        self, root: Path, name: str = "m4", when: Callable[[str], None] = lambda _: None
    ) -> None:
        self.folder = root / "sys/class/remoteproc/remoteproc0"
        self.folder.mkdir(parents=True)
        self.words: list[str] = []
        self._when = when
        for file, text in (
            ("name", name),
            ("state", "offline"),
            ("firmware", "rproc-m4-fw"),
            ("recovery", "enabled"),
        ):
            self.put(file, text)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._answer)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer no more."""
        self._over.set()
        self._thread.join()

    def put(self, file: str, text: str) -> None:
        """Give a file its text in one step."""
        fresh = self.folder / f"{file}.new"
        fresh.write_text(f"{text}\n")
        fresh.replace(self.folder / file)

    def read(self, file: str) -> str:
        """Return what a file says."""
        return (self.folder / file).read_text().strip()

    def crash(self) -> None:
        """Have the core crash by itself; Linux leaves it so unless it is to recover."""
        self.put("state", "crashed")

    def _answer(self) -> None:
        while not self._over.wait(LOOK_S):
            word = self.read("state")
            if word in NEXT:
                self._say(word)
                self.put("state", NEXT[word])
            if self.read("recovery") == "recover":
                self._say("recover")
                self.put("recovery", "disabled")
                self.put("state", "running")

    def _say(self, word: str) -> None:
        self.words.append(word)
        self._when(word)
