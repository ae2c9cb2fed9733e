"""The plan of a user's C file: what is loaded, and the hash that it must have.

Rules. Pure: the file was found, and what was compiled of it, when the spec was read.
"""

from __future__ import annotations

from amphost.plan.model import CodePlan
from amphost.spec.load import LoadedSpec

__all__ = ["code_plan"]


def code_plan(loaded: LoadedSpec, *path: str) -> CodePlan | None:
    """Return the C file of `devices`, NAME or of `roles`, NAME; None where it has none."""
    code = loaded.codes.get(path)
    if code is None:
        return None
    return CodePlan(file=code.file, library=code.library, hash=code.hash)
