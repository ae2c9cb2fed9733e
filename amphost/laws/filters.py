"""Filters: what they let through depends on frequency.

Rules. Declarations alone; see `laws.blocks`. `lowpass2` and `notch` are designed into one section
of a biquad at the role's rate, by `laws.pack`.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from amphost.laws.declare import Block, Parameter, SourceForm, Table, UnitRule

__all__ = ["FILTERS", "cutoff"]

_SETTLED: Final = "as though the first sample had always stood"
_SECTION: Final = (
    "A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, ch. 6 and 7 "
    "(second-order sections, bilinear transformation)"
)


def cutoff(text: str) -> Parameter:
    """Return a cutoff frequency that becomes a time constant."""
    return Parameter(
        key="cutoff_hz",
        text=text,
        unit="Hz",
        required=True,
        minimum=1e-6,
        maximum=1e6,
        time_constant=True,
    )


def _frequency(key: str, text: str) -> Parameter:
    return Parameter(
        key=key,
        text=text,
        unit="Hz",
        required=True,
        minimum=1e-3,
        maximum=1e4,
        below_half_rate=True,
    )


FILTERS: Mapping[str, Block] = MappingProxyType(
    {
        "lowpass": Block(
            op=5,
            text="First-order low-pass; the first sample passes unchanged.",
            equation="y[k] = y[k-1] + dt / (tau + dt) * (a - y[k-1]), tau = 1 / (2 pi cutoff_hz); "
            "backward Euler",
            example="smooth: {lowpass: x, cutoff_hz: 50}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=2,
            parameters=(cutoff("The frequency at which 0.71 of the amplitude is left."),),
            begins=_SETTLED,
        ),
        "highpass": Block(
            op=23,
            text="First-order high-pass: what a low-pass would take away.",
            equation="y = a - lowpass(a); backward Euler",
            example="moving: {highpass: x, cutoff_hz: 0.5}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=2,
            parameters=(cutoff("The frequency at which 0.71 of the amplitude is left."),),
            begins="with 0, " + _SETTLED,
        ),
        "lowpass2": Block(
            op=26,
            text="Second-order low-pass; with the damping left out, a Butterworth filter.",
            equation="H(s) = w^2 / (s^2 + 2 damping w s + w^2), w = 2 pi cutoff_hz; Tustin, "
            "prewarped to be exact at cutoff_hz",
            example="smooth: {lowpass2: x, cutoff_hz: 80, damping: 0.7}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=1,
            parameters=(
                _frequency("cutoff_hz", "The natural frequency."),
                Parameter(
                    key="damping",
                    text="Damping ratio.",
                    unit="1",
                    default=0.7071067811865476,
                    minimum=0.01,
                    maximum=10.0,
                ),
            ),
            begins=_SETTLED,
            literature=_SECTION,
            fixed=True,
        ),
        "notch": Block(
            op=26,
            text="Takes one frequency out and leaves what is far from it.",
            equation="H(s) = (s^2 + w^2) / (s^2 + 2 pi width_hz s + w^2), w = 2 pi frequency_hz; "
            "Tustin, with frequency and width as they are asked for",
            example="quiet: {notch: x, frequency_hz: 50, width_hz: 10}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=1,
            parameters=(
                _frequency("frequency_hz", "The frequency that it takes out."),
                _frequency("width_hz", "Between the frequencies with 0.71 of the amplitude."),
            ),
            begins=_SETTLED,
            literature=_SECTION,
            fixed=True,
        ),
        "biquad": Block(
            op=26,
            text="Second-order sections in series, at the role's rate, as filter designers print "
            "them.",
            equation="H(z) = product of (b0 + b1/z + b2/z^2) / (a0 + a1/z + a2/z^2); direct form "
            "II transposed",
            example="shaped: {biquad: x, sections: [[0.2, 0.4, 0.2, 1.0, -0.4, 0.2]]}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=1,
            tables=(
                Table(
                    key="sections",
                    text="The sections, none of them unstable.",
                    unit="1",
                    rows=(1, 8),
                    columns=6,
                    form="[[b0, b1, b2, a0, a1, a2], ...]",
                ),
            ),
            begins=_SETTLED + "; with 0 where a section integrates",
            literature=_SECTION,
        ),
        "derivative": Block(
            op=25,
            text="The rate of change, filtered by a first-order low-pass.",
            equation="y[k] = (tau * y[k-1] + a[k] - a[k-1]) / (tau + dt), "
            "tau = 1 / (2 pi cutoff_hz); backward Euler",
            example="speed: {derivative: position, cutoff_hz: 100}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=3,
            parameters=(cutoff("Cutoff of the low-pass."),),
            begins="with 0, " + _SETTLED,
            literature="K. J. Astrom, R. M. Murray, Feedback Systems, ch. 11",
        ),
        "delay": Block(
            op=29,
            text="The source as it was some periods ago.",
            equation="y[k] = a[k - ticks]",
            example="earlier: {delay: x, ticks: 5}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=2,
            parameters=(
                Parameter(
                    key="ticks",
                    text="How many periods of the role.",
                    unit="periods",
                    required=True,
                    minimum=1,
                    maximum=512,
                    whole=True,
                ),
            ),
            begins=_SETTLED,
            mixed=True,
            fixed=True,
        ),
    }
)
