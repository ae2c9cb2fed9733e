"""Every time bound, one formula each, and the chain of single faults made of them.

Rules. Integer nanoseconds in, integer nanoseconds out; no bound is rounded down. A function here
is a default: what the spec sets wins, and `plan.resolve` decides which. `floor_ns` is the least
bound that a machine can hold without tripping by itself: a shared virtual machine stalls even a
FIFO process for several milliseconds now and then.

T is a control role's period, F the period of a link's actuation frames, P the period of an
input's producer, L the lease of the device. docs/reference/timing.md says who enforces what.

The chain is a worst case over *single* faults, not a sum of all of them: each row is the time from
one fault until the output stands at its safe value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from amphost.clock_watch import BITS_PER_BYTE_ON_WIRE
from amphost.plan.model import ChainRow

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

FLOOR_ISOLATED_NS = 5 * NS_PER_MS
FLOOR_SHARED_NS = 20 * NS_PER_MS
SUPERVISOR_NS = 100 * NS_PER_MS
"""Age of the supervisor's heartbeat at which control and io go safe."""
EMULATOR_NS = 250 * NS_PER_MS
"""Least bound on an emulated device: lease, and silence of its link."""
STOP_NS = 2 * NS_PER_S
"""From safe outputs to the last process gone."""
OVERRUNS_IN_ROW = 3
OVERRUNS_PER_S = 10
BAD_SAMPLES = 3
"""Invalid samples of one input in a row that trip: those before the last are held."""
LINE_LOAD_MAX = 0.7
JUDGED_NS = 100 * NS_PER_MS
"""What a device sends is judged over so long: AMP_PUMP_JUDGED_NS of pump.h."""


def period_ns(rate_hz: float) -> int:
    """Return the period of a rate."""
    return round(NS_PER_S / rate_hz)


def ms_ns(milliseconds: float) -> int:
    """Return a time given in milliseconds."""
    return round(milliseconds * NS_PER_MS)


def floor_ns(*, preempt_rt: bool, isolated: bool) -> int:
    """Return the least bound: low only with PREEMPT_RT and an isolated core together."""
    return FLOOR_ISOLATED_NS if preempt_rt and isolated else FLOOR_SHARED_NS


def budget_ns(control_period_ns: int) -> int:
    """Return the execution time that a control role may use per tick: 0.5 T."""
    return control_period_ns // 2


def deadline_ns(control_period_ns: int) -> int:
    """Return the time from release to deadline: T."""
    return control_period_ns


