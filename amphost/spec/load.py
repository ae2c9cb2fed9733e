"""Read a spec and its board from files, with every problem at once.

Rules. The one module of this layer that opens files; it reads no clock and looks at no machine.
Raises SpecError and nothing else for anything that a file can hold. Messages name files as the
caller typed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from amphost.laws.blocks import BlockSpec
from amphost.spec.model import Board, Spec
from amphost.spec.positions import Positions

__all__ = ["LoadedSpec", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSpec:
    """A valid spec with everything that it refers to.

    Synchronization: none required; immutable.
    """

    spec: Spec
    board: Board
    path: Path
    text: str
    board_path: Path
    board_text: str
    profiles: Mapping[str, tuple[tuple[float, float], ...]]  # operator name -> (s, value)
    laws: Mapping[str, tuple[BlockSpec, ...]]  # control role -> its blocks in the file's order
    where: Positions
    board_where: Positions


def load(path: Path, *, boards: Sequence[Path]) -> LoadedSpec:
    """Read `path`; look for its board by name in the folders `boards`, in that order."""
    raise NotImplementedError
