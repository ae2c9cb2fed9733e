"""A user's C file: compiled by one command alone, checked, refused when it does not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from amphost import built_code
from amphost.cli.kept import prepare_kept
from amphost.cli.main import main
from amphost.errors import SpecError, UserCodeError
from amphost.plan.model import CodePlan
from amphost.spec.load import load
from amphost.user_library import UserLibrary

FOLDER = Path(__file__).parents[1] / "c_code"
INS, OUTS = ("pump",), ("level", "outflow")

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")


@pytest.fixture
def tank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a spec whose plant is a C file, in a folder and with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for file in FOLDER.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "tank.yaml"


def change(file: Path, old: str, new: str) -> None:
    """Replace text that is there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def build(spec: Path, capsys: pytest.CaptureFixture[str]) -> CodePlan:
    """Build the one C file of a spec."""
    assert main(["build", str(spec), "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["made"]
    library = str(made["library"])
    return CodePlan(file=made["source"], library=library, hash=Path(library).stem)


def test_check_never_compiles_and_names_the_command(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spec from a stranger may be looked at without running anything of theirs."""
    assert main(["check", str(tank)]) == 78
    problem = capsys.readouterr().err
    assert problem == (
        f"{tank.parent}/tank_board.yaml:7:30: devices.mcu.loopback.plant.file: "
        f"tank.c is not compiled, or has changed since; run `amphost build {tank}`\n"
    )
    assert not (tank.parent / "cache/amphost/code").exists()
    build(tank, capsys)
    assert main(["check", str(tank)]) == 0


def test_a_change_of_the_source_or_of_what_it_includes_is_seen(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What runs must be what stands in the file."""
    (tank.parent / "sizes of it.h").write_text("#define AREA_M2 0.02\n", encoding="utf-8")
    change(tank.parent / "tank.c", "#define AREA_M2 0.02", '#include "sizes of it.h"')
    build(tank, capsys)
    assert main(["check", str(tank)]) == 0
    change(tank.parent / "sizes of it.h", "0.02", "0.03")
    assert main(["check", str(tank)]) == 78
    assert 'sizes of it.h", which has changed since it was compiled' in capsys.readouterr().err
    build(tank, capsys)
    change(tank.parent / "tank.c", "0.1;", "0.2;")
    assert main(["check", str(tank)]) == 78


def test_the_compilers_messages_have_file_and_line(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An editor jumps to them; a call of what nobody declared is no warning."""
    change(tank.parent / "tank.c", "sqrt(", "squareroot(")
    assert main(["build", str(tank)]) == 1
    printed = capsys.readouterr()
    assert f"{tank.parent}/tank.c:18:" in printed.err
    assert printed.out == f"{tank.parent}/tank.c: not compiled\n"
    assert main(["check", str(tank)]) == 78


def test_a_file_without_a_plant_does_not_build(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Better the linker than the start of a run."""
    (tank.parent / "tank.c").write_text("#include <amp/user_code.h>\n", encoding="utf-8")
    assert main(["build", str(tank)]) == 1
    assert "amp_user_plant" in capsys.readouterr().err


@pytest.mark.parametrize("rights", [0o755, 0o770])
def test_a_folder_that_others_reach_is_not_used(
    tank: Path, capsys: pytest.CaptureFixture[str], rights: int
) -> None:
    """Who can write there decides what runs with real-time rights."""
    code = build(tank, capsys)
    Path(built_code.folder()).chmod(rights)
    assert main(["check", str(tank)]) == 78
    assert "not this user's" in capsys.readouterr().err
    assert main(["build", str(tank)]) == 1
    with pytest.raises(UserCodeError, match="not this user's alone"):
        UserLibrary(code, "plant", INS, OUTS)


def test_a_folder_that_is_a_link_is_not_used(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link leads where somebody else decides."""
    build(tank, capsys)
    place = Path(built_code.folder())
    place.rename(place.with_name("elsewhere"))
    place.symlink_to(place.with_name("elsewhere"))
    assert main(["check", str(tank)]) == 78
    assert main(["build", str(tank)]) == 1


def test_a_library_that_was_changed_is_not_loaded(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hash is that of the bytes, looked at before the loader sees them."""
    code = build(tank, capsys)
    with Path(code.library).open("ab") as library:
        library.write(b"more")
    with pytest.raises(UserCodeError, match="is not what was built; build it again"):
        UserLibrary(code, "plant", INS, OUTS)
    Path(code.library).unlink()
    with pytest.raises(UserCodeError, match="No such file"):
        UserLibrary(code, "plant", INS, OUTS)
    assert main(["check", str(tank)]) == 78
    assert "is not compiled any more" in capsys.readouterr().err


def test_what_fits_is_loaded_and_runs(tank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, functions and aligned state, all zero."""
    library = UserLibrary(build(tank, capsys), "plant", INS, OUTS)
    from amphost._native.amp import ffi

    assert library.native.state_size == 8
    assert int(ffi.cast("uintptr_t", library.state)) % 64 == 0


@pytest.mark.parametrize(
    ("old", "new", "ins", "outs", "said"),
    [
        ("", "", ("pump", "valve"), OUTS, "has 1 drives, and the YAML 2 (pump, valve)"),
        ("", "", INS, ("level",), "has 2 sensed values, and the YAML 1 (level)"),
        ("= AMP_USER_ABI", "= 7", INS, OUTS, "its abi is 7 and this amphost takes 1"),
        (".init = tank_init,", "", INS, OUTS, "lacks a function"),
        ("sizeof(struct tank)", "1048577", INS, OUTS, "at most 1048576 are given"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_sides(
    tank: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    ins: tuple[str, ...],
    outs: tuple[str, ...],
    said: str,
) -> None:
    """A count that is wrong writes over memory; nothing is called before it is right."""
    change(tank.parent / "tank.c", old, new)
    code = build(tank, capsys)
    with pytest.raises(UserCodeError) as caught:
        UserLibrary(code, "plant", ins, outs)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tank.parent}/tank.c: ")


def test_no_library_is_refused(tank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The loader's own words, in one line."""
    code = build(tank, capsys)
    from hashlib import sha256

    Path(code.library).write_bytes(b"no library")
    with pytest.raises(UserCodeError, match="cannot be loaded"):
        UserLibrary(replace(code, hash=sha256(b"no library").hexdigest()), "plant", INS, OUTS)


def test_a_law_in_c_is_a_problem_of_the_spec_until_it_is_built(
    tank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command builds all that spec and board name, and a plan then holds what is loaded."""
    spec = tank.with_name("tank_law.yaml")
    assert main(["check", str(spec)]) == 78
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{spec}:22:14: roles.control.law.c: level.c is not compiled")
    assert "tank_board.yaml:7:30: " in second
    assert main(["build", str(spec), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["made"]
    assert [one["kind"] for one in made] == ["law", "plant"]
    loaded = load(spec, boards=[])
    assert {path: one.library for path, one in loaded.codes.items()} == {
        ("roles", "control"): made[0]["library"],
        ("devices", "mcu"): made[1]["library"],
    }


def test_a_kept_plan_misses_when_the_source_has_changed(tank: Path) -> None:
    """A start that reads no spec must still see that the C file is another."""
    spec = tank.with_name("tank_law.yaml")
    assert main(["build", str(spec)]) == 0
    plan, _, kept = prepare_kept(str(spec), lambda _: None)
    assert not kept
    again, _, kept = prepare_kept(str(spec), lambda _: None)
    assert kept
    assert again == plan
    change(tank.parent / "level.c", "40.0", "41.0")
    with pytest.raises(SpecError, match="is not compiled, or has changed since"):
        prepare_kept(str(spec), lambda _: None)


@pytest.mark.parametrize(
    ("ins", "outs", "said"),
    [
        (("level",), ("pump",), "amp_user_law has 2 inputs, and the YAML 1 (level)"),
        (("level", "target"), ("a", "b"), "amp_user_law has 1 outputs, and the YAML 2 (a, b)"),
        (("level", "target"), (), "amp_user_law has 1 outputs, and the YAML none"),
    ],
)
def test_a_law_of_another_shape_is_refused(
    tank: Path,
    capsys: pytest.CaptureFixture[str],
    ins: tuple[str, ...],
    outs: tuple[str, ...],
    said: str,
) -> None:
    """A law that reads one input too many reads another's memory."""
    assert main(["build", str(tank.with_name("tank_law.yaml")), "--json"]) == 0
    library = json.loads(capsys.readouterr().out)["made"][0]["library"]
    code = CodePlan(file="level.c", library=library, hash=Path(library).stem)
    with pytest.raises(UserCodeError) as caught:
        UserLibrary(code, "law", ins, outs)
    assert said in str(caught.value)


def test_a_law_is_no_plant(tank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The symbol says what a library is for."""
    code = build(tank, capsys)
    with pytest.raises(UserCodeError, match="it defines no amp_user_law"):
        UserLibrary(code, "law", INS, OUTS)
