"""What others see of `BLOCKS`: the JSON Schema of a block, and the reference page.

Rules. Pure. Both are made from `BLOCKS` alone, so neither can name a parameter that the parser
does not take. `python -m amphost.laws.reference` prints the page; docs/reference/laws.md is that
output, and a test compares them.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

import sys

from amphost.laws.blocks import BLOCKS, GROUPS, TUNABLE, Block, Parameter, SourceForm, UnitRule
from amphost.laws.declare import Table

__all__ = ["page", "schema"]

_UNITS = {
    UnitRule.SAME: "that of its sources, which must agree",
    UnitRule.KEEP: "that of its source",
    UnitRule.ANY: "not known: it fits wherever it is used",
    UnitRule.TRUTH: "`bool`",
    UnitRule.SECONDS: "s",
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
* A truth is a signal in the unit `bool`: 1 or 0, and true is what lies above 0.5. An operator's
  value, a device's value or an output with `unit: bool` is one too. Logic reads truths, the other
  blocks numbers; `greater` and `hysteresis` make a truth of numbers, `gain` a number of a truth.
* Filters in continuous time are discretised by backward Euler or by Tustin's rule at the role's
  period; each block says which. After a skipped tick those by backward Euler, and all that counts
  time, take the longer step; `delay`, `biquad`, `lowpass2`, `notch` and `statespace` take every
  tick for one period.
* A NaN passes through to the output, where the loop refuses it, and leaves no trace in any block's
  state. No block divides by 0, and none costs much more in one period than in another.
* All state begins anew at each act of arming: how, each block says.
* The same inputs give the same bits: no block calls the C library, and no product is fused with a
  sum.

In the equations `a`, `b`, ... are the sources, `y` is the value, `[k]` the period, `dt` its length
in s. The numbers of each instruction stand in `native/include/amp/program.h`.

| | |
| --- | --- |
"""


def page() -> str:
    """Return the reference page, in Markdown."""
    lines = [_HEAD + _contents()]
    for title, group in GROUPS.items():
        lines += [f"## {title}", ""]
        lines += [_section(name, block) for name, block in group.items()]
    return "\n".join(lines)


def _contents() -> str:
    rows = []
    for title, group in GROUPS.items():
        links = ", ".join(f"[{name}](#{name})" for name in group)
        rows.append(f"| {title} | {links} |\n")
    return "".join(rows)


def schema() -> dict[str, object]:
    """Return the JSON Schema of one block."""
    return {"oneOf": [_block_schema(name, block) for name, block in BLOCKS.items()]}


def _section(name: str, block: Block) -> str:
    lines = [f"### {name}", "", block.text, "", "```yaml", block.example, "```", ""]
    lines += [f"    {block.equation}", ""]
    if block.sources is SourceForm.LIST:
        span = f"{block.source_min} to {block.source_max}"
        count = span if block.source_min < block.source_max else f"{block.source_min}"
        lines.append(f"Sources: {count} signals{_truths(block)}.")
    elif block.truths:
        lines.append("Its source is a truth.")
    lines.append(f"Unit of its value: {_UNITS[block.unit]}.")
    if block.begins:
        lines.append(f"It begins {block.begins}.")
    if block.literature:
        lines.append(f"Source: {block.literature}.")
    lines.append("")
    if block.keys:
        lines += [
            "| key | meaning | unit | range | when left out |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_row(parameter) for parameter in block.parameters]
        lines += [_table_row(table) for table in block.tables]
        lines.append("")
    return "\n".join(lines)


def _truths(block: Block) -> str:
    if block.truths >= block.source_max:
        return ", all of them truths"
    return ", the first of them a truth" if block.truths else ""


def _table_row(table: Table) -> str:
    least, most = table.rows
    meaning = table.text.removesuffix(".").lower() if table.columns > 0 else table.text[:-1]
    span = f"{least} to {most} {table.numbers if table.columns >= 0 else 'rows'}"
    return f"| `{table.key}: {table.form}` | {meaning} | {table.unit} | {span} | refused |"


def _row(parameter: Parameter) -> str:
    key = f"`{parameter.key}: [low, high]`" if parameter.pair else f"`{parameter.key}`"
    span = f"{parameter.minimum:g} to {parameter.maximum:g}"
    if parameter.below_half_rate:
        span += ", below half of the role's rate"
    if parameter.choices:
        span = ", ".join(f"`{word}`" for word in parameter.choices)
    meaning = parameter.text.removesuffix(".").lower()
    return f"| {key} | {meaning} | {parameter.unit} | {span} | {_absent(parameter)} |"


def _absent(parameter: Parameter) -> str:
    if parameter.required:
        return "refused"
    if parameter.choices:
        return f"`{parameter.choices[int(parameter.default or 0)]}`"
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
    for table in block.tables:
        properties[table.key] = _table_schema(table)
    if block.can_be_tuned:
        properties[TUNABLE] = {"type": "boolean", "default": False}
    required = [name, *(one.key for one in block.parameters if one.required and one.key != name)]
    required += [table.key for table in block.tables]
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
    if parameter.choices:
        return {**described, "enum": list(parameter.choices)}
    if parameter.whole:
        number["type"] = "integer"
    if parameter.pair:
        return {**described, "type": "array", "items": number, "minItems": 2, "maxItems": 2}
    if parameter.default is not None:
        number["default"] = parameter.default
    return {**described, **number}


def _table_schema(table: Table) -> dict[str, object]:
    items: dict[str, object] = {"type": "number"}
    if table.columns != 0:
        items = {"type": "array", "items": items}
    if table.columns > 0:
        items |= {"minItems": table.columns, "maxItems": table.columns}
    least, most = table.rows
    described = f"{table.text} Unit: {table.unit}."
    return {
        "description": described,
        "type": "array",
        "items": items,
        "minItems": least,
        "maxItems": most,
    }


if __name__ == "__main__":
    sys.stdout.write(page())
