"""Files that grow by whole blocks, on a real file system."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from amphost.telemetry.block_file import BlockFile, is_at, lock


def test_blocks_are_stored_one_behind_the_other(tmp_path: Path) -> None:
    """What is read back is what was appended; the room reserved does not show."""
    store = BlockFile.create(tmp_path / "runs", "motor")
    store.append(b"one")
    store.reserve(10_000)
    store.append(b"two")
    store.close()
    assert store.path == tmp_path / "runs/motor.mcap"
    assert store.path.read_bytes() == b"onetwo"


def test_a_block_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The system stores the first part and then refuses: half a block would stay in the file."""
    store = BlockFile.create(tmp_path, "motor")
    store.append(b"one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            store.append(b"x" * 5000)
        assert store.path.read_bytes() == b"one"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.append(b"two")
    store.close()
    assert store.path.read_bytes() == b"onetwo"


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    """Two runs may start within one second; neither may overwrite the other."""
    stores = [BlockFile.create(tmp_path, "motor") for _ in range(3)]
    for store in stores:
        store.append(b"x")
        store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "motor.mcap",
        "motor_2.mcap",
        "motor_3.mcap",
    ]


def test_what_is_reserved_is_allocated(tmp_path: Path) -> None:
    """A promise of room is worth something only if the file system has given the blocks."""
    store = BlockFile.create(tmp_path, "motor")
    store.append(b"x")
    store.reserve(200_000)
    assert store.path.stat().st_blocks * 512 >= 200_000
    store.close()
    assert store.path.stat().st_size == 1


def test_a_file_in_which_nothing_was_stored_is_removed(tmp_path: Path) -> None:
    """A disk that was full from the start would else be left with an empty file a second."""
    BlockFile.create(tmp_path, "motor").close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_being_written_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    """Nobody else may complete a recording that is still growing."""
    store = BlockFile.create(tmp_path, "motor")
    store.append(b"x")
    with store.path.open("rb") as other:
        assert not lock(other.fileno())
        store.close()
        assert lock(other.fileno())


def test_an_open_file_knows_whether_its_name_is_still_its_own(tmp_path: Path) -> None:
    """Between opening a file and locking it, somebody may have put another in its place."""
    path = tmp_path / "a"
    path.write_bytes(b"1")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert is_at(descriptor, path)
        (tmp_path / "b").write_bytes(b"2")
        (tmp_path / "b").replace(path)
        assert not is_at(descriptor, path)
        path.unlink()
        assert not is_at(descriptor, path)
    finally:
        os.close(descriptor)


def test_a_directory_that_is_a_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    """The recorder pauses on OSError and on nothing else."""
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(OSError, match="exists"):
        BlockFile.create(tmp_path / "runs", "motor")
