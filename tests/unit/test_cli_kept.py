"""A kept plan is the fresh plan, or it is not used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from amphost.cli import kept
from amphost.cli.kept import prepare_kept, program
from amphost.cli.prepare import prepare, prepare_noted
from amphost.errors import AmphostError
from amphost.machine import Machine, read_machine
from amphost.plan.model import Plan
from amphost.plan.stored import from_text, to_text
from amphost.spec import files

ROOT = Path(__file__).parents[2]
CORES = sorted(os.sched_getaffinity(0))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
BOARDS = sorted((ROOT / "boards").glob("*.yaml"))


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped motor with board and profile beside it, an empty cache, and it is here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    here = tmp_path / "system"
    shutil.copytree(ROOT / "examples" / "profiles", here / "profiles")
    text = (ROOT / "examples" / "01_motor.yaml").read_text(encoding="utf-8")
    text = text.replace("core: 1", f"core: {CORES[-1]}").replace("core: 0", f"core: {CORES[0]}")
    (here / "motor.yaml").write_text(text.replace("board: loopback", "board: mine.yaml"))
    shutil.copy(ROOT / "boards" / "loopback.yaml", here / "mine.yaml")
    monkeypatch.chdir(here)
    return here / "motor.yaml"


def prepared(file: object, *, fresh: bool = False) -> tuple[Plan, bool]:
    """Prepare; return the plan and whether it was kept."""
    plan, _, was_kept = prepare_kept(str(file), lambda _: None, fresh=fresh)
    return plan, was_kept


def entry_of(tmp_path: Path) -> Path:
    """Return the one file in the cache."""
    (one,) = (tmp_path / "cache" / "amphost").iterdir()
    return one


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.stem)
def test_kept_plan_is_the_fresh_plan_of_every_example(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal, types included: what runs from it cannot differ."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        plan, attached = prepare(str(example))
    except AmphostError as error:
        pytest.skip(f"not on this machine: {error}")
    try:
        text = to_text(plan)
    except TypeError:
        for _ in range(2):
            assert prepared(example) == (plan, False)
        return
    assert from_text(text) == plan
    assert repr(from_text(text)) == repr(plan)
    assert prepared(example) == (plan, False)
    again, attached_again, was_kept = prepare_kept(str(example), lambda _: None)
    assert (again, was_kept) == (plan, True)
    assert [one[:2] for one in attached_again] == [one[:2] for one in attached]
    assert attached_again[:3] == attached[:3]  # the machine's free memory is another each time


@pytest.mark.parametrize("board", BOARDS, ids=lambda one: one.stem)
def test_kept_plan_is_the_fresh_plan_on_every_board(system: Path, board: Path) -> None:
    """Whatever a shipped board holds comes back."""
    shutil.copy(board, system.parent / "mine.yaml")
    try:
        plan, _ = prepared(system)
    except AmphostError:
        with pytest.raises(AmphostError):
            prepared(system)
    else:
        assert prepared(system) == (plan, True)


def test_second_start_imports_neither_pydantic_nor_yaml(system: Path) -> None:
    """That is what it is for."""
    code = (
        "import sys\nfrom amphost.cli.kept import prepare_kept\n"
        "print(prepare_kept(sys.argv[1], lambda _: None)[2])\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'pydantic', 'yaml'}))"
    )
    command = [sys.executable, "-I", "-c", code, system.name]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:2]
        for _ in range(2)
    )
    assert first == ["False", "['pydantic', 'yaml']"]
    assert second == ["True", "[]"]


CHANGES: dict[str, Callable[[Path], object]] = {
    "spec": lambda here: append(here / "motor.yaml", "# another line\n"),
    "board": lambda here: append(here / "mine.yaml", "# another line\n"),
    "profile": lambda here: (here / "profiles" / "pick_and_place.csv").write_text(
        "t_s,target\n0,0.0\n1,1.0\n"
    ),
}


def append(path: Path, text: str) -> None:
    """Add a line to a file."""
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("what", CHANGES)
def test_changed_file_is_read_again(system: Path, what: str) -> None:
    """A kept plan of an older file would run what nobody wants any more."""
    prepared(system)
    assert prepared(system)[1]
    CHANGES[what](system.parent)
    fresh, _ = prepare(str(system))
    assert prepared(system) == (fresh, False)
    assert prepared(system) == (fresh, True)


def test_file_that_would_now_be_found_first_counts(system: Path) -> None:
    """That something was not there is an answer too."""
    (system.parent / "motor.yaml").rename(system.parent / "motor2.yaml")
    os.environ["XDG_CACHE_HOME"] = str(system.parent.parent / "cache")
    prepared("motor")  # the shipped one
    assert prepared("motor")[1]
    (system.parent / "motor2.yaml").rename(system.parent / "motor")
    assert not prepared("motor")[1]


def test_bad_file_is_refused_each_time(system: Path) -> None:
    """What is wrong is never hidden by what was right."""
    prepared(system)
    append(system, "nonsense: 1\n")
    for _ in range(2):
        with pytest.raises(AmphostError, match="nonsense"):
            prepared(system)


def test_fresh_neither_reads_nor_writes_it(system: Path, tmp_path: Path) -> None:
    """It can be switched off."""
    assert not prepared(system, fresh=True)[1]
    assert not (tmp_path / "cache").exists()
    prepared(system)
    assert not prepared(system, fresh=True)[1]


def test_another_working_directory_is_another_question(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recordings go where the user stands."""
    prepared(system)
    (system.parent / "below").mkdir()
    monkeypatch.chdir(system.parent / "below")
    assert not prepared(system)[1]


