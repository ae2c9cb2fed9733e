"""Parameters of a device: numbers of its firmware that people may set while it runs.

Rules. As in `spec.board`: every field with its sentence. A parameter has a name that no value sent
has, since both are read as `ROLE.NAME`; a device keeps at most eight. Pure.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import Field

from amphost.spec.positions import KeyPath, Problem
from amphost.spec.value_types import Model, Number, Range, Unit

__all__ = ["PARAMETERS_MAX", "ParameterSpec", "parameter_problems"]

PARAMETERS_MAX = 8
"""AMP_PUMP_PARAMETERS_MAX of pump.h, and AMP_DEVICE_PARAMETERS_MAX where memory is plenty."""
PUBLISHED = ("device_us", "applied", "sampled_ns")
"""What an io role publishes besides the values that its device sends."""


class ParameterSpec(Model):
    """A number of the firmware that people may set while it runs."""

    unit: Unit = Field("1", description="Unit of the parameter, such as `V/rad`.")
    range: Range = Field(description="What the device takes: [low, high].")
    initial: Number = Field(
        description="What it is at each start of the device, until somebody sets another."
    )


def parameter_problems(
    path: KeyPath, parameters: Mapping[str, ParameterSpec], sends: Collection[str]
) -> Iterator[Problem]:
    """Check the parameters of one device."""
    if len(parameters) > PARAMETERS_MAX:
        rule = f"it has {len(parameters)} parameters, and {PARAMETERS_MAX} is the limit"
        yield Problem(path=path, rule=rule, remedy="keep the others in the firmware", key=True)
    for name in parameters:
        if name in sends or name in PUBLISHED:
            rule = f"{name} is the name of a value that its io role publishes"
            yield Problem(path=(*path, name), rule=rule, remedy="give it another", key=True)
