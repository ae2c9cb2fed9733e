"""Every block of a law as a person reads it: an interpreter by name, to hold native code against.

It never sees a compiled program: sources, parameters and tables are those of the block as written.
The order of every sum and product is that of the equations in program.h, so the bits are the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from amphost.laws.blocks import BlockSpec
from amphost.laws.pack import UNLIMITED, numbers

SMALLEST_NORMAL = 2.2250738585072014e-308
TURN = 6.283185307179586
NAN = math.nan


def normal(value: float) -> float:
    """Return a state as it is kept: 0 instead of a denormal."""
    return 0.0 if abs(value) < SMALLEST_NORMAL else value


def within(value: float, low: float, high: float) -> float:
    """Limit a value; a NaN passes."""
    return low if value < low else min(value, high)


def truth(value: bool) -> float:
    """Return a truth as a register holds it."""
    return 1.0 if value else 0.0


def finite(*values: float) -> bool:
    """Say whether all values are finite."""
    return all(map(math.isfinite, values))


def quotient(a: float, b: float) -> float:
    """Divide as C does."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.copysign(math.inf, a) * math.copysign(1.0, b)


def sine(turns: float) -> float:
    """Return the sine of turns in [0, 1), by its series."""
    x = turns - 1.0 if turns > 0.5 else turns
    x = 0.5 - x if x > 0.25 else (-0.5 - x if x < -0.25 else x)
    x *= TURN
    total = 1.0
    for k in range(21, 2, -2):
        total = 1.0 - x * x / (k * (k - 1)) * total
    return x * total


