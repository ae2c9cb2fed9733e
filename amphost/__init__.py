"""Fixed duties on fixed cores: a host framework for control with microcontrollers on Linux.

Rules. Only the public names are re-exported here, and importing this package imports nothing: a
role process pays for what it uses.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