def margin_most_ns(control_period_ns: int) -> int:
    """Return the longest time that a loop looks at the clock: T/20, at high rates up to 50 us."""
    return max(control_period_ns // 20, min(50_000, control_period_ns // 3))


def blackout_ns(control_period_ns: int, floor_ns: int) -> int:
    """Return how late a wake-up must be to trip: max(5 T, floor)."""
    return max(5 * control_period_ns, floor_ns)


def heartbeat_ns(role_period_ns: int, floor_ns: int) -> int:
    """Return the supervisor's bound on the heartbeat of control and io: max(5 T, floor)."""
    return max(5 * role_period_ns, floor_ns)


def observer_heartbeat_ns(role_period_ns: int) -> int:
    """Return the supervisor's bound on a role that writes to disks: max(3 beats, 5 s).

    A card that stalls for a second or two is no reason to end who waits for it.
    """
    return max(3 * role_period_ns, 5 * NS_PER_S)


def program_heartbeat_ns(role_period_ns: int) -> int:
    """Return the supervisor's bound on a role that runs a user's code: max(3 T, 1 s)."""
    return max(3 * role_period_ns, NS_PER_S)


def beats_per_s_max(role_period_ns: int) -> int:
    """Return the heartbeats of a program within a second that are too many: above 10 of its rate.

    A loop that spins instead of waiting beats too, and is as little alive as one that stands still.
    """
    return 10 * -(-NS_PER_S // role_period_ns) + 100


def max_age_ns(producer_period_ns: int, floor_ns: int) -> int:
    """Return the age at which an input is stale: max(5 P, floor)."""
    return max(5 * producer_period_ns, floor_ns)


def trip_after_ns(floor_ns: int) -> int:
    """Return how long `hold` or `ramp` may last, from expiry to trip: max(20 ms, floor)."""
    return max(20 * NS_PER_MS, floor_ns)


def lease_ns(frame_period_ns: int, floor_ns: int, *, loopback: bool) -> int:
    """Return the device's lease: max(5 F, floor) on loopback, max(5 F, 50 ms) on a line."""
    return max(5 * frame_period_ns, floor_ns if loopback else 50 * NS_PER_MS)


def link_lost_ns(frame_period_ns: int, state_period_ns: int) -> int:
    """Return the silence at which a link is lost: max(5 F, 5 state periods, 50 ms)."""
    return max(5 * frame_period_ns, 5 * state_period_ns, 50 * NS_PER_MS)


def share_frames(state_period_ns: int) -> int:
    """Return how many state frames come in the time over which a device is judged."""
    return max(1, JUDGED_NS // state_period_ns)


def share_bytes(frame_bytes: int, state_period_ns: int) -> int:
    """Return a device's share: twice its state frames of 100 ms, and 2 KiB for all others."""
    return 2 * frame_bytes * share_frames(state_period_ns) + 2048


def emulated_ns(bound_ns: int) -> int:
    """Return a bound on an emulated device: at least 250 ms.

    An emulator is a program of no priority: while the host does something else, its device stands
    still.
    """
    return max(bound_ns, EMULATOR_NS)


def ramp_ns(low: float, high: float, safe: float, ramp_per_s: float) -> int:
    """Return the longest way from [low, high] to safe; 0 where safe is reached at once."""
    if ramp_per_s <= 0:
        return 0
    return math.ceil(max(high - safe, safe - low, 0.0) / ramp_per_s * NS_PER_S)


def stop_safe_ns(ramp_ns: int, control_period_ns: int) -> int:
    """Return the time from the request to stop until outputs are safe: ramp + 2 T."""
    return ramp_ns + 2 * control_period_ns


def line_load(frame_bytes: int, frames_per_s: float, baud: int) -> float:
    """Return the share of one direction of a line: 10 bits a byte."""
    return frame_bytes * frames_per_s * BITS_PER_BYTE_ON_WIRE / baud


def format_ns(time_ns: int) -> str:
    """Write a time for people: `20 ms`, `0.5 ms`, `1.2 s`."""
    if time_ns >= NS_PER_S:
        return f"{time_ns / NS_PER_S:.4g} s"
    return f"{time_ns / NS_PER_MS:.4g} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputBound:
    """What the chain needs of an input. Without a contract, or where its policy replaces the value
    for ever, `stale_ns` is None: losing it then is no fault that ends in the safe state.

    Synchronization: none required; immutable.
    """

    name: str
    producer_period_ns: int
    stale_ns: tuple[int, int] | None  # (max_age, trip_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPath:
    """One way from the role `source` to a device.

    `relay_ns` is None where the source feeds the device itself. Else its values pass through
    another control role first, and this is the time until its trip has reached that role.
    `blackout_ns` is None where the source is the operator: no law runs there. After a trip the
    longer of two ramps counts: the source follows its own, and the io role, which may see the trip
    first, disarms the device, which then follows its own.

    Synchronization: none required; immutable.
    """

    source: str
    io: str
    relay_ns: int | None
    period_ns: int
    frame_period_ns: int
    lease_ns: int
    blackout_ns: int | None
    device_ramp_ns: int
    trip_ramp_ns: int
    inputs: tuple[InputBound, ...]


def chain(paths: Iterable[OutputPath]) -> tuple[ChainRow, ...]:
    """Compute the time to safe after each single fault; of one fault's paths the longest counts."""
    worst: dict[str, ChainRow] = {}
    for path in paths:
        for row in _rows(path):
            known = worst.get(row.fault)
            if known is None or row.total_ns > known.total_ns:
                worst[row.fault] = row
    return tuple(worst.values())


def largest(rows: Iterable[ChainRow]) -> ChainRow | None:
    """Return the row that `safe_within_ms` is held against: the first of the longest."""
    return max(rows, key=lambda row: row.total_ns, default=None)


def _rows(path: OutputPath) -> Iterator[ChainRow]:
    lease = ("L", path.lease_ns), ("ramp", path.device_ramp_ns)
    frame = ("F", path.frame_period_ns)
    if path.relay_ns is None:
        yield _row(f"{path.source} dies or hangs, or the host dies", frame, *lease)
        yield _row(f"{path.io} dies, or the cable is out", *lease)
    for one in path.inputs:
        yield from _input_rows(path, one)
    if path.relay_ns is None and path.blackout_ns is not None:
        yield _row(f"blackout of {path.source}'s core", ("blackout", path.blackout_ns), *lease)
        yield _row("supervisor dies", ("heartbeat", SUPERVISOR_NS), *_trip(path))


def _input_rows(path: OutputPath, one: InputBound) -> Iterator[ChainRow]:
    if one.stale_ns is not None:
        max_age, trip_after = one.stale_ns
        yield _row(
            f"producer of {one.name} dies or freezes",
            ("max_age", max_age),
            ("trip_after", trip_after),
            *_trip(path),
        )
    slower = "P" if one.producer_period_ns >= path.period_ns else "T"
    seen_period_ns = max(one.producer_period_ns, path.period_ns)
    samples = (f"{BAD_SAMPLES} {slower}", BAD_SAMPLES * seen_period_ns)
    yield _row(f"bad values of {one.name}", samples, *_trip(path))


def _trip(path: OutputPath) -> tuple[tuple[str, int], ...]:
    """Return the terms from a control role's trip to the output at its safe value."""
    relay = () if path.relay_ns is None else (("relay", path.relay_ns),)
    return (
        ("T", path.period_ns),
        *relay,
        ("F", path.frame_period_ns),
        ("ramp", path.trip_ramp_ns),
    )


def _row(fault: str, *terms: tuple[str, int]) -> ChainRow:
    names = " + ".join(name for name, _ in terms)
    values = " + ".join(f"{time_ns / NS_PER_MS:.4g}" for _, time_ns in terms)
    total_ns = sum(time_ns for _, time_ns in terms)
    return ChainRow(fault=fault, formula=f"{names} = {values} ms", total_ns=total_ns)
