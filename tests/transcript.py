"""What a document shows of a terminal, typed again: commands, files, and what came of them.

Rules. A `console` block holds `$ ` commands, each followed by lines that it printed; `...` stands
for lines left out. A `yaml` block that begins with `name:` is a file; a shorter one replaces the
line of it that has its last key. Numbers, users and folders differ from one machine to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VARIES = (
    (re.compile(r"\S*/(examples|boards|runs)/"), r"\1/"),
    (re.compile(r"\([\w.-]+, process"), "(#, process"),
    (re.compile(r"(?<![A-Za-z_])[-+]?\d+(\.\d+)?(e[-+]?\d+)?"), "#"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"# (us|ms|s)\b"), "# s"),
    (re.compile(r"\s+"), " "),
)
REFUSED = re.compile(r"^(amphost: |\S+\.yaml:\d+:\d+: )|: ended SAFE,", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that the reader does: a command with what it prints, or lines for the file.

    Synchronization: none required; immutable.
    """

    command: str = ""
    printed: tuple[str, ...] = ()
    lines: str = ""

    @property
    def is_refused(self) -> bool:
        """Return whether what is shown is a no."""
        return REFUSED.search("\n".join(self.printed)) is not None


def steps(text: str) -> list[Step]:
    """Return what a document has its reader do, in order."""
    found = []
    for language, code in _BLOCK.findall(text):
        if language == "yaml":
            found.append(Step(lines=code))
            continue
        for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
            command, *printed = part.splitlines()
            shown = tuple(line for line in printed if line != "...")
            found.append(Step(command=command, printed=shown))
    return found


def edited(file: str, lines: str) -> str:
    """Return the file with `lines` in it: all of it, or in place of the line of their last key."""
    if lines.startswith("name:"):
        return lines
    *_, last = lines.splitlines()
    key, is_write = last.split(":")[0], "unit:" in last
    old = [
        line
        for line in file.splitlines(keepends=True)
        if line.split(":")[0] == key and ("unit:" in line) == is_write
    ]
    assert len(old) == 1, f"{old} begin with {key}"
    return file.replace(old[0], lines)


def plain(line: str) -> str:
    """Return a line without what differs from one run to the next."""
    for pattern, instead in _VARIES:
        line = pattern.sub(instead, line)
    return line.strip()


def missing(shown: tuple[str, ...], output: str) -> list[str]:
    """Return the shown lines that the output does not have."""
    there = {plain(line) for line in output.splitlines()}
    return [line for line in shown if plain(line) not in there]
