"""A user's exceptions in a user's words, and where a class is found without running it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amphost import user_code
from amphost.errors import UserCodeError
from amphost.plan.program_model import PythonPlan
from amphost.spec.class_file import find_class

AT = ("roles", "pick", "class")
CLASS = "class Pick:\n    def step(self, role):\n        pass\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a file beside the spec."""

    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return put


def plan_of(path: Path) -> PythonPlan:
    """Return the plan of the class Pick of a file."""
    return PythonPlan(
        period_ns=10**7,
        file=str(path),
        class_name="Pick",
        module="",
        root=str(path.parent),
        parameters=(),
        on_error="restart",
        inputs=(),
        outputs=(),
        tick_word=0,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1 / 0\n", ":1: loading Pick: ZeroDivisionError: division by zero"),
        ("\ndef f(:\n", ":2: loading Pick: SyntaxError: invalid syntax"),
        ("import no_such_module\n", ":1: loading Pick: ModuleNotFoundError: No module named"),
        (
            "class Pick:\n    def __init__(self):\n        raise KeyError('k')\n",
            ":3: loading Pick: KeyError: 'k'",
        ),
        ("x = 1\n", ": loading Pick: AttributeError: module"),
    ],
)
def test_a_class_that_cannot_be_loaded_says_where(
    write: Callable[[str, str], Path], text: str, said: str
) -> None:
    """File, line and exception: one line is enough to correct it."""
    path = write("faulty.py", text)
    with pytest.raises(UserCodeError) as error:
        user_code.load(plan_of(path), "pick")
    assert str(error.value).startswith(f"{path}{said}")


def test_a_traceback_shows_the_users_frames_alone(write: Callable[[str, str], Path]) -> None:
    """Ours would only hide theirs, through every cause of the chain."""
    path = write(
        "chain.py",
        "class Pick:\n    def step(self, role):\n        try:\n            role.writes.a = 2\n"
        "        except Exception as error:\n            raise RuntimeError('no') from error\n",
    )
    user = user_code.load(plan_of(path), "pick")
    from amphost.plan.program_model import ProgramOutput
    from amphost.role_api import Role

    output = ProgramOutput(name="a", word=0, unit="1", low=0.0, high=1.0, initial=0.0)
    with pytest.raises(RuntimeError) as error:
        user.step(Role("pick", [], [output], {}, 10**7))
    shown = user_code.trace(error.value)
    assert "role_api.py" not in shown
    assert "line 4, in step\n    role.writes.a = 2\n" in shown
    assert "writes.a = 2 is outside [0, 1] 1" in shown
    assert shown.endswith("RuntimeError: no")


def test_a_class_is_found_without_running_its_file(write: Callable[[str, str], Path]) -> None:
    """A check in an editor must not move a motor."""
    ran = write("a.py", f"raise SystemExit('ran')\n{CLASS}")
    place, problems, beside = find_class("a.py:Pick", ran.parent, AT)
    assert (problems, beside) == ([], [])
    assert place is not None
    assert (place.file, place.class_name, place.module) == (str(ran), "Pick", "")


def test_a_module_is_found_without_importing_its_package(
    write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """A package's __init__ runs when it is imported; finding it must not."""
    write("deep_package/__init__.py", "raise SystemExit('ran')\n")
    path = write("deep_package/inner/pick.py", CLASS)
    write("deep_package/inner/__init__.py", "raise SystemExit('ran')\n")
    place, problems, beside = find_class("deep_package.inner.pick:Pick", tmp_path, AT)
    assert (problems, beside) == ([], [])
    assert place is not None
    assert (place.file, place.root) == (str(path), str(tmp_path))
    assert "deep_package" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import Pick\n",
        "Pick = make()\n",
        "try:\n    import numpy\nexcept ImportError:\n    class Pick:\n        pass\n",
        "class Base: ...\nclass Pick(Base): ...\n",
        "class Pick:\n    def step(self, *arguments): ...\n",
        "class Pick:\n    def step(self, role, more=1): ...\n",
        "class Pick:\n    @staticmethod\n    def step(role): ...\n",
        "class Pick:\n    step = function\n",
    ],
)
def test_what_only_running_could_tell_is_taken_at_its_word(
    write: Callable[[str, str], Path], text: str
) -> None:
    """A check that refuses good code is worse than one that misses a mistake."""
    path = write("b.py", text)
    place, problems, beside = find_class("b.py:Pick", path.parent, AT)
    assert (problems, beside) == ([], [])
    assert place is not None


@pytest.mark.parametrize("text", ["(" * 5000, "x = \0", "\ufeff" + "class", "-" * 100_000 + "1"])
def test_no_source_ends_the_check(write: Callable[[str, str], Path], text: str) -> None:
    """Whatever the file holds, the answer is a line with a place."""
    path = write("c.py", text)
    place, _, beside = find_class("c.py:Pick", path.parent, AT)
    assert place is None
    assert len(beside) == 1
    assert beside[0].startswith(f"{path}:")