class Reference:
    """One block's memory and equation.

    Synchronization: none.
    """

    def __init__(self, block: BlockSpec, limits: tuple[float, float]) -> None:
        self.block = block
        self.limits = limits
        self.started = False
        self.kept: tuple[float, ...] = (0.0, 0.0, 0.0)
        self.sections: list[tuple[float, float]] = []
        self.vector: list[float] = []
        self.ring: list[float] = []
        self.elapsed_ns = 0
        self.is_set = False
        self.step_of: Callable[[list[float], float], float] = getattr(self, f"{block.op}_")

    def number(self, name: str) -> float:
        """Return a parameter that is there."""
        return self.block.number(name)

    def step(self, a: list[float], dt_s: float) -> float:
        """Return the block's value in this period."""
        return self.step_of(a, dt_s)

    def constant_(self, _a: list[float], _dt_s: float) -> float:
        return self.number("constant")

    def add_(self, a: list[float], _dt_s: float) -> float:
        value = a[0]
        for term in a[1:]:  # from left to right: floating point addition has an order
            value += term
        return value

    def subtract_(self, a: list[float], _dt_s: float) -> float:
        value = a[0]
        for term in a[1:]:
            value -= term
        return value

    def multiply_(self, a: list[float], _dt_s: float) -> float:
        value = a[0]
        for term in a[1:]:
            value *= term
        return value

    def divide_(self, a: list[float], _dt_s: float) -> float:
        if math.isnan(a[0]):
            return NAN
        if abs(a[1]) < self.number("smallest"):
            return self.number("otherwise")
        value = quotient(*a)
        return self.number("otherwise") if math.isinf(value) else value

    def gain_(self, a: list[float], _dt_s: float) -> float:
        return self.number("by") * a[0]

    def min_(self, a: list[float], _dt_s: float) -> float:
        return NAN if any(map(math.isnan, a)) else min(a)

    def max_(self, a: list[float], _dt_s: float) -> float:
        return NAN if any(map(math.isnan, a)) else max(a)

    def limit_(self, a: list[float], _dt_s: float) -> float:
        return within(a[0], self.number("range_low"), self.number("range_high"))

    def deadband_(self, a: list[float], _dt_s: float) -> float:
        return a[0] - within(a[0], self.number("range_low"), self.number("range_high"))

    def lookup_(self, a: list[float], _dt_s: float) -> float:
        points = self.block.table("points")
        if math.isnan(a[0]):
            return NAN
        if a[0] <= points[0][0]:
            return points[0][1]
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            if a[0] < x1:
                return y0 + (y1 - y0) * ((a[0] - x0) / (x1 - x0))
        return points[-1][1]

    def lowpass_(self, a: list[float], dt_s: float) -> float:
        tau = 1.0 / (2.0 * math.pi * self.number("cutoff_hz"))
        before = self.kept[0]
        y = before + dt_s / (tau + dt_s) * (a[0] - before) if self.started else a[0]
        if math.isfinite(y):
            self.kept, self.started = (normal(y),), True
        return y

    def highpass_(self, a: list[float], dt_s: float) -> float:
        return a[0] - self.lowpass_(a, dt_s)

    def derivative_(self, a: list[float], dt_s: float) -> float:
        tau = 1.0 / (2.0 * math.pi * self.number("cutoff_hz"))
        change = a[0] - (self.kept[1] if self.started else a[0])
        y = (tau * self.kept[0] + change) / (tau + dt_s)
        if math.isfinite(y):
            self.kept, self.started = (normal(y), a[0]), True
        return y

    def pid_(self, sources: list[float], dt_s: float) -> float:
        a = sources[0]
        integral, derivative, before = self.kept
        cutoff_hz = self.block.value("derivative_cutoff_hz")
        tau = 0.0 if cutoff_hz is None else 1.0 / (2.0 * math.pi * cutoff_hz)
        change = a - before if self.started else a - a
        increment = self.number("ki") * dt_s * a
        new_derivative = (tau * derivative + self.number("kd") * change) / (tau + dt_s)
        new_integral = integral + increment
        y = self.number("kp") * a + new_integral + new_derivative
        low, high = self.limits
        winds_up = (y > high and increment > 0) or (y < low and increment < 0)
        if finite(a, new_integral, new_derivative):
            taken = integral if winds_up else normal(new_integral)
            self.kept, self.started = (taken, normal(new_derivative), a), True
        return within(y, low, high)

    def integrator_(self, a: list[float], dt_s: float) -> float:
        before = self.kept[0] if self.started else self.number("initial")
        y = within(before + self.number("by") * dt_s * a[0], *self.limits)
        if finite(a[0], y):
            self.kept, self.started = (normal(y),), True
        return y

    def rate_limit_(self, a: list[float], dt_s: float) -> float:
        before = self.kept[0]
        low = before + self.number("per_s_low") * dt_s
        high = before + self.number("per_s_high") * dt_s
        y = within(a[0], low, high) if self.started else a[0]
        if math.isfinite(a[0]):
            self.kept, self.started = (normal(y),), True
        return y

    def biquad_(self, a: list[float], dt_s: float) -> float:
        packed = numbers(self.block, None, dt_s)[1:]
        rows = [packed[index : index + 5] for index in range(0, len(packed), 5)]
        value, ends = a[0], []
        for index, (b0, b1, b2, a1, a2) in enumerate(rows):
            if self.sections:
                z0, z1 = self.sections[index]
            else:
                settled = (b0 + b1 + b2) / (1.0 + a1 + a2) * value
                z1 = b2 * value - a2 * settled
                z0 = b1 * value - a1 * settled + z1
            y = b0 * value + z0
            ends.append((b1 * value - a1 * y + z1, b2 * value - a2 * y))
            value = y
        if finite(a[0], *(one for end in ends for one in end)):
            self.sections = [(normal(z0), normal(z1)) for z0, z1 in ends]
        return value

    lowpass2_ = notch_ = biquad_

    def statespace_(self, u: list[float], _dt_s: float) -> float:
        a, b = self.block.table("a"), self.block.table("b")
        c, d = self.block.table("c")[0], self.block.table("d")[0]
        x = self.vector or [0.0] * len(a)
        y = 0.0
        after = []
        for row in range(len(a)):
            total = 0.0
            for factor, one in zip((*a[row], *b[row]), (*x, *u), strict=True):
                total += factor * one
            after.append(total)
            y += c[row] * x[row]
        for factor, one in zip(d, u, strict=True):
            y += factor * one
        if finite(*u, *after):
            self.vector = [normal(one) for one in after]
        return y

    def delay_(self, a: list[float], _dt_s: float) -> float:
        if not math.isfinite(a[0]):
            return a[0]
        ticks = int(self.number("ticks"))
        self.ring = self.ring or [a[0]] * ticks
        y = self.ring[0]
        self.ring = [*self.ring[1:], a[0]]
        return y

    def greater_(self, a: list[float], _dt_s: float) -> float:
        return NAN if any(map(math.isnan, a)) else truth(a[0] > a[1])

    def hysteresis_(self, a: list[float], _dt_s: float) -> float:
        if math.isnan(a[0]):
            return NAN
        above, below = a[0] > self.number("range_high"), a[0] < self.number("range_low")
        now = above or (self.is_set and not below)
        self.is_set = now if math.isfinite(a[0]) else self.is_set
        return truth(now)

    def and_(self, a: list[float], _dt_s: float) -> float:
        return NAN if any(map(math.isnan, a)) else truth(all(one > 0.5 for one in a))

    def or_(self, a: list[float], _dt_s: float) -> float:
        return NAN if any(map(math.isnan, a)) else truth(any(one > 0.5 for one in a))

    def not_(self, a: list[float], _dt_s: float) -> float:
        return NAN if math.isnan(a[0]) else truth(not a[0] > 0.5)

    def select_(self, a: list[float], _dt_s: float) -> float:
        return NAN if math.isnan(a[0]) else (a[1] if a[0] > 0.5 else a[2])

    def edge_(self, a: list[float], _dt_s: float) -> float:
        if math.isnan(a[0]):
            return NAN
        now = a[0] > 0.5
        before = self.is_set if self.started else now
        self.is_set, self.started = now, True
        rising, falling = now and not before, before and not now
        return truth((rising, falling, rising or falling)[int(self.number("change"))])

    def latch_(self, a: list[float], _dt_s: float) -> float:
        if any(map(math.isnan, a)):
            return NAN
        self.is_set = (self.is_set or a[0] > 0.5) and not a[1] > 0.5
        return truth(self.is_set)

    def debounce_(self, a: list[float], dt_s: float) -> float:
        if math.isnan(a[0]):
            return NAN
        now, period_ns = a[0] > 0.5, round(dt_s * 1e9)
        self.is_set = self.is_set if self.started else now
        self.started = True
        self.elapsed_ns = 0 if now == self.is_set else self.elapsed_ns + period_ns
        if self.elapsed_ns + period_ns / 2 > self.number("for_s") * 1e9 and now != self.is_set:
            self.is_set, self.elapsed_ns = now, 0
        return truth(self.is_set)

    def timer_(self, a: list[float], dt_s: float) -> float:
        if math.isnan(a[0]):
            return NAN
        now = a[0] > 0.5
        self.elapsed_ns = self.elapsed_ns + round(dt_s * 1e9) if now and self.is_set else 0
        self.is_set = now
        return self.elapsed_ns * 1e-9

    def time(self, dt_s: float) -> float:
        """Return the s since the first period."""
        self.elapsed_ns = self.elapsed_ns + round(dt_s * 1e9) if self.started else 0
        self.started = True
        return self.elapsed_ns * 1e-9

    def sine_(self, _a: list[float], dt_s: float) -> float:
        phase = self.number("phase_deg") / 360.0 + 1.0
        turns = self.time(dt_s) * self.number("sine") + phase
        return self.number("offset") + self.number("amplitude") * sine(turns - int(turns))

    def square_(self, _a: list[float], dt_s: float) -> float:
        turns = self.time(dt_s) * self.number("square") + 1e-9
        high = turns - int(turns) < self.number("duty")
        return self.number("range_high" if high else "range_low")

    def step_(self, _a: list[float], dt_s: float) -> float:
        after = self.time(dt_s) + 0.5 * dt_s > self.number("step")
        return self.number("after" if after else "before")

    def ramp_(self, _a: list[float], dt_s: float) -> float:
        y = self.number("from") + self.number("ramp") * self.time(dt_s)
        return within(y, self.number("limit_low"), self.number("limit_high"))


def run_reference(
    inputs: tuple[str, ...],
    blocks: list[BlockSpec],
    outputs: list[tuple[str, float, float]],
    rows: list[tuple[float, ...]],
    dt_s: float,
) -> list[list[float]]:
    """Run a law by name, each block when what it reads is there."""
    ranges = {name: (low, high) for name, low, high in outputs}
    memory: dict[str, Reference] = {}
    for block in blocks:
        limits = ranges.get(block.name, (-UNLIMITED, UNLIMITED))
        if block.value("limit_low") is not None:
            limits = (block.number("limit_low"), block.number("limit_high"))
        memory[block.name] = Reference(block, limits)
    found = []
    for row in rows:
        signals = dict(zip(inputs, row, strict=True))
        while len(signals) < len(inputs) + len(blocks):
            for block in blocks:
                if block.name not in signals and all(one in signals for one in block.sources):
                    sources = [signals[one] for one in block.sources]
                    signals[block.name] = memory[block.name].step(sources, dt_s)
        found.append([signals[name] for name, _, _ in outputs])
    return found
