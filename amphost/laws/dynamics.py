"""Blocks that steer: PID, integrator, rate limit, state equations.

Rules. Declarations alone; see `laws.blocks`.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from amphost.laws.arithmetic import GAIN_UNIT
from amphost.laws.declare import Block, Parameter, SourceForm, Table, UnitRule

__all__ = ["DYNAMICS"]


def _limit(needed_with: str) -> Parameter:
    return Parameter(
        key="limit",
        text="The limits of the value.",
        unit="unit of the value",
        pair=True,
        needed_with=needed_with,
        from_output=True,
    )


DYNAMICS: Mapping[str, Block] = MappingProxyType(
    {
        "pid": Block(
            op=6,
            text=(
                "PID on an error, with filtered derivative; the integral stands still while the "
                "value is at a limit and the error would drive it further."
            ),
            equation="y = kp a + I + D within `limit`; I[k] = I[k-1] + ki dt a, D[k] = (tau D[k-1] "
            "+ kd (a[k] - a[k-1])) / (tau + dt), tau = 1 / (2 pi derivative_cutoff_hz); "
            "backward Euler",
            example="u: {pid: error, kp: 9.0, ki: 25.0, kd: 0.08, derivative_cutoff_hz: 120}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=4,
            parameters=(
                Parameter(key="kp", text="Proportional gain.", unit=GAIN_UNIT, required=True),
                Parameter(key="ki", text="Integral gain.", unit=f"{GAIN_UNIT} and s", default=0.0),
                Parameter(
                    key="kd", text="Derivative gain.", unit=f"{GAIN_UNIT}, times s", default=0.0
                ),
                Parameter(
                    key="derivative_cutoff_hz",
                    text="Cutoff of the derivative's low-pass.",
                    unit="Hz",
                    minimum=1e-6,
                    maximum=1e6,
                    needed_with="kd",
                    time_constant=True,
                ),
                _limit("ki"),
            ),
            begins="with no integral and no derivative",
            literature="K. J. Astrom, R. M. Murray, Feedback Systems, ch. 11",
        ),
        "integrator": Block(
            op=24,
            text="The integral over time, held within limits.",
            equation="y[k] = y[k-1] + by * dt * a[k], within `limit`; backward Euler",
            example="angle: {integrator: speed, by: 1.0, limit: [-10, 10]}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=2,
            parameters=(
                Parameter(key="by", text="The factor.", unit=f"{GAIN_UNIT} and s", default=1.0),
                Parameter(
                    key="initial", text="Where it begins.", unit="unit of the value", default=0.0
                ),
                _limit("by"),
            ),
            begins="at `initial`",
        ),
        "rate_limit": Block(
            op=12,
            text="Follows the source, but no faster than allowed.",
            equation="y[k] = a within [y[k-1] + low * dt, y[k-1] + high * dt]",
            example="gentle: {rate_limit: target, per_s: [-2.0, 2.0]}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=2,
            parameters=(
                Parameter(
                    key="per_s",
                    text="The fastest fall, at most 0, and the fastest rise, at least 0.",
                    unit="unit of the source per s",
                    pair=True,
                    required=True,
                ),
            ),
            begins="at the first sample",
        ),
        "statespace": Block(
            op=27,
            text=(
                "State equations of a controller, observer or filter in discrete time at the "
                "role's rate: order up to 8, one value, one or more sources."
            ),
            equation="x[k+1] = A x[k] + B u[k], y[k] = C x[k] + D u[k], u = the sources",
            example=(
                "u: {statespace: [position, speed], a: [[0.9]], b: [[0.1, 0.0]], c: [2.0], "
                "d: [1.0, 0.5]}"
            ),
            sources=SourceForm.LIST,
            source_min=1,
            source_max=16,
            unit=UnitRule.ANY,
            state_count=0,
            tables=(
                Table(
                    key="a",
                    text="A: as many rows as columns; this is the order.",
                    unit="any",
                    rows=(1, 8),
                    columns=-1,
                    form="[[...], ...]",
                ),
                Table(
                    key="b",
                    text="B: a row for each state, a column for each source.",
                    unit="any",
                    rows=(1, 8),
                    columns=-1,
                    form="[[...], ...]",
                ),
                Table(
                    key="c",
                    text="C: a number for each state.",
                    unit="any",
                    rows=(1, 8),
                    columns=0,
                    form="[...]",
                ),
                Table(
                    key="d",
                    text="D: a number for each source.",
                    unit="any",
                    rows=(1, 16),
                    columns=0,
                    form="[...]",
                ),
            ),
            begins="with every state 0",
            literature="K. J. Astrom, B. Wittenmark, Computer-Controlled Systems, ch. 2",
        ),
    }
)
