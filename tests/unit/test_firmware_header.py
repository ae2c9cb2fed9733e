from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.firmware.files import generated_files
from amphost.firmware.header import Target, c_float, comment, header_text, prefix
from amphost.firmware.library import library_folder
from amphost.spec.load import load_board

KEYWORDS = "auto break case char const double else enum extern float for goto if inline int long"
KEYWORDS += " register restrict return short signed sizeof static struct switch typedef union"
KEYWORDS += " unsigned void volatile while asm true false class new this operator template"
LIBRARY_WORDS = "device config sends accepts count sensed bytes out size sent baud main null stdin"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]


def target(tmp_path: Path, text: str, name: str = "mcu", file: str = "board.yaml") -> Target:
    """Return the device of a board whose file says `text`."""
    path = tmp_path / "board.yaml"
    path.write_text(text, encoding="utf-8")
    board = load_board(path)
    return Target(file=file, board=board.name, name=name, device=board.devices[name])


def board(sends: str, accepts: str = "", *, name: str = "mcu", more: str = "") -> str:
    """Return a board file of one device."""
    return f"""\
name: bench
devices:
  {name}:
    port: /dev/serial/by-id/x
    baud: 115200
    state_rate_hz: 50
{more}    sends:
{sends}{"    accepts:" if accepts else ""}
{accepts}"""


def signals(names: str, rest: str) -> str:
    """Return YAML lines of signals that differ in their names alone."""
    return "".join(f"      {one}: {{{rest}}}\n" for one in names.split())


