"""A reader of segments that knows nothing of amphost but docs/mailbox.md.

Rules. Every offset, type, number and bit comes from the tables of that document. Words are read
through a view of 64-bit words, so that each is read in one piece.
"""

from __future__ import annotations

import mmap
import os
import re
import struct

CODES = {"u16": "H", "u32": "I", "u64": "Q", "i64": "q", "f64": "d"}
LINE = 64


class Document:
    """The tables of docs/mailbox.md, by their heading.

    Synchronization: none required; read once.
    """

    def __init__(self, text: str) -> None:
        parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
        self._parts = dict(zip(parts[1::2], parts[2::2], strict=True))

    def rows(self, heading: str) -> list[list[str]]:
        """Return the cells of every table under a heading, heads and rules left out."""
        lines = [line for line in self._parts[heading].splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        rules = {index for index, row in enumerate(cells) if set(row[0]) == {"-"}}
        return [row for i, row in enumerate(cells) if i not in rules and i + 1 not in rules]

    def fields(self, heading: str) -> dict[str, tuple[int, str]]:
        """Return offset and type of each field."""
        return {row[1]: (int(row[0]), row[2]) for row in self.rows(heading)}

    def numbers(self, heading: str) -> dict[str, int]:
        """Return what a name stands for."""
        return {row[1]: int(row[0]) for row in self.rows(heading)}

    def length(self, heading: str, name: str) -> int:
        """Return how many words an array of a table has."""
        found = re.fullmatch(r"u64\[(\d+)\]", self.fields(heading)[name][1])
        assert found is not None, name
        return int(found[1])

    def flags(self) -> dict[str, int]:
        """Return the bit of each flag of a mark."""
        return {row[0]: int(row[1]) for row in self.rows("Slot") if row[0].isupper()}

    def slot(self) -> dict[str, tuple[int, str]]:
        """Return the fields of a slot."""
        return {row[1]: (int(row[0]), row[2]) for row in self.rows("Slot") if row[0].isdigit()}

    def constant(self, pattern: str) -> int:
        """Return a number that the prose or a drawing states."""
        found = re.search(pattern, "\n".join(self._parts.values()))
        assert found is not None, pattern
        return int(found[1])


class Reader:
    """A segment as the document describes it, mapped read-only.

    Synchronization: none; one caller.
    """

    def __init__(self, document: Document, descriptor: int) -> None:
        self._document = document
        self.size = os.fstat(descriptor).st_size
        self._memory = mmap.mmap(descriptor, self.size, prot=mmap.PROT_READ)
        self._words = memoryview(self._memory).cast("Q")
        self._page = self.field("Header", "page_size", 0)
        start = document.constant(r"offset (\d+) +directory")
        length = self.field("Header", "directory_size", 0)
        self.directory = bytes(self._memory[start : start + length]).decode()

    def close(self) -> None:
        """Unmap."""
        self._words.release()
        self._memory.close()

    def field(self, heading: str, name: str, base: int) -> int:
        """Read one field of a table that starts at `base`."""
        offset, kind = self._document.fields(heading)[name]
        return int(struct.unpack_from(f"={CODES[kind]}", self._memory, base + offset)[0])

    def magic(self) -> bytes:
        """Return the first bytes."""
        offset, kind = self._document.fields("Header")["magic"]
        return bytes(self._memory[offset : offset + int(kind[3:-1])])

    @property
    def _owner(self) -> int:
        return self._page

    @property
    def _system(self) -> int:
        return self._page + self._document.constant(r"offset page \+ (\d+) +system block")

    def owner(self, name: str) -> int:
        """Read a word of the owner block."""
        return self.field("Owner block", name, self._owner)

    def word(self, array: str, number: int) -> int:
        """Read a word of an array of the owner block."""
        offset, _ = self._document.fields("Owner block")[array]
        return self._words[(self._owner + offset) // 8 + number]

    def entry(self, array: str, heading: str, name: str) -> int:
        """Read a counter or a gauge by its name."""
        return self.word(array, self._document.numbers(heading)[name])

    def histogram(self, number: int, name: str) -> int:
        """Read a word of one histogram."""
        offset, kind = self._document.fields("Owner block")["histograms"]
        size = int(re.findall(r"\d+", kind)[1])
        return self.field("Histogram", name, self._owner + offset + number * size)

    def bucket(self, number: int, bucket: int) -> int:
        """Read one bucket of a histogram."""
        offset, kind = self._document.fields("Owner block")["histograms"]
        size = int(re.findall(r"\d+", kind)[1])
        first, _ = self._document.fields("Histogram")["buckets"]
        return self._words[(self._owner + offset + number * size + first) // 8 + bucket]

    def mode(self) -> tuple[str, int]:
        """Return mode and act of arming."""
        word = self.field("System block", "mode", self._system)
        names = {int(row[0]): row[1] for row in self._document.rows("Role") if row[1].isupper()}
        return names[word & 0xFF], word >> 8

    def trip(self) -> tuple[int, int, int]:
        """Return fault, role and act of arming of the e-stop word."""
        word = self.field("System block", "trip", self._system)
        return word & 0xFF, word >> 8 & 0xFF, word >> 16

    def role(self, number: int) -> tuple[str, bool, int, int]:
        """Return a line of the role table: state, asked to end, pid, epoch."""
        offset, kind = self._document.fields("System block")["roles"]
        base = self._system + offset + number * int(re.findall(r"\d+", kind)[1])
        state = self.field("Role", "state", base)
        names = {int(row[0]): row[2] for row in self._document.rows("Role") if row[2].isupper()}
        ending = bool(state >> 8 & 1)
        pid, epoch = (self.field("Role", name, base) for name in ("pid", "epoch"))
        return names[state & 0xFF], ending, pid, epoch

    def latest(self) -> tuple[int, int, int, tuple[object, ...]] | None:
        """Return count, time, mark and typed values of the newest whole publication."""
        head, *lines = self.directory.splitlines()
        at, words, depth = (int(part.split("=")[1]) for part in head.split()[2:])
        header, _ = self._document.slot()["words"]
        stride = (header + 8 * words + LINE - 1) // LINE * LINE
        offsets = {name: offset // 8 for name, (offset, _) in self._document.slot().items()}
        for _ in range(4):
            k = self._words[at // 8]
            slot = (at + LINE + k % depth * stride) // 8
            copy = self._words[slot : slot + stride // 8].tolist()
            if k == 0 or copy[offsets["seq"]] != 2 * k or self._words[slot] != 2 * k:
                continue
            kinds = [one.split(":")[1] for one in lines]
            payload = copy[offsets["words"] : offsets["words"] + words]
            values = tuple(map(_typed, payload, kinds))
            return k, copy[offsets["t_ns"]], copy[offsets["mark"]], values
        return None


def _typed(word: int, kind: str) -> object:
    if kind == "bool":
        return word != 0
    return struct.unpack(f"={CODES[kind]}", struct.pack("=Q", word))[0]
