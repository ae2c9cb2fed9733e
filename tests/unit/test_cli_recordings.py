"""`amphost export` and `amphost plot`, as a person calls them."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from array import array
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from amphost.cli.main import main
from amphost.telemetry.figure import thin
from tests.unit.test_telemetry_reading import bits, written

Out = Callable[[], tuple[str, str]]


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Out:
    """Return what reads stdout and stderr so far."""

    def read() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out, captured.err

    return read


def test_a_csv_holds_every_sample_to_the_last_bit(tmp_path: Path, out: Out) -> None:
    """Whoever plots a spreadsheet must see what the loop saw."""
    path = written(tmp_path)
    assert main(["export", str(path), "--csv", "--json"]) == 0
    said = json.loads(out()[0])
    [file] = said["files"]
    assert (file["role"], file["rows"]) == ("io", 40)
    with Path(file["path"]).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0].keys() == {
        *("t_s", "t_ns", "time_ns", "count", "epoch", "armed", "at_safe", "stale"),
        *("on", "x", "n", "u"),
    }
    assert (rows[0]["t_s"], rows[0]["armed"], rows[2]["armed"]) == ("0.0", "0", "1")
    assert int(rows[0]["time_ns"]) == 1_700_000_000_001_000_000
    assert rows[0]["epoch"] == "7"
    assert bits(float(row["x"]) for row in rows[:6]) == bits(
        [-0.0, float("nan"), float("inf"), 5e-324, 1.7976931348623157e308, 0.1]
    )


def test_parquet_holds_the_same_and_the_units(tmp_path: Path, out: Out) -> None:
    """Two exports of one recording that differ would make both useless."""
    path = written(tmp_path)
    assert main(["export", str(path), "--parquet", "--to", str(tmp_path / "tables")]) == 0
    [written_path] = out()[0].split()
    table = pyarrow.parquet.read_table(written_path)
    assert table.column("n").to_pylist() == [-n for n in range(1, 41)]
    assert table.column("u").to_pylist() == [(1 << 64) - n for n in range(1, 41)]
    assert table.column("on").to_pylist() == [bool(n % 2) for n in range(1, 41)]
    assert table.schema.field("x").metadata == {b"unit": b"V"}
    assert table.schema.metadata[b"role"] == b"io"


def test_a_part_is_printed_for_the_next_program(tmp_path: Path, out: Out) -> None:
    """`| head` and `| awk` are how most questions begin."""
    words = ["export", str(written(tmp_path)), "--csv", "--to", "-", "--signals", "io.n"]
    assert main([*words, "--from", "1ms", "--until", "2ms"]) == 0
    lines = out()[0].splitlines()
    assert lines[0].endswith("stale,n")
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == ["-2", "-3"]


def test_nothing_that_is_there_is_replaced_unasked(tmp_path: Path, out: Out) -> None:
    """The table of yesterday may have been edited since."""
    path = written(tmp_path)
    words = ["export", str(path), "--csv"]
    assert main(words) == 0
    out()
    assert main(words) == 1
    assert "there already; --force replaces" in out()[1]
    assert main([*words, "--force"]) == 0
    assert main(["plot", str(path)]) == 0
    assert main(["plot", str(path)]) == 1
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_a_folder_stands_for_its_newest_recording(tmp_path: Path, out: Out) -> None:
    """That is the run one has just seen."""
    written(tmp_path)
    assert main(["export", str(tmp_path), "--csv", "--to", "-"]) == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["export", str(empty), "--csv"]) == 1
    assert "no .mcap file in this folder" in out()[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--csv", "--signals", "oi"], 2, "did you mean io?"),
        (["--csv", "--from", "99s"], 1, "holds no sample of what is asked for"),
        (["--parquet", "--to", "-"], 2, "prints the CSV of one role alone"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, out: Out, words: list[str], code: int, said: str
) -> None:
    """Each says what to type instead."""
    assert main(["export", str(written(tmp_path)), *words]) == code
    assert said in out()[1]


def test_a_file_that_is_not_there_is_named(tmp_path: Path, out: Out) -> None:
    """Never a traceback."""
    assert main(["plot", str(tmp_path / "none.mcap")]) == 1
    assert "none.mcap: No such file" in out()[1]


def test_a_recording_that_was_cut_off_says_so(tmp_path: Path, out: Out) -> None:
    """The last half second is not in the table, and it may be the one that matters."""
    path = written(tmp_path, finish=False)
    assert main(["export", str(path), "--csv", "--to", "-"]) == 0
    assert "was cut off" in out()[1]


def test_an_svg_is_a_drawing_that_repeats(tmp_path: Path) -> None:
    """A picture in a report is under version control: it changes when the recording does."""
    path = written(tmp_path)
    pictures = []
    for name in ("one.svg", "two.svg"):
        assert main(["plot", str(path), "--svg", str(tmp_path / name)]) == 0
        pictures.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pictures[0] == pictures[1]
    text = "".join(ET.fromstring(pictures[0]).itertext())  # noqa: S314 # our own
    assert "io.x" in text
    assert "shaded: armed" in text
    assert "io.n" not in text  # counts are drawn when they are asked for


def test_a_page_stands_alone(tmp_path: Path) -> None:
    """It is opened where there is no network, and mailed to people."""
    page = tmp_path / "page.html"
    assert main(["plot", str(written(tmp_path)), "--html", str(page), "--signals", "io.n"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "io.n [V]" in text
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", text)


def test_thinning_keeps_every_spike() -> None:
    """The one sample that is off is what the picture is looked at for."""
    values = array("d", [0.0] * 100_000)
    values[77_777] = 9.0
    values[12_345] = -9.0
    times = [n / 1000 for n in range(len(values))]
    at, kept, is_thinned = thin(times, values, 100)
    assert is_thinned
    assert len(kept) <= 202
    assert (max(kept), min(kept)) == (9.0, -9.0)
    assert at[list(kept).index(9.0)] == 77.777
    assert list(at) == sorted(set(at))
