"""`amphost link` with a port of its own: it shakes hands, shows, traces, and never arms."""

from __future__ import annotations

import json
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amphost.cli.link_files import schema_of
from amphost.cli.main import main
from amphost.link.schema import read_schema
from tests.unit.test_loopback_process import Device, device_plan

BOARD = """\
name: loopback
devices:
  mcu:
    port: {port}
    baud: 1000000
    state_rate_hz: 1000
    sends:
      position: {{type: f32, unit: rad, range: [-100, 100]}}
      current: {{type: f32, unit: A, range: [-20, {current}]}}
    accepts:
      voltage: {{type: f32, unit: V, range: [-12, 12], safe: 0.0, ramp_per_s: 1200}}
"""


def board_file(folder: Path, port: str = "/dev/ttyNOTHERE", current: int = 20) -> Path:
    """Write a board file."""
    path = folder / f"board_{current}.yaml"
    path.write_text(BOARD.format(port=port, current=current))
    return path


@contextmanager
def device_of(board: Path, folder: Path) -> Iterator[Device]:
    """Run a device whose firmware was made for this file."""
    schema = read_schema(schema_of(str(board), None))
    plan = replace(device_plan(), schema=schema.text, schema_hash=schema.hash)
    device = Device(plan, folder)
    try:
        yield device
    finally:
        device.process.kill()
        device.process.communicate()
        device.release()


def link(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[Any], str]:
    """Run the verb; return its code, its JSON lines and what it said."""
    code = main(["link", *map(str, words), "--json"])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_a_device_is_shown_and_never_armed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks must not move a motor."""
    board = board_file(tmp_path)
    trace = tmp_path / "line.trace"
    with device_of(board, tmp_path) as device:
        code, seconds, err = link(
            capsys, board, "--port", device.status["port"], "--for", "2.2s", "--trace", trace
        )
        assert "armed" not in device.events()
        assert "session_up" in device.events()
    assert (code, "Traceback" in err) == (0, False)
    last = seconds[-1]
    assert (last["session"], last["device_mode"]) == ("up", "ready")
    assert last["identity"]["board"] == "loopback"
    assert last["identity"]["boot_nonce"] == 4711
    assert last["values"]["position"] == pytest.approx(0.25, abs=0.05)
    assert last["totals"]["states"] > 500
    assert last["totals"]["actuations"] == 0
    assert last["clock"]["bound_us"] > 0
    code, lines, _ = link(capsys, "decode", trace)
    assert code == 0
    figures = lines[-1]["figures"]
    assert figures["in"]["bytes"] == last["totals"]["bytes_in"]
    assert figures["out"]["bytes"] == last["totals"]["bytes_out"]
    assert sum(figures["in"]["frames"].values()) == last["totals"]["frames_in"]
    assert figures["missed"] == 0
    assert not any(figures["in"]["errors"].values())
    states = [one for one in lines[1:-1] if one.get("type") == "STATE"]
    assert set(states[0]["fields"]["values"]) == {"position", "current"}
    assert lines[0]["about"]["device"] == "mcu"


def test_a_refused_device_is_exit_1_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The board file was changed, the firmware was not."""
    made_for, changed = board_file(tmp_path), board_file(tmp_path, current=25)
    with device_of(made_for, tmp_path) as device:
        code, seconds, err = link(capsys, changed, "--port", device.status["port"], "--for", "3.2s")
    assert code == 1
    refused = [one for one in seconds if one["session"] == "refused"]
    assert refused, (seconds[-1]["identity"], seconds[-1]["totals"], err, device.lines())
    named = "current: the firmware says high 20, the board file says high 25 (board_25.yaml:9)"
    assert named in err
    assert named in refused[-1]["refused_for"]
    assert read_schema(schema_of(str(made_for), None)).hash == int(
        refused[-1]["identity"]["schema_hash"], 16
    )


def test_a_port_where_nobody_answers_is_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A silent line is what a person asks about."""
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        code, seconds, _ = link(
            capsys, board_file(tmp_path), "--port", os.ttyname(slave), "--for", "1.2s"
        )
    finally:
        os.close(master)
        os.close(slave)
    assert code == 1
    assert seconds[-1]["session"] == "identifying"
    assert seconds[-1]["identity"] is None


def test_a_port_that_is_not_there_is_exit_69(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hardware missing, and which."""
    code, _, err = link(capsys, board_file(tmp_path), "--for", "1s")
    assert code == 69
    assert "/dev/ttyNOTHERE" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("motor",), 69, "exists only while its system runs"),
        (("motor", "x.trace"), 2, "one file is shown at a time"),
        (("motor", "--errors"), 2, "--board and --errors are for"),
        (("decode",), 2, "say which trace"),
        (("decode", "/nowhere.trace"), 1, "cannot be read"),
        (("nowhere.yaml",), 2, "there is no such file"),
        (("motor", "--device", "mcv"), 2, "has no device mcv"),
    ],
)
def test_a_mistake_is_said_in_words(
    words: tuple[str, ...],
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With what to do about it, and the exit code of its kind."""
    got, _, err = link(capsys, *words, "--runtime-dir", tmp_path)
    assert (got, said in err) == (code, True), err


def test_a_trace_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one that matters is the one from before."""
    there = tmp_path / "line.trace"
    there.write_bytes(b"precious")
    board = board_file(tmp_path)
    with device_of(board, tmp_path) as device:
        code, _, err = link(capsys, board, "--port", device.status["port"], "--trace", there)
    assert (code, "never written over" in err) == (2, True)
    assert there.read_bytes() == b"precious"


def test_a_damaged_trace_is_printed_up_to_the_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And cut off anywhere it is still a trace."""
    from amphost.link.trace import Record, encode, heading

    whole = heading({"device": "mcu"}, 1)
    whole += encode(Record(t_ns=5, kind=1, content=b"\1\1\1\0"))
    whole += encode(Record(t_ns=6, kind=1, content=b"\2\2\2\0"))
    path = tmp_path / "cut.trace"
    path.write_bytes(whole[:-3])
    code, lines, _ = link(capsys, "decode", path)
    assert code == 0
    assert lines[-1]["figures"]["cut_off_bytes"] > 0
    assert len(lines) == 3
    path.write_bytes(whole[:-6] + b"\xff" + whole[-5:])
    code, lines, err = link(capsys, "decode", path)
    assert code == 1
    assert "damaged at byte" in err
    assert len(lines) == 2
    for cut in range(40):
        path.write_bytes(whole[:cut])
        code, _, err = link(capsys, "decode", path)
        assert code in (0, 1)
        assert "internal error" not in err


def test_a_second_line_of_a_process_is_heard_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its port may get the very descriptor that the first one had."""
    board = board_file(tmp_path)
    with device_of(board, tmp_path) as device:
        for _ in range(3):
            code, seconds, _ = link(capsys, board, "--port", device.status["port"], "--for", "1.3s")
            assert (code, seconds[-1]["session"]) == (0, "up"), seconds[-1]["totals"]
