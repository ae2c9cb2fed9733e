"""Who is measured, at which rate, and under which load.

Rules. Pure. Every candidate runs on the same core at the same priority with its memory locked;
`awake` says whether /dev/cpu_dma_latency is held at 0 while it runs.
"""

from __future__ import annotations

from dataclasses import dataclass

OURS, CYCLICTEST, LINUXCNC, PYTHON, GAPS = "role", "cyclictest", "linuxcnc", "python", "gaps"
LOADS = {
    "idle": "idle",
    "other": "stress-ng on the other core",
    "both": "stress-ng on both cores",
}
STRESS = "stress-ng"
PACKAGES = {
    "rt-tests": "/usr/bin/cyclictest",
    STRESS: "/usr/bin/stress-ng",
    "linuxcnc-uspace": "/usr/bin/halrun",
}


PLAYS = 3  # of the blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way of running a periodic loop.

    Synchronization: none required, immutable.
    """

    key: str  # what ratios name it by
    label: str
    program: str  # OURS, CYCLICTEST, LINUXCNC, PYTHON or GAPS
    kind: str = ""  # a word for that program
    rate: int = 1000
    awake: bool = True
    plays: int = 1  # slices in one round under one load
    block: str = ""  # those of one block are compared: they are played one after the other
    package: str = ""  # of Debian; "" for what is always here
    is_ours: bool = False


def _ours(
    kind: str, label: str = "", *, rate: int = 1000, awake: bool = True, block: str = ""
) -> Candidate:
    return Candidate(
        key=f"{kind}{'' if awake else '.idle_states'}@{rate}",
        label=f"**amphost `{kind}`**{label}",
        program=OURS,
        kind=kind,
        rate=rate,
        awake=awake,
        plays=PLAYS if block else 1,
        block=block,
        is_ours=True,
    )


def _cyclictest(rate: int, *, awake: bool = True, block: str = "") -> Candidate:
    return Candidate(
        key=f"cyclictest{'' if awake else '.idle_states'}@{rate}",
        label="cyclictest" + ("" if awake else " `--laptop` (idle states allowed)"),
        program=CYCLICTEST,
        rate=rate,
        awake=awake,
        plays=PLAYS if block else 1,
        block=block,
        package="rt-tests",
    )


def _linuxcnc(rate: int) -> Candidate:
    return Candidate(
        key=f"linuxcnc@{rate}",
        label="LinuxCNC uspace thread (from its own zero)",
        program=LINUXCNC,
        rate=rate,
        package="linuxcnc-uspace",
    )


def _python(kind: str, label: str, *, awake: bool) -> Candidate:
    return Candidate(key=f"python.{kind}@1000", label=label, program=PYTHON, kind=kind, awake=awake)


CANDIDATES = (
    _ours("hybrid", block="1 kHz"),
    _ours("sleep", block="1 kHz"),
    _cyclictest(1000, block="1 kHz"),
    _ours("spin"),
    _ours("sleep", ", idle states allowed", awake=False),
    _cyclictest(1000, awake=False),
    _linuxcnc(1000),
    _python("tuned", "Python, absolute `clock_nanosleep`, no collection", awake=True),
    _python("naive", "Python, `time.sleep` (idle states allowed)", awake=False),
    Candidate(
        key="gaps",
        label="the machine's own gaps, for a release at a random moment",
        program=GAPS,
        rate=0,
    ),
    _ours("hybrid", rate=10_000, block="10 kHz"),
    _cyclictest(10_000, block="10 kHz"),
    _ours("sleep", rate=10_000),
    _ours("spin", rate=10_000),
    _linuxcnc(10_000),
)
