"""Fixtures of the models of memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.model.programs import build, require, require_tool


@pytest.fixture(scope="session")
def relacy() -> None:
    """Build the mailbox and its broken twins against Relacy."""
    require_tool("g++")
    require(Path("/usr/include/relacy/relacy.hpp").is_file(), "relacy-dev")
    build("relacy")


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Run one program a core: each is a process, a thread only waits for it."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as executor:
        yield executor
        executor.shutdown(wait=False, cancel_futures=True)
