"""Fixtures of the models of memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.model.programs import build, require, require_tool


@pytest.fixture(scope="session")
def relacy() -> Iterator[ThreadPoolExecutor]:
    """Build the mailbox and its broken twins against Relacy.

    Return what runs one of these programs a core: each is a process, a thread waits for it.
    """
    require_tool("g++")
    require(Path("/usr/include/relacy/relacy.hpp").is_file(), "relacy-dev")
    build("relacy")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield pool
        pool.shutdown(wait=False, cancel_futures=True)
