"""What a firmware tells people: the publications of its `said` channel as text.

Rules. Pure. The words are those of native/include/amp/said.h; the io role has replaced what is not
printable ASCII, and here it is not believed that it has.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence

CODE, ARGUMENT, DEVICE_US, DROPPED, SPOILT, LENGTH, TEXT = range(7)
LINE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that a firmware has told: an event of its own, or a line (code 0).

    Synchronization: none required; immutable.
    """

    t_ns: int
    code: int
    argument: int
    device_us: int
    dropped: int
    text: str

    def words(self) -> str:
        """Write it for people."""
        if self.code == LINE:
            return f"says: {self.text}"
        return f"event {self.code}, argument {self.argument}"


def read(t_ns: int, words: Sequence[int]) -> Said:
    """Read one publication."""
    letters = b"".join(int(word).to_bytes(8, "little") for word in words[TEXT:])
    letters = letters[: int(words[LENGTH])]
    return Said(
        t_ns=t_ns,
        code=int(words[CODE]),
        argument=int(words[ARGUMENT]),
        device_us=int(words[DEVICE_US]),
        dropped=int(words[DROPPED]),
        text="".join(chr(one) if 32 <= one < 127 else "?" for one in letters),
    )
