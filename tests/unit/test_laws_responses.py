"""What each dynamic block answers to steps, sweeps and noise, against scipy.signal."""

from __future__ import annotations

import math
import random

import pytest

from tests.unit.law_runner import run_block, run_law

np = pytest.importorskip("numpy")
signal = pytest.importorskip("scipy.signal")

DT = 0.001
RATE_HZ = 1000.0
NOISE = random.Random(7)
INPUT = [0.0] + [1.0] * 200 + [NOISE.uniform(-2.0, 2.0) for _ in range(800)]


def backward_euler(numerator: list[float], denominator: list[float]) -> list[float]:
    """Return the answer of a transfer function in s, discretised by scipy's backward difference."""
    b, a, _ = signal.cont2discrete((numerator, denominator), DT, method="backward_diff")
    return list(signal.lfilter(b.flatten(), a, INPUT))


def check_same(found: list[float], expected: list[float], tolerance: float = 1e-11) -> None:
    """Compare sample by sample."""
    scale = max(1.0, *map(abs, expected))
    assert max(abs(one - other) for one, other in zip(found, expected, strict=True)) < (
        tolerance * scale
    )


def test_lowpass() -> None:
    """A first-order lag, 1 / (tau s + 1)."""
    tau = 1.0 / (2.0 * math.pi * 8.0)
    check_same(run_block({"lowpass": "x", "cutoff_hz": 8}, INPUT), backward_euler([1], [tau, 1]))


def test_highpass() -> None:
    """What the lag leaves: tau s / (tau s + 1)."""
    tau = 1.0 / (2.0 * math.pi * 3.0)
    found = run_block({"highpass": "x", "cutoff_hz": 3}, INPUT)
    check_same(found, backward_euler([tau, 0], [tau, 1]))


def test_derivative() -> None:
    """A filtered derivative, s / (tau s + 1)."""
    tau = 1.0 / (2.0 * math.pi * 20.0)
    found = run_block({"derivative": "x", "cutoff_hz": 20}, INPUT)
    check_same(found, backward_euler([1, 0], [tau, 1]))


def test_integrator() -> None:
    """1 / s, far from its limits."""
    found = run_block({"integrator": "x", "by": 3.0, "limit": [-50, 50]}, INPUT)
    check_same(found, backward_euler([3.0], [1, 0]))


def test_pid() -> None:
    """kp + ki / s + kd s / (tau s + 1), far from its limits."""
    tau = 1.0 / (2.0 * math.pi * 50.0)
    mapping = {"pid": "x", "kp": 2.0, "ki": 5.0, "kd": 0.01, "derivative_cutoff_hz": 50}
    parts = (
        [2.0 * one for one in INPUT],
        backward_euler([5.0], [1, 0]),
        backward_euler([0.01, 0], [tau, 1]),
    )
    check_same(run_block(mapping, INPUT), [sum(row) for row in zip(*parts, strict=True)])


def test_lowpass2_is_a_butterworth_filter() -> None:
    """The one that everybody means when nothing else is said."""
    b, a = signal.butter(2, 80.0, fs=RATE_HZ)
    found = run_block({"lowpass2": "x", "cutoff_hz": 80}, INPUT)
    check_same(found, list(signal.lfilter(b, a, INPUT)))


def test_lowpass2_with_damping() -> None:
    """The bilinear transformation of the analogue section, prewarped at its frequency."""
    warped = 2.0 / DT * math.tan(math.pi * 30.0 * DT)
    b, a = signal.bilinear([warped**2], [1.0, 2.0 * 0.2 * warped, warped**2], fs=RATE_HZ)
    found = run_block({"lowpass2": "x", "cutoff_hz": 30, "damping": 0.2}, INPUT)
    check_same(found, list(signal.lfilter(b, a, INPUT)))


def test_notch() -> None:
    """Nothing is left of its frequency, all is left at 0."""
    b, a = signal.iirnotch(50.0, 5.0, fs=RATE_HZ)
    found = run_block({"notch": "x", "frequency_hz": 50, "width_hz": 10}, INPUT)
    check_same(found, list(signal.lfilter(b, a, INPUT)))


def test_biquad_takes_what_scipy_prints() -> None:
    """A sixth-order elliptic filter is three sections; a0 need not be 1."""
    sections = signal.ellip(6, 1.0, 40.0, 100.0, fs=RATE_HZ, output="sos")
    rows = (sections * 2.0).tolist()
    found = run_block({"biquad": "x", "sections": rows}, INPUT)
    check_same(found, list(signal.sosfilt(sections, INPUT)))


