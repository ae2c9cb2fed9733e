"""The device part on microcontrollers: it compiles there, needs no C library, and stays small."""

from __future__ import annotations

import re

import pytest

from tests.targets.device_sizes import CLOSE, OPEN, README, TARGETS, Target, compilers, table

PARTS_OF_TABLE = re.compile(r"^\| (.+?) \| ([\d |]+) \|$", re.MULTILINE)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_its_readme_tells_what_it_takes(target: Target) -> None:
    """Who has 2 KiB of RAM decides by this table; measuring it also proves that it compiles."""
    if not target.is_here:
        pytest.skip(f"{target.package} is not installed")
    written = README.read_text(encoding="utf-8").partition(OPEN)[2].partition(CLOSE)[0]
    column = [one.name for one in TARGETS].index(target.name)
    said = {name: int(row.split(" | ")[column]) for name, row in PARTS_OF_TABLE.findall(written)}
    found = {name: int(row) for name, row in PARTS_OF_TABLE.findall(table((target,)))}
    assert said.keys() == found.keys()
    is_same_compiler = compilers((target,)) in written
    for name, size in found.items():
        within = 0.02 if is_same_compiler else 0.15
        assert abs(size - said[name]) <= within * size, (
            f"{name}: {size} bytes; write the table anew: device_sizes.py --write"
        )
