"""The types of single values, and the base of every mapping.

Rules. A pattern stands here once: the JSON Schema and the messages know it from here. The mappings
are only declared when they are imported; `spec.building` makes those ready that a file is read
with. Pure.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

__all__ = [
    "CLASS_PATTERN",
    "CORE_FIRMWARE_PATTERN",
    "NAME_PATTERN",
    "PORT_PATTERN",
    "SOURCE_PATTERN",
    "STREAM_PATTERN",
    "UNIT_PATTERN",
    "USB_PATTERN",
    "Arm",
    "ClassName",
    "Clock",
    "Core",
    "Milliseconds",
    "Model",
    "Name",
    "Number",
    "Phase",
    "PortName",
    "Positive",
    "Priority",
    "Range",
    "RateHz",
    "Source",
    "Stale",
    "StreamTarget",
    "Unit",
    "Wait",
    "matching",
]

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
SOURCE_PATTERN = r"^[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}$"
UNIT_PATTERN = r"^[A-Za-z0-9%][A-Za-z0-9%*/^.-]{0,15}$"
CLASS_PATTERN = r"^[^\s:]{1,1000}:[A-Za-z_][A-Za-z0-9_]{0,63}$"
STREAM_PATTERN = r"^(\d{1,3}(\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]):[1-9]\d{0,4}$"
CORE_FIRMWARE_PATTERN = r"^[A-Za-z0-9_.+-][A-Za-z0-9_.+/-]{0,199}$"
USB_PATTERN = r"^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$"
PORT_PATTERN = r"^(/dev/|socket://|unix://)\S{1,250}$"


def matching(pattern: str) -> Any:  # pydantic's FieldInfo
    """Return what says that a text is as `pattern`, compiled by Python for the long ones.

    pydantic's own expressions take 12 ms for the 1000 characters of a class, Python's 0.1 ms. The
    schema has the pattern as it stands here: Python's `$` would let a line end pass.
    """
    whole = re.compile(pattern.removesuffix("$") + r"\Z")
    return Field(pattern=whole, json_schema_extra={"pattern": pattern})


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Source = Annotated[str, Field(pattern=SOURCE_PATTERN)]
Unit = Annotated[str, Field(pattern=UNIT_PATTERN)]
Number = Annotated[float, Field(ge=-1e30, le=1e30)]
Positive = Annotated[float, Field(gt=0.0, le=1e30)]
Milliseconds = Annotated[float, Field(gt=0.0, le=600_000.0)]
Phase = Annotated[float, Field(ge=0.0, le=1000.0)]
RateHz = Annotated[float, Field(ge=1.0, le=20_000.0)]
Core = Annotated[int, Field(ge=0, le=255)]
Priority = Annotated[int, Field(ge=1, le=99)]
Range = Annotated[tuple[Number, Number], Strict(False)]
ClassName = Annotated[str, matching(CLASS_PATTERN)]
PortName = Annotated[str, matching(PORT_PATTERN)]
StreamTarget = Annotated[str, Field(pattern=STREAM_PATTERN)]
Clock = Literal["host", "device"]
Stale = Literal["hold", "value", "ramp", "trip"]
Arm = Literal["on_start", "manual"]
Wait = Literal["sleep", "hybrid", "spin"]


class Model(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        populate_by_name=False,
        defer_build=True,
    )
