from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from itertools import pairwise
from pathlib import Path

import pytest

from amphost.spec import shipped
from amphost.spec.load import LoadedSpec, load
from amphost.spec.model import ControlRole
from amphost.spec.plants import DcMotorSpec
from tests import ladder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def motor() -> LoadedSpec:
    """Return the first example on its own board."""
    return load(ROOT / "examples" / "01_motor.yaml", boards=[ROOT / "boards"])


@pytest.mark.parametrize("name", shipped.examples())
def test_every_shipped_example_is_good(name: str, tmp_path: Path) -> None:
    """What comes with the program works with the program; its own program is built."""
    example = ladder.copied(tmp_path) / shipped.find_spec(name).name
    if "own_program" in name:
        (tmp_path / "examples/own_program/smooth").touch(mode=0o755)  # a check starts nothing
    load(example, boards=shipped.board_folders(), compiled="cortex_m" not in name)


def test_the_examples_are_a_ladder() -> None:
    """Numbered without a gap, one name each, and each but the last says which is next."""
    numbers = [int(path.name.split("_")[0]) for path in ladder.RUNGS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(shipped.examples()) == len(numbers) >= 8
    for path, following in pairwise(ladder.RUNGS[1:]):
        assert f"# Next: {following.name}," in ladder.head(path)


@pytest.mark.parametrize("path", ladder.RUNGS, ids=lambda path: path.stem)
def test_a_rung_is_called_what_its_file_is_called(path: Path) -> None:
    """`amphost run NAME` and `amphost stop NAME` take the same word."""
    name = path.stem.partition("_")[2]
    assert shipped.find_spec(name).name == path.name
    assert f"\nname: {name}\n" in path.read_text(encoding="utf-8")


def test_examples_are_found_by_name_and_files_by_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`amphost run motor` works from anywhere; a file of the user's own comes first."""
    monkeypatch.chdir(tmp_path)
    assert shipped.find_spec("motor") == ROOT / "examples" / "01_motor.yaml"
    (tmp_path / "motor").write_text("name: mine\n")
    assert shipped.find_spec("motor") == Path("motor")


def test_shipped_paths_are_short_in_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name files as a person there would type them."""
    monkeypatch.chdir(ROOT)
    assert shipped.find_spec("motor") == Path("examples/01_motor.yaml")
    assert shipped.board_folders() == (Path("boards"),)


def test_unknown_name_is_a_usage_error_with_a_guess() -> None:
    """The command line is wrong, not a file."""
    with pytest.raises(shipped.NoSuchSpecError, match="did you mean motor") as caught:
        shipped.find_spec("moter")
    assert caught.value.exit_code == 2
    with pytest.raises(shipped.NoSuchSpecError):
        shipped.find_spec("a\0b")


def test_profile_can_repeat_and_is_gentle(motor: LoadedSpec) -> None:
    """It begins where it ends, at rest, and asks for no more than a small motor can do."""
    points = motor.profiles["target"]
    assert points[0][1] == points[-1][1]
    assert 8.0 <= points[-1][0] <= 10.0
    speeds = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    assert max(map(abs, speeds)) < 5.0
    assert abs(speeds[0]) < 0.01
    assert abs(speeds[-1]) < 0.01
    changes = [(b - a) / 0.01 for a, b in pairwise(speeds)]
    assert max(map(abs, changes)) < 20.0
    assert max(value for _, value in points) - min(value for _, value in points) > 2.0


def simulate(
    motor: LoadedSpec, *, delay_periods: int, seconds: float, step_to: float | None = None
) -> list[tuple[float, float]]:
    """Run the example's law on its board's motor; return (target, angle) of every period.

    Written from the equations alone, so that it can disagree with the native program and plant.
    """
    role, loopback = motor.spec.roles["control"], motor.board.devices["mcu"].loopback
    assert isinstance(role, ControlRole)
    assert loopback is not None
    plant, pid, output = loopback.plant, motor.laws["control"][1], role.writes["voltage"]
    assert isinstance(plant, DcMotorSpec)
    kp, ki, kd = (pid.value(key) or 0.0 for key in ("kp", "ki", "kd"))
    filter_s = 1.0 / (2.0 * math.pi * (pid.value("derivative_cutoff_hz") or 0.0))
    period_s = 1.0 / role.rate_hz
    low, high = output.range
    slew = (output.slew_per_s or math.inf) * period_s
    times = [time for time, _ in motor.profiles["target"]]
    state = (0.0, 0.0, plant.initial_angle_rad)
    integral = derivative = volts = 0.0
    before: float | None = None
    line = deque([0.0] * delay_periods)
    trace = []
    for tick in range(int(seconds * role.rate_hz)):
        target = step_to if step_to is not None else target_at(motor, times, tick * period_s)
        error = target - state[2]
        if before is not None:
            derivative = (filter_s * derivative + kd * (error - before)) / (filter_s + period_s)
        before = error
        wanted = kp * error + integral + ki * period_s * error + derivative
        if low < wanted < high:
            integral += ki * period_s * error
        wanted = min(max(wanted, low), high)
        volts = min(max(wanted, volts - slew), volts + slew)
        line.append(volts)
        state = move(plant, state, line.popleft(), period_s)
        trace.append((target, state[2]))
    return trace


def target_at(motor: LoadedSpec, times: list[float], time_s: float) -> float:
    """Return the profile's value, repeated, on straight lines."""
    points = motor.profiles["target"]
    time_s %= times[-1]
    after = min(bisect_right(times, time_s), len(points) - 1)
    (t0, v0), (t1, v1) = points[after - 1], points[after]
    return v0 + (v1 - v0) * (time_s - t0) / (t1 - t0)


def move(
    plant: DcMotorSpec, state: tuple[float, float, float], volts: float, period_s: float
) -> tuple[float, float, float]:
    """Integrate the motor over one period, in twenty explicit steps."""
    current, speed, angle = state
    step = period_s / 20
    for _ in range(20):
        back = plant.torque_constant_nm_per_a * speed
        current += step * (volts - plant.resistance_ohm * current - back) / plant.inductance_h
        torque = plant.torque_constant_nm_per_a * current - plant.load_torque_nm
        speed += step * (torque - plant.viscous_friction_nm_s * speed) / plant.inertia_kg_m2
        angle += step * speed
    return current, speed, angle


@pytest.mark.parametrize("delay_periods", [1, 2, 8])
def test_example_tracks_its_profile_well_inside_its_bound(
    motor: LoadedSpec, delay_periods: int
) -> None:
    """Law, motor and profile are three files: that they fit is nobody's accident."""
    tracking = motor.spec.report.tracking
    assert tracking is not None
    trace = simulate(motor, delay_periods=delay_periods, seconds=8.0)
    rms = math.sqrt(sum((target - angle) ** 2 for target, angle in trace) / len(trace))
    assert rms < tracking.rms_max / 3


def test_example_is_stable_and_damped(motor: LoadedSpec) -> None:
    """A step with 2 ms of delay overshoots little and comes to rest."""
    trace = simulate(motor, delay_periods=2, seconds=2.0, step_to=1.0)
    assert max(angle for _, angle in trace) < 1.2
    assert all(abs(angle - 1.0) < 0.01 for _, angle in trace[-500:])


def test_simulation_would_show_a_bad_delay(motor: LoadedSpec) -> None:
    """A check that cannot fail is none: with 60 ms of delay the loop must swing up."""
    trace = simulate(motor, delay_periods=60, seconds=2.0, step_to=1.0)
    assert max(abs(angle - 1.0) for _, angle in trace[-500:]) > 0.2
