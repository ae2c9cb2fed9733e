"""From the readings of all rounds to rows and ratios.

Rules. Pure. A quantile's ratio is taken inside each round, over that round's slices under every
load, and its median over the rounds is judged. A share's ratio is of all rounds together, because
what is rare is in no single one; both sides get half a late period more, so that two candidates of
which none was ever late are equal instead of undefined. The spread is always over the rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.loop.latency import LIMITS, QUANTILES, Gaps, Latencies, figures, pooled
from bench.loop.parse import Reading
from bench.spread import Spread, reaches

Round = Mapping[tuple[str, str], Sequence[Reading]]  # (key, load) -> its slices

CPU = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """What a ratio divides, and what is to be reached. Less is better in all of them.

    Synchronization: none required, immutable.
    """

    name: str
    text: str
    ours: str
    other: str
    field: str  # of QUANTILES or LIMITS
    reach: float | None
    needs: str = ""  # another figure that must be reached with it


def _ratios(ours: str, text: str, rate: int, wanted: Mapping[str, float | None]) -> list[Ratio]:
    suffix = "" if rate == 1000 else f"_{rate // 1000}khz"
    short = {"p50_ns": "p50", "p99_ns": "p99", "p999_ns": "p999", "p9999_ns": "p9999"}
    short |= {name: name.replace("late_", "late") for name in LIMITS}
    return [
        Ratio(
            name=f"{ours}_{short[field]}{suffix}_vs_cyclictest",
            text=text.format(figure=figure_words(field)),
            ours=f"{ours}@{rate}",
            other=f"cyclictest@{rate}",
            field=field,
            reach=reach,
            needs="hybrid_cpu" if (ours, field, rate) == ("hybrid", "late_10us", 1000) else "",
        )
        for field, reach in wanted.items()
    ]


def figure_words(field: str) -> str:
    """Say what a field is."""
    if field in QUANTILES:
        return f"p{QUANTILES[field] * 100:g}"
    limit = LIMITS[field]
    return "share later than " + ("1 ms" if limit == 1_000_000 else f"{limit // 1000} µs")


RATIOS = (
    *_ratios(
        "hybrid",
        "`hybrid` / cyclictest, {figure}",
        1000,
        {
            "p50_ns": 1 / 200,
            "p99_ns": None,
            "p999_ns": None,
            "p9999_ns": None,
            "late_10us": 1 / 20,
            "late_50us": 1.0,
            "late_100us": 1.0,
            "late_1ms": 1.0,
        },
    ),
    *_ratios(
        "sleep",
        "`sleep` / cyclictest, {figure}",
        1000,
        {"p50_ns": 1.0, "p99_ns": 1.0, "p999_ns": 1.0, "p9999_ns": None},
    ),
    *_ratios(
        "hybrid",
        "10 kHz: `hybrid` / cyclictest, {figure}",
        10_000,
        {"p50_ns": 1.0, "p99_ns": 1.0, "p999_ns": 1.0},
    ),
)


def readings(rounds: Iterable[Round], key: str, load: str | None = None) -> list[Reading]:
    """Return the slices of one candidate, under one load or under all."""
    return [
        reading
        for played in rounds
        for (one, under), slices in played.items()
        if one == key and load in (None, under)
        for reading in slices
    ]


def latency(rounds: Iterable[Round], key: str, load: str | None = None) -> Latencies | Gaps | None:
    """Return all latencies of one candidate, under one load or under all."""
    return pooled(reading.latency for reading in readings(rounds, key, load))


def _cpu(found: Sequence[Reading]) -> float | None:
    shares = [one.cpu for one in found if one.cpu is not None]
    return sum(shares) / len(shares) if shares else None


def row(rounds: Sequence[Round], key: str, load: str | None) -> dict[str, float | None] | None:
    """Return the figures of one candidate; None when it has none."""
    found = readings(rounds, key, load)
    together = pooled(one.latency for one in found)
    if together is None:
        return None
    shown: dict[str, float | None] = {**figures(together), CPU: _cpu(found)}
    if isinstance(together, Gaps):
        shown["periods"] = None
        names = {"gaps_10us_per_s": 10_000, "gaps_100us_per_s": 100_000, "gaps_1ms_per_s": 10**6}
        shown |= {name: together.per_second(limit) for name, limit in names.items()}
    else:
        shown["periods"] = together.total
        shown["skipped"] = sum(one.skipped for one in found)
    margins = [one.margin_ns for one in found if one.margin_ns]
    if margins:
        shown["margin_ns"] = sum(margins) / len(margins)
    executed = pooled(one.execution for one in found if one.execution is not None)
    if executed is not None and executed.counts:
        shown["execution_p50_ns"] = executed.quantile(0.5)
        shown["execution_p99_ns"] = executed.quantile(0.99)
    return shown


def _share(found: Latencies | Gaps, limit: int) -> float:
    if isinstance(found, Gaps):
        return found.share_later(limit)
    return (found.later(limit) + 0.5) / (found.total + 1)


def _value(found: Latencies | Gaps, field: str) -> float:
    if field in LIMITS:
        return _share(found, LIMITS[field])
    return max(found.quantile(QUANTILES[field]), 1.0)  # a clock of whole nanoseconds


def _divided(rounds: Sequence[Round], wanted: Ratio) -> float | None:
    ours, other = latency(rounds, wanted.ours), latency(rounds, wanted.other)
    if ours is None or other is None:
        return None
    return _value(ours, wanted.field) / _value(other, wanted.field)


def ratio(rounds: Sequence[Round], wanted: Ratio) -> dict[str, float | None]:
    """Return the ratio over the rounds and of all of them; None where a side is missing."""
    each = [_divided([played], wanted) for played in rounds]
    spread = Spread.of(one for one in each if one is not None)
    of_all = _divided(rounds, wanted)
    if spread is None or of_all is None:
        return {"median": None, "low": None, "high": None, "pooled": None, "value": None}
    judged = of_all if wanted.field in LIMITS else spread.median
    return {**spread.as_json(), "pooled": of_all, "value": judged}


def reached(wanted: Ratio, found: Mapping[str, float | None]) -> bool | None:
    """Say whether it is; None where nothing is wanted or nothing was measured."""
    value = found["value"]
    return None if value is None else reaches(value, wanted.reach, lower_is_better=True)
