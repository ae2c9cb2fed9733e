"""The trace file: what was written is read, and what is damaged is refused by its line."""

from __future__ import annotations

import io
import random
from array import array

import pytest

from amphost import probe
from amphost.latency.tally import from_probe
from amphost.latency.trace import SKIPPED, TITLE, TraceError, TraceHead, lines, read

HEAD = TraceHead(
    date="2026-01-02T03:04:05Z",
    machine="Raspberry Pi 5, Linux 6.12",
    period_ns=1_000_000,
    wait="hybrid",
    core=3,
    policy="fifo",
    priority=80,
)
GOOD = "".join(lines(HEAD, [5, 1_500_000, -1, 0]))


def test_what_was_written_is_read() -> None:
    """Hours of a machine's life must survive the file."""
    chance = random.Random(3)
    latencies = array("q", [chance.randrange(-1, 1 << 40) for _ in range(10_000)])
    trace = read(io.StringIO("".join(lines(HEAD, latencies))))
    assert trace.head == HEAD
    assert trace.latencies_ns == latencies


def test_the_file_is_as_documented() -> None:
    """Other tools read it too."""
    assert GOOD.splitlines() == [
        "# amphost latency trace 1",
        "# date: 2026-01-02T03:04:05Z",
        "# machine: Raspberry Pi 5, Linux 6.12",
        "# period_ns: 1000000",
        "# wait: hybrid",
        "# core: 3",
        "# policy: fifo",
        "# priority: 80",
        "# periods: 4",
        "wakeup_latency_ns",
        "5",
        "1500000",
        "-1",
        "0",
    ]


def test_a_name_of_two_lines_is_one() -> None:
    """Whatever a firmware says of its model, the head stays one line a key."""
    head = TraceHead(
        date="d",
        machine="A\n# wait: spin\nB",
        period_ns=1,
        wait="w",
        core=0,
        policy="p",
        priority=1,
    )
    assert read(io.StringIO("".join(lines(head, [])))).head.machine == "A # wait: spin B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: not '# amphost latency trace 1'"),
        ("a,b\n1,2\n", "line 1: not"),
        (f"{TITLE}\n", "line 1: there is no 'wakeup_latency_ns'"),
        (f"{TITLE}\nwakeup_latency_ns\n", "line 2: no date, machine, period_ns"),
        (f"{TITLE}\n5\n", "line 2: neither"),
        (GOOD.removesuffix("0\n"), "line 13: 3 of 4 periods; the file was cut off"),
        (GOOD + "7\n", "line 15: 5 of 4 periods"),
        (GOOD.replace("1500000", "x"), "line 12: 'x' is no latency"),
        (GOOD.replace("1500000", "-2"), "line 12: '-2' is no latency"),
        (GOOD.replace("1500000", "9" * 30), "line 12:"),
        (GOOD.replace("period_ns: 1000000", "period_ns: 0"), "line 10: period_ns is 0"),
        (GOOD.replace("core: 3", "core: three"), "line 10: core is 'three'"),
    ],
)
def test_damage_is_told_with_its_line(text: str, message: str) -> None:
    """A trace that was cut off would replay as a better machine."""
    with pytest.raises(TraceError) as caught:
        read(io.StringIO(text))
    assert str(caught.value).startswith(message)


def test_the_sign_of_a_skipped_release_is_the_native_one() -> None:
    """The file is C's array, written down."""
    assert SKIPPED == probe.SKIPPED


def test_a_replayed_trace_has_the_wake_ups_of_the_machine() -> None:
    """That is what it is kept for: the same histogram again, in virtual time."""
    chance = random.Random(11)
    late = [chance.randrange(20_000) if chance.random() > 0.01 else 700_000 for _ in range(5_000)]
    late[100:104] = [3_200_000, SKIPPED, SKIPPED, SKIPPED]
    trace = read(io.StringIO("".join(lines(HEAD, late))))
    period_ns = trace.head.period_ns
    words = probe.replay(trace.latencies_ns, period_ns, len(trace.latencies_ns))
    seen = [latency for latency in late if latency != SKIPPED]
    assert (words["ticks"], words["skipped"]) == (len(seen), 3)
    tally = from_probe(words)
    assert tally.n == len(seen)
    assert tally.max_ns == max(seen)
    for bound, over in zip(probe.BOUNDS_NS, tally.over, strict=True):
        assert over == sum(latency > bound for latency in seen)
    again = probe.replay(trace.latencies_ns, period_ns, 3 * len(late))
    assert again["ticks"] == 3 * words["ticks"]
