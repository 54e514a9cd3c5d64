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


@pytest.mark.slow
@given(VALUES)
def test_it_reads_back(value: Any) -> None:
    text = readable_json(json.dumps(value))
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert all(line == line.rstrip() for line in text.split("\n"))


@given(VALUES)
def test_the_module_holds_it_as_one_constant(value: Any) -> None:
    schemas = ir.Schemas(("_schemas", "x"), "x.channel.json", "0" * 64, "The schemas.", json.dumps(value))
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


@pytest.mark.parametrize("keyword", ["properties", "$defs", "definitions", "patternProperties"])
def test_each_property_has_a_line(keyword: str) -> None:
    """However short they are: one that comes is one line of a difference, and the comma before it."""
    text = readable_json(json.dumps({keyword: {"a": {"type": "string"}, "b": True}, "type": "object"}))
    assert text.split("\n") == [
        "{",
        f' "{keyword}": {{',
        '  "a": {"type": "string"},',
        '  "b": true',
        " },",
        ' "type": "object"',
        "}",
    ]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf", "prefixItems"])
def test_each_branch_has_a_line(keyword: str) -> None:
    text = readable_json(json.dumps({keyword: [{"type": "string"}, {"$ref": "x"}]}))
    assert text.split("\n")[2:4] == ['  {"type": "string"},', '  {"$ref": "x"}']


@pytest.mark.parametrize("count", [2, 40])
def test_a_changed_property_is_one_line_of_a_difference(count: int) -> None:
    properties = {f"property{number}": {"type": "string", "minLength": number} for number in range(count)}
    before = readable_json(json.dumps({"properties": properties}))
    after = readable_json(json.dumps({"properties": {**properties, "property1": {"type": "integer"}}}))
    comma = "," if count > 2 else ""
    changes = [line for line in difflib.ndiff(before.split("\n"), after.split("\n")) if line[0] in "+-"]
    assert changes == [
        f'-   "property1": {{"type": "string", "minLength": 1}}{comma}',
        f'+   "property1": {{"type": "integer"}}{comma}',
    ]
