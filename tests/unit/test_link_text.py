"""What a person reads of a line: every figure in its place, a dash for what is not known."""

from __future__ import annotations

import math
from typing import Any

from amphost.cli.link_decode import frame_text
from amphost.cli.link_text import block_text, line_text
from amphost.link import tally
from amphost.link.line_decoder import LineFrame, Verdict, Way
from amphost.link.line_view import LineView
from amphost.link.schema import read_schema
from amphost.plan.link_segments import TALLY_WORDS, TIMES

ZERO = {name: 0.0 if kind == "f64" else 0 for name, kind, _ in TALLY_WORDS}
ABOUT = {"board": "rig", "baud": 115200, "port": "/dev/ttyACM0", "schema_hash": 0xAB}
SCHEMA = read_schema("send position f32 1 rad -1 1\nsend ready bool 1 1 0 1\n")
UP = {
    "session": 2, "session_number": 77, "device_mode": 1, "states": 500, "protocol": 0x100,
    "firmware": 0x010203, "boot_nonce": 42, "reset_cause": 3, "schema_hash": 0xAB,
    "device_lease_us": 50_000, "frames_in": 500, "frames_out": 20, "load_in": 0.4321,
    "load_out": 0.0876, "bad_crc": 7, "replaced": 3, "reboots": 1, "clock_bound_ns": 123_400,
    "clock_skew_ppb": 34_960, "command_round_trip_us": 640, "command_timeout_us": 4000,
    "round_trip_count": 2, "round_trip_min_ns": 31_000, "round_trip_sum_ns": 80_000,
    "round_trip_max_ns": 49_000,
}  # fmt: skip


def view(**changed: Any) -> dict[str, Any]:
    """A second of a line, with some words changed."""
    words = ZERO | {"interval_ns": 500_000_000} | UP | changed
    return LineView("mcu").second(1_000_000_000, tally.words_of(list(words.values())))


def test_every_figure_stands_on_the_screen() -> None:
    """A figure that is told and not shown might as well be missing."""
    shown = block_text(view(), ABOUT, {})
    for figure in (
        "up, device ready, session 77, on /dev/ttyACM0 at 115200 baud",
        "firmware 1.2.3",
        "boot 42 by watchdog",
        "schema 000000ab",
        "lease 50 ms",
        "1000/s 43.2 % of the line, 500 frames in all",
        "40/s 8.8 % of the line, 20 frames in all",
        "bad_crc 7 (7)",
        "31/40/49 us (min/mean/max)",
        "commands 640 us, sent again after 4000 us",
        "+35.0 ppm, known to 123 us",
        "no actuation was applied",
        "3 actuations replaced before they left",
        "1 reboots of the device",
    ):
        assert figure in shown, figure


def test_what_is_not_known_is_no_figure() -> None:
    """Before the first answer there is little to say, and that is said."""
    shown = block_text(view(**(dict.fromkeys(UP, 0) | {"load_in": math.nan})), ABOUT, {})
    assert "it has not said who it is" in shown
    assert "not known" in shown
    assert "%" not in shown.split("in ")[1].splitlines()[0]
    assert "errors     none" in shown


def test_a_line_a_second_has_what_matters() -> None:
    """For a pipe, a log, or a second pair of eyes."""
    shown = line_text(view(session=3, refusal=2), 3.0)
    assert shown.startswith("     3.0  mcu  refused (schema)")
    assert "bad_crc 7 (7)" in shown


def test_parts_of_the_way_are_named() -> None:
    """Whose fault a late output is stands there."""
    times = {
        f"{name}_{word}": value
        for name in TIMES[1:]
        for word, value in (
            ("count", 2), ("min_ns", 1000), ("sum_ns", 200_000), ("max_ns", 3000)
        )
    }  # fmt: skip
    shown = block_text(view(**times), ABOUT, {})
    assert "sense-to-actuate 1/100/3 us" in shown
    assert "to host 100, loop 100, out 100, to device 100 us" in shown


def test_a_refusal_stands_by_the_session() -> None:
    """What differs, in the words of who has compared it."""
    refused = view(session=3, refusal=2) | {"refused_for": "position: the firmware says i16"}
    assert "refused    position: the firmware says i16" in block_text(refused, ABOUT, {})


def test_an_isolated_device_says_why() -> None:
    """It stands where the session would."""
    assert "isolated (it sent more than its share)" in line_text(view(isolated=2), 0.0)


def frame(**changed: Any) -> LineFrame:
    """A frame."""
    plain: dict[str, Any] = {
        "t_ns": 1,
        "way": Way.FROM_DEVICE,
        "size": 43,
        "verdict": Verdict.GOOD,
        "type": "STATE",
        "session": 7,
        "sequence": 9,
        "fields": {"mode": "ready", "values": {"position": 0.5, "ready": True}},
    }
    return LineFrame(**(plain | changed))


def test_a_frame_is_one_line() -> None:
    """With its values in their units, and what is odd about it in brackets."""
    shown = frame_text(frame(round_trip_ns=133_000, remarks=("2 lost before it",)), SCHEMA)
    assert shown == (
        "<-  STATE      43 B      7 #9      mode=ready position=0.5 rad ready=1"
        "  [133.0 us after it was asked]  [2 lost before it]"
    )
    bad = frame(verdict=Verdict.BAD_CRC, way=Way.TO_DEVICE, remarks=("damaged",))
    assert frame_text(bad, None) == "->  bad_crc    43 B  [damaged]"
