"""What others see of `BLOCKS`: the JSON Schema of a block, and the reference page.

Rules. Pure. Both are made from `BLOCKS` alone, so neither can name a parameter that the parser
does not take. `python -m amphost.laws.reference` prints the page; docs/reference/laws.md is that
output, and a test compares them.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

import sys

from amphost.laws.blocks import BLOCKS, TUNABLE, Block, Parameter, SourceForm, UnitRule

__all__ = ["page", "schema"]

_UNITS = {
    UnitRule.SAME: "that of its sources, which must agree",
    UnitRule.KEEP: "that of its source",
    UnitRule.ANY: "not known: it fits wherever it is used",
}

_HEAD = """\
# Laws written as blocks

A law is a mapping of names to blocks. A block is a mapping with one key that names the block and
holds its source (an input of the role, or another block), its list of sources or its number; the
other keys are parameters. A block whose name the role also lists under `writes` is that output.

```yaml
law:
  error:   {subtract: [target, position]}
  voltage: {pid: error, kp: 9.0, ki: 25.0, kd: 0.08, derivative_cutoff_hz: 120, tunable: true}
```

* The order in the file does not matter; no block may need itself, not even through others.
* Every block must be needed by an output. A name may be used once, and may not be `blocks`, `c`
  or `python`.
* `tunable: true` marks parameters that may change while the system runs; the plan lists them.
* A unit that is empty or not known agrees with every other. Numbers lie within -1e12 and 1e12.
* Every filter is discretised by backward Euler at the role's period. A NaN passes through to the
  output, where the loop refuses it, and leaves no trace in any block's state.
* All state begins anew at each act of arming.

The exact equation of each block stands in `native/include/amp/program.h`.
"""


def page() -> str:
    """Return the reference page, in Markdown."""
    return "\n".join([_HEAD, *(_section(name, block) for name, block in BLOCKS.items())])


def schema() -> dict[str, object]:
    """Return the JSON Schema of one block."""
    return {"oneOf": [_block_schema(name, block) for name, block in BLOCKS.items()]}


def _section(name: str, block: Block) -> str:
    lines = [f"## {name}", "", block.text, "", "```yaml", block.example, "```", ""]
    if block.sources is SourceForm.LIST:
        lines.append(f"Sources: {block.source_min} to {block.source_max} signals.")
    lines += [f"Unit of its value: {_UNITS[block.unit]}.", ""]
    if block.parameters:
        lines += [
            "| key | meaning | unit | range | when left out |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_row(parameter) for parameter in block.parameters]
        lines.append("")
    return "\n".join(lines)


def _row(parameter: Parameter) -> str:
    key = f"`{parameter.key}: [low, high]`" if parameter.pair else f"`{parameter.key}`"
    span = f"{parameter.minimum:g} to {parameter.maximum:g}"
    meaning = parameter.text.removesuffix(".").lower()
    return f"| {key} | {meaning} | {parameter.unit} | {span} | {_absent(parameter)} |"


def _absent(parameter: Parameter) -> str:
    if parameter.required:
        return "refused"
    if parameter.default is not None:
        return f"{parameter.default:g}"
    refused = f"refused when `{parameter.needed_with}` is not 0"
    if parameter.from_output:
        return f"the range of the output that the block is; else {refused}"
    return refused


def _block_schema(name: str, block: Block) -> dict[str, object]:
    properties: dict[str, object] = {}
    if block.sources is SourceForm.ONE:
        properties[name] = {"type": "string"}
    elif block.sources is SourceForm.LIST:
        properties[name] = {
            "type": "array",
            "items": {"type": "string"},
            "minItems": block.source_min,
            "maxItems": block.source_max,
        }
    for parameter in block.parameters:
        properties[parameter.key] = _parameter_schema(parameter)
    if block.parameters:
        properties[TUNABLE] = {"type": "boolean", "default": False}
    required = [name, *(one.key for one in block.parameters if one.required and one.key != name)]
    return {
        "type": "object",
        "description": block.text,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _parameter_schema(parameter: Parameter) -> dict[str, object]:
    number: dict[str, object] = {
        "type": "number",
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
    }
    described: dict[str, object] = {"description": f"{parameter.text} Unit: {parameter.unit}."}
    if parameter.pair:
        return {**described, "type": "array", "items": number, "minItems": 2, "maxItems": 2}
    if parameter.default is not None:
        number["default"] = parameter.default
    return {**described, **number}


if __name__ == "__main__":
    sys.stdout.write(page())
