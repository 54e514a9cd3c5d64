"""JSON laid out for readers: the same value, in lines that show a change where it is made."""

from __future__ import annotations

import ast
import difflib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tightbeam_codegen.python.test_literals import TEXT
from tightbeam_codegen.readable_json import readable_json
from tightbeam_codegen.targets.python import ir
from tightbeam_codegen.targets.python.printer import Printer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_it_reads_back(value: Any) -> None:
    text = readable_json(json.dumps(value))
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert all(line == line.rstrip() for line in text.split("\n"))


@given(VALUES)
def test_the_module_holds_it_as_one_constant(value: Any) -> None:
    schemas = ir.Schemas(("_schemas", "x"), "x.channel.json", "0" * 64, json.dumps(value))
    *_, assignment = ast.parse(Printer("0.1.0", 88).schemas(schemas).encode()).body
    assert isinstance(assignment, ast.Assign)
    assert isinstance(assignment.value, ast.Constant)
    assert json.loads(str(assignment.value.value)) == value


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ({}, ["{}"]),
        ([], ["[]"]),
        ({"a": [], "b": {}}, ['{"a": [], "b": {}}']),
        ({"type": "string", "maxLength": 5}, ['{"type": "string", "maxLength": 5}']),
        ({"a": "x" * 90}, [f'{{"a": "{"x" * 90}"}}']),
        ({"a": "x" * 91}, ["{", f' "a": "{"x" * 91}"', "}"]),
        ({"a": {"b": "x" * 90}, "c": [1]}, ["{", ' "a": {', f'  "b": "{"x" * 90}"', " },", ' "c": [1]', "}"]),
        (["x" * 60, "y" * 60], ["[", f' "{"x" * 60}",', f' "{"y" * 60}"', "]"]),
        ("\u202e\x85\x7f\U000e0001é汉", ['"\\u202e\\u0085\\u007f\\udb40\\udc01é汉"']),
    ],
)  # fmt: skip
def test_what_fits_is_on_one_line(value: Any, lines: list[str]) -> None:
    assert readable_json(json.dumps(value)).split("\n") == lines


def test_a_new_property_is_one_line_of_a_difference() -> None:
    properties = {f"property{number}": {"type": "string", "minLength": number} for number in range(40)}
    before = readable_json(json.dumps({"properties": properties}))
    after = readable_json(json.dumps({"properties": {**properties, "property19": {"type": "integer"}}}))
    changes = [line for line in difflib.ndiff(before.split("\n"), after.split("\n")) if line[0] in "+-"]
    assert changes == [
        '-   "property19": {"type": "string", "minLength": 19},',
        '+   "property19": {"type": "integer"},',
    ]
