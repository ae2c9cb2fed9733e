"""C and C++ programs of the benchmarks, made anew only when something has changed.

Rules. A program that cannot be made is told with the reason and ends nothing.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

FLAGS = ("-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-function")


def compile_program(
    made: Path, sources: Sequence[Path], *, defines: Sequence[str], includes: Sequence[Path]
) -> str | None:
    """Make one program of sources and libraries; return why it cannot be."""
    is_cpp = any(source.suffix == ".cpp" for source in sources)
    compiler, standard = ("g++", "c++17") if is_cpp else ("gcc", "c11")
    command = [compiler, f"-std={standard}", *FLAGS, *(f"-D{one}" for one in defines)]
    command += [f"-I{folder}" for folder in includes]
    command += [*map(str, sources), "-o", str(made), "-lm"]
    if shutil.which(compiler) is None:
        return f"there is no {compiler}"
    text, said = " ".join(command), made.with_suffix(".command")
    if made.exists() and said.exists() and said.read_text(encoding="utf-8") == text:
        inputs = [*sources, *(path for folder in includes for path in folder.rglob("*.*"))]
        if made.stat().st_mtime_ns > max(path.stat().st_mtime_ns for path in inputs):
            return None
    said.unlink(missing_ok=True)
    made.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        return (errors or ["it does not compile"])[0].strip()[:160]
    said.write_text(text, encoding="utf-8")
    return None
