"""Measure this machine: our own process and others, in slices that alternate.

Rules. What is compared is measured in the same minutes: each round gives every contestant one slice
of the same number of periods, in an order that changes from round to round, and then looks for
gaps. Slices are short, and only whole ones count, so that whoever interrupts gets what there was.
Everything that was started ends with its pipe or after its slice.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import subprocess
import sys
from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from amphost.errors import AmphostError
from amphost.latency import cyclictest
from amphost.latency.tally import Tally, add, from_probe
from amphost.lifecycle import Mode
from amphost.supervisor.idle_hold import IdleHold

if TYPE_CHECKING:
    from collections.abc import Callable

    Turn = Callable[[], bool]

NS_PER_S = 1_000_000_000
SLICE_S_MOST = 1.0
ROUNDS_LEAST = 4
GAPS_SHARE = 4
"""Gaps are looked for one part in so many of a slice, and never long enough to be throttled."""
GAPS_NS_MOST = 250_000_000
TURN_S = 0.1
_WORD_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is to be measured. `waits` are our own contestants, in the order of the report.

    Synchronization: none required; immutable.
    """

    core: int
    priority: int
    period_ns: int
    periods: int
    waits: tuple[str, ...]
    cyclictest: str | None  # its path
    trace: bool  # keep the latencies of the first contestant

    @property
    def slice_periods(self) -> int:
        """Periods of one slice."""
        most = max(1, round(SLICE_S_MOST * NS_PER_S / self.period_ns))
        return min(most, -(-self.periods // ROUNDS_LEAST))


@dataclass(slots=True, kw_only=True)
class Found:
    """What one contestant was seen to do, over its slices so far.

    Synchronization: one thread.
    """

    tally: Tally = field(default_factory=Tally)
    ticks: int = 0
    skipped: int | None = 0  # None: it does not tell
    cpu_ns: int | None = None
    over_ns: int = 0
    margin_ns: int | None = None


@dataclass(slots=True, kw_only=True)
class Gaps:
    """The machine's own gaps so far.

    Synchronization: one thread.
    """

    tally: Tally = field(default_factory=Tally)
    watched_ns: int = 0
    gone_ns: int = 0


def find_cyclictest() -> str | None:
    """Return the path of cyclictest, if it is installed."""
    return shutil.which(cyclictest.PROGRAM)


class Measurement:
    """One measurement: `run` fills `found`, `gaps`, `trace` and `lacks`.

    A context manager: leaving it ends the measuring process.

    Synchronization: one thread.
    """

    def __init__(self, setting: Setting, turn: Turn) -> None:
        """Start the process; `turn` is called while we wait, and returns whether to stop."""
        self.setting = setting
        self.found = {wait: Found() for wait in setting.waits}
        self.gaps = Gaps()
        self.trace = array("q")
        self.lacks: list[str] = []
        self.cyclictest_version: str | None = None
        self.done = 0
        self.slices = 0
        self._turn = turn
        self._seed = random.Random(1)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "amphost.latency.prober"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.granted: dict[str, Any] = {}
        self._idle = IdleHold(True)
        self._idle.follow(Mode.ARMED)
        self._cores = os.sched_getaffinity(0)
        if self._cores != {setting.core}:  # our own turns must not wake the core that is measured
            os.sched_setaffinity(0, self._cores - {setting.core})

    @property
    def left_s(self) -> float:
        """About how long it will take from here."""
        setting = self.setting
        contestants = len(setting.waits) + (setting.cyclictest is not None)
        ahead = setting.periods - self.done
        slices = ahead * (contestants + 1 / GAPS_SHARE) - self.slices * setting.slice_periods
        return max(slices, 0) * setting.period_ns / NS_PER_S

    @property
    def idle_held(self) -> bool:
        """Whether cores are kept out of their idle states, as they are for a role."""
        return self._idle.was_held

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        os.sched_setaffinity(0, self._cores)
        self._idle.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it has gone with something unread

    def run(self) -> bool:
        """Measure to the end; return False if `turn` has stopped it before."""
        setting = self.setting
        ready = self._ask(
            {
                "core": setting.core,
                "priority": setting.priority,
                "period_ns": setting.period_ns,
                "waits": setting.waits,
                "slice_periods": setting.slice_periods,
                "trace": setting.trace,
            }
        )
        self.granted = ready["granted"]
        for wait, margin_ns in ready["margins_ns"].items():
            self.found[wait].margin_ns = margin_ns
        if setting.cyclictest is not None and self.granted["policy"] != "fifo":
            self._without_cyclictest("it does not run without real-time rights")
        while self.done < setting.periods:
            if not self._round(min(setting.slice_periods, setting.periods - self.done)):
                return False
        return True

    def _round(self, periods: int) -> bool:
        """Give everybody a slice; return False if stopped."""
        contestants = [*self.setting.waits]
        if self.setting.cyclictest is not None:
            contestants.append(cyclictest.PROGRAM)
        self._seed.shuffle(contestants)
        for contestant in contestants:
            if self._turn():
                return False
            if contestant == cyclictest.PROGRAM:
                self._slice_of_cyclictest(periods)
            else:
                self._slice(contestant, periods)
            self.slices += 1
        self.done += periods
        self.slices = 0
        watch_ns = min(periods * self.setting.period_ns // GAPS_SHARE, GAPS_NS_MOST)
        said = self._ask({"wait": self.setting.waits[0], "watch_ns": watch_ns})
        self.gaps = Gaps(
            tally=from_probe(said), watched_ns=said["watched_ns"], gone_ns=said["gone_ns"]
        )
        return not self._turn() or self.done == self.setting.periods

    def _slice(self, wait: str, periods: int) -> None:
        kept = self.setting.trace and wait == self.setting.waits[0]
        said = self._ask({"wait": wait, "periods": periods, "trace": kept})
        found = self.found[wait]
        found.tally = from_probe(said)
        found.ticks, found.skipped = said["ticks"], said["skipped"]
        found.cpu_ns = (found.cpu_ns or 0) + said["cpu_ns"]
        found.over_ns += said["over_ns"]
        found.margin_ns = said["margin_ns"]
        if said["words"]:
            self.trace.frombytes(self._read(_WORD_BYTES * said["words"]))

    def _ask(self, words: dict[str, Any]) -> dict[str, Any]:
        """Send one line; return the answer, taking turns meanwhile."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None
        assert self._process.stdout is not None
        while not select.select([self._process.stdout], [], [], TURN_S)[0]:
            self._turn()  # whoever asks for the end gets it behind this slice
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._lost()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        words = self._process.stdout.read(size)
        if len(words) < size:
            raise self._lost()
        return words

    def _lost(self) -> AmphostError:
        code = self._process.wait()
        return AmphostError(f"the measuring process ended before its answer (status {code})")

    def _slice_of_cyclictest(self, periods: int) -> None:
        """Run it for one slice; what it does not do, it is not asked for again."""
        setting = self.setting
        assert setting.cyclictest is not None
        reading, writing = os.pipe()
        command = cyclictest.command(
            setting.cyclictest,
            core=setting.core,
            priority=self.granted["priority"],
            period_ns=setting.period_ns,
            periods=periods,
            lock=self.granted["memory_locked"],
            result=f"/dev/fd/{writing}",
        )
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[writing],
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            self._without_cyclictest(str(error))
            return
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text, stopped = self._hear(process, pipe.fileno())
        if stopped:
            return
        said = cyclictest.result(text)
        if said is None:
            self._without_cyclictest(f"it ended with status {process.returncode} and no result")
            return
        counted, self.cyclictest_version = said
        found = self.found.setdefault(cyclictest.PROGRAM, Found(skipped=None))
        found.tally = add(found.tally, counted)
        found.ticks += counted.n

    def _hear(self, process: subprocess.Popen[bytes], descriptor: int) -> tuple[str, bool]:
        """Read what a process writes until it ends; return it, and whether it was stopped."""
        pieces: list[bytes] = []
        stopped = False
        while True:
            if not select.select([descriptor], [], [], TURN_S)[0]:
                if not stopped and self._turn():
                    stopped = True
                    process.kill()
                continue
            piece = os.read(descriptor, 65536)
            if not piece:
                break
            pieces.append(piece)
        process.wait()
        return b"".join(pieces).decode("ascii", "replace"), stopped

    def _without_cyclictest(self, why: str) -> None:
        self.lacks.append(f"cyclictest is left out: {why}")
        self.setting = replace(self.setting, cyclictest=None)
