"""The import layers: the contract in pyproject.toml has no hole for a module to fall through."""

from __future__ import annotations

import ast
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Not in the contract: the package itself, which re-exports lazily, and what is used in building.
OUTSIDE = {"", "_native"}


def modules(root: Path) -> dict[str, Path]:
    """Map the name of each module within the package to its file; empty packages are left out."""
    package = root / "amphost"
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[-1] != "__init__" or path.stat().st_size:
            found[".".join(p for p in parts if p != "__init__")] = path
    return found


def rows(root: Path) -> list[list[str]]:
    """List the layers of the contract, top to bottom, each with what it names."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    texts = next(c["layers"] for c in contracts if c["id"] == "layers")
    return [[name.strip(" ()") for name in text.replace("|", ":").split(":")] for text in texts]


def imported(path: Path) -> set[str]:
    """List every module that a file imports, at whatever depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_every_module_has_exactly_one_layer(root: Path) -> None:
    """A module that the contract does not name may import anything, unnoticed."""
    named = [name for row in rows(root) for name in row]
    for module in modules(root).keys() - OUTSIDE:
        places = [n for n in named if module == n or module.startswith(f"{n}.")]
        if module.split(".")[0] not in OUTSIDE:
            assert len(places) == 1, f"{module}: {places or 'no layer'}"


def test_every_layer_names_something_that_is_there(root: Path) -> None:
    """A renamed module would leave an empty promise behind."""
    there = modules(root).keys()
    for name in (name for row in rows(root) for name in row):
        assert any(m == name or m.startswith(f"{name}.") for m in there), name


def test_only_the_bindings_touch_the_extension(root: Path) -> None:
    """No pointer into shared memory escapes one layer of small modules."""
    users = {
        module
        for module, path in modules(root).items()
        if any(name.startswith("amphost._native.amp") for name in imported(path))
    }
    assert users == next(set(row) for row in rows(root) if "mailbox" in row)
