"""A user's compiled C file, loaded into the one process that runs it.

Rules. The bytes are read and their hash compared before the loader sees the file, which lies in a
folder of this user alone. Whatever does not fit is a UserCodeError that names the source and both
sides. To be called before memory is locked and the sandbox entered; nothing is ever unloaded.
"""

from __future__ import annotations

from hashlib import sha256

from amphost import built_code
from amphost._native.amp import ffi, lib
from amphost.errors import UserCodeError

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence

    from amphost.plan.model import CodePlan

__all__ = ["UserLibrary"]

ALIGNMENT = 64
_REBUILD = "build it again (amphost build)"


class UserLibrary:
    """A loaded law or plant with memory for its state; keep it as long as anybody calls it.

    Synchronization: one thread.
    """

    def __init__(self, code: CodePlan, kind: str, ins: Sequence[str], outs: Sequence[str]) -> None:
        _check_bytes(code)
        self.native = ffi.new("struct amp_user_library *")
        load = lib.amp_user_library_law if kind == "law" else lib.amp_user_library_plant
        end = load(self.native, code.library.encode(errors="surrogateescape"))
        if end != lib.AMP_USER_LOADED:
            raise UserCodeError(f"{code.file}: {self._why(end, kind)}")
        _check_count(code, kind, self.native.ins, ins, ("inputs", "drives"))
        _check_count(code, kind, self.native.outs, outs, ("outputs", "sensed values"))
        self._memory = ffi.new("char[]", self.native.state_size + ALIGNMENT)
        ffi.buffer(self._memory)[:] = bytes(len(self._memory))  # the pages are there from now on
        skipped = -int(ffi.cast("uintptr_t", self._memory)) % ALIGNMENT
        self.state = ffi.cast("void *", self._memory + skipped)

    def _why(self, end: int, kind: str) -> str:
        native = self.native
        said = ffi.string(native.message).decode(errors="replace")
        texts = {
            lib.AMP_USER_UNLOADABLE: f"its library cannot be loaded ({said}); {_REBUILD}",
            lib.AMP_USER_NO_SYMBOL: f"it defines no amp_user_{kind}; define it as user_code.h says",
            lib.AMP_USER_OTHER_ABI: f"its abi is {native.abi} and this amphost takes "
            f"{lib.AMP_USER_ABI_TAKEN}; write AMP_USER_ABI and {_REBUILD}",
            lib.AMP_USER_NO_FUNCTION: f"amp_user_{kind} lacks a function; give it both",
            lib.AMP_USER_STATE: f"it asks for {native.state_size} bytes of state; "
            f"at most {lib.AMP_USER_STATE_TAKEN} are given",
        }
        return texts[end]


def _check_bytes(code: CodePlan) -> None:
    try:
        content = built_code.read_library(code.library)
    except OSError as error:
        said = error.strerror or str(error)
        raise UserCodeError(f"{code.file}: {code.library}: {said}; {_REBUILD}") from error
    if sha256(content).hexdigest() != code.hash:
        raise UserCodeError(f"{code.file}: {code.library} is not what was built; {_REBUILD}")


def _check_count(
    code: CodePlan, kind: str, has: int, names: Sequence[str], words: tuple[str, str]
) -> None:
    if has == len(names):
        return
    word = words[0] if kind == "law" else words[1]
    wanted = f"{len(names)} ({', '.join(names)})" if names else "none"
    raise UserCodeError(f"{code.file}: amp_user_{kind} has {has} {word}, and the YAML {wanted}")
