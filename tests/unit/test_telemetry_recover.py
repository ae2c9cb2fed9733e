"""Cut recordings are completed from what is whole; everything else is left alone."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from amphost.telemetry.block_file import BlockFile
from amphost.telemetry.mcap_file import is_complete
from amphost.telemetry.recover import Outcome, finalise, finalise_all, steps

ROOT = Path(__file__).parents[2]
NAME = "motor_20260101_120000.mcap"
CHUNKS = 4
PER_CHUNK = 6
OPCODE_CHUNK = 0x06
OPCODE_ATTACHMENT = 0x09
OPCODE_DATA_END = 0x0F

Message = tuple[str, int, int, int, bytes]  # topic, sequence, log time, publish time, payload


def written(
    *,
    compression: CompressionType = CompressionType.NONE,
    chunked: bool = True,
    checksums: bool = True,
    library: str = "amphost 0; mcap",
) -> bytes:
    """Return a file by the package's writer: two channels, an attachment amid, metadata."""
    stream = io.BytesIO()
    writer = Writer(stream, compression=compression, use_chunking=chunked, enable_crcs=checksums)
    writer.start(profile="ros2", library=library)
    writer.add_metadata("amphost", {"system": "motor"})
    channels = []
    for name in ("io", "control"):
        schema = writer.register_schema(f"amphost_msgs/msg/{name}", "ros2msg", b"int64 a\n")
        channels.append(writer.register_channel(f"/motor/{name}", "cdr", schema, {"role": name}))
    for number in range(1, CHUNKS * PER_CHUNK + 1):
        payload = struct.pack("<4sQ", b"\x00\x01\x00\x00", number) * 3
        writer.add_message(channels[number % 2], number * 10, payload, number * 10 + 1, number)
        if number % PER_CHUNK == 0:
            writer.flush()  # type: ignore[no-untyped-call] # the package leaves it untyped
        if number == PER_CHUNK:
            writer.add_attachment(1, 2, "plan.json", "application/json", b"{}" * 40)
    writer.finish()  # type: ignore[no-untyped-call] # the package leaves it untyped
    return stream.getvalue()


def records(whole: bytes) -> list[tuple[int, int, int]]:
    """Return (opcode, start, end) of every record, found by hand."""
    found = []
    at = 8
    while at < len(whole) - 8:
        opcode, length = struct.unpack_from("<BQ", whole, at)
        found.append((opcode, at, at + 9 + length))
        at += 9 + length
    return found


def data_end(whole: bytes) -> int:
    """Return where the data section ends."""
    return next(start for opcode, start, _ in records(whole) if opcode == OPCODE_DATA_END)


def nth(whole: bytes, wanted: int, number: int) -> tuple[int, int]:
    """Return start and end of the n-th record of a kind."""
    return [(start, end) for opcode, start, end in records(whole) if opcode == wanted][number]


def messages(content: bytes) -> list[Message]:
    """Return what the package's reader finds through the index, chunk checksums checked."""
    return [
        (channel.topic, one.sequence, one.log_time, one.publish_time, one.data)
        for _, channel, one in make_reader(io.BytesIO(content), validate_crcs=True).iter_messages()
    ]


@pytest.mark.parametrize("compression", list(CompressionType))
def test_the_index_is_the_one_the_writer_would_have_written(
    tmp_path: Path, compression: CompressionType
) -> None:
    """A file cut where its data end is completed to the very bytes of the uncut one."""
    whole = written(compression=compression)
    path = tmp_path / NAME
    path.write_bytes(whole[: data_end(whole)])
    result = finalise(path)
    assert (result.outcome, result.path) == (Outcome.FINALISED, path)
    assert (result.messages, result.dropped_bytes) == (CHUNKS * PER_CHUNK, 0)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_complete_file_is_not_even_touched(tmp_path: Path) -> None:
    """Same bytes, same inode: somebody may have it open in a viewer."""
    path = tmp_path / NAME
    path.write_bytes(written())
    before = path.stat()
    assert finalise(path).outcome is Outcome.COMPLETE
    assert path.read_bytes() == written()
    assert path.stat() == before
    assert finalise_all(tmp_path) == []


def test_a_finalised_file_is_complete(tmp_path: Path) -> None:
    """The second start after a crash must find nothing to do."""
    path = tmp_path / NAME
    path.write_bytes(written()[:1200])
    assert finalise(path).outcome is Outcome.FINALISED
    assert finalise(path).outcome is Outcome.COMPLETE


@pytest.mark.parametrize("missing", [1, 7, 8, 9, 36, 37, 60, 200])
def test_a_file_cut_in_its_end_loses_nothing(tmp_path: Path, missing: int) -> None:
    """The writer died while it wrote the index: all data are there."""
    whole = written()
    path = tmp_path / NAME
    path.write_bytes(whole[:-missing])
    result = finalise(path)
    assert (result.outcome, result.dropped_bytes) == (Outcome.FINALISED, 0)
    assert path.read_bytes() == whole


