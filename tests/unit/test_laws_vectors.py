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
from amphost.laws.compile import UNLIMITED, compile_law
from amphost.plan.model import ProgramPlan

HEADER = Path(__file__).resolve().parents[2] / "native/tests/program_vectors.h"
SEED = 20260101
LAWS = 40
STEPS = 12
INPUTS = ("x", "y")
HOSTILE = (math.nan, math.inf, -math.inf, 5e-324, -1e-310, 1e300)
SMALLEST_NORMAL = 2.2250738585072014e-308


def normal(value: float) -> float:
    """Return a state as it is kept: 0 instead of a denormal."""
    return 0.0 if abs(value) < SMALLEST_NORMAL else value


def within(value: float, low: float, high: float) -> float:
    """Limit a value; a NaN passes."""
    return low if value < low else min(value, high)


class Reference:
    """One block's memory and equation.

    Synchronization: none.
    """

    def __init__(self, block: BlockSpec, limits: tuple[float, float]) -> None:
        self.block = block
        self.limits = limits
        self.started = False
        self.kept: tuple[float, ...] = (0.0, 0.0, 0.0)

    def number(self, name: str) -> float:
        """Return a parameter that is there."""
        value = self.block.value(name)
        assert value is not None
        return value

    def step(self, a: list[float], dt_s: float) -> float:
        """Return the block's value in this period."""
        match self.block.op:
            case "constant":
                return self.number("constant")
            case "add" | "subtract":
                return self.running_sum(a, 1.0 if self.block.op == "add" else -1.0)
            case "gain":
                return self.number("by") * a[0]
            case "limit":
                return within(a[0], self.number("range_low"), self.number("range_high"))
            case "lowpass":
                return self.lowpass(a[0], dt_s)
        return self.pid(a[0], dt_s)

    @staticmethod
    def running_sum(a: list[float], sign: float) -> float:
        """Add from left to right: floating point addition has an order."""
        value = a[0]
        for term in a[1:]:
            value += sign * term
        return value

    def lowpass(self, a: float, dt_s: float) -> float:
        """Backward Euler of a first-order lag."""
        tau = 1.0 / (2.0 * math.pi * self.number("cutoff_hz"))
        before = self.kept[0]
        y = before + dt_s / (tau + dt_s) * (a - before) if self.started else a
        if math.isfinite(y):
            self.kept, self.started = (normal(y),), True
        return y

    def pid(self, a: float, dt_s: float) -> float:
        """PID with filtered derivative and conditional integration."""
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
        if all(map(math.isfinite, (a, new_integral, new_derivative))):
            taken = integral if winds_up else normal(new_integral)
            self.kept, self.started = (taken, normal(new_derivative), a), True
        return within(y, low, high)


def run_reference(
    blocks: list[BlockSpec],
    outputs: list[tuple[str, float, float]],
    inputs: list[tuple[float, ...]],
    dt_s: float,
) -> list[list[float]]:
    """Run a law by name, each block when what it reads is there."""
    ranges = {name: (low, high) for name, low, high in outputs}
    memory: dict[str, Reference] = {}
    for block in blocks:
        limits = ranges.get(block.name, (-UNLIMITED, UNLIMITED))
        if block.value("limit_low") is not None:
            limits = (block.value("limit_low") or 0.0, block.value("limit_high") or 0.0)
        memory[block.name] = Reference(block, limits)
    rows = []
    for row in inputs:
        signals = dict(zip(INPUTS, row, strict=True))
        while len(signals) < len(INPUTS) + len(blocks):
            for block in blocks:
                if block.name not in signals and all(one in signals for one in block.sources):
                    sources = [signals[one] for one in block.sources]
                    signals[block.name] = memory[block.name].step(sources, dt_s)
        rows.append([signals[name] for name, _, _ in outputs])
    return rows


def random_number(source: random.Random, name: str) -> float:
    """Draw a parameter that a person could have written."""
    if name.endswith("_hz"):
        return round(source.uniform(0.5, 200.0), 2)
    if name.endswith("_low"):
        return round(source.uniform(-8.0, -0.5), 2)
    if name.endswith("_high"):
        return round(source.uniform(0.5, 8.0), 2)
    return round(source.uniform(-4.0, 4.0), 3)


def random_block(source: random.Random, name: str, known: list[str]) -> BlockSpec:
    """Draw a block that reads what is known."""
    op = source.choice(sorted(BLOCKS))
    block = BLOCKS[op]
    count = source.randint(block.source_min, min(block.source_max, 4))
    parameters: dict[str, float] = {}
    own_limit = source.random() < 0.5
    for parameter in block.parameters:
        if parameter.key != "limit" or own_limit:
            parameters |= {one: random_number(source, one) for one in parameter.names}
    return BlockSpec(
        name=name,
        op=op,
        sources=tuple(source.choice(known) for _ in range(count)),
        parameters=tuple(parameters.items()),
        tunable=False,
    )


def random_law(source: random.Random) -> tuple[list[BlockSpec], list[tuple[str, float, float]]]:
    """Draw a law, its blocks shuffled; every second block is an output."""
    blocks: list[BlockSpec] = []
    for index in range(source.randint(1, 9)):
        known = [*INPUTS, *(block.name for block in blocks)]
        blocks.append(random_block(source, f"b{index}", known))
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
        blocks, outputs = random_law(source)
        assert check(blocks, dict.fromkeys(INPUTS, ""), dict.fromkeys(reads(blocks), "")) == []
        plan = compile_law(blocks, INPUTS, outputs)
        inputs = random_inputs(source)
        dt_s = source.choice((0.001, 0.00025, 0.01))
        rows = run_reference(blocks, outputs, inputs, dt_s)
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


def reads(blocks: list[BlockSpec]) -> list[str]:
    """Return every block's name: as outputs, none of them is unused."""
    return [block.name for block in blocks]


def test_the_native_tests_vectors_are_current() -> None:
    """A change of a block, or of the compiler, that Python and C do not share fails here."""
    assert HEADER.read_text(encoding="utf-8") == header()


def test_the_reference_knows_a_response_by_heart() -> None:
    """A reference that is wrong as the code is wrong proves nothing: here is a closed form."""
    block = BlockSpec(
        name="u", op="lowpass", sources=("x",), parameters=(("cutoff_hz", 8.0),), tunable=False
    )
    inputs: list[tuple[float, ...]] = [(0.0, 0.0), *[(1.0, 0.0)] * 50]
    rows = run_reference([block], [("u", -9.0, 9.0)], inputs, 0.001)
    tau = 1 / (2 * math.pi * 8.0)
    for n, (value,) in enumerate(rows):
        assert math.isclose(value, 1 - (tau / (tau + 0.001)) ** n, abs_tol=1e-13)


def test_the_vectors_meet_every_block_and_every_hostile_value() -> None:
    """Vectors that miss a block say nothing about it."""
    source = random.Random(SEED)
    seen: set[str] = set()
    values: set[str] = set()
    for _ in range(LAWS):
        blocks, _ = random_law(source)
        seen |= {block.op for block in blocks}
        values |= {repr(value) for row in random_inputs(source) for value in row}
        source.choice((0.001, 0.00025, 0.01))
    assert seen == set(BLOCKS)
    assert {repr(value) for value in HOSTILE} <= values


if __name__ == "__main__":
    HEADER.write_text(header(), encoding="utf-8")
