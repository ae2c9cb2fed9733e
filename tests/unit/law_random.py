"""Random laws that a person could have written."""

from __future__ import annotations

import random

from amphost.laws.blocks import BLOCKS, BlockSpec, Parameter

Rows = tuple[tuple[float, ...], ...]
_FREQUENCIES_HZ = {"lowpass2": (1.0, 45.0), "notch": (1.0, 45.0), "sine": (0.0, 45.0)}


def random_block(source: random.Random, op: str, name: str, known: list[str]) -> BlockSpec:
    """Draw a block that reads what is known."""
    block = BLOCKS[op]
    count = source.randint(block.source_min, min(block.source_max, 4))
    parameters: dict[str, float] = {}
    own_limit = source.random() < 0.5
    for parameter in block.parameters:
        if not parameter.from_output or own_limit:
            parameters |= _numbers(source, op, parameter)
    if op == "ramp":
        parameters["from"] = source.uniform(parameters["limit_low"], parameters["limit_high"])
    return BlockSpec(
        name=name,
        op=op,
        sources=tuple(source.choice(known) for _ in range(count)),
        parameters=tuple(parameters.items()),
        tunable=False,
        tables=_tables(source, op, count),
    )


def _numbers(source: random.Random, op: str, parameter: Parameter) -> dict[str, float]:
    if parameter.pair:
        below, above = parameter.names
        return {
            below: round(source.uniform(-8.0, -0.5), 2),
            above: round(source.uniform(0.5, 8.0), 2),
        }
    if parameter.whole:
        return {parameter.key: float(source.randint(1, 5))}
    if parameter.choices:
        return {parameter.key: float(source.randrange(len(parameter.choices)))}
    if parameter.key == "smallest":
        return {parameter.key: 0.5}
    if parameter.key in ("for_s", "step"):
        return {parameter.key: round(source.uniform(0.0, 0.006), 4)}
    low, high = -4.0, 4.0
    if parameter.unit == "Hz":
        low, high = _FREQUENCIES_HZ.get(op, (0.5, 45.0))
    low, high = max(low, parameter.minimum), min(high, parameter.maximum)
    return {parameter.key: round(source.uniform(low, high), 3)}


def _matrix(source: random.Random, rows: int, columns: int, size: float) -> Rows:
    return tuple(
        tuple(round(source.uniform(-size, size), 3) for _ in range(columns)) for _ in range(rows)
    )


def _tables(source: random.Random, op: str, count: int) -> tuple[tuple[str, Rows], ...]:
    if op == "lookup":
        xs = sorted({round(source.uniform(-5.0, 5.0), 2) for _ in range(source.randint(4, 20))})
        return (("points", tuple((x, round(source.uniform(-3.0, 3.0), 2)) for x in xs)),)
    if op == "biquad":
        rows = []
        for _ in range(source.randint(1, 3)):
            a2 = round(source.uniform(-0.9, 0.9), 3)
            a1 = round(source.uniform(-0.99, 0.99) * (1 + a2), 3)
            rows.append((*_matrix(source, 1, 3, 1.0)[0], 2.0, 2.0 * a1, 2.0 * a2))
        return (("sections", tuple(rows)),)
    if op == "statespace":
        order = source.randint(1, 4)
        return (
            ("a", _matrix(source, order, order, 0.9)),
            ("b", _matrix(source, order, count, 2.0)),
            ("c", _matrix(source, 1, order, 2.0)),
            ("d", _matrix(source, 1, count, 1.0)),
        )
    return ()
