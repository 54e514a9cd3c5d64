"""Schemas that would take very long to compare come back undecided, or are decided, within a bound."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from tests.tightbeam_codegen.compare.containment.random_pairs import random_pair
from tightbeam_codegen.compare.containment import Contained, Refused, Side, Undecided, contains
from tightbeam_codegen.compare.containment.formulas import Literal
from tightbeam_codegen.compare.containment.nodes import NodeTable
from tightbeam_codegen.compare.containment.solver import OutOfStepsError, Solver


def nested(keyword: str, depth: int, innermost: Any) -> Any:
    """A schema with arrays or objects inside one another."""
    for _ in range(depth):
        inner = innermost if keyword == "items" else {"a": innermost}
        innermost = {"type": "array" if keyword == "items" else "object", keyword: inner}
    return innermost


def doubling(depth: int, innermost: Any) -> Any:
    """A schema whose branches double at each level."""
    for _ in range(depth):
        innermost = {"anyOf": [{"properties": {name: innermost}, "type": "object"} for name in "ab"]}
    return innermost


def chain(length: int, last: Any) -> Any:
    """Definitions each of which refers to the next one twice."""
    definitions = {
        f"d{index}": {"type": "object", "properties": {n: {"$ref": f"#/$defs/d{index + 1}"} for n in "ab"}}
        for index in range(length)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{length}": last}}


def classes(count: int, bound: int) -> Any:
    """A union of recursive classes that a tag tells apart."""
    node = {"$ref": "#/$defs/n"}
    branches = [
        {
            "type": "object",
            "properties": {"k": {"const": f"k{index}"}, "l": node, "r": node, "v": {"maximum": bound}},
            "required": ["k"],
            "additionalProperties": False,
        }
        for index in range(count)
    ]
    return {**node, "$defs": {"n": {"oneOf": branches}}}


def either(names: str, count: int) -> Any:
    """A schema in which one of two properties is required, many times."""
    return {"allOf": [{"anyOf": [{"required": [f"{name}{i}"]} for name in names]} for i in range(count)]}


def text(pattern: str) -> Any:
    return {"type": "string", "pattern": pattern}


HOSTILE = {
    "deep objects": (
        nested("properties", 90, {"type": "string"}),
        nested("properties", 90, {"type": "null"}),
    ),
    "deep arrays": (nested("items", 90, {"type": "string"}), nested("items", 90, {"type": "integer"})),
    "deeper than anything": (nested("items", 600, {"type": "string"}), nested("items", 600, {})),
    "branches that double": (doubling(9, {"type": "string"}), doubling(9, {"type": "integer"})),
    "references that double": (chain(50, {"type": "string"}), chain(50, {"type": "integer"})),
    "recursive classes": (classes(8, 5), classes(8, 6)),
    "alternatives that multiply": (either("xy", 25), either("yz", 25)),
    "long enumeration": ({"enum": list(range(20_000))}, {"enum": list(range(20_001))}),
    "many constants": ({"anyOf": [{"const": i} for i in range(150)]}, {"anyOf": [{"const": 0}]}),
    "wide object": ({"properties": {f"p{i}": {"maximum": i} for i in range(300)}}, {"type": "object"}),
    "pattern that backtracks": (text("^(a+)+$"), text("^(a|aa)+b?$")),
    "pattern with many states": (text("^(a|b)*a(a|b){18}$"), text("^(a|b)*b(a|b){18}$")),
    "long repetition": (text("^a{1,100000}$"), text("^a{1,10000}$")),
    "nested repetition": (text("^((a{1,50}){1,50}){1,50}$"), text("^b?$")),
    "pattern that is very long": (text("^" + "a?" * 3_000 + "$"), text("^" + "b?" * 3_000 + "$")),
    "many items": ({"type": "array", "minItems": 10**9}, {"type": "array", "minItems": 10**8}),
    "many different items": (
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 501},
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 500},
    ),
    "long text": ({"type": "string", "minLength": 10**12}, {"type": "string", "minLength": 10**11}),
    "many properties": ({"type": "object", "minProperties": 10**9}, {"type": "object", "minProperties": 1}),
    "large multiples": ({"multipleOf": 999_983}, {"multipleOf": 999_979}),
    "small multiples": ({"multipleOf": 1e-300}, {"multipleOf": 1e-299}),
    "many items that must be there": (
        {"type": "array", "allOf": [{"contains": {"const": i}} for i in range(20)], "maxItems": 19},
        {"type": "array", "allOf": [{"contains": {"const": i}} for i in range(20)], "maxItems": 20},
    ),
    "equal items among many": (
        {"type": "array", "minItems": 1_900, "uniqueItems": True},
        {"type": "array", "minItems": 1_900},
    ),
    "counted items": (
        {"type": "array", "contains": {"const": 1}, "minContains": 20, "maxContains": 30},
        {"type": "array", "contains": {"minimum": 1}, "minContains": 19, "maxContains": 31},
    ),
    "reference to itself": ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, {"type": "null"}),
    "branch that is itself": ({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, {"type": "string"}),
    "the opposite of itself": ({"not": {"$ref": "#"}}, {"type": "string"}),
    "many patterns of names": (
        {"patternProperties": {f"^{letter}": {"type": "string"} for letter in "abcdefghijkl"}},
        {"patternProperties": {f"^{letter}": {"type": "integer"} for letter in "abcdefghijkl"}},
    ),
    "many unevaluated branches": (
        {"unevaluatedProperties": False, "anyOf": [{"properties": {f"p{i}": {}}} for i in range(15)]},
        {"unevaluatedProperties": False, "anyOf": [{"properties": {f"p{i}": {}}} for i in range(16)]},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("as_written", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_comparison_ends(name: str, *, as_written: bool) -> None:
    first, second = map(Side.of_schema, HOSTILE[name])
    for reader, writer in ((first, second), (second, first)):
        assert isinstance(contains(reader, writer, as_written=as_written), Contained | Refused | Undecided)


def test_what_is_nested_as_deep_as_definitions_may_be_is_decided() -> None:
    wide, narrow = (Side.of_schema(nested("properties", 90, each)) for each in ({}, {"type": "null"}))
    assert contains(wide, narrow) == Contained()
    assert isinstance(contains(narrow, wide), Refused)


def test_work_is_counted_and_ends() -> None:
    table = NodeTable()
    _, node = table.side(Side.of_schema(doubling(12, {"type": "string"})))
    with pytest.raises(OutOfStepsError):
        Solver(table, steps=10, depth=30).solve(frozenset([Literal(node)]))


@pytest.mark.slow
def test_items_that_meet_many_demands_take_no_memory() -> None:
    contained = {"type": "array", "allOf": [{"contains": {"const": index}} for index in range(8)]}
    reader, writer = (Side.of_schema({**contained, "maxItems": most}) for most in (7, 8))
    tracemalloc.start()
    try:
        assert isinstance(contains(reader, writer), Refused | Undecided)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


def test_equal_questions_have_equal_answers() -> None:
    first, second = Side.of_schema(classes(5, 5)), Side.of_schema(classes(5, 6))
    answers = [contains(first, second) for _ in range(3)]
    assert isinstance(answers[0], Refused)
    assert answers[1:] == answers[:1] * 2


@pytest.mark.slow
def test_negations_of_large_alternatives_are_worked_out_once() -> None:
    pair = random_pair(40_370)
    reader, writer = (Side.of_schema(each, dialect=pair.dialect) for each in (pair.reader, pair.writer))
    assert isinstance(contains(reader, writer), Contained | Refused | Undecided)
