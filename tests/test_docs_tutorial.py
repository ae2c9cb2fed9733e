"""The tutorial, typed: its commands in their order, its file, and what it says they print.

Only a machine that stops a real-time process for longer than its bound is a reason to begin again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.live import LiveRun, wait_for
from tests.transcript import Step, edited, missing, plain, steps

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
TRIES = 3
WITHIN_S = 60.0
STALLS = frozenset({"heartbeat", "blackout", "overrun", "device_safe", "link_lost", "role_died"})
STALLED = re.compile(rf": ({'|'.join(sorted(STALLS))})\b")
LOOKS = frozenset({"check", "plan", "export"})


class Reader:
    """Does what the tutorial says, in a folder of its own.

    Synchronization: none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "own.yaml"
        self.said = ""
        self.run: LiveRun | None = None

    def does(self, step: Step) -> None:
        """Type a command and compare, or write into the file."""
        if step.lines:
            text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
            self.file.write_text(edited(text, step.lines), encoding="utf-8")
        elif step.command.startswith("amphost run ") and " --for " not in step.command:
            self.run = run = LiveRun(Path(step.command.split()[2]), self.folder)
            wait_for(lambda: run.state().get("mode", "BOOT") != "BOOT", "it is ready", WITHIN_S)
        elif step.command.startswith("amphost "):
            self._types(step)

    def _types(self, step: Step) -> None:
        _, verb, *words = step.command.split()
        where = [] if verb in LOOKS else ["--runtime-dir", str(self.folder)]
        command = [sys.executable, "-m", "amphost", verb, *words, *where]
        end_s = time.monotonic() + WITHIN_S
        while True:
            done = subprocess.run(
                command,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=WITHIN_S,
            )
            if verb != "arm" or done.returncode == 0 or time.monotonic() > end_s:
                break  # arming is refused until everything is ready: the reader asks again
        output = done.stdout + done.stderr
        self.said += output
        assert (done.returncode != 0) == step.is_refused, f"{step.command}: {output}"
        assert not missing(step.printed, output), f"{step.command}: {output}"
        if verb == "stop":
            self.leaves()

    def leaves(self) -> None:
        """Wait for the end of what runs."""
        if self.run is not None:
            code, report, err = self.run.finish(WITHIN_S)
            self.said += err
            faults = {fault["fault"] for fault in report["faults"]}
            assert code == 0 or (faults and faults <= STALLS), err
            assert report["roles"]["control"]["ticks"] > 0
            self.run = None

    def ends(self) -> None:
        """End whatever is still there."""
        if self.run is not None:
            self.run.process.terminate()
            self.said += self.run.finish(WITHIN_S)[2]
            self.run.end()


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """It is the first thing that a newcomer types, letter by letter."""
    why = ""
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        reader = Reader(folder)
        try:
            for step in steps(TEXT):
                reader.does(step)
        except AssertionError as error:
            reader.ends()
            why = f"{error}"
            if not STALLED.search(reader.said):
                raise
        else:
            return
    pytest.fail(f"the machine was away in each of {TRIES} runs: {why}")


def test_every_command_of_the_tutorial_is_found() -> None:
    """A test of nothing would always pass."""
    verbs = [step.command.split()[1] for step in steps(TEXT) if step.command.startswith("amphost ")]
    assert verbs.count("run") == 4
    assert {"check", "plan", "get", "set", "watch", "events", "stop", "export"} <= set(verbs)
    assert sum(bool(step.lines) for step in steps(TEXT)) == 3
    assert [step.is_refused for step in steps(TEXT)].count(True) == 3


def test_the_tutorial_names_every_example() -> None:
    """The ladder has no rung that nobody is led to."""
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        number, _, name = path.stem.partition("_")
        assert f"| [{number}](../examples/{path.name}) | `{name}` |" in TEXT


def test_what_was_not_printed_is_missed() -> None:
    """A comparison that forgives everything compares nothing."""
    output = "    6  18:27:53.125  operator.target 0 -> 1.5 rad  (root, process 22322)\n"
    assert not missing(("6  09:00:00.001  operator.target 0 -> 2 rad  (pi, process 7)",), output)
    assert missing(("6  09:00:00.001  operator.goal 0 -> 2 rad  (pi, process 7)",), output)
    assert plain(f"{os.sep}x/examples/01_motor.yaml: ok") == plain("examples/01_motor.yaml: ok")


def test_a_line_of_the_file_is_replaced_by_its_key() -> None:
    """What the reader does by hand, the test does by the same rule."""
    file = "name: own\n      voltage: {add: [a, b]}\n      voltage: {unit: V}\n"
    assert edited(file, "      voltage: {unit: A}\n").endswith(
        "{add: [a, b]}\n      voltage: {unit: A}\n"
    )
    assert "{add" not in edited(file, "      x: {gain: a, by: 1}\n      voltage: {limit: x}\n")
