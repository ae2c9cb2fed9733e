"""The numbered examples, for the tests of them: a copy in which every program is built.

Rules. A program is built as the comment at the head of its YAML says, word for word, in the folder
of the examples; a comment that no longer builds it fails the test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "examples"
RUNGS = sorted(FOLDER.glob("*.yaml"))
_BUILD = re.compile(r"^# +((?:cc|amphost build) .*)$", re.MULTILINE)


def head(path: Path) -> str:
    """Return the comment at the head of an example."""
    return re.split(r"^(?!#)", path.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)[0]


def copied(to: Path) -> Path:
    """Copy the examples without what runs have left there; return their folder."""
    left = shutil.ignore_patterns("runs", "smooth", "__pycache__")
    return Path(shutil.copytree(FOLDER, to / "examples", ignore=left))


def build(path: Path) -> None:
    """Build what the head of a copied example says, if it says anything."""
    programs = Path(sys.executable).parent  # where `amphost` is
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    for command in _BUILD.findall(head(path)):
        subprocess.run(["sh", "-euc", command], cwd=path.parent, env=environment, check=True)
