"""The runtime directory of one system, in real directories, with real other users and processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.errors import AmphostError, NoPermissionError
from amphost.supervisor.runtime_dir import RuntimeDir
from tests.proc import descriptors
from tests.rights import NOBODY, without_rights

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
Making = Callable[[], RuntimeDir]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a base that is not there yet."""
    return tmp_path / "run" / "amphost"


@pytest.fixture
def making(base: Path) -> Iterator[Making]:
    """Return a function that takes the directory of the system `motor`; all are given up."""
    made: list[RuntimeDir] = []

    def make() -> RuntimeDir:
        made.append(RuntimeDir(base, "motor"))
        return made[-1]

    yield make
    for one in made:
        one.close(clean=False)


def test_it_is_made_for_this_user_and_group_alone(making: Making, base: Path) -> None:
    """Whoever may enter it may read the state and reach the control socket."""
    made = making()
    assert made.path == base / "motor"
    for path in (base, made.path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o750 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_relative_base_makes_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device's socket below it is an address, and an address has no folder to start from."""
    monkeypatch.chdir(tmp_path)
    made = RuntimeDir(Path("run"), "motor")
    assert made.port_path("mcu") == tmp_path / "run" / "motor" / made.port_path("mcu").name
    made.close(clean=True)


def test_a_second_run_is_refused_and_names_the_first(making: Making) -> None:
    """Two supervisors on one device would fight."""
    first = making()
    before = descriptors()
    with pytest.raises(AmphostError, match=r"motor is running already \(see .*state.json\)") as no:
        making()
    assert no.value.exit_code == 1
    assert descriptors() == before
    first.close(clean=False)
    making()


def test_another_system_has_a_directory_of_its_own(making: Making, base: Path) -> None:
    """Two robots on one board are two systems."""
    making()
    other = RuntimeDir(base, "arm")
    other.close(clean=True)
    assert (base / "motor").is_dir()
    assert not (base / "arm").exists()


def test_the_lock_goes_with_its_holder(base: Path, making: Making) -> None:
    """A killed run leaves a lock file; it must not stand in the way of the next."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from amphost.supervisor.runtime_dir import RuntimeDir\n"
        "held = RuntimeDir(Path(sys.argv[1]), 'motor'); held.mark_unclean()\n"
        "print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(base)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AmphostError, match="running already"):
            making()
        holder.send_signal(signal.SIGKILL)
    assert (base / "motor" / "lock").is_file()
    assert making().ended_unclean


def test_a_clean_end_leaves_nothing(making: Making, base: Path) -> None:
    """The next start must not see what was never wrong."""
    made = making()
    made.mark_unclean()
    os.close(made.open_log("control"))
    made.write_state({"mode": "ARMED"})
    made.close(clean=True)
    assert list(base.iterdir()) == []
    assert not making().ended_unclean


def test_any_other_end_keeps_the_logs_and_is_known_at_the_next_start(making: Making) -> None:
    """Somebody has to look at the machine before it moves by itself again."""
    made = making()
    made.mark_unclean()
    log = made.open_log("control")
    os.write(log, b"last words\n")
    os.close(log)
    made.write_state({"mode": "SAFE"})
    made.close(clean=False)
    assert made.log_path("control").read_text() == "last words\n"
    assert not (made.path / "state.json").exists()
    again = making()
    assert again.ended_unclean
    again.close(clean=True)
    assert not making().ended_unclean


def test_a_run_that_never_armed_is_no_reason_to_begin_disarmed(making: Making) -> None:
    """A start that failed for want of a port has moved nothing."""
    making().close(clean=False)
    assert not making().ended_unclean


def test_what_an_earlier_run_left_is_kept_apart(making: Making) -> None:
    """A report that read the earlier run's journal would show the earlier run's figures."""
    made = making()
    made.mark_unclean()
    made.journal_path("mcu").write_text("{}\n")
    os.close(made.open_log("control"))
    made.close(clean=False)
    again = making()
    assert not again.journal_path("mcu").exists()
    assert not again.log_path("control").exists()
    kept = {path.name for path in (again.path / "previous").iterdir()}
    assert kept == {"mcu.journal", "control.log"}


def test_state_is_replaced_whole(making: Making) -> None:
    """A reader never sees half a file."""
    made = making()
    for mode in ("BOOT", "DISARMED"):
        made.write_state({"mode": mode})
        text = (made.path / "state.json").read_text()
        assert json.loads(text) == {"mode": mode}
        assert text.endswith("\n")
    assert [path.name for path in made.path.iterdir() if "new" in path.name] == []


def test_a_directory_that_vanishes_does_not_end_the_run(making: Making, base: Path) -> None:
    """A cleaner of old files, or a full disk: the machine goes on, only its notes are missing."""
    made = making()
    for path in made.path.iterdir():
        path.unlink()
    made.path.rmdir()
    made.write_state({"mode": "ARMED"})
    log = made.open_log("control")
    assert os.write(log, b"words\n") == 6
    os.close(log)
    with pytest.raises(AmphostError, match="unclean"):
        made.mark_unclean()
    made.close(clean=True)
    made.close(clean=True)
    assert list(base.iterdir()) == []


def test_a_link_in_its_place_is_not_followed(base: Path, tmp_path: Path, making: Making) -> None:
    """Whoever can make a link there must not choose where we write."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    base.mkdir(parents=True)
    (base / "motor").symlink_to(elsewhere)
    with pytest.raises(NoPermissionError, match="not a directory of this user") as refused:
        making()
    assert refused.value.exit_code == 77
    (base / "motor").unlink()
    base.rmdir()
    base.symlink_to(elsewhere)
    with pytest.raises(NoPermissionError, match="not a directory of this user"):
        making()
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_the_lock_is_not_followed(base: Path, making: Making) -> None:
    """Opening it would create or lock a file of somebody's choice."""
    (base / "motor").mkdir(parents=True)
    (base / "motor" / "lock").symlink_to(base / "victim")
    with pytest.raises(NoPermissionError, match="lock"):
        making()
    assert not (base / "victim").exists()


@pytest.mark.parametrize("where", ["amphost", "amphost/motor"])
def test_a_file_in_its_place_is_refused_in_words(
    tmp_path: Path, making: Making, where: str
) -> None:
    """A person has to be told which path is in the way."""
    path = tmp_path / "run" / where
    path.parent.mkdir(parents=True)
    path.write_text("")
    with pytest.raises(NoPermissionError, match=str(path)):
        making()


@AS_ROOT
@pytest.mark.parametrize("where", ["amphost", "amphost/motor"])
def test_another_users_directory_is_refused(tmp_path: Path, making: Making, where: str) -> None:
    """In a shared /tmp anybody may have been there first."""
    path = tmp_path / "run" / where
    path.mkdir(parents=True)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(NoPermissionError, match=f"{path}: not a directory of this user"):
        making()


@AS_ROOT
def test_a_base_that_may_not_be_written_is_refused_in_words(tmp_path: Path) -> None:
    """An ordinary user, a directory of root's: exit 77 and what to do about it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from amphost.errors import NoPermissionError\n"
        "from amphost.supervisor.runtime_dir import RuntimeDir\n"
        "try: RuntimeDir(Path(sys.argv[1]), 'motor')\n"
        "except NoPermissionError as error: print(error)"
    )
    command = [*without_rights(), sys.executable, "-c", code, str(tmp_path / "amphost")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{tmp_path / 'amphost'}: " in done.stdout
    assert "--runtime-dir" in done.stdout


def test_an_ordinary_users_base_is_the_sessions_or_its_own_in_tmp(tmp_path: Path) -> None:
    """Two users on one machine must not meet in one directory."""
    code = "from amphost.supervisor.runtime_dir import default_base; print(default_base())"
    command = [*without_rights(), sys.executable, "-c", code]
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    cases = {str(tmp_path): f"{tmp_path}/amphost", "": f"/tmp/amphost-{uid}"}
    for session, expected in cases.items():
        environment = os.environ | {"XDG_RUNTIME_DIR": session}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


RACE = """
import os, sys
from pathlib import Path
from amphost.errors import AmphostError
from amphost.supervisor.runtime_dir import RuntimeDir
base, mine = Path(sys.argv[1]), Path(sys.argv[2])
held = 0
while held < 100:
    try:
        runtime = RuntimeDir(base, "motor")
    except AmphostError as error:
        assert "running already" in str(error), error
        continue
    os.close(os.open(mine, os.O_CREAT | os.O_EXCL))  # nobody else may hold it now
    runtime.write_state({})
    mine.unlink()
    runtime.close(clean=True)
    held += 1
"""


def test_starts_and_ends_that_meet_leave_one_holder(base: Path, tmp_path: Path) -> None:
    """A clean end removes the lock: whoever waited on the removed file must not believe in it."""
    command = [sys.executable, "-c", RACE, str(base), str(tmp_path / "mine")]
    racers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ends = [racer.communicate(timeout=60) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], ends
    assert list(base.iterdir()) == []


def test_the_note_of_an_unclean_end_outlives_the_runtime_directory(tmp_path: Path) -> None:
    """/run is gone after a power cut; that is when it matters most that nothing arms by itself."""
    state = tmp_path / "state"
    made = RuntimeDir(tmp_path / "run", "motor", state)
    made.mark_unclean()
    made.close(clean=False)
    shutil.rmtree(tmp_path / "run")
    again = RuntimeDir(tmp_path / "run", "motor", state)
    assert again.ended_unclean
    again.close(clean=True)
    last = RuntimeDir(tmp_path / "run", "motor", state)
    assert not last.ended_unclean
    last.close(clean=True)
