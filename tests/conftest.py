"""What every test may use: where the checkout is, and a marker for what needs the extension."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout's folder."""
    return Path(__file__).resolve().parent.parent
