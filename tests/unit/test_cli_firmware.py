from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.cli.main import main
from amphost.firmware.elf import AVR, ElfError, Image, Section, read_image
from amphost.firmware.files import first_difference
from amphost.firmware.library import library_folder
from amphost.firmware.sizes import Part, part_sizes, symbols_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a board file with two devices, in the working directory."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "boards" / "two_motors.yaml").read_text(encoding="utf-8")
    (tmp_path / "two.yaml").write_text(text, encoding="utf-8")
    return Path("two.yaml")


def new(*words: str | Path) -> int:
    """Run the verb."""
    return main(["firmware", "new", *map(str, words)])


def names(folder: str) -> list[str]:
    """List the files in a folder."""
    return sorted(one.name for one in Path(folder).iterdir())


def test_a_folder_is_written(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that `make` needs, in a folder with the device's name."""
    assert new(board, "--device", "left") == 0
    assert names("left") == ["Makefile", "left_board.h", "main.c"]
    assert capsys.readouterr().out.splitlines()[0] == "left/left_board.h: written"


def test_what_is_the_users_is_kept(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A week's work stands in main.c when the board file changes."""
    new(board, "--device", "left")
    Path("left/main.c").write_text("mine\n")
    text = board.read_text().replace("460800", "115200").replace("1000000", "500000")
    board.write_text(text)
    capsys.readouterr()
    assert new(board, "--device", "left", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done == {
        "device": "left",
        "folder": "left",
        "files": {"left_board.h": "written", "main.c": "kept", "Makefile": "kept"},
    }
    assert Path("left/main.c").read_text() == "mine\n"
    assert "LEFT_BAUD 500000u" in Path("left/left_board.h").read_text()
    assert new(board, "--device", "left") == 0
    assert "left_board.h: unchanged" in capsys.readouterr().out


def test_a_header_that_is_not_ours_is_left_alone(
    board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name is not so rare."""
    Path("left").mkdir()
    Path("left/left_board.h").write_text("#define MINE 1\n")
    assert new(board, "--device", "left") == 2
    assert "is not ours" in capsys.readouterr().err
    assert Path("left/left_board.h").read_text() == "#define MINE 1\n"


def test_nothing_is_written_through_a_dangling_link(board: Path) -> None:
    """A link is something of the user's, wherever it leads."""
    Path("left").mkdir()
    Path("left/main.c").symlink_to("/nowhere/main.c")
    assert new(board, "--device", "left") == 0
    assert Path("left/main.c").is_symlink()


def test_check_says_where_it_differs(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI asks this; a person wants to know what changed."""
    new(board, "--device", "left")
    assert new(board, "--device", "left", "--check") == 0
    board.write_text(board.read_text().replace("[-20, 20]", "[-25, 25]", 1))
    capsys.readouterr()
    assert new(board, "--device", "left", "--check") == 1
    said = capsys.readouterr()
    assert "LEFT_SCHEMA_HASH" in said.err
    assert not said.out
    assert new(board, "--device", "left", "--check", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"header": "left/left_board.h", "current": False}
    assert new(board, "--device", "left") == 0
    assert new(board, "--device", "left", "--check") == 0


def test_check_of_a_header_that_is_not_there(
    board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not the board's either."""
    assert new(board, "--device", "left", "--check") == 1
    assert "there is no such file" in capsys.readouterr().err
    assert not Path("left").exists()


def test_a_check_is_the_same_from_anywhere(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header names its board file from where it stands itself."""
    new(board, "--device", "left")
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    assert new("../../two.yaml", "--device", "left", "--to", "../../left", "--check") == 0
    monkeypatch.chdir("../../left")
    assert new("../two.yaml", "--device", "left", "--to", ".", "--check") == 0


def test_a_sketch_has_the_name_of_its_folder(board: Path) -> None:
    """Arduino opens no other; and a folder with a sketch stays one."""
    assert new(board, "--device", "left", "--port", "arduino", "--to", "motor") == 0
    assert names("motor") == ["left_board.h", "motor.ino"]
    assert new(board, "--device", "left", "--to", "motor") == 0
    assert names("motor") == ["left_board.h", "motor.ino"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "of which board? amphost firmware new BOARD.yaml"),
        (["two.yaml"], "several devices: say --device with left or right"),
        (
            ["two.yaml", "--device", "lift"],
            "no device 'lift'; did you mean left? it has left, right",
        ),
        (["lopback"], "there is no board 'lopback'; did you mean loopback? "),
    ],
)
def test_a_question_that_cannot_be_answered(
    words: list[str], said: str, board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what to type instead."""
    assert board.is_file()
    assert new(*words) == 2
    assert said in capsys.readouterr().err


def test_a_bad_board_file_is_told_as_everywhere(
    board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line, column, path, rule and remedy; and nothing is written."""
    board.write_text(board.read_text().replace("baud: 460800", "baud: fast"))
    assert new(board, "--device", "left") == 78
    assert "two.yaml:" in capsys.readouterr().err
    assert not Path("left").exists()


def test_a_system_is_no_board(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the file that everything else is told about."""
    Path("system.yaml").write_text(f"name: x\nboard: {board} # beside it\nroles: {{}}\n")
    assert new("system.yaml") == 2
    assert capsys.readouterr().err.endswith("a device's: amphost firmware new two.yaml\n")


def test_a_folder_that_cannot_be_made(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands in its place."""
    assert new(board, "--device", "left", "--to", "two.yaml") == 1
    assert "two.yaml: File exists" in capsys.readouterr().err


def test_the_library_is_where_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """A build of one's own begins with this line."""
    assert main(["firmware", "path"]) == 0
    assert capsys.readouterr().out == f"{library_folder()}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"#!/bin/sh\n", "it is no little-endian ELF file"),
        (b"\x7fELF\x01\x01", "it is cut off, or damaged"),
    ],
)
def test_size_of_what_is_no_firmware(
    content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, whatever it is."""
    path = tmp_path / "x.elf"
    if content is not None:
        path.write_bytes(content)
    assert main(["firmware", "size", str(path)]) == 1
    assert said in capsys.readouterr().err


def test_size_of_a_folder_without_a_firmware(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has not been built yet."""
    assert main(["firmware", "size", str(tmp_path)]) == 2
    assert "make it first" in capsys.readouterr().err


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_an_image_or_no_image(content: bytes, wide: bool) -> None:
    """A damaged file is told, never a traceback."""
    head = b"\x7fELF" + (b"\x02" if wide else b"\x01") + b"\x01"
    for one in (content, head + content):
        try:
            read_image(one)
        except ElfError:
            continue


def test_sections_of_an_avr() -> None:
    """What is initialised takes flash and RAM; what an AVR programs elsewhere takes neither."""
    names = b"\0.text\0.data\0.bss\0.eeprom\0.names\0"
    rows = [(0, 0, 0, 0, 0, 0), (1, 1, 6, 0, 0, 100), (7, 1, 3, 0x800100, 0, 10)]
    rows += [(13, 8, 3, 0x80010A, 0, 50), (18, 1, 3, 0x810000, 0, 7), (26, 3, 0, 0, 52, len(names))]
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01", 2, AVR, 1, 0, 0, 52 + len(names),
                         0, 52, 0, 0, 40, len(rows), 5)  # fmt: skip
    table = b"".join(struct.pack("<6I16x", *row) for row in rows)
    image = read_image(header + names + table)
    assert image.machine == AVR
    assert [(one.name, one.in_flash, one.in_ram) for one in image.sections] == [
        (".text", True, False),
        (".data", True, True),
        (".bss", False, True),
    ]


LISTING = """\
Name   Value   Class        Type         Size     Line  Section

device.c|00000000|   a  |  FILE|        |     |*ABS*
b2   |0000000a|   t  |  FUNC|00000014|     |.text\t/lib/./src/device.c:7
wire.c|00000000|   a  |  FILE|        |     |*ABS*
g    |20000004|   b  |OBJECT|0000000a|     |.bss\t/x/main.c:3
device.c|00000000|   a  |  FILE|        |     |*ABS*
mine |20000010|   b  |OBJECT|00000004|     |.bss\t/lib/src/wire.c:210
mine2|00000018|   t  |  FUNC|00000006|     |.text\t/x/device.c:210
port.c|00000000|   a  |  FILE|        |     |*ABS*
c    |00000020|   t  |  FUNC|00000008|     |.text\t/lib/ports/lm3s6965evb/port.c:1
f    |20000000|   b  |OBJECT|00000004|     |.bss\t/lib/src/wire.c:210
a    |00000000|   T  |  FUNC|0000000a|     |.text\t/x/main.c:3
b    |0000000a|   T  |  FUNC|0000000e|     |.text\t/lib/src/device.c:7
d    |00000028|   T  |  FUNC|00000010|     |.text\t/build/gcc/libgcc/config/arm/ieee754-sf.S:74
__e  |00000030|   T  |  FUNC|00000010|     |.text\t/lib/src/wire.c:210
h    |20000004|   B  |NOTYPE|        |     |.bss
amp_x|20000014|   B  |OBJECT|00000004|     |.bss\t/lib/src/wire.c:210
i    |20000018|   B  |OBJECT|00000100|     |.bss\t/lib/src/wire.c:210
"""


def test_every_byte_is_somebodys_once() -> None:
    """Aliases, overlaps, gaps, lines that are not true, two sources of one name: it adds up."""
    text = Section(name=".text", address=0, size=0x44, in_flash=True, in_ram=False)
    bss = Section(name=".bss", address=0x20000000, size=0x20, in_flash=False, in_ram=True)
    image = Image(machine=40, sections=(text, bss), has_lines=True)
    sources = {"device.c": "library", "wire.c": "library", "port.c": "port"}
    parts = part_sizes(image, list(symbols_of(LISTING)), "/lib", sources)
    assert parts == {
        "library": Part(flash=0x14, ram=0x0A),
        "port": Part(flash=8, ram=4 + 4),
        "own": Part(flash=10, ram=4 + 8),
        "runtime": Part(flash=0x18, ram=0),
        "rest": Part(flash=6, ram=2),
    }


def test_the_first_difference() -> None:
    """Also where one text ends before the other."""
    assert first_difference("a\nb\n", "a\nc\n") == (2, "b", "c")
    assert first_difference("a\n", "a\nc\n") == (2, "", "c")
    assert first_difference("a\nb", "") == (1, "a", "")