def test_reserved_space_behind_a_complete_file_is_cut_off(tmp_path: Path) -> None:
    """The writer died between its last block and cutting off what it had reserved."""
    path = tmp_path / NAME
    path.write_bytes(written() + bytes(4096))
    result = finalise(path)
    assert (result.outcome, result.dropped_bytes) == (Outcome.FINALISED, 0)
    assert path.read_bytes() == written()


def test_a_file_without_chunks_is_completed(tmp_path: Path) -> None:
    """Valid MCAP that we would not write ourselves is no reason to refuse."""
    whole = written(chunked=False)
    path = tmp_path / NAME
    path.write_bytes(whole[: data_end(whole) - 3])
    result = finalise(path)
    assert (result.outcome, result.messages) == (Outcome.FINALISED, CHUNKS * PER_CHUNK - 1)
    assert messages(path.read_bytes()) == messages(whole)[:-1]


def test_attachments_and_metadata_survive(tmp_path: Path) -> None:
    """A recording without its configuration is half a recording."""
    whole = written()
    path = tmp_path / NAME
    path.write_bytes(whole[: nth(whole, OPCODE_CHUNK, 2)[0]])
    assert finalise(path).outcome is Outcome.FINALISED
    with path.open("rb") as stream:
        reader = make_reader(stream)
        (attachment,) = reader.iter_attachments()
        (metadata,) = reader.iter_metadata()
    assert (attachment.name, attachment.data) == ("plan.json", b"{}" * 40)
    assert (attachment.create_time, attachment.log_time) == (1, 2)
    assert metadata.metadata == {"system": "motor"}


def test_a_chunk_that_fails_its_checksum_is_dropped_alone(tmp_path: Path) -> None:
    """A power cut may leave zeros in the middle: what stands behind them is as good as before."""
    whole = bytearray(written()[: data_end(written())])
    start, end = nth(bytes(whole), OPCODE_CHUNK, 2)
    whole[end - 40 : end] = bytes(40)
    path = tmp_path / NAME
    path.write_bytes(whole)
    result = finalise(path)
    assert result.messages == (CHUNKS - 1) * PER_CHUNK
    assert result.dropped_bytes == end - start
    kept = [one[1] for one in messages(path.read_bytes())]
    assert kept == [n for n in range(1, 25) if not 2 * PER_CHUNK < n <= 3 * PER_CHUNK]


def test_messages_that_nothing_describes_are_dropped(tmp_path: Path) -> None:
    """Channels stand in the first chunk: without it a reader would fail on every later message."""
    whole = bytearray(written()[: data_end(written())])
    _, end = nth(bytes(whole), OPCODE_CHUNK, 0)
    whole[end - 1] ^= 0xFF
    path = tmp_path / NAME
    path.write_bytes(whole)
    result = finalise(path)
    assert (result.outcome, result.messages) == (Outcome.FINALISED, 0)
    assert messages(path.read_bytes()) == []


def test_an_attachment_that_fails_its_checksum_is_dropped(tmp_path: Path) -> None:
    """Half a configuration is worse than none."""
    whole = bytearray(written()[: data_end(written())])
    _, end = nth(bytes(whole), OPCODE_ATTACHMENT, 0)
    whole[end - 20] ^= 1
    path = tmp_path / NAME
    path.write_bytes(whole)
    result = finalise(path)
    assert (result.outcome, result.messages) == (Outcome.FINALISED, CHUNKS * PER_CHUNK)
    with path.open("rb") as stream:
        assert list(make_reader(stream).iter_attachments()) == []


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    """Magic and footer alone say nothing: a reader that trusts the index would read rubbish."""
    whole = bytearray(written())
    whole[-300] ^= 1
    path = tmp_path / NAME
    path.write_bytes(whole)
    assert finalise(path).outcome is Outcome.FINALISED
    assert path.read_bytes() == written()


def test_a_chunk_whose_records_run_over_its_end_is_dropped(tmp_path: Path) -> None:
    """Chunks may come without a checksum; their records must still fit into them."""
    whole = bytearray(written(checksums=False)[: data_end(written(checksums=False))])
    start, end = nth(bytes(whole), OPCODE_CHUNK, 1)
    last_record = whole.rindex(b"\x05", start, end - 36)
    assert struct.unpack_from("<Q", whole, last_record + 1) == (22 + 36,)
    whole[last_record + 1] += 1
    path = tmp_path / NAME
    path.write_bytes(whole)
    result = finalise(path)
    assert result.messages == (CHUNKS - 1) * PER_CHUNK
    assert len(messages(path.read_bytes())) == result.messages


@pytest.mark.parametrize("content", [b"", b"\x89MCAP0\r", b"not at all", bytes(5000)])
def test_garbage_is_set_aside_never_deleted(tmp_path: Path, content: bytes) -> None:
    """It may be evidence; and a second one must not overwrite the first."""
    path = tmp_path / NAME
    for name in (f"{NAME}.corrupt", f"{NAME}.corrupt_2", f"{NAME}.corrupt_3"):
        path.write_bytes(content)
        result = finalise(path)
        assert (result.outcome, result.path) == (Outcome.CORRUPT, tmp_path / name)
        assert result.path.read_bytes() == content
        assert not path.exists()


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """A second system may record into the same directory at this moment."""
    store = BlockFile.create(tmp_path, NAME.removesuffix(".mcap"))
    store.append(written()[:900])
    assert finalise(store.path).outcome is Outcome.IN_USE
    assert store.path.read_bytes() == written()[:900]
    assert finalise_all(tmp_path) == []
    store.close()
    assert finalise(store.path).outcome is Outcome.FINALISED


