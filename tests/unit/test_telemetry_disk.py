"""The recorder on file systems that are really full: a small tmpfs, and a limit on file sizes."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from mcap.reader import make_reader

ROOT = Path(__file__).parents[2]

RECORD = """
import json, resource, shutil, struct, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from amphost.plan.model import SignalPlan
from amphost.telemetry.recorder import Recorder, State
from amphost.telemetry.recording import RecordedChannel, Recording, WallOffset

out, runs, free_again, file_limit = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
filler = runs / "filler"
if free_again != "never":
    filler.write_bytes(bytes(1_000_000))
if int(file_limit):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_limit), hard))
signals = tuple(
    SignalPlan(name=name, type="f64", unit="V", low=None, high=None) for name in ("x", "y")
)
recorder = Recorder(Recording(
    directory=runs, system="motor", session="1", version="0", attachments=(),
    channels=(RecordedChannel(role="io", signals=signals),),
    wall=WallOffset(offset_ns=0, error_ns=0), flush_period_ns=500_000_000, max_bytes=0,
))
now_ns = given = 0
reasons = []

def step():
    global now_ns, given
    batch = b"".join(
        struct.pack("=QqQ2d", n, n, 1, n, -n) for n in range(given + 1, given + 501)
    )
    given += 500
    now_ns += 500_000_000
    recorder.write(0, batch, now_ns)
    recorder.tick(now_ns)
    if recorder.reason and recorder.reason not in reasons:
        reasons.append(recorder.reason)

recorder.tick(0)
while recorder.state is State.RECORDING:
    step()
for _ in range(5):
    step()
paused_at = recorder.samples
if free_again != "never":
    filler.unlink()
    for _ in range(6):
        step()
recorder.finish(now_ns)
if recorder.path is not None:
    shutil.copy(recorder.path, out)
print(json.dumps({
    "samples": recorder.samples, "lost": recorder.lost, "given": given, "reasons": reasons,
    "pauses": recorder.pauses, "complete": recorder.complete, "paused_at": paused_at,
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the recording process said at its end."""

    samples: int
    lost: int
    given: int
    reasons: list[str]
    pauses: int
    complete: bool
    paused_at: int


def on_small_tmpfs(tmp_path: Path, free_again: str) -> Told:
    """Record onto a tmpfs of 2 MB, in a mount namespace that is gone with the process."""
    runs = tmp_path / "runs"
    runs.mkdir()
    mount = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'
    for flags in ("-m", "-rm"):
        sandbox = ["unshare", flags, "sh", "-c", mount, str(runs)]
        if (
            shutil.which("unshare")
            and subprocess.run([*sandbox, "true"], check=False).returncode == 0
        ):
            return record(tmp_path, [*sandbox, sys.executable], free_again, "0")
    pytest.skip("no right to mount a tmpfs in a namespace")


def record(tmp_path: Path, python: list[str], free_again: str, file_limit: str) -> Told:
    """Run the recording process."""
    arguments = [str(ROOT), str(tmp_path / "out.mcap"), str(tmp_path / "runs")]
    done = subprocess.run(
        [*python, "-c", RECORD, *arguments, free_again, file_limit],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Told(**json.loads(done.stdout))


def counts(path: Path) -> list[int]:
    """Return the counts of all samples in a file that a strict reader takes."""
    with path.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        return [
            struct.unpack_from("=Q", message.data, 4)[0]
            for _, _, message in reader.iter_messages(log_time_order=False)
        ]


def test_a_full_disk_leaves_a_complete_file_and_an_exact_count(tmp_path: Path) -> None:
    """Nobody frees space here: the file ends with its footer, in the room kept for it."""
    told = on_small_tmpfs(tmp_path, "never")
    assert told.reasons == ["ENOSPC: No space left on device"]
    assert told.complete
    assert told.lost >= 2500
    assert told.samples + told.lost == told.given
    assert counts(tmp_path / "out.mcap") == list(range(1, told.samples + 1))


def test_a_disk_with_room_again_is_recorded_to_again(tmp_path: Path) -> None:
    """One file, with a gap that is counted to the sample."""
    told = on_small_tmpfs(tmp_path, "later")
    assert told.reasons == ["ENOSPC: No space left on device"]
    assert (told.complete, told.pauses) == (True, 1)
    assert told.samples > told.paused_at
    read = counts(tmp_path / "out.mcap")
    assert read[: told.paused_at] == list(range(1, told.paused_at + 1))
    assert read[told.paused_at :] == list(range(read[told.paused_at], told.given + 1))
    assert read[told.paused_at] == told.paused_at + told.lost + 1
    assert len(read) == told.samples


def test_a_limit_on_file_sizes_is_met_without_a_signal(tmp_path: Path) -> None:
    """RLIMIT_FSIZE is how a careful administrator bounds a service; it must not kill the role."""
    (tmp_path / "runs").mkdir()
    told = record(tmp_path, [sys.executable], "never", "900000")
    assert told.reasons == ["EFBIG: File too large"]
    assert told.complete
    assert (tmp_path / "out.mcap").stat().st_size <= 900_000
    assert told.samples + told.lost == told.given
    assert counts(tmp_path / "out.mcap") == list(range(1, told.samples + 1))
