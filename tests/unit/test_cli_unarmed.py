"""What a timed run says that was never armed."""

from __future__ import annotations

import pytest

from amphost.cli.unarmed import reason
from amphost.lifecycle import Mode


@pytest.mark.parametrize(
    ("mode", "missing", "why_disarmed", "words"),
    [
        (Mode.DISARMED, "", "", "nobody has armed it; look at the machine, and type"),
        (Mode.DISARMED, "", "the last run did not end", "the last run did not end; look at"),
        (Mode.DISARMED, "io is dead (it died)", "the last run", "io is dead (it died)"),
        (Mode.BOOT, "io is starting", "", "io is starting"),
        (Mode.SAFE, "io is dead", "", "type `amphost acknowledge motor`, `amphost arm motor`"),
    ],
)
def test_the_reason_is_what_has_to_be_mended_first(
    mode: Mode, missing: str, why_disarmed: str, words: str
) -> None:
    """`amphost arm` is no remedy while a role is down, and not before SAFE is acknowledged."""
    assert words in reason(mode, "motor", missing, why_disarmed)