def test_all_of_ours_and_nothing_else_is_completed(tmp_path: Path) -> None:
    """Another recorder's live file bears no lock of ours: its name and its header keep it safe."""
    cut = written()[:1200]
    foreign = written(library="libmcap 1.4")[:1200]
    (tmp_path / NAME).write_bytes(cut)
    (tmp_path / "motor_20260101_120000_2.mcap").write_bytes(cut)
    (tmp_path / "motor_20260101_120001.mcap").write_bytes(written())
    untouched = {
        "motor_20260101_120002.mcap": foreign,
        "rosbag2_2026.mcap": cut,
        "notes.txt": b"x",
    }
    for name, content in untouched.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "motor_20260101_120003.mcap").symlink_to(tmp_path / "rosbag2_2026.mcap")
    results = finalise_all(tmp_path)
    assert [(one.path.name, one.outcome) for one in results] == [
        (NAME, Outcome.FINALISED),
        ("motor_20260101_120000_2.mcap", Outcome.FINALISED),
    ]
    for name, content in untouched.items():
        assert (tmp_path / name).read_bytes() == content


def test_a_directory_that_is_not_there_is_nothing_to_do(tmp_path: Path) -> None:
    """The first run has no earlier ones."""
    assert finalise_all(tmp_path / "runs") == []


def test_a_missing_file_fails_and_says_why(tmp_path: Path) -> None:
    """The caller is cleaning up: it wants to be told, not to be thrown at."""
    result = finalise(tmp_path / NAME)
    assert result.outcome is Outcome.FAILED
    assert "No such file" in result.reason


def test_a_caller_that_stops_early_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The run may end while an old file is being completed; the next one starts again."""
    path = tmp_path / NAME
    path.write_bytes(written()[:1500])
    work = steps(path)
    for _ in range(3):
        next(work)
    assert (tmp_path / f"{NAME}.part").exists()
    work.close()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == written()[:1500]
    assert finalise(path).outcome is Outcome.FINALISED


def test_a_finaliser_that_was_killed_hinders_nobody(tmp_path: Path) -> None:
    """What it left beside the file is overwritten by the next one."""
    path = tmp_path / NAME
    path.write_bytes(written()[:1500])
    (tmp_path / f"{NAME}.part").write_bytes(bytes(10_000))
    assert finalise(path).outcome is Outcome.FINALISED
    assert list(tmp_path.iterdir()) == [path]
    assert messages(path.read_bytes())


FINALISE_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from amphost.telemetry.recover import finalise
resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
result = finalise(Path(sys.argv[2]))
print(result.outcome.name, result.reason)
"""


def test_without_room_the_file_stays_as_it_was(tmp_path: Path) -> None:
    """A full disk is why the file was cut: it can be completed when there is room again."""
    path = tmp_path / NAME
    path.write_bytes(written()[:1500])
    told = subprocess.run(
        [sys.executable, "-c", FINALISE_WITHOUT_ROOM, str(ROOT), str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("FAILED ")
    assert "too large" in told
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == written()[:1500]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 500


def test_who_may_read_a_recording_stays_so(tmp_path: Path) -> None:
    """A new file in the old one's place must not lock out the group that reads it."""
    path = tmp_path / NAME
    path.write_bytes(written()[:1500])
    path.chmod(0o664)
    finalise(path)
    assert path.stat().st_mode & 0o777 == 0o664


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_it_raise_or_lie(drawn: st.DataObject) -> None:
    """Flips, zeros, cuts: the result is a file that a strict reader takes, or `.corrupt`."""
    sound = written(compression=drawn.draw(st.sampled_from(list(CompressionType))))
    content = bytearray(sound)
    for _ in range(drawn.draw(st.integers(min_value=0, max_value=4))):
        at = drawn.draw(st.integers(min_value=0, max_value=len(content) - 1))
        content[at] = drawn.draw(st.integers(min_value=0, max_value=255))
    cut = drawn.draw(st.integers(min_value=0, max_value=len(content) - 1))
    tail = drawn.draw(st.binary(max_size=40))
    known = {(one[1], one[4]) for one in messages(sound)}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / NAME
        path.write_bytes(bytes(content[:cut]) + tail)
        result = finalise(path)
        assert result.outcome in (Outcome.FINALISED, Outcome.CORRUPT)
        if result.outcome is Outcome.FINALISED:
            completed = path.read_bytes()
            with path.open("rb") as stream:
                assert is_complete(stream, os.fstat(stream.fileno()).st_size)
            read = messages(completed)
            assert len(read) == result.messages
            assert {(one[1], one[4]) for one in read} <= known
