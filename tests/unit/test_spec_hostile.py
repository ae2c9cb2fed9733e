"""Whatever bytes a file holds, reading it ends in a spec or in SpecError, soon."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amphost.errors import SpecError
from amphost.spec.load import PROFILE_BYTES_MAX, load
from amphost.spec.positions import PROBLEMS_MAX
from amphost.spec.text import BYTES_MAX

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "examples" / "01_motor.yaml").read_text(encoding="utf-8")
SOON_S = 60.0  # a bound against minutes, not a measurement

HOSTILE = {
    "nothing": b"",
    "binary": bytes(range(256)) * 40,
    "zeros": b"\0" * 4096,
    "utf_16": "name: motor\n".encode("utf-16"),
    "too_large": b"#" * (BYTES_MAX + 1),
    "far_too_large": b"a: b\n" * 60_000,
    "billion_laughs": b"a: &a [x,x]\n"
    + b"".join(b"b%d: &b%d [*a,*a,*a]\n" % (n, n) for n in range(900)),
    "flow_nesting": b"[" * 250_000,
    "block_nesting": b"- " * 120_000,
    "mapping_nesting": b"{a: " * 60_000,
    "duplicates": b"a: 1\n" * 50_000,
    "unknown_keys": b"".join(b"k%d: 1\n" % n for n in range(25_000)),
    "unknown_roles": b"roles:\n" + b"".join(b"  k%d: {kind: io}\n" % n for n in range(9_000)),
    "octals": b"".join(b"k%d: 010\n" % n for n in range(20_000)),
    "long_text": b"name: " + b"x" * 250_000,
    "long_number": b"name: " + b"9" * 250_000,
    "long_key": b"x" * 100_000 + b": 1",
    "complex_keys": b"? " * 100_000,
    "character_beyond_unicode": b'name: "\\UFFFFFFFF"',
    "lone_surrogate": b'name: "\\ud800"',
    "newline_in_a_key": b'"a\\nb": 1\nname: "c\\nd"',
    "escape_sequence": b'name: "\\e[31mred"',
    "board_with_nul": GOOD.replace("loopback", '"a\\0b"').encode(),
    "board_name_too_long": GOOD.replace("loopback", "b" * 900).encode(),
    "board_path_too_long": GOOD.replace("loopback", "b" * 900 + ".yaml").encode(),
    "board_is_a_folder": GOOD.replace("loopback", "./").encode(),
    "board_is_itself": GOOD.replace("loopback", "spec.yaml").encode(),
    "profile_is_a_folder": GOOD.replace("profiles/pick_and_place.csv", ".").encode(),
    "profile_is_a_device": GOOD.replace("profiles/pick_and_place.csv", "/dev/zero").encode(),
    "law_of_lists": GOOD.replace("[target, position]", "[" * 9 + "]" * 9).encode(),
    "long_signal": GOOD.replace("[target, position]", "[" + "x" * 9000 + ", target]").encode(),
}


def problems_of(folder: Path, raw: bytes) -> list[str]:
    """Load the bytes as a spec and return what SpecError says."""
    path = folder / "spec.yaml"
    path.write_bytes(raw)
    with pytest.raises(SpecError) as caught:
        load(path, boards=[ROOT / "boards"])
    return caught.value.problems


def problems_or_none(path: Path) -> list[str]:
    """Load a spec; return what SpecError says, or nothing for a good one."""
    try:
        load(path, boards=[ROOT / "boards"])
    except SpecError as error:
        return error.problems or ["no problem named"]
    return []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_soon_and_briefly(tmp_path: Path, name: str) -> None:
    """A file from anywhere may not hang, crash, flood or paint on the terminal."""
    begun = time.monotonic()
    problems = problems_of(tmp_path, HOSTILE[name])
    assert time.monotonic() - begun < SOON_S
    assert 1 <= len(problems) <= PROBLEMS_MAX + 1
    for line in problems:
        assert line.isprintable()
        assert len(line.removeprefix(str(tmp_path))) < 1000
        assert "; " in line


def test_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to would wait for ever."""
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    with pytest.raises(SpecError, match="not a regular file"):
        load(fifo, boards=[])


def test_large_profile_is_refused(tmp_path: Path) -> None:
    """The profile is read into memory: its size has a bound too."""
    (tmp_path / "profiles").mkdir()
    big = tmp_path / "profiles" / "pick_and_place.csv"
    big.write_bytes(b"t_s,target\n" + b"0" * PROFILE_BYTES_MAX)
    [problem] = problems_of(tmp_path, GOOD.encode())
    assert "is larger than 4096 KiB" in problem


TOKENS = st.sampled_from(
    ["\n", "\n  ", "\n    ", ": ", "- ", "{", "}", "[", "]", ",", "#", "'", '"', "|", ">", "&a ",
     "*a", "!t ", "<<", "? ", "---", "...", "%", "@", "\t", "\0", "~", "010", "0x1", "1e9", ".inf",
     "\\", "é", "\ufeff", "name", "roles", "kind", "io", "control", "law", "reads", "from", "1"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=300), st.lists(TOKENS, max_size=40).map(lambda x: "".join(x).encode())
    )
)
def test_any_bytes_give_spec_error_only(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    """No other exception may come out, whatever a file holds."""
    problems_of(tmp_path_factory.getbasetemp(), raw)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw the motor's spec with one to four places overwritten."""
    text = GOOD
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        text = text[:at] + draw(TOKENS) + text[at + length :]
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_damaged_spec_loads_or_gives_spec_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    """Files near to good ones reach every rule between values."""
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    path.write_bytes(raw)
    assert all(line.isprintable() and "; " in line for line in problems_or_none(path))
