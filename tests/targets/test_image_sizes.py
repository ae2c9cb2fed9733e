"""What a whole firmware takes, as its README says it."""

from __future__ import annotations

import pytest

from amphost.firmware.targets import CHIPS
from tests.targets.image_sizes import CLOSE, OPEN, README, image_ports, is_here, row


@pytest.mark.parametrize("port", image_ports())
def test_its_readme_tells_what_an_image_takes(port: str) -> None:
    """This, and not the sum of its sources, is what has to fit a chip."""
    if not is_here(port):
        pytest.skip(f"no compiler for {port}")
    written = README.read_text(encoding="utf-8").partition(OPEN)[2].partition(CLOSE)[0]
    lines = [line for line in written.splitlines() if line.startswith(f"| {CHIPS[port].name} |")]
    assert len(lines) == 1, "write the table: image_sizes.py --write"
    said, found = (
        list(map(int, one.strip("| ").split(" | ")[1:])) for one in (lines[0], row(port))
    )
    for there, now in zip(said, found, strict=True):
        assert abs(there - now) <= max(0.05 * now, 64), f"{lines[0]}: write the table anew"
