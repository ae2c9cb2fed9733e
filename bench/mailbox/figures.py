"""From the readings of all rounds to figures and ratios.

Rules. Pure. A figure is the median over the rounds with the tenth and the ninetieth percentile of
the rounds beside it. A ratio is taken inside each round, where both sides saw the same machine, and
the best peer is the best of that very round; then the median over the rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.mailbox.jobs import BACKLOG, BATCH, ONEWAY, STREAM
from bench.spread import Spread, reaches

Readings = Mapping[str, float]
Round = Mapping[tuple[str, str], Readings]  # (key, mode) -> what its program printed

LATENCY, RATE, COST, WAKE = "p50_ns", "per_second", "p50_ns", "p50_ns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """What a ratio divides, which way is better, and what is to be reached.

    Synchronization: none required, immutable.
    """

    name: str
    text: str
    ours: tuple[str, ...]  # keys; the first that is there
    others: tuple[str, ...]  # keys; the best of them in each round
    mode: str
    field: str
    lower_is_better: bool
    reach: float | None


C_QUEUES = ("c.spsc", "c.boost", "c.ck")
C_SHALLOW = ("c64.spsc", "c64.boost", "c64.ck")
PYTHON_SINGLE = tuple(
    f"py.{name}"
    for name in (
        "Cloudtoid",
        "Kickmsg",
        "Iceoryx2",
        "Zmq",
        "Queue",
        "Pipe",
        "FasterFifo",
        "OsPipe",
        "UnixSocket",
    )
)
PYTHON_CALLS = ("py.CloudtoidBatch", "py.FasterFifoBatch", "py.ZmqBatch")
PYTHON_PARCELS = tuple(
    f"py.{name}Parcel" for name in ("Cloudtoid", "Kickmsg", "Iceoryx2", "OsPipe", "UnixSocket")
)


def _lower(
    name: str, text: str, ours: str, others: Sequence[str], reach: float | None, mode: str = ONEWAY
) -> Ratio:
    return Ratio(
        name=name,
        text=text,
        ours=(ours,),
        others=tuple(others),
        mode=mode,
        field=LATENCY,
        lower_is_better=True,
        reach=reach,
    )


def _higher(
    name: str,
    text: str,
    ours: Sequence[str],
    others: Sequence[str],
    reach: float | None,
    mode: str = STREAM,
) -> Ratio:
    return Ratio(
        name=name,
        text=text,
        ours=tuple(ours),
        others=tuple(others),
        mode=mode,
        field=RATE,
        lower_is_better=False,
        reach=reach,
    )


RATIOS = (
    _lower("c_oneway_vs_cacheline", "C one way / raw cache line", "c.ours", ["c.line"], 1.1),
    _lower(
        "c_oneway_vs_cachelines",
        "C one way / raw cache lines, 1024 in turn",
        "c.ours",
        ["c.lines"],
        None,
    ),
    _lower(
        "c_least_vs_cacheline", "C one way, 4 places / raw cache line", "c4.ours", ["c.line"], None
    ),
    _lower("c_oneway_vs_best_peer", "C one way / best C or C++ queue", "c.ours", C_QUEUES, 0.75),
    _lower(
        "c_shallow_vs_cacheline",
        "C one way, 64 places / raw cache line",
        "c64.ours",
        ["c.line"],
        None,
    ),
    _lower(
        "c_shallow_vs_cachelines",
        "C one way, 64 places / raw cache lines, 64 in turn",
        "c64.ours",
        ["c64.lines"],
        None,
    ),
    _lower(
        "c_shallow_vs_best_peer", "C one way, 64 places / best with 64", "c64.ours", C_SHALLOW, None
    ),
    _lower("c_oneway_vs_seqlock", "C one way / plain seqlock", "c.ours", ["c.seqlock"], None),
    _lower("c_queue_oneway_vs_best_peer", "C queue one way / best", "c.queue", C_QUEUES, None),
    _higher("c_stream_vs_best_peer", "C stream / best C or C++ queue", ["c.ours"], C_QUEUES, 1.2),
    _higher("c_queue_stream_vs_best_peer", "C queue stream / best", ["c.queue"], C_QUEUES, None),
    _higher(
        "c_batch_vs_best_peer",
        "C batches of 128 / best C or C++ queue, single messages",
        ["c.batch128"],
        C_QUEUES,
        5.0,
    ),
    _higher(
        "c_batch_vs_best_batch",
        "C batches of 128 / best batches of 128",
        ["c.batch128"],
        ("c.spscbatch128", "c.boostbatch128"),
        None,
    ),
    _lower(
        "publish_4_readers_vs_1",
        "publish with 4 readers / with 1",
        "c.readers4",
        ["c.readers1"],
        1.3,
        "publish",
    ),
    _lower("py_oneway_vs_best_peer", "Python one way / best", "py.Ours", PYTHON_SINGLE, 1.0),
    _higher("py_stream_vs_best_peer", "Python stream / best", ["py.Ours"], PYTHON_SINGLE, 1.0),
    _lower("py_oneway_vs_iceoryx2", "Python one way / iceoryx2", "py.Ours", ["py.Iceoryx2"], 0.1),
    _lower(
        "py_oneway_vs_mp_queue",
        "Python one way / multiprocessing.Queue",
        "py.Ours",
        ["py.Queue"],
        0.01,
    ),
    _higher(
        "py_batch_vs_best_peer",
        "Python drain of a backlog / best peer's calls for many messages",
        ["py.OursMany"],
        PYTHON_CALLS,
        20.0,
        BACKLOG,
    ),
    _higher(
        "py_batch_stream_vs_best_peer",
        "Python stream of batches / best peer's calls for many messages",
        ["py.OursMany"],
        PYTHON_CALLS,
        None,
        BATCH,
    ),
    _higher(
        "py_parcel_vs_best_peer",
        "Python stream of 8 KiB messages / best",
        ["py.OursParcel"],
        PYTHON_PARCELS,
        None,
        BATCH,
    ),
    _lower(
        "blocking_vs_futex",
        "blocking read / raw futex wake",
        "c.wait",
        ["c.futex"],
        1.2,
        "wake",
    ),
)


def spreads(rounds: Sequence[Round], key: str, mode: str) -> dict[str, Spread]:
    """Return the spread of every field that this job's program printed."""
    found = [played[key, mode] for played in rounds if (key, mode) in played]
    fields = {name for readings in found for name in readings}
    made = {name: Spread.of(one[name] for one in found if name in one) for name in fields}
    return {name: spread for name, spread in made.items() if spread is not None}


def ratio(rounds: Sequence[Round], wanted: Ratio) -> Spread | None:
    """Divide inside each round; None where no round has both sides."""
    values = []
    for played in rounds:
        ours = next(
            (played[key, wanted.mode] for key in wanted.ours if (key, wanted.mode) in played), None
        )
        others = [
            played[key, wanted.mode][wanted.field]
            for key in wanted.others
            if (key, wanted.mode) in played
        ]
        if ours is not None and others:
            best = min(others) if wanted.lower_is_better else max(others)
            values.append(ours[wanted.field] / best)
    return Spread.of(values)


def reached(wanted: Ratio, found: Spread | None) -> bool | None:
    """Say whether the median reaches what is wanted; None where nothing is wanted or measured."""
    if found is None:
        return None
    return reaches(found.median, wanted.reach, lower_is_better=wanted.lower_is_better)
