"""How often the host looks at a device's clock: for the plan, and for the pump that does it.

Rules. A leaf without imports: the io role starts with it.
"""

from __future__ import annotations

NS_PER_S = 1_000_000_000
BITS_PER_BYTE_ON_WIRE = 10
CLOCK_NS = 97_000_000


def clock_ns(baud: int) -> int:
    """Return the time between two looks at a device's clock: 97 ms, or as many times that as keep
    the answers, 29 bytes, below one hundredth of the line. 97 is a prime: it beats with no period.
    """
    answer_ns = 29 * BITS_PER_BYTE_ON_WIRE * NS_PER_S // baud
    return CLOCK_NS * max(1, -(-100 * answer_ns // CLOCK_NS))
