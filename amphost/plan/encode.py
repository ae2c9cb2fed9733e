"""Plans as JSON: for `--json`, for the recording, and for a role's descriptor.

Rules. Pure. Canonical: keys in the order of their declaration in `plan.model`, no spaces, ASCII,
no number that JSON has not got. Equal plans are equal bytes.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.plan.model import Plan, RolePlan


def to_json(plan: Plan) -> str:
    """Write a whole plan."""
    return _encode(plan)


def role_plan_json(role: RolePlan) -> str:
    """Write what one role process gets."""
    return _encode(role)


def _encode(value: object) -> str:
    return json.dumps(value, default=_members, separators=(",", ":"), allow_nan=False)


def _members(value: object) -> dict[str, object]:
    return {one.name: getattr(value, one.name) for one in fields(value)}  # type: ignore[arg-type]
