"""The examples and boards that come with amphost, wherever it runs from.

Rules. In an installed package they lie inside it, in a checkout beside it. Looks for files, opens
none. A path below the working directory is named as a person there would type it.
"""

from __future__ import annotations

from pathlib import Path

from amphost.errors import SpecError
from amphost.spec.files import is_there, listing
from amphost.spec.positions import Positions
from amphost.spec.wording import did_you_mean

__all__ = ["NoSuchSpecError", "board_folders", "examples", "find_spec"]

_PACKAGE = Path(__file__).resolve().parent.parent
_CHECKOUT_MARK = "pyproject.toml"


class NoSuchSpecError(SpecError):
    """The command line names a file that is not there."""

    exit_code = 2


def board_folders() -> tuple[Path, ...]:
    """Return the folders in which boards are found by name."""
    return _folders("boards")


def examples() -> dict[str, Path]:
    """Return the shipped specs by name: `motor` is 01_motor.yaml."""
    files = [folder / name for folder in _folders("examples") for name in listing(folder)]
    return {one.stem.lstrip("0123456789").lstrip("_"): one for one in files}


def find_spec(name: str) -> Path:
    """Return the file that `name` means: a path, else a shipped example."""
    path = Path(name)
    if is_there(path):  # whatever it is: reading it says what is wrong with it
        return path
    shipped = examples()
    if name in shipped:
        return shipped[name]
    remedy = f"{did_you_mean(name, shipped)}examples that come with amphost: {', '.join(shipped)}"
    line = Positions(file=name, values={}, keys={}).problem((), "there is no such file", remedy)
    raise NoSuchSpecError([line])


def _folders(name: str) -> tuple[Path, ...]:
    inside, beside = _PACKAGE / name, _PACKAGE.parent / name
    if inside.is_dir():
        return (_shown(inside),)
    if (_PACKAGE.parent / _CHECKOUT_MARK).is_file() and beside.is_dir():
        return (_shown(beside),)
    return ()


def _shown(path: Path) -> Path:
    """Return `path` from the working directory, where it lies below it."""
    try:
        return path.relative_to(Path.cwd())
    except (ValueError, OSError):
        return path
