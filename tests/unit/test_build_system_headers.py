"""Which C sources know an operating system."""

from __future__ import annotations

import re
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"
INCLUDE = re.compile(r"^#include <([^>]+)>", re.MULTILINE)
LANGUAGE = {
    f"{name}.h"
    for name in (
        "assert", "errno", "float", "inttypes", "limits", "math", "stdalign", "stdarg", "stdatomic",
        "stdbool", "stddef", "stdint", "stdio", "stdlib", "string",
    )
}  # fmt: skip


def test_only_the_linux_files_include_an_operating_system() -> None:
    """The loop and the pump run in virtual time because nothing in them sees a real clock."""
    seen = 0
    for folder in ("src", "include", "device/src", "device/include"):
        for path in sorted((NATIVE / folder).rglob("*.[ch]")):
            seen += 1
            foreign = set(INCLUDE.findall(path.read_text(encoding="utf-8"))) - LANGUAGE
            knows = path.stem.endswith("_linux") or path.name in (
                "selftest.c",  # it has threads
                "avr_limits.h",  # of an AVR's own compiler: where constants lie
            )
            assert not foreign or knows, f"{path}: {foreign}"
    assert seen > 40