def compiled(tmp_path: Path, one: Target, *languages: str) -> None:
    """Compile what is generated as it stands, its warnings errors."""
    for file in generated_files(one, "lm3s6965evb", "x"):
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    for language in languages:
        if shutil.which("gcc") is None:
            pytest.skip("gcc is not installed")
        standard = "-std=c11" if language == "c" else "-std=gnu++17"
        pedantic = ["-Wpedantic", "-Wshadow"] if language == "c" else []
        command = ["gcc", "-x", language, standard, *pedantic, *WARNINGS, "-fsyntax-only"]
        paths = [f"-I{library_folder() / 'include'}", str(tmp_path / "main.c")]
        done = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_the_nearest_float_of_c(value: float) -> None:
    """The firmware compares with it; one bit less, and a value at its limit is refused."""
    text = c_float(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", text)
    assert "." in text or "e" in text
    assert struct.pack("<f", float(text[:-1])) == struct.pack("<f", value)


@given(st.text(max_size=40))
def test_no_text_ends_its_comment(text: str) -> None:
    """A unit and a path are the user's; code behind an ended comment would be too."""
    shown = comment(text)
    assert "*/" not in f"{shown} */"[:-2]
    assert "/*" not in shown
    assert shown.isprintable()
    assert "\\\n" not in f"{shown}\n"
    assert "??/" not in shown


def test_the_dictionary_is_the_text_of_the_hash(tmp_path: Path) -> None:
    """The device refuses to start with any other."""
    one = target(tmp_path, board(signals("a", "unit: '%', range: [0, 1]")))
    text = header_text(one)
    lines = re.findall(r'^    "(.*)\\n";?$', text, re.MULTILINE)
    assert lines == ["send a f32 1 % 0 1"]
    said = "".join(f"{line}\n" for line in lines).encode()
    assert f"MCU_SCHEMA_HASH 0x{zlib.crc32(said):08x}u" in text


def test_hostile_names_compile(tmp_path: Path) -> None:
    """A keyword of C or C++, a macro, a name of the skeleton's own: none is another's place."""
    words = f"{KEYWORDS} {LIBRARY_WORDS}".split()
    for at in range(0, len(words), 16):
        some = " ".join(words[at : at + 16])
        rest = "unit: a*/b, range: [-1, 1]"
        text = board(signals(some, rest), signals(some, f"{rest}, safe: 0.0"))
        compiled(tmp_path, target(tmp_path, text), "c", "c++")


@pytest.mark.parametrize("name", ["amp", "amp_device", "amphost", "int", "main", "null", "eof"])
def test_hostile_devices_compile(tmp_path: Path, name: str) -> None:
    """The device's name begins every other name."""
    text = board(signals("a count", "unit: V, range: [0, 1]"), name=name)
    compiled(tmp_path, target(tmp_path, text, name), "c", "c++")


def test_names_of_the_library_are_the_librarys() -> None:
    """AMP_... is taken."""
    assert prefix("mcu") == "MCU"
    assert prefix("amp") == "DEVICE_AMP"
    assert prefix("amp_left") == "DEVICE_AMP_LEFT"
    assert prefix("ample") == "AMPLE"


def test_every_name_is_there_once(tmp_path: Path) -> None:
    """What differs in the board file differs in C."""
    some = "a a_ a__ b s_count count sends_count send_a"
    rest = "unit: V, range: [0, 1]"
    text = board(signals(some, rest), signals(some, f"{rest}, safe: 0.0"))
    header = header_text(target(tmp_path, text))
    names = re.findall(r"^(?:#define|   ) (\w+)(?: =)? [\w\"]", header, re.MULTILINE)
    assert len(names) > 16
    assert len(set(names)) == len(names)


def test_types_scales_and_bounds_of_ones_own(tmp_path: Path) -> None:
    """Every type on the wire, at its limits, and a range that no 32-bit float is exactly."""
    sends = """\
      f: {type: f32, unit: rad, range: [-1.0e30, 0.1]}
      i: {type: i16, scale: 0.001, unit: rad, range: [-30, 30]}
      j: {type: u16, unit: '1', range: [0, 65534]}
      k: {type: i8, scale: 0.5, unit: A, range: [-63.5, 63.5]}
      l: {type: u8, unit: '%', range: [0, 100]}
      m: {type: bool}
"""
    accepts = """\
      x: {type: i16, scale: 0.01, unit: V, range: [-12, 12], safe: 0.0, ramp_per_s: 100}
      y: {type: bool, safe: 0}
"""
    one = target(tmp_path, board(sends, accepts, more="    lease_ms: 80\n"))
    text = header_text(one)
    assert ".scale = 0.001f" in text
    assert ".low = -1e+30f" in text
    assert "MCU_LEASE_US 80000u" in text
    compiled(tmp_path, one, "c", "c++")


def test_parameters_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    """What people set is read by its place, and begins as the board file says."""
    text = board(signals("s a", "unit: V, range: [0, 1]"))
    text += "    parameters:\n      kp: {unit: V/rad, range: [0.1, 50], initial: 9}\n"
    text += "      t: {range: [-1.0e30, 0], initial: -3}\n"
    one = target(tmp_path, text)
    header = header_text(one)
    assert "MCU_PARAMETER_KP = 0," in header
    assert "{.low = 0.1f, .high = 50.0f, .initial = 9.0f}, /* kp */" in header
    assert ".parameters_count = 2," in header
    assert '"parameter kp V/rad 0.1 50 9\\n"' in header
    compiled(tmp_path, one, "c", "c++")


def test_more_parameters_than_the_device_keeps_is_an_error_of_the_compiler(tmp_path: Path) -> None:
    """An ATmega keeps four: the fifth would be refused at each session."""
    rest = "{range: [0, 1], initial: 0}"
    text = board(signals("a", "unit: V, range: [0, 1]")) + "    parameters:\n"
    text += "".join(f"      {name}: {rest}\n" for name in "abcde".replace("a", "f"))
    limits = (library_folder() / "include/amp/limits.h").read_text(encoding="utf-8")
    small = re.sub(r"(AMP_DEVICE_PARAMETERS_MAX) \d+", r"\1 4", limits)
    (tmp_path / "amp").mkdir()
    (tmp_path / "amp/limits.h").write_text(small, encoding="utf-8")
    with pytest.raises(AssertionError, match="MCU needs an AMP_DEVICE_PARAMETERS_MAX of 5"):
        compiled_with(tmp_path, target(tmp_path, text))


def test_a_dictionary_longer_than_a_string_may_be(tmp_path: Path) -> None:
    """C11 promises 4095 characters, and -Wpedantic holds one to it."""
    long = " ".join(f"{'x' * 30}{n:02}" for n in range(16))
    rest = "unit: aaaaaaaaaaaaaaaa, range: [-1.2345678e+29, 1.2345678e+29]"
    rest_accepts = f"{rest}, safe: -1.2345678e+28, ramp_per_s: 1.2345678e+29"
    one = target(tmp_path, board(signals(long, rest), signals(long, rest_accepts)))
    compiled(tmp_path, one, "c", "c++")


def test_a_device_that_only_accepts_or_only_sends(tmp_path: Path) -> None:
    """C has no array of no elements."""
    compiled(tmp_path, target(tmp_path, board(signals("a", "unit: V, range: [1, 2]"))), "c", "c++")
    accepts = signals("a", "unit: V, range: [1, 2], safe: 1.0")
    text = board("", accepts).replace("    sends:\n", "")
    compiled(tmp_path, target(tmp_path, text), "c", "c++")


def test_a_limit_too_small_is_an_error_of_the_compiler(tmp_path: Path) -> None:
    """It would otherwise show as a device that never answers."""
    text = board(signals("a b c d e", "unit: V, range: [0, 1]"))
    one = target(tmp_path, text)
    limits = (library_folder() / "include/amp/limits.h").read_text(encoding="utf-8")
    small = re.sub(r"(AMP_DEVICE_VALUES_MAX) \d+", r"\1 4", limits)
    (tmp_path / "amp").mkdir()
    (tmp_path / "amp/limits.h").write_text(small, encoding="utf-8")
    with pytest.raises(AssertionError, match="MCU needs an AMP_DEVICE_VALUES_MAX of 5"):
        compiled_with(tmp_path, one)


def compiled_with(tmp_path: Path, one: Target) -> None:
    """Compile with the limits.h of `tmp_path`."""
    (tmp_path / "x.c").write_text(header_text(one), encoding="utf-8")
    paths = [f"-I{tmp_path}", f"-I{library_folder() / 'include'}", str(tmp_path / "x.c")]
    done = subprocess.run(
        ["gcc", "-fsyntax-only", *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
