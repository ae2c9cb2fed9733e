"""Say why a link is refused: which signals and fields differ, where the board file has them.

Rules. Pure. What the io role tells of a refused device is words from outside: nothing is computed
with them, and they are shown short (`link.dictionary`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amphost.link.dictionary import UNREAD, differences
from amphost.pump import REFUSALS

if TYPE_CHECKING:
    from amphost.plan.model import IoPlan

PROTOCOL = 1
SCHEMA = 2
REMEDY = "build the firmware anew from the board file (amphost firmware new) and load it"


def refusal_text(io: IoPlan, refusal: int, said: object) -> str:
    """Name what differs, and the remedy; `said` is what the io role has told, if anything."""
    field = REFUSALS.get(refusal, f"field {refusal}")
    told = said if isinstance(said, dict) and said.get("refusal") == refusal else {}
    details = [*_of_schema(io, refusal, told), *_of_identity(io, refusal, told)]
    text = "; ".join(details)
    return f"the device differs in {field}{': ' if text else ''}{text}; {REMEDY}"


def _of_schema(io: IoPlan, refusal: int, told: dict[str, Any]) -> list[str]:
    if refusal != SCHEMA or not told:
        return []
    if told.get("state") == "whole":
        return differences(io.schema, str(told.get("dictionary")), dict(io.places))
    reason = UNREAD.get(str(told.get("state")))
    return [reason] if reason else []


def _of_identity(io: IoPlan, refusal: int, told: dict[str, Any]) -> list[str]:
    """Compare what every device tells of itself, whatever it was refused for."""
    if refusal == PROTOCOL and told:
        return [f"it speaks protocol {str(told.get('protocol'))[:20]}"]
    places = dict(io.places)
    found = []
    lease_us, period_us = told.get("lease_us"), told.get("state_period_us")
    if isinstance(lease_us, int) and lease_us > io.lease_ns // 1000:
        at = f" ({places['lease_ms']})" if "lease_ms" in places else ""
        found.append(
            f"lease: the firmware says {lease_us / 1e3:g} ms, the plan relies on"
            f" {io.lease_ns / 1e6:g} ms{at}"
        )
    if isinstance(period_us, int) and period_us not in (0, io.state_period_ns // 1000):
        found.append(
            f"state rate: the firmware says {1e6 / period_us:.6g} Hz, the board file says"
            f" {1e9 / io.state_period_ns:.6g} Hz ({places.get('state_rate_hz', 'state_rate_hz')})"
        )
    board = told.get("board")
    if isinstance(board, str) and board[:32] != io.board:
        found.append(f"board: the firmware is for {board[:32]}, the board file is {io.board}")
    return found
