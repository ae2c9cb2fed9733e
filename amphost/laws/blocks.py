"""The blocks a law is written with: each declared once and read from YAML by that alone.

Rules. `BLOCKS` is the only list of blocks: parsing, compiling, the JSON Schema and the reference
page are made from it. A block's `op` is its number in `enum amp_op` (native/include/amp/program.h)
and its parameters stand in the order p0, p1, ... of that header, but where `laws.pack` says
otherwise. What a block reads is not looked at here: see `laws.check`.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from amphost.laws.arithmetic import ARITHMETIC
from amphost.laws.declare import (
    LARGEST,
    TUNABLE,
    Block,
    BlockSpec,
    LawProblem,
    Parameter,
    SourceForm,
    UnitRule,
)
from amphost.laws.dynamics import DYNAMICS
from amphost.laws.filters import FILTERS
from amphost.laws.generators import GENERATORS
from amphost.laws.logic import LOGIC

__all__ = [
    "BLOCKS",
    "GROUPS",
    "LARGEST",
    "TUNABLE",
    "Block",
    "BlockSpec",
    "LawProblem",
    "Parameter",
    "SourceForm",
    "UnitRule",
]

GROUPS: Mapping[str, Mapping[str, Block]] = MappingProxyType(
    {
        "Arithmetic": ARITHMETIC,
        "Filters": FILTERS,
        "Control and dynamics": DYNAMICS,
        "Logic": LOGIC,
        "Generators": GENERATORS,
    }
)
BLOCKS: Mapping[str, Block] = MappingProxyType(
    {name: block for group in GROUPS.values() for name, block in group.items()}
)
