"""Where the device library stands: the sources that a firmware is built from.

Rules. Looks for files, opens none. An installed package has them inside it, a checkout has them in
native/device.
"""

from __future__ import annotations

from pathlib import Path

from amphost.errors import AmphostError

__all__ = ["library_folder"]

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE / "device_library", _PACKAGE.parent / "native" / "device")
_MARK = "include/amp/device.h"


def library_folder() -> Path:
    """Return the folder of the device library."""
    for folder in _PLACES:
        if (folder / _MARK).is_file():
            return folder
    raise AmphostError(f"there is no {_PLACES[0] / _MARK}: install amphost again")
