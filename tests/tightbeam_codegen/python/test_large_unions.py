"""Unions with more branches than a type may have: what is said, and that nothing else is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files, errors
from tightbeam._payload.load import load


def one(index: int) -> dict[str, Any]:
    """A closed object that says everything."""
    return {
        "type": "object",
        "properties": {"kind": {"const": f"k{index}"}, "n": {"type": "integer"}},
        "required": ["kind"],
        "additionalProperties": False,
    }


def some(count: int, keyword: str = "oneOf", first: int = 0) -> dict[str, Any]:
    return {keyword: [one(index) for index in range(first, first + count)]}


DIRECT = "this union of 257 branches is too large for a type, which leaves it out: 256 branches are the limit"
NESTED = (
    "this union of 300 branches is too large for a type, which leaves out some of it:"
    " 256 branches are the limit"
)
BESIDE = (
    "this union of 10 branches is too large for a type, which leaves it out: 256 branches are the limit,"
    " those of the unions around it included"
)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (some(257), DIRECT),
        (some(257, "anyOf"), DIRECT),
        ({"type": "object", **some(257)}, DIRECT),
        ({"type": "object", "properties": {"x": some(257)}, "additionalProperties": False}, DIRECT),
        ({"type": "array", "items": some(257)}, DIRECT),
        ({"type": "object", "additionalProperties": some(257)}, DIRECT),
        ({"allOf": [some(257), {"type": "object", "properties": {"id": {"type": "string"}}}]}, DIRECT),
        pytest.param(
            {"oneOf": [some(10, first=10 * index) for index in range(30)]}, NESTED, marks=pytest.mark.slow
        ),
        ({"type": "object", "oneOf": [some(10, first=10 * index) for index in range(30)]}, BESIDE),
    ],
    ids=["oneOf", "anyOf", "typed", "property", "list", "map", "allOf", "nested", "beside"],
)
def test_it_says_that_the_union_is_too_large(schema: dict[str, Any], said: str, tmp_path: Path) -> None:
    found = compile_files(tmp_path, {"c.channel.json": channel("c", t=schema)})
    assert errors(found) == []
    assert {problem.message for problem in found.result.problems} == {said}
    assert {problem.remedy for problem in found.result.problems} == {
        "Make several topics of it, one for each kind of message."
    }
    assert all(problem.place is not None for problem in found.result.problems)


def test_one_of_the_size_of_the_limit_is_typed(tmp_path: Path) -> None:
    found = compile_files(tmp_path, {"c.channel.json": channel("c", t=some(256))})
    assert found.result.problems == ()
    assert "class TK255(" in found.files["c.py"]


def test_as_several_topics_all_of_it_is_typed(tmp_path: Path) -> None:
    topics = {f"t{index}": some(10, first=10 * index) for index in range(30)}
    found = compile_files(tmp_path, {"c.channel.json": channel("c", **topics)})
    assert found.result.problems == ()
    assert "Any" not in found.files["c.py"]


@pytest.mark.parametrize("order", [["all", "one"], ["one", "all"]])
def test_one_part_of_it_is_typed_wherever_it_is_first_met(order: list[str], tmp_path: Path) -> None:
    """What a definition comes to doesn't depend on the other topics."""
    families = {f"F{index}": some(10, first=10 * index) for index in range(30)}
    schemas = {
        "all": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in families]},
        "one": {"$ref": "#/$defs/F29"},
    }
    definition = channel("c", **{name: schemas[name] for name in order}) | {"$defs": families}
    found = compile_files(tmp_path, {"c.channel.json": definition})
    assert {problem.message for problem in found.result.problems} == {NESTED}
    module = found.module("c")
    assert load(module.c_channel.one, b'{"kind":"k299","n":1}').n == 1
    assert load(module.c_channel.all, b'{"kind":"k5","n":1}').n == 1
    assert load(module.c_channel.all, b'{"kind":"k299","n":1}') == {"kind": "k299", "n": 1}


def test_many_branches_that_no_type_tells_apart_are_no_matter(tmp_path: Path) -> None:
    branches = [{"required": [f"p{index}"]} for index in range(300)]
    schema = {**one(0), "anyOf": branches}
    found = compile_files(tmp_path, {"c.channel.json": channel("c", t=schema)})
    assert found.result.problems == ()


def test_what_is_open_beside_it_is_still_said(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"x": some(257), "y": {}},
        "additionalProperties": False,
    }
    found = compile_files(tmp_path, {"c.channel.json": channel("c", t=schema)})
    assert sorted(problem.message for problem in found.result.problems) == [
        "the type is left open here, so Python's will be Any",
        DIRECT,
    ]
