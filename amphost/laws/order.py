"""The order in which the blocks of a law run.

Rules. Pure. A block runs after what it reads; of the blocks that may come next, the file's first
does. The blocks form no ring (see `laws.check`).

Synchronization: none required; functions of values.
"""

from __future__ import annotations

from collections.abc import Sequence

from amphost.laws.blocks import BlockSpec

__all__ = ["ordered"]


def ordered(blocks: Sequence[BlockSpec]) -> tuple[BlockSpec, ...]:
    """Sort blocks after what they read; of those that may come next, the file's first does."""
    names = {block.name for block in blocks}
    waiting = list(blocks)
    done: set[str] = set()
    lines: list[BlockSpec] = []
    while waiting:
        ready = next(
            block
            for block in waiting
            if all(source in done or source not in names for source in block.sources)
        )
        waiting.remove(ready)
        done.add(ready.name)
        lines.append(ready)
    return tuple(lines)
