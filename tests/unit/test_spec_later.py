"""Parts of a file that are imported when a file has them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from amphost.spec.board import Board

DEVICE = {"port": "/dev/ttyAMA0", "baud": 115200, "state_rate_hz": 100}


def board(**more: object) -> dict[str, object]:
    """Return a board file's values with one device."""
    return {"name": "bench", "devices": {"mcu": DEVICE | more}}


def test_a_board_without_faults_imports_nothing_of_them() -> None:
    """Each class costs every start of everybody half a millisecond."""
    program = (
        "import sys\nfrom amphost.spec.board import Board\n"
        f"Board.model_validate({board()!r})\n"
        "sys.exit('amphost.spec.line_faults' in sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", program], check=True)


def test_an_error_inside_stands_at_its_place_in_the_whole_file() -> None:
    """The message names a line, and the line comes from the path."""
    with pytest.raises(ValidationError) as caught:
        Board.model_validate(board(faults={"seed": -1, "inject": {}}))
    places = [error["loc"] for error in caught.value.errors()]
    assert ("devices", "mcu", "faults", "seed") in places
    assert len(places) == 2


def test_what_is_read_is_the_model() -> None:
    """Whoever uses it knows nothing of when it was imported."""
    from amphost.spec.line_faults import FaultsSpec

    flips = {"kind": "flip", "rate": 0.1}
    faults = {"seed": 1, "on_hardware": True, "inject": {"flips": flips}}
    [device] = Board.model_validate(board(faults=faults)).devices.values()
    assert isinstance(device.faults, FaultsSpec)
