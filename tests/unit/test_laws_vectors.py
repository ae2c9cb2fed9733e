"""Golden vectors of the native law: what a reference in Python says of seeded random laws.

The reference interprets the blocks by name, as a person reads them; the C test runs the compiled
program on the same inputs and must give the same bits. `python tests/unit/test_laws_vectors.py`
writes the vectors; the test below says whether the file is current.
"""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path

from amphost.laws.blocks import BLOCKS, BlockSpec
from amphost.laws.check import check
from amphost.laws.compile import compile_law
from amphost.plan.model import ProgramPlan
from tests.unit.law_random import random_block
from tests.unit.law_reference import run_reference

HEADER = Path(__file__).resolve().parents[2] / "native/tests/program_vectors.h"
SEED = 20260101
LAWS = 72
STEPS = 12
INPUTS = ("x", "y")
HOSTILE = (math.nan, math.inf, -math.inf, 5e-324, -1e-310, 1e300)


def random_law(source: random.Random) -> tuple[list[BlockSpec], list[tuple[str, float, float]]]:
    """Draw a law, its blocks shuffled; every second block is an output."""
    blocks: list[BlockSpec] = []
    for index in range(source.randint(1, 9)):
        known = [*INPUTS, *(block.name for block in blocks)]
        op = source.choice(sorted(BLOCKS))
        blocks.append(random_block(source, op, f"b{index}", known))
    outputs = [(block.name, -6.0, 7.0) for block in blocks[::-2]]
    source.shuffle(blocks)
    return blocks, outputs


def random_inputs(source: random.Random) -> list[tuple[float, ...]]:
    """Draw inputs; one in nine is what no sensor should say."""
    return [
        tuple(
            source.choice(HOSTILE) if source.random() < 0.11 else source.uniform(-5.0, 5.0)
            for _ in INPUTS
        )
        for _ in range(STEPS)
    ]


def bits(values: list[float] | tuple[float, ...]) -> str:
    """Write doubles as the C test reads them; every NaN is the same NaN."""
    canonical = [math.nan if math.isnan(value) else value for value in values]
    return ", ".join(f"0x{struct.unpack('<Q', struct.pack('<d', v))[0]:x}u" for v in canonical)


def c_array(kind: str, name: str, content: str) -> str:
    """Write one array; C has no empty ones."""
    return f"static const {kind} {name}[] = {{{content or '0'}}};"


def c_law(index: int, plan: ProgramPlan, inputs: str, outputs: str) -> list[str]:
    """Write one law with its vectors."""
    lines = ", ".join("{" + ", ".join(map(str, line)) + "}" for line in plan.instructions)
    return [
        c_array("struct amp_instruction", f"lines_{index}", lines),
        c_array("uint32_t", f"sources_{index}", ", ".join(map(str, plan.sources))),
        c_array("uint32_t", f"registers_{index}", ", ".join(map(str, plan.outputs))),
        c_array("uint64_t", f"parameters_{index}", bits(plan.parameters)),
        c_array("uint64_t", f"inputs_{index}", inputs),
        c_array("uint64_t", f"outputs_{index}", outputs),
    ]


def header() -> str:
    """Return the text of native/tests/program_vectors.h."""
    source = random.Random(SEED)
    text = [
        "/* Written by tests/unit/test_laws_vectors.py: laws, inputs and what they must give. */",
        "/* clang-format off */",
        "#ifndef AMP_TESTS_PROGRAM_VECTORS_H",
        "#define AMP_TESTS_PROGRAM_VECTORS_H",
        "",
        '#include "amp/program.h"',
        "",
        f"#define VECTOR_STEPS {STEPS}",
        f"#define VECTOR_INPUTS {len(INPUTS)}",
        "",
    ]
    table = []
    for index in range(LAWS):
        dt_s = source.choice((0.001, 0.00025, 0.01))
        blocks, outputs = random_law(source)
        assert problems_of(blocks, dt_s) == []
        plan = compile_law(blocks, INPUTS, outputs, dt_s=dt_s)
        inputs = random_inputs(source)
        rows = run_reference(INPUTS, blocks, outputs, inputs, dt_s)
        text += c_law(
            index,
            plan,
            bits([value for row in inputs for value in row]),
            bits([value for row in rows for value in row]),
        )
        table.append(
            f"    {{lines_{index}, sources_{index}, registers_{index}, parameters_{index}, "
            f"inputs_{index}, outputs_{index}, {len(plan.instructions)}, {len(plan.sources)}, "
            f"{len(plan.outputs)}, {len(plan.parameters)}, {plan.state_count}, {dt_s!r}}},"
        )
    return "\n".join(
        [
            *text,
            "",
            "static const struct vector {",
            "    const struct amp_instruction *lines;",
            "    const uint32_t *sources, *registers;",
            "    const uint64_t *parameters, *inputs, *outputs;",
            "    uint32_t line_count, source_count, output_count, parameter_count, state_count;",
            "    double dt_s;",
            "} vectors[] = {",
            *table,
            "};",
            "",
            "#endif",
            "",
        ]
    )


def problems_of(blocks: list[BlockSpec], dt_s: float) -> list[str]:
    """Return what is wrong with blocks whose sources have no units; every block is an output."""
    outputs = {block.name: "" for block in blocks}
    found = check(blocks, dict.fromkeys(INPUTS, ""), outputs, dt_s=dt_s)
    return [one.rule for one in found if " is in " not in one.rule and "truth" not in one.rule]


def test_the_native_tests_vectors_are_current() -> None:
    """A change of a block, or of the compiler, that Python and C do not share fails here."""
    assert HEADER.read_text(encoding="utf-8") == header()


def test_the_reference_knows_a_response_by_heart() -> None:
    """A reference that is wrong as the code is wrong proves nothing: here is a closed form."""
    block = BlockSpec(
        name="u", op="lowpass", sources=("x",), parameters=(("cutoff_hz", 8.0),), tunable=False
    )
    inputs: list[tuple[float, ...]] = [(0.0, 0.0), *[(1.0, 0.0)] * 50]
    rows = run_reference(INPUTS, [block], [("u", -9.0, 9.0)], inputs, 0.001)
    tau = 1 / (2 * math.pi * 8.0)
    for n, (value,) in enumerate(rows):
        assert math.isclose(value, 1 - (tau / (tau + 0.001)) ** n, abs_tol=1e-13)


def test_the_vectors_meet_every_block_and_every_hostile_value() -> None:
    """Vectors that miss a block say nothing about it."""
    source = random.Random(SEED)
    seen: set[str] = set()
    values: set[str] = set()
    for _ in range(LAWS):
        source.choice((0.001, 0.00025, 0.01))
        blocks, _ = random_law(source)
        seen |= {block.op for block in blocks}
        values |= {repr(value) for row in random_inputs(source) for value in row}
    assert seen == set(BLOCKS)
    assert {repr(value) for value in HOSTILE} <= values


if __name__ == "__main__":
    HEADER.write_text(header(), encoding="utf-8")
