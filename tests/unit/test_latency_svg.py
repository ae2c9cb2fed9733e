"""The picture: well formed, complete, and alone."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from amphost.latency.svg import HEIGHT, WIDTH, picture
from amphost.latency.tally import Tally, from_values

SVG = "{http://www.w3.org/2000/svg}"
ONE = from_values([(7, 500), (15_000, 90_000), (1_200_000, 1)])


def parsed(**tallies: Tally) -> ET.Element:
    """Return the root of a picture."""
    text = picture(tallies, "A <title> & more", ["one", 'two "quoted"'])
    return ET.fromstring(text)  # noqa: S314 - our own picture, made just above


def words(root: ET.Element) -> list[str]:
    """Return every text."""
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_it_is_one_file_that_needs_no_other() -> None:
    """It goes into a report or an e-mail."""
    text = picture({"hybrid": ONE}, "t", [])
    assert "href" not in text
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text


def test_every_word_stands_in_it_and_is_escaped() -> None:
    """A model name may hold anything."""
    found = words(parsed(hybrid=ONE))
    assert {"A <title> & more", "one", 'two "quoted"', "wake-up latency", "periods"} <= set(found)
    (legend,) = [text for text in found if text.startswith("hybrid")]
    assert legend == "hybrid: p50 15, p99 15, p99.9 15, p99.99 15, max 1200 us, n 90,501"


@pytest.mark.parametrize("largest", [0, 9, 10, 11, 9_999, 10_000, 10_001, 10**9, 10**12])
def test_curves_stay_on_the_picture(largest: int) -> None:
    """Whatever was measured, from nothing to minutes."""
    root = parsed(hybrid=from_values([(largest, 3)]), sleep=from_values([(15_000, 10**7)]))
    curves = [path for path in root.iter(f"{SVG}path") if path.get("class") == "curve"]
    assert len(curves) == 2
    for curve in curves:
        points = re.findall(r"([\d.]+) ([\d.]+)", curve.get("d") or "")
        assert len(points) > 10
        assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in points)
        assert min(float(y) for _, y in points) < HEIGHT - 60  # something rises from the axis


def test_what_was_not_measured_has_no_curve() -> None:
    """An interrupted run may not have come to the other contestant."""
    root = parsed(hybrid=ONE, cyclictest=Tally())
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "curve"]) == 1
    assert not any("cyclictest" in text for text in words(root))
