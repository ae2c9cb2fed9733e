from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amphost.errors import SpecError
from amphost.laws.blocks import BlockSpec
from amphost.spec.load import LoadedSpec, load, load_board
from amphost.spec.model import ControlRole, IoRole

ROOT = Path(__file__).parents[2]
BOARDS = [ROOT / "boards"]
MOTOR = ROOT / "examples" / "01_motor.yaml"
TEXT = MOTOR.read_text(encoding="utf-8")

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Return a function that writes a spec beside the example's profile."""
    (tmp_path / "profiles").mkdir()
    profile = MOTOR.parent / "profiles" / "pick_and_place.csv"
    (tmp_path / "profiles" / profile.name).write_bytes(profile.read_bytes())

    def write(text: str) -> Path:
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    """Return what is wrong with a spec, without the folder."""
    with pytest.raises(SpecError) as caught:
        load(path, boards=BOARDS)
    assert caught.value.exit_code == 78
    return [line.removeprefix(f"{path.parent}/") for line in caught.value.problems]


@pytest.fixture(scope="module")
def motor() -> LoadedSpec:
    """Return the first example."""
    return load(MOTOR, boards=BOARDS)


def test_example_says_what_its_file_says(motor: LoadedSpec) -> None:
    """The types carry the file's values, defaults filled in."""
    spec = motor.spec
    assert (spec.name, spec.board, spec.safety.arm) == ("motor", "loopback", "on_start")
    assert spec.safety.allow_degraded
    control = spec.roles["control"]
    assert isinstance(control, ControlRole)
    assert (control.core, control.priority, control.rate_hz) == (1, 80, 1000.0)
    assert control.reads["position"].source == "io.position"
    assert control.reads["position"].max_age_ms == 20
    assert control.reads["target"].source == "operator.target"
    assert control.reads["target"].max_age_ms is None
    assert control.writes["voltage"].range == (-12.0, 12.0)
    io = spec.roles["io"]
    assert isinstance(io, IoRole)
    assert io.reads["voltage"].source == "control.voltage"


def test_law_comes_as_blocks_in_the_order_of_the_file(motor: LoadedSpec) -> None:
    """The compiler and the report name blocks where the file has them."""
    error, voltage = motor.laws["control"]
    assert error == BlockSpec(
        name="error", op="subtract", sources=("target", "position"), parameters=(), tunable=False
    )
    assert (voltage.op, voltage.sources, voltage.tunable) == ("pid", ("error",), True)
    assert voltage.value("derivative_cutoff_hz") == 120.0


def test_board_and_profile_come_with_the_spec(motor: LoadedSpec) -> None:
    """Whoever plans opens no further file."""
    assert list(motor.board.devices["mcu"].sends) == ["position", "current"]
    assert motor.board_path == ROOT / "boards" / "loopback.yaml"
    assert motor.board_text == motor.board_path.read_text(encoding="utf-8")
    assert motor.text == TEXT
    points = motor.profiles["target"]
    assert points[0] == (0.0, 0.0)
    assert len(points) == 801


def test_later_stages_report_at_the_place_too(motor: LoadedSpec) -> None:
    """The plan's problems look like the spec's, on both files."""
    line = motor.where.problem(("safety", "safe_within_ms"), "too short", "lengthen it")
    assert line == f"{MOTOR}:7:19: safety.safe_within_ms: too short; lengthen it"
    line = motor.board_where.problem(("devices", "mcu", "baud"), "too slow", "raise it")
    assert line.startswith(f"{motor.board_path}:20:11: devices.mcu.baud: ")


def test_board_may_stand_beside_the_spec(written: Written, tmp_path: Path) -> None:
    """A user's own board needs no installation."""
    (tmp_path / "mine.yaml").write_text((ROOT / "boards" / "rpi5.yaml").read_text(encoding="utf-8"))
    loaded = load(written(TEXT.replace("board: loopback", "board: mine.yaml")), boards=BOARDS)
    assert loaded.board.name == "rpi5"
    assert loaded.board_path == tmp_path / "mine.yaml"


def test_first_folder_with_the_board_wins(written: Written, tmp_path: Path) -> None:
    """A folder given before the shipped one overrides it."""
    (tmp_path / "loopback.yaml").write_text((ROOT / "boards" / "rpi5.yaml").read_text("utf-8"))
    loaded = load(written(TEXT), boards=[tmp_path, *BOARDS])
    assert loaded.board.name == "rpi5"


def test_changing_the_board_alone_goes_to_the_bench(written: Written) -> None:
    """The promise on the first line of the example."""
    for name in ("rpi4", "rpi5"):
        loaded = load(written(TEXT.replace("board: loopback", f"board: {name}")), boards=BOARDS)
        assert loaded.board.devices["mcu"].port is not None


