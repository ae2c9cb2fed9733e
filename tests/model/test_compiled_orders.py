"""The compiled code of the ARM targets: every order of the source is a barrier in the object.

C11's orders make the source right on paper; this is where they become instructions. An x86 run can
show none of it. The same check must reject a compilation in which one order was taken away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.model.assembly import NATIVE, accesses, compiled
from tests.model.programs import require_tool

# What stands around each fence, wherever it was inlined; and a whole sequence, which has to be
# there once: a compiler may put the first access of another copy into a block elsewhere.
AROUND = {
    "fence_release": "store_relaxed fence_release store_relaxed",
    "fence_acquire": "load_relaxed+ fence_acquire load_relaxed",
}
WHOLE = (
    "store_relaxed fence_release store_relaxed+ store_release store_release",
    "load_acquire load_relaxed+ fence_acquire load_relaxed",
)
SOURCES = ("channel.c", "queue.c")


@dataclass(frozen=True, slots=True)
class Target:
    """A compiler and what it has to make of each operation.

    Synchronization: none required; a value.
    """

    name: str
    compiler: tuple[str, ...]
    instructions: dict[str, str]


ARMV8 = {
    "load_relaxed": "ldr",
    "load_acquire": "ldar",
    "store_relaxed": "str",
    "store_release": "stlr",
    "fence_release": "dmb-ish",
    "fence_acquire": "dmb-ishld",
}
# A 64-bit load or store is one access only as an exclusive one, or with LPAE as ldrd and strd.
ARMV7 = {
    "load_relaxed": "(ldrexd|ldrd)",
    "load_acquire": "(ldrexd|ldrd) dmb-ish",
    "store_relaxed": "(strexd|strd)",
    "store_release": "dmb-ish (strexd|strd)",
    "fence_release": "dmb-ish",
    "fence_acquire": "dmb-ish",
}
TARGETS = [
    Target("aarch64", ("aarch64-linux-gnu-gcc",), ARMV8),
    Target("cortex-a76", ("aarch64-linux-gnu-gcc", "-mcpu=cortex-a76"), ARMV8),
    Target("cortex-a53", ("aarch64-linux-gnu-gcc", "-mcpu=cortex-a53"), ARMV8),
    Target("armv7", ("arm-linux-gnueabihf-gcc",), ARMV7),
    Target("cortex-a7", ("arm-linux-gnueabihf-gcc", "-mcpu=cortex-a7"), ARMV7),
]


def distilled(tokens: list[str]) -> str:
    """Drop the loads that only fetch an address or an argument."""
    kept = []
    for token in tokens:
        operation, instruction = token.split(":")
        loads_private = instruction in {"ldr", "ldp"} and operation != "load_relaxed"
        if operation.startswith("store") and instruction.startswith("ld"):
            loads_private = True
        if not loads_private and not (operation.startswith("load") and instruction[:2] == "st"):
            kept.append(token)
    return " ".join(kept)


def pattern(steps: str, instructions: dict[str, str]) -> str:
    """Write steps as the regular expression of their instructions."""
    parts = []
    for step in steps.split():
        operation = step.rstrip("+")
        words = " ".join(f"{operation}:{word}" for word in instructions[operation].split())
        parts.append(f"(?:{words} )+" if step.endswith("+") else f"{words} ")
    return "".join(parts)


def complaints(target: Target, source: str, include: Path) -> list[str]:
    """Compile a source and list what is not as it has to be."""
    header = (include / "amp" / "atomic.h").read_text(encoding="utf-8")
    text = compiled(list(target.compiler), NATIVE / "src" / source, include)
    found = {name: distilled(tokens) + " " for name, tokens in accesses(text, header).items()}
    wrong = []
    for name, sequence in found.items():
        wrong += [
            f"{name}: no {target.instructions[operation]} for {operation}"
            for operation in {token.split(":")[0] for token in accesses(text, header)[name]}
            if not re.search(pattern(operation, target.instructions), sequence)
        ]
    everything = "".join(found.values())

    def times(steps: str) -> int:
        return len(re.findall(pattern(steps, target.instructions), everything))

    for fence, steps in AROUND.items():
        fences = everything.count(f"{fence}:")
        if times(steps) != fences:
            wrong.append(f"{times(steps)} times {steps}, {fences} times {fence}")
    if source == "channel.c":
        wrong += [f"nowhere {steps}" for steps in WHOLE if times(steps) == 0]
    return wrong


def weakened_header(folder: Path, old: str, new: str) -> Path:
    """Write an amp/atomic.h in which one order is gone."""
    text = (NATIVE / "include" / "amp" / "atomic.h").read_text(encoding="utf-8")
    assert text.count(old) == 1, f"atomic.h has moved on: {old}"
    (folder / "amp").mkdir()
    (folder / "amp" / "atomic.h").write_text(text.replace(old, new), encoding="utf-8")
    return folder


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("source", SOURCES)
def test_every_order_is_compiled(target: Target, source: str) -> None:
    """str, dmb ish, str..., stlr, stlr to publish; ldar, ldr..., dmb ishld, ldr to read."""
    require_tool(target.compiler[0])
    assert complaints(target, source, NATIVE / "include") == []


WEAKENINGS = {
    "release fence": ("    atomic_thread_fence(memory_order_release);\n", ""),
    "acquire fence": ("    atomic_thread_fence(memory_order_acquire);\n", ""),
    "release store": (
        "atomic_store_explicit(&word->value, value, memory_order_release)",
        "atomic_store_explicit(&word->value, value, memory_order_relaxed)",
    ),
    "acquire load": (
        "atomic_load_explicit(&word->value, memory_order_acquire)",
        "atomic_load_explicit(&word->value, memory_order_relaxed)",
    ),
}


@pytest.mark.parametrize("what", WEAKENINGS)
@pytest.mark.parametrize("target", [TARGETS[0], TARGETS[3], TARGETS[4]], ids=lambda t: t.name)
def test_a_missing_order_is_noticed(target: Target, what: str, tmp_path: Path) -> None:
    """A check of assembly that accepts anything would be worse than none."""
    require_tool(target.compiler[0])
    include = weakened_header(tmp_path, *WEAKENINGS[what])
    assert complaints(target, "channel.c", include) != []
