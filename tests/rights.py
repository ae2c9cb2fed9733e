"""Processes without rights: an ordinary user, no real-time priority, hardly any locked memory.

Rules. As root the user is `nobody`, who keeps one right, to read files wherever this interpreter
and this checkout lie; an ordinary user only gives up limits. `setpriv` and `prlimit` are part of
util-linux, which every Debian has.
"""

from __future__ import annotations

import os
from pathlib import Path

NOBODY = 65534
MEMLOCK_BYTES = 65536


def without_rights() -> list[str]:
    """Return the words in front of a command that take its rights away."""
    limits = ["prlimit", "--rtprio=0", f"--memlock={MEMLOCK_BYTES}", "--nice=0"]
    if os.geteuid() != 0:
        return limits
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [*user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", *limits]


def own_folder(base: Path, name: str) -> Path:
    """Return a new folder of the user that `without_rights` means: it writes there alone."""
    folder = base / name
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder
