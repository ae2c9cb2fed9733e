"""The project's runner on machines that lack something: what it says, and that it stops there.

The machine is a folder of programs: links to the real ones, and what is missing is missing.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = "cat cksum cp cut date dirname env find flock grep head id ls mkdir mv readlink rm sed sort"
MORE_TOOLS = "tail touch tr xargs"
FAKE_APT = '#!/bin/sh\necho "$@" >>"$APT_CALLS"\nexit 1\n'


class Machine:
    """A checkout with nothing but `dev`, and a PATH of its own.

    Synchronization: none required; one test only.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.checkout = folder / "the checkout"
        self.bin = folder / "bin"
        self.apt_calls = folder / "apt-calls"
        self.bin.mkdir(parents=True)
        self.checkout.mkdir()
        shutil.copy(root / "dev", self.checkout / "dev")
        for tool in f"{TOOLS} {MORE_TOOLS}".split():
            found = shutil.which(tool)
            assert found is not None
            (self.bin / tool).symlink_to(found)

    def add(self, name: str, text: str) -> None:
        """Put a program of our own on the machine."""
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(text, encoding="ascii")
        (self.bin / name).chmod(0o755)

    def dev(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ./dev there."""
        return subprocess.run(
            ["/bin/sh", str(self.checkout / "dev"), *arguments],
            env={"PATH": str(self.bin), "APT_CALLS": str(self.apt_calls)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Machine:
    """Return a machine without compiler, Python and apt-get."""
    return Machine(root, tmp_path)


def test_help_names_every_verb(machine: Machine) -> None:
    """The script's own head is its documentation."""
    done = machine.dev("help")
    assert done.returncode == 0
    for verb in ("run", "test", "lint", "fmt", "build", "exec", "shell", "clean", "help"):
        assert f"./dev {verb}" in done.stdout
    assert "set -eu" not in done.stdout


def test_unknown_verb_is_wrong_usage(machine: Machine) -> None:
    """Exit code 2, and the list of what there is."""
    done = machine.dev("tset")
    assert done.returncode == 2
    assert "./dev test" in done.stderr
    assert "there is no ./dev tset" in done.stderr


def test_without_apt_the_missing_packages_are_named(machine: Machine) -> None:
    """On another distribution a person has to do it, and must know what."""
    done = machine.dev("build")
    assert done.returncode == 69
    assert "gcc libc6-dev" in done.stderr
    assert "no apt-get" in done.stderr


def test_without_root_and_sudo_the_one_command_is_printed(machine: Machine) -> None:
    """It is to be copied, so it must be whole; and nothing is tried."""
    machine.add("apt-get", FAKE_APT)
    machine.add("id", "#!/bin/sh\necho 1000\n")
    done = machine.dev("build")
    assert done.returncode == 69
    assert "sudo apt-get install --no-install-recommends gcc libc6-dev" in done.stderr
    assert not machine.apt_calls.exists()


def test_root_installs_by_itself_and_says_what_failed(machine: Machine) -> None:
    """No question is ever asked, so CI never waits for an answer."""
    machine.add("apt-get", FAKE_APT)
    machine.add("id", "#!/bin/sh\necho 0\n")
    done = machine.dev("build")
    calls = machine.apt_calls.read_text(encoding="ascii")
    assert done.returncode == 69
    assert "install -y --no-install-recommends gcc libc6-dev" in calls
    assert "failed: installing gcc libc6-dev" in done.stderr
    assert str(machine.checkout / "build/dev/apt-install.log") in done.stderr


def test_python_that_is_asked_for_and_unfit_is_refused(machine: Machine) -> None:
    """Another one must not be taken in silence."""
    machine.add("gcc", "#!/bin/sh\nexit 0\n")
    machine.add("python-old", "#!/bin/sh\nexit 3\n")
    done = subprocess.run(
        ["/bin/sh", str(machine.checkout / "dev"), "build"],
        env={"PATH": str(machine.bin), "PYTHON": "python-old"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 69
    assert "PYTHON=python-old is not Python 3.11 or newer" in done.stderr
