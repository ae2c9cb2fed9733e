"""What a compiler made of the accesses of amp/atomic.h: the instructions, in order, by function.

Rules. Pure but for calling the compiler. The compiler itself says (`.loc`) which instruction came
from which line, so the accesses to shared words are told from every other load and store, wherever
they were inlined. An access becomes `operation:instructions`, as in `fence_release:dmb-ish`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[2] / "native"

_HELPER = re.compile(r"^static inline \w+ amp_(\w+)\(")
_FILE = re.compile(r'^\s*\.file (\d+) (?:".*" )?"(.*?)"')
_LOCATION = re.compile(r"^\s*\.loc (\d+) (\d+)")
_FUNCTION = re.compile(r"^([A-Za-z_][\w.]*):")
_INSTRUCTION = re.compile(r"^\s+(ld\w+|st\w+|dmb)\s+(.*)$")


def helpers(header: str) -> dict[int, str]:
    """Map each line of atomic.h to the operation whose body it stands in."""
    lines: dict[int, str] = {}
    current = ""
    for number, line in enumerate(header.splitlines(), 1):
        match = _HELPER.match(line)
        if match:
            current = match[1]
        if current:
            lines[number] = current
        if line == "}":
            current = ""
    return lines


def compiled(compiler: list[str], source: Path, include: Path) -> str:
    """Compile a source to assembly as it ships; `include` comes first."""
    words = ["-std=c11", "-O2", "-g", "-fno-dwarf2-cfi-asm", f"-I{include}"]
    words += [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}", "-S", "-o", "-", str(source)]
    done = subprocess.run([*compiler, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def accesses(text: str, header: str) -> dict[str, list[str]]:
    """List each function's accesses to shared words, in the order of the instructions."""
    operations = helpers(header)
    found: dict[str, list[str]] = {}
    atomic_files: set[str] = set()
    function = operation = ""
    for line in text.splitlines():
        if match := _FILE.match(line):
            if match[2].endswith("atomic.h"):
                atomic_files.add(match[1])
        elif match := _LOCATION.match(line):
            ours = match[1] in atomic_files
            operation = operations.get(int(match[2]), "") if ours else ""
        elif match := _FUNCTION.match(line):
            function, operation = match[1], ""
        elif operation and (match := _INSTRUCTION.match(line)):
            mnemonic = f"dmb-{match[2].strip()}" if match[1] == "dmb" else match[1]
            found.setdefault(function, []).append(f"{operation}:{mnemonic}")
    return found
