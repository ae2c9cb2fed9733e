"""What makes a segment the one that was meant: format it, compare it, say what differs.

Rules. A refusal names its fact, and a layout that differs shows the lines that do. Nothing in a
segment is believed before it was compared.
"""

from __future__ import annotations

import os
import time

from amphost._native.amp import ffi, lib
from amphost.errors import MailboxError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from amphost.plan.model import SegmentPlan

LAYOUT = "its layout differs from the plan's"
_REFUSALS = {
    -lib.AMP_EFORMAT: "it is not a segment of this ABI, byte order, page size or role",
    -lib.AMP_ESIZE: "its size or its seals are not those of the plan",
    -lib.AMP_ENONCE: "it belongs to another session",
    -lib.AMP_ENOTREADY: "it was never formatted",
    -lib.AMP_EARG: "the plan's figures are out of range",
    -lib.AMP_EROOM: "the plan does not fit into it",
}


def write(descriptor: int, plan: SegmentPlan, nonce: int) -> None:
    """Format the segment behind a descriptor."""
    base = ffi.new("void **")
    result = lib.amp_platform_map(descriptor, plan.size, True, base)
    if result < 0:
        raise refused(plan, result)
    directory = plan.directory.encode()
    result = lib.amp_segment_format(
        base[0], _identity(plan, nonce), directory, len(directory), time.monotonic_ns()
    )
    lib.amp_platform_unmap(base[0], plan.size)
    if result < 0:
        raise refused(plan, result)


def compare(base: ffi.CData, plan: SegmentPlan, nonce: int) -> None:
    """Compare what is mapped at `base` with the plan; MailboxError says what differs."""
    result = lib.amp_segment_check(base, _identity(plan, nonce))
    if result == -lib.AMP_ELAYOUT:
        lines = [f"segment of {plan.role}: {LAYOUT}", *_difference(plan, base)]
        raise MailboxError("\n".join(lines))
    if result < 0:
        raise refused(plan, result)


def refused(plan: SegmentPlan, result: int, part: str = "segment") -> MailboxError:
    """Put a native refusal into words."""
    number = lib.amp_platform_errno() if result == -lib.AMP_ESYS else 0
    why = os.strerror(number) if number else _REFUSALS.get(result, f"refused ({result})")
    return MailboxError(f"{part} of {plan.role}: {why}")


def _identity(plan: SegmentPlan, nonce: int) -> ffi.CData:
    return ffi.new(
        "struct amp_segment_identity *",
        {
            "size": plan.size,
            "layout_hash": plan.layout_hash,
            "nonce": nonce,
            "role": plan.role_id,
            "page_size": plan.page_size,
        },
    )


def _difference(plan: SegmentPlan, base: ffi.CData) -> list[str]:
    import difflib  # only a refusal needs it

    room = ffi.new("char[]", lib.AMP_DIRECTORY_MAX)
    size = lib.amp_segment_directory(base, room, lib.AMP_DIRECTORY_MAX)
    found = bytes(ffi.buffer(room, size)).decode("utf-8", "replace")
    lines = difflib.unified_diff(
        plan.directory.splitlines(), found.splitlines(), "plan", "segment", lineterm="", n=0
    )
    return list(lines)
