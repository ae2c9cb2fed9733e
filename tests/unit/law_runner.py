"""One block, or a small law, run by the native program as a control role runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from amphost._native.amp import ffi, lib

from amphost.laws.blocks import BlockSpec
from amphost.laws.check import check
from amphost.laws.compile import compile_law
from amphost.laws.parse import parse_block
from amphost.loop import load_program


def run_law(
    blocks: Mapping[str, Mapping[str, object]],
    output: str,
    rows: Iterable[Sequence[float]],
    *,
    inputs: Mapping[str, str],
    dt_s: float = 0.001,
) -> list[float]:
    """Check, compile and run a law; return its one output, period by period."""
    parsed = [parse_block(name, mapping) for name, mapping in blocks.items()]
    specs = [one for one in parsed if isinstance(one, BlockSpec)]
    assert len(specs) == len(parsed), parsed
    assert check(specs, inputs, {output: ""}, dt_s=dt_s) == []
    plan = compile_law(specs, tuple(inputs), ((output, -1e9, 1e9),), dt_s=dt_s)
    program = load_program(plan)
    lib.amp_program_reset(program)
    given = ffi.new("double[]", max(len(inputs), 1))
    value = ffi.new("double[1]")
    found = []
    for row in rows:
        given[0 : len(row)] = list(row)
        lib.amp_program_step(program, given, value, dt_s)
        found.append(value[0])
    return found


def run_block(
    mapping: Mapping[str, object], values: Iterable[float], *, dt_s: float = 0.001
) -> list[float]:
    """Run one block that reads `x`, or nothing."""
    return run_law({"y": mapping}, "y", [[one] for one in values], inputs={"x": ""}, dt_s=dt_s)
