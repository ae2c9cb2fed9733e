from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from amphost.cli.lasting import making_what_lasts
from amphost.cli.main import main
from amphost.spec.shipped import examples

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_good_spec_gets_a_verdict_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """One screen: what the file means, and that it is right."""
    assert main(["check", "examples/01_motor.yaml"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[:2] == [
        "examples/01_motor.yaml: ok",
        "  motor on board loopback (boards/loopback.yaml)",
    ]
    assert any(line.startswith("  control") and "1000 Hz" in line for line in lines)
    assert lines[-1] == "  safe within 200 ms of any single fault"


def test_verdict_as_json_has_stable_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts and editors read it."""
    assert main(["check", "motor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": "examples/01_motor.yaml",
        "ok": True,
        "system": "motor",
        "board": "loopback",
        "problems": [],
    }


def test_missing_file_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong word on the command line, not a wrong file."""
    assert main(["check", "moter"]) == 2
    assert capsys.readouterr().err == (
        "moter:1:1: (file): there is no such file; did you mean motor? examples that come with"
        f" amphost: {', '.join(examples())}\n"
    )
    assert main(["check", "nowhere.yaml", "--json"]) == 2
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["ok"], verdict["problems"][0]["rule"]) == (False, "there is no such file")


def test_what_no_machine_could_make_right_is_checked_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The time to safe follows from the file alone: no need to own the board to learn it."""
    text = Path("examples/01_motor.yaml").read_text(encoding="utf-8")
    text = text.replace("safe_within_ms: 200", "safe_within_ms: 20")
    text = text.replace(", profile: profiles/pick_and_place.csv", "")
    path = tmp_path / "short.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["check", str(path)]) == 78
    assert f"{path}:7:19: safety.safe_within_ms: 20 ms is less than " in capsys.readouterr().err


def test_the_collector_is_left_as_it_was() -> None:
    """Whoever calls the verb from a program of their own still has their garbage collected."""
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            with making_what_lasts():
                assert not gc.isenabled()
            assert gc.isenabled() is enabled
        finally:
            gc.enable()
    gc.unfreeze()