def test_another_program_is_another_question(system: Path, tmp_path: Path) -> None:
    """What an older version decided is not run by a newer one."""
    package = tmp_path / "amphost"
    shutil.copytree(ROOT / "amphost", package, ignore=shutil.ignore_patterns("*.so", "*.a"))
    before = program(str(package))
    assert before == program(str(package))
    append(package / "plan" / "resolve.py", "# another line\n")
    after = program(str(package))
    assert {one[0] for one in before if one not in after} == {"plan/resolve.py"}
    assert {"yaml/__init__.py", "pydantic/version.py"} <= {one[0] for one in after}
    prepared(system)
    question = json.loads(json.loads(entry_of(tmp_path).read_bytes()[9:])["question"])
    assert question[-1] == program()


@pytest.mark.parametrize(
    "damage",
    [b"", b"x", b"00000000\n{}", None],
    ids=["empty", "short", "wrong sum", "one bit"],
)
def test_damaged_entry_is_nothing(system: Path, tmp_path: Path, damage: bytes | None) -> None:
    """A disk that forgets must not decide what a controller does."""
    plan, _ = prepared(system)
    path = entry_of(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content) if damage is None else damage)
    assert prepared(system) == (plan, False)
    assert prepared(system) == (plan, True)


def test_folder_that_others_may_write_is_not_used(system: Path, tmp_path: Path) -> None:
    """Whoever can write there would decide what runs."""
    prepared(system)
    (tmp_path / "cache" / "amphost").chmod(0o770)
    assert not prepared(system)[1]
    (tmp_path / "cache" / "amphost").chmod(0o700)
    assert prepared(system)[1]
    entry_of(tmp_path).chmod(0o640)
    assert not prepared(system)[1]


def test_link_is_not_followed(system: Path, tmp_path: Path) -> None:
    """Neither as the folder nor as the entry."""
    prepared(system)
    path = entry_of(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert not prepared(system)[1]
    (tmp_path / "cache" / "amphost").rename(tmp_path / "moved")
    (tmp_path / "cache" / "amphost").symlink_to(tmp_path / "moved")
    assert not prepared(system)[1]


def test_folder_that_cannot_be_made_costs_nothing_but_time(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may have no home."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert not prepared(system)[1]
    assert not prepared(system)[1]


def test_folder_holds_so_many(system: Path, tmp_path: Path) -> None:
    """It does not grow for ever."""
    names = [f"motor{number}.yaml" for number in range(kept.KEPT_MAX + 3)]
    for name in names:
        shutil.copy(system, system.parent / name)
        prepared(name)
    left = list((tmp_path / "cache" / "amphost").iterdir())
    assert len(left) == kept.KEPT_MAX
    assert prepared(names[-1])[1]
    assert {one.stat().st_mode & 0o777 for one in left} == {0o600}


def test_every_file_that_is_opened_is_noted(system: Path) -> None:
    """A file that decides and is not noted would be one whose change nobody sees."""
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from amphost.cli.prepare import prepare_noted\n"
        "from amphost.machine import read_machine\nopened = set()\n"
        "def hook(event, arguments):\n"
        "    if event in ('open', 'os.listdir', 'os.scandir'):\n"
        "        opened.add(os.path.abspath(os.fsdecode(arguments[0])))\n"
        "sys.addaudithook(hook)\nmade = prepare_noted(sys.argv[1], lambda _: None)\n"
        "noted = {os.path.abspath(path) for _, path, _ in made.seen}\n"
        "ours = ('/proc', '/sys', '/dev', sys.prefix, sys.base_prefix)\n"
        "print(sorted(one for one in opened - noted if not one.startswith(ours)))"
    )
    command = [sys.executable, "-I", "-c", code, system.name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    left = [one for one in json.loads(done.stdout.replace("'", '"')) if "/amphost/" not in one]
    assert left == []


def test_passing_facts_of_the_machine_are_in_no_plan(system: Path) -> None:
    """They are left out of the comparison."""
    from amphost.cli.prepare import load_named
    from amphost.plan.resolve import resolve

    made = prepare_noted(str(system), lambda _: None)
    other: Machine = replace(made.machine, boot_id="another", memory_available=1)
    assert set(kept.lasting(other)) == set(kept.lasting(made.machine))
    assert set(kept.PASSING) == {"boot_id", "memory_available"}
    assert resolve(load_named(str(system)), other, base=Path.cwd()) == made.plan
    assert kept.lasting(read_machine(Path("/nowhere"))) != kept.lasting(made.machine)


def test_text_of_something_else_is_no_plan(system: Path) -> None:
    """Only the classes of the plan are made, and only whole."""
    plan, _ = prepared(system)
    good = to_text(plan)
    for text in ("1", "{}", '{"tuple": []}', '{"class": "os", "tuple": []}', good[:-1]):
        with pytest.raises(ValueError, match=r"."):
            from_text(text)
    with pytest.raises(TypeError, match="not stored"):
        to_text(replace(plan, notes=["a list"]))  # type: ignore[arg-type]


def test_what_was_seen_is_seen_again_until_it_changes(tmp_path: Path) -> None:
    """Content, presence and listing; a question that nobody knows is never answered alike."""
    with files.noting() as seen:
        files.listing(tmp_path)
        files.is_file(tmp_path / "a.yaml")
        files.is_there(tmp_path / "b")
    assert [files.still(one) for one in seen] == [True] * 3
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "b").mkdir()
    assert [files.still(one) for one in seen] == [False] * 3
    assert not files.still(("weather", str(tmp_path), True))
