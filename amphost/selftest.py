"""The hammer on the mailbox of this machine: what native threads saw on cores of choice.

Rules. The threads are the library's; Python only says where and for how long, in slices so that
Ctrl-C is heard. A run counts only when its positive control failed: a reader that is wrong on
purpose has to be given torn values, or nothing would have been noticed here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

from amphost._native.amp import ffi, lib
from amphost.errors import HardwareMissingError, MailboxError

MOST_READERS: int = lib.AMP_SELFTEST_READERS_MAX
SLICE_S = 0.5
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hammering:
    """What came of it, in counts; see amp/selftest.h.

    Synchronization: none needed, it is immutable.
    """

    published: int = 0
    read: int = 0
    torn_detected: int = 0
    no_new: int = 0
    lost: int = 0
    torn_accepted: int = 0
    order_broken: int = 0
    loss_wrong: int = 0
    control_read: int = 0
    control_torn: int = 0

    @property
    def wrong(self) -> int:
        """What must be 0: torn values accepted, orders broken, losses miscounted."""
        return self.torn_accepted + self.order_broken + self.loss_wrong

    @property
    def verdict(self) -> str:
        """`ok`, `wrong`, or `proves nothing` when the control was never given a torn value."""
        if self.wrong:
            return "wrong"
        return "ok" if self.control_torn else "proves nothing"

    def __add__(self, other: Hammering) -> Hammering:
        """Two slices as one."""
        names = [field.name for field in fields(self)]
        return Hammering(**{name: getattr(self, name) + getattr(other, name) for name in names})


def cores_here() -> list[int]:
    """List the cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def default_cores() -> list[int]:
    """Name the writer's core and the readers': all that there are, the only one twice."""
    cores = cores_here()[: 1 + MOST_READERS]
    return cores if len(cores) > 1 else cores * 2


def hammer(cores: Sequence[int], seconds: float) -> Hammering:
    """Hammer with the writer on the first core and a reader on each of the others."""
    if not 2 <= len(cores) <= 1 + MOST_READERS:
        raise MailboxError(
            f"{len(cores)} cores: name the writer's and 1 to {MOST_READERS} readers'"
        )
    here = cores_here()
    for core in cores:
        if core not in here:
            raise HardwareMissingError(
                [f"--cores: core {core} is not there, or not allowed; these are: {here}"]
            )
    total = Hammering()
    left = seconds
    while left > 0:
        total += _slice(cores, min(left, SLICE_S))
        left -= SLICE_S
    return total


def _slice(cores: Sequence[int], seconds: float) -> Hammering:
    setting = ffi.new("struct amp_selftest_setting *")
    setting.writer_core = cores[0]
    setting.reader_count = len(cores) - 1
    setting.reader_cores[0 : len(cores) - 1] = list(cores[1:])
    setting.duration = max(1, int(seconds * _NS_PER_S))
    result = ffi.new("struct amp_selftest_result *")
    if lib.amp_selftest(setting, result) < 0:
        raise MailboxError(f"no thread could be started on one of the cores {list(cores)}")
    return Hammering(**{field.name: getattr(result, field.name) for field in fields(Hammering)})
