"""The figures of the report that are more than a counter read."""

from __future__ import annotations

import json
from pathlib import Path

from amphost.supervisor.report import journal_safe_ms

S = 1_000_000_000


def line(event: str, host_ns: int, since_applied_us: int | None = None) -> str:
    """Return one line of a journal."""
    return json.dumps({"event": event, "host_ns": host_ns, "since_applied_us": since_applied_us})


def test_only_what_a_fault_made_safe_counts(tmp_path: Path) -> None:
    """An ordinary stop is no time to safe, and would hide a long one or invent a short one."""
    journal = tmp_path / "mcu.journal"
    lines = [
        line("safe_reached", 0),  # at boot: nothing was applied yet
        line("safe_reached", 10 * S, 400),  # disarmed by hand
        line("lease_expired", 20 * S, 20_000),
        line("safe_reached", 20 * S, 30_500),
    ]
    journal.write_text("\n".join(lines))
    assert journal_safe_ms(journal, [20 * S + S // 2]) == [30.5]
    assert journal_safe_ms(journal, []) == []


def test_a_line_that_was_cut_off_is_no_event(tmp_path: Path) -> None:
    """A device that was killed in the middle of a line must not cost the whole report."""
    journal = tmp_path / "mcu.journal"
    journal.write_text(line("safe_reached", S, 7_000) + '\n{"event": "safe_rea\n[]\n7\n')
    assert journal_safe_ms(journal, [S]) == [7.0]
    assert journal_safe_ms(tmp_path / "none.journal", [S]) == []