def test_biquad_begins_settled() -> None:
    """Arming must not shake the plant: a standing input passes from the first sample on."""
    sections = signal.butter(4, 60.0, fs=RATE_HZ, output="sos")
    offset = [3.0 + one for one in INPUT]
    start = signal.sosfilt_zi(sections) * offset[0]
    expected, _ = signal.sosfilt(sections, offset, zi=start)
    check_same(run_block({"biquad": "x", "sections": sections.tolist()}, offset), list(expected))


def test_biquad_that_integrates() -> None:
    """A pole at 1 has no settled state: it begins with 0."""
    found = run_block({"biquad": "x", "sections": [[DT, 0, 0, 1, -1, 0]]}, INPUT)
    check_same(found, list(signal.lfilter([DT], [1, -1], INPUT)))


def test_statespace() -> None:
    """Two sources, order three, against scipy's own simulation."""
    a = [[0.9, 0.1, 0.0], [-0.2, 0.8, 0.1], [0.0, 0.0, 0.5]]
    b = [[1.0, 0.0], [0.0, 0.5], [0.3, -0.3]]
    c, d = [1.0, -2.0, 0.5], [0.1, 0.0]
    rows = [[one, -0.5 * one] for one in INPUT]
    _, expected, _ = signal.dlsim((a, b, [c], [d], DT), rows)
    law = {"y": {"statespace": ["x", "z"], "a": a, "b": b, "c": c, "d": d}}
    found = run_law(law, "y", rows, inputs={"x": "", "z": ""})
    check_same(found, list(expected.flatten()))


@pytest.mark.parametrize("frequency_hz", [0.3, 7.0, 333.0])
def test_sine(frequency_hz: float) -> None:
    """Against the C library's sine at the exact times, over ten thousand periods."""
    mapping = {"sine": frequency_hz, "amplitude": 2.0, "offset": -1.0, "phase_deg": 30.0}
    times = np.arange(10_000) * DT
    expected = -1.0 + 2.0 * np.sin(2.0 * np.pi * frequency_hz * times + np.pi / 6.0)
    check_same(run_block(mapping, times), list(expected), 1e-10)


def test_square() -> None:
    """An edge falls on its period exactly, hours later too."""
    found = run_block({"square": 5.0, "range": [-1.0, 2.0], "duty": 0.25}, [0.0] * 20_000)
    middles = (np.arange(20_000) + 0.5) * DT  # no sample of scipy's stands on an edge
    expected = 0.5 + 1.5 * signal.square(2.0 * np.pi * 5.0 * middles, duty=0.25)
    assert found == list(expected)


def test_lookup() -> None:
    """Straight lines between the points, their ends beyond."""
    points = [[-1.0, 2.0], [0.0, 0.0], [0.5, 4.0], [1.5, 3.0]]
    xs, ys = zip(*points, strict=True)
    found = run_block({"lookup": "x", "points": points}, INPUT)
    check_same(found, list(np.interp(INPUT, xs, ys)))


def test_rate_limit() -> None:
    """Rise and fall at their own speed, from the first sample."""
    found = run_block({"rate_limit": "x", "per_s": [-2.0, 5.0]}, [1.0] + [3.0] * 500 + [0.0] * 999)
    rising = [min(3.0, 1.0 + 5.0 * DT * n) for n in range(501)]
    falling = [max(0.0, 3.0 - 2.0 * DT * n) for n in range(1, 1000)]
    check_same(found, rising + falling)


def test_delay() -> None:
    """Whole periods; before them, the first sample."""
    found = run_block({"delay": "x", "ticks": 5}, INPUT[1:])
    assert found == [INPUT[1]] * 5 + INPUT[1:-5]
    assert run_block({"delay": "x", "ticks": 512}, INPUT)[-1] == INPUT[-513]


def test_ramp_and_step() -> None:
    """Time is the tick's: 0.3 s at 1 kHz is period 300."""
    ramp = run_block({"ramp": -2.0, "from": 1.0, "limit": [0.5, 9.0]}, [0.0] * 400)
    check_same(ramp, [max(0.5, 1.0 - 2.0 * DT * n) for n in range(400)])
    step = run_block({"step": 0.3, "before": 4.0, "after": 5.0}, [0.0] * 400)
    assert step == [4.0] * 300 + [5.0] * 100
