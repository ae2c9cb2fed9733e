"""amphost: fixed duties on fixed cores, and a mailbox between them.

Rules. This is the only package that re-exports, and it does so lazily: a role process that imports
one leaf module must not pay for the others.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.errors import AmphostError, WriteRefusedError
    from amphost.interface import get_include
    from amphost.items import Item, Result, Work
    from amphost.mailbox import Follower, Segment
    from amphost.plan.model import Plan
    from amphost.rehearsal import Rehearsal
    from amphost.role_api import Read, Role

__version__ = "0.1.0"

__all__ = [
    "AmphostError",
    "Follower",
    "Item",
    "Plan",
    "Read",
    "Rehearsal",
    "Result",
    "Role",
    "Segment",
    "Work",
    "WriteRefusedError",
    "__version__",
    "get_include",
]

_HOME = {
    "AmphostError": "amphost.errors",
    "Follower": "amphost.mailbox",
    "Item": "amphost.items",
    "Plan": "amphost.plan.model",
    "Read": "amphost.role_api",
    "Rehearsal": "amphost.rehearsal",
    "Result": "amphost.items",
    "Role": "amphost.role_api",
    "Segment": "amphost.mailbox",
    "Work": "amphost.items",
    "WriteRefusedError": "amphost.errors",
    "get_include": "amphost.interface",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'amphost' has no attribute {name!r}")
    return getattr(__import__(_HOME[name], fromlist=[name]), name)
