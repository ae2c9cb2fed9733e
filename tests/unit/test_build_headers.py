"""The builder: which headers Python sees, in which order, and that the library agrees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from amphost._native.build import UNPARSED, generate, ordered_headers, read_declarations
from amphost._native.declarations import DeclarationError

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, text: str) -> None:
    """Put a header where the builder looks."""
    path = folder / "native/include" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_header_stands_after_the_ones_it_includes(tmp_path: Path) -> None:
    """cffi reads top down; nobody keeps an order by hand."""
    write(tmp_path, "amp/a.h", '#include "amp/z.h"\nstruct amp_a { struct amp_z z; };\n')
    write(tmp_path, "amp/m.h", '#include "amp/a.h"\n#include "amp/z.h"\n')
    write(tmp_path, "amp/z.h", "struct amp_z { int z; };\n")
    assert ordered_headers(tmp_path) == ["amp/z.h", "amp/a.h", "amp/m.h"]


def test_headers_that_include_one_another_are_refused(tmp_path: Path) -> None:
    """There is no order then, and the C compiler's guards would hide it."""
    write(tmp_path, "amp/a.h", '#include "amp/b.h"\n')
    write(tmp_path, "amp/b.h", '#include "amp/a.h"\n')
    with pytest.raises(DeclarationError, match=r"amp/a\.h -> amp/b\.h -> amp/a\.h"):
        ordered_headers(tmp_path)


def test_macro_of_one_header_is_an_integer_in_the_next(tmp_path: Path) -> None:
    """Sizes of one layer are sums of sizes of the layer below."""
    write(tmp_path, "amp/a.h", "#define AMP_A 4\n")
    write(tmp_path, "amp/b.h", '#include "amp/a.h"\n#define AMP_B (AMP_A + 1)\n')
    assert read_declarations(tmp_path) == "#define AMP_A ...\n\n#define AMP_B ...\n"


def test_every_header_but_the_unparsed_is_seen(root: Path) -> None:
    """A header that is forgotten is a function that Python silently lacks."""
    folders = ("native/include", "native/device/include", "native/device/ports/host")
    there = {str(h.relative_to(root / f)) for f in folders for h in (root / f).rglob("*.h")}
    assert set(ordered_headers(root)) == there - set(UNPARSED)


def test_unparsed_headers_exist(root: Path) -> None:
    """An exception outlives its reason otherwise."""
    folders = [root / "native/include", root / "native/device/include"]
    assert all(any((folder / name).is_file() for folder in folders) for name in UNPARSED)


def test_generated_file_is_left_alone_when_nothing_has_changed(tmp_path: Path) -> None:
    """Writing it anew would compile everything anew."""
    write(tmp_path, "amp/a.h", "#define AMP_A 4\n")
    generate(tmp_path)
    generated = tmp_path / "native/build/python/amp.c"
    before = generated.stat().st_mtime_ns
    generate(tmp_path)
    assert generated.stat().st_mtime_ns == before
    write(tmp_path, "amp/a.h", "#define AMP_A 4\n#define AMP_B 5\n")
    generate(tmp_path)
    assert "AMP_B" in generated.read_text(encoding="utf-8")


def test_extension_has_every_declared_function(root: Path) -> None:
    """What the headers promise is what Python can call."""
    from amphost._native.amp import lib  # built by ./dev

    text = read_declarations(root)
    structs_gone = re.sub(r"\{[^{}]*\}", "", text)
    names = set(re.findall(r"\b(amp_\w+)\s*\((?!\*)", structs_gone))
    assert len(names) > 50
    assert {name for name in names if not hasattr(lib, name)} == set()
