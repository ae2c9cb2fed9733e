"""What a program in any language is handed, so that amp_attach() finds its way.

Rules. native/include/amp/attach.h is the contract: plain text, one line a segment, on a sealed
descriptor whose number stands in the environment. Whoever starts the program passes on the
environment and every descriptor, and may close the directory once the program runs; the segments
stay the supervisor's. A plan whose text the program would refuse is refused here, before it starts.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass

from amphost.errors import MailboxError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from amphost.plan.model import SegmentPlan

__all__ = ["VARIABLE", "Handed", "HandedDirectory", "directory_text"]

VARIABLE = "AMPHOST_MAILBOX"  # AMP_ATTACH_VARIABLE
HEADING = "amphost-mailbox 1"
NAME_MAX = 32  # AMP_ATTACH_NAME_ROOM, less the terminator
TEXT_MAX = 8192  # AMP_ATTACH_TEXT_MAX
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A segment that a program gets: its plan, and the descriptor it will have there.

    Synchronization: none required; immutable.
    """

    plan: SegmentPlan
    descriptor: int


def directory_text(
    own: Handed | None, reads: Sequence[Handed], *, nonce: int, epoch: int = 0
) -> str:
    """Write the directory of a program that publishes into `own`, as `epoch`, and reads `reads`.

    Without `own` it only reads, and `epoch` is 0. MailboxError says what no program would take.
    """
    if (own is None) != (epoch == 0):
        raise MailboxError(f"epoch {epoch}: a program that publishes has one, any other has none")
    every = ([] if own is None else [own]) + list(reads)
    names = [one.plan.role for one in every]
    for name in names:
        if names.count(name) > 1:
            raise MailboxError(f"{name}: a program is handed each segment once")
        if not 0 < len(name.encode()) <= NAME_MAX or any(c in name for c in " \n\0"):
            raise MailboxError(f"{name!r} cannot stand in a directory as the name of a role")
    lines = [_line(one, nonce, epoch if one is own else 0) for one in every]
    text = "".join(f"{line}\n" for line in [HEADING, *lines])
    if len(text.encode()) > TEXT_MAX:
        raise MailboxError(f"a directory of {len(every)} segments is more than {TEXT_MAX} bytes")
    return text


def _line(one: Handed, nonce: int, epoch: int) -> str:
    plan = one.plan
    channel = (0, 0, 0)
    if plan.channel is not None:
        channel = (plan.channel.offset, plan.channel.words, plan.channel.depth)
    word = "own" if epoch else "read"
    identity = f"{plan.size} {plan.layout_hash:x} {nonce:x} {plan.page_size}"
    place = "{} {} {}".format(*channel)
    return f"{word} {plan.role} {plan.role_id} {one.descriptor} {identity} {place} {epoch}"


class HandedDirectory:
    """The directory on a sealed descriptor, for one program; a context manager, which closes it.

        with HandedDirectory(own, reads, nonce=nonce, epoch=1) as handed:
            Popen(command, env={**os.environ, **handed.environment}, pass_fds=handed.pass_fds)

    Synchronization: one thread.
    """

    def __init__(
        self, own: Handed | None, reads: Sequence[Handed], *, nonce: int, epoch: int = 0
    ) -> None:
        text = directory_text(own, reads, nonce=nonce, epoch=epoch)
        segments = [one.descriptor for one in ([] if own is None else [own]) + list(reads)]
        self._descriptor = os.memfd_create(
            "amphost-directory", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        )
        try:
            os.write(self._descriptor, text.encode())
            fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            os.close(self._descriptor)
            raise
        self._pass_fds = (self._descriptor, *segments)

    @property
    def environment(self) -> dict[str, str]:
        """What the program's environment has in addition."""
        return {VARIABLE: str(self._descriptor)}

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """Every descriptor that the program inherits: the directory, then its segments."""
        return self._pass_fds

    def close(self) -> None:
        """Close the directory's descriptor; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
