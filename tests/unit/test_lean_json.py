from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost import lean_json

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(VALUES)
def test_writes_and_reads_as_json_does(value: Any) -> None:
    """A handover or a status line that another program reads is JSON like any other."""
    text = lean_json.dumps(value)
    assert text == json.dumps(value)
    assert lean_json.loads(text.encode()) == json.loads(text) == value


@pytest.mark.parametrize("text", [b"", b"{", b"nothing", b"{} {}", b'{"a" 1}', b"\xff", b"[1,]"])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    """A supervisor that died while it wrote must not become a traceback."""
    with pytest.raises(ValueError, match=r"."):
        lean_json.loads(text)


def test_constants_of_python_pass() -> None:
    """An unlimited bound is written as Infinity by `json`, and read by it."""
    assert lean_json.loads(lean_json.dumps([float("inf"), -float("inf")]).encode()) == [
        float("inf"),
        -float("inf"),
    ]


def test_objects_become_what_the_hook_returns() -> None:
    """A plan is read as plain namespaces."""
    read = lean_json.loads(b' {"a": {"b": [1, {"c": 2}]}}\n', lambda each: SimpleNamespace(**each))
    assert read.a.b[1].c == 2


def test_what_json_cannot_write_is_refused() -> None:
    """It would be lost on the way."""
    with pytest.raises(TypeError, match="set is not JSON"):
        lean_json.dumps({"a": {1}})


def test_another_interpreter_is_given_json() -> None:
    """The C half is CPython's own; no other one has to have it."""
    code = (
        "import sys; sys.modules['_json'] = None\n"
        "from amphost import lean_json\n"
        "print(lean_json.loads(lean_json.dumps({'a': [1, None]}).encode(), dict))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{'a': [1, None]}\n"