def test_problems_of_all_files_come_together(written: Written, tmp_path: Path) -> None:
    """One run, everything: the spec, its board, its profile."""
    (tmp_path / "mine.yaml").write_text("name: Mine\ndevices: {mcu: {baud: 1}}\n")
    (tmp_path / "profiles" / "pick_and_place.csv").write_text("t_s,target\n0,0\n1,9\n")
    text = TEXT.replace("board: loopback", "board: mine.yaml").replace(
        "rate_hz: 1000", "rate_hz: 0"
    )
    files = {line.split(":")[0] for line in problems(written(text))}
    assert files == {"spec.yaml", "mine.yaml", "profiles/pick_and_place.csv"}


def test_rules_between_values_are_checked_beside_a_broken_one(written: Written) -> None:
    """A misspelt key must not hide that a source does not exist."""
    text = TEXT.replace("rate_hz: 1000", "ratehz: 1000").replace("control.voltage", "control.volts")
    rules = [line.split(": ", 1)[1] for line in problems(written(text))]
    assert any(rule.startswith("roles.control.ratehz: there is no such key") for rule in rules)
    assert any("there is no signal control.volts; did you mean voltage?" in rule for rule in rules)


def test_nothing_is_said_about_what_a_broken_part_hides(written: Written) -> None:
    """One mistake, one message: not twenty that follow from it."""
    text = TEXT.replace("kind: io", "kind: oi")
    assert [line.split(": ")[1] for line in problems(written(text))] == ["roles.io.kind"]
    text = TEXT.replace("unit: V, range: [-12, 12]", "unit: 5, range: [-12, 12]")
    [line] = problems(written(text))
    assert "roles.control.writes.voltage.unit" in line
    text = TEXT.replace("board: loopback", "board: loopbak")
    assert [line.split(": ")[1] for line in problems(written(text))] == ["board"]


def test_two_control_roles_on_a_core_run_fastest_first(written: Written) -> None:
    """Rate-monotonic order is safe; the other way round the fast loop waits for the slow one."""
    slow = (
        "  slow:\n    kind: control\n    core: 1\n    priority: {}\n    rate_hz: 100\n"
        "    law: {{out: {{constant: 1.0}}}}\n"
        "    writes: {{out: {{unit: V, range: [0, 2], safe: 0.0}}}}\n"
        "  telemetry:"
    )
    load(written(TEXT.replace("  telemetry:", slow.format(60))), boards=BOARDS)
    [line] = problems(written(TEXT.replace("  telemetry:", slow.format(90))))
    assert "slow (priority 90) would delay control on core 1" in line


def test_missing_and_unreadable_files_are_spec_errors(tmp_path: Path) -> None:
    """A path that does not work is a user's mistake, not ours."""
    for path in (tmp_path / "nowhere.yaml", tmp_path, tmp_path / ("x" * 300), Path("a\0b")):
        with pytest.raises(SpecError, match=r"correct the path|give the path"):
            load(path, boards=BOARDS)


def test_shipped_boards_have_one_interface() -> None:
    """What runs on the loopback board runs on the bench."""
    boards = {path.stem: load_board(path) for path in (ROOT / "boards").glob("*.yaml")}
    assert {"loopback", "rpi4", "rpi5"} <= boards.keys()
    first = boards["loopback"].devices["mcu"]
    for name, board in boards.items():
        assert board.name == name
        if name not in ("loopback", "rpi4", "rpi5"):
            continue  # another interface altogether
        device = board.devices["mcu"]
        assert (device.sends, device.accepts) == (first.sends, first.accepts)
        assert (device.baud, device.state_rate_hz) == (first.baud, first.state_rate_hz)


def test_board_alone_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    """A board is written before any spec uses it."""
    path = tmp_path / "board.yaml"
    path.write_text("devices: {mcu: {baud: 9600, state_rate_hz: 10}}\n")
    with pytest.raises(SpecError) as caught:
        load_board(path)
    name, end, values = (line.split(": ", 1)[1] for line in caught.value.problems)
    assert name.startswith("name: is missing; add name: a name (a to z, 0 to 9 and _")
    assert end.startswith(
        "devices.mcu: has neither a port nor a loopback nor an emulator; add port: /dev/"
    )
    assert values == "devices.mcu: sends nothing and accepts nothing; add sends or accepts"


def test_pure_modules_of_the_spec_open_no_file() -> None:
    """Those that touch the file system are named here; the rest is tested by values."""
    impure = {"os", "io", "pathlib", "time", "datetime", "stat", "subprocess", "glob"}
    for path in (ROOT / "amphost" / "spec").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in [
                *(alias.name for alias in node.names if isinstance(node, ast.Import)),
                getattr(node, "module", None) or "",
            ]
        }
        if path.stem not in (
            "load",
            "c_code",
            "files",
            "firmware",
            "shipped",
            "shipped_schema",
            "class_file",
            "executable",
        ):
            assert not imported & impure, path.name


def test_role_processes_can_do_without_this_package() -> None:
    """A role that imported pydantic would start 50 ms later and 10 MB larger."""
    code = "import sys, amphost.plan.model, amphost.errors; print('pydantic' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
