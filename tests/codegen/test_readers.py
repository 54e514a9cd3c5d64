"""What readers with older bindings make of messages that a newer publisher sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codegen.compiling import Compiled, channel, compile_files, errors
from tests.codegen.schemas import INTEGER, STRING, closed, open_object, ref
from tightbeam import InvalidPayload
from tightbeam._payload.check import encode
from tightbeam._payload.model import load

EVEN = {"type": "integer", "multipleOf": 2}
ODD = {"type": "integer", "not": {"multipleOf": 2}}
PAID = closed("kind", kind={"const": "paid"}, cents=INTEGER)
SHIPPED = closed("kind", kind={"const": "shipped"}, carrier=STRING)
MODE = {"enum": ["a", "b"]}
TOPICS: dict[str, Any] = {
    "flat": closed("a", a=INTEGER, level={"enum": ["low", "high"]}),
    "nested": closed("", inner=closed("", deep=closed("", a=INTEGER))),
    "array": {"type": "array", "items": closed("a", a=INTEGER)},
    "map": {"type": "object", "additionalProperties": closed("a", a=INTEGER)},
    "recursive": ref("tree.json"),
    "open": open_object(child=closed("", a=INTEGER)),
    "unevaluated": {
        "type": "object",
        "allOf": [{"properties": {"a": INTEGER}}],
        "properties": {"b": INTEGER},
        "unevaluatedProperties": False,
    },
    "tagged": {"oneOf": [PAID, SHIPPED]},
    "untagged": {"anyOf": [closed("a", a=INTEGER), closed("a b", a=INTEGER, b=INTEGER)]},
    "told": {"oneOf": [closed("n", n=EVEN), closed("n", n=ODD)]},
    "enumerated": {"anyOf": [closed("x", x=INTEGER), closed("x mode", x=INTEGER, mode=MODE)]},
    "beside_open": {
        "anyOf": [closed("a", a=INTEGER), {**open_object(x=closed("", y=INTEGER)), "required": ["x"]}]
    },
    "nullable": {"anyOf": [closed("a", a=INTEGER), {"type": "null"}, STRING]},
    "named": closed("", **{"giftFor": STRING, "class": INTEGER}),
    "numbered": closed("", version={"const": 1}, a=INTEGER),
    "by_number": {
        "oneOf": [closed("v", v={"const": 1}, a=INTEGER), closed("v", v={"const": 2}, b=INTEGER)],
    },
    "mixed_lists": {"anyOf": [{"type": "array", "items": PAID}, {"type": "array", "items": SHIPPED}]},
}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    tree = closed("", label=STRING, children={"type": "array", "items": {"$ref": "#"}})
    files = {"x.channel.json": channel(**TOPICS), "tree.json": tree}
    made: Compiled = compile_files(tmp_path_factory.mktemp("readers"), files)
    assert errors(made) == []
    return made.module("x").x_channel


@pytest.mark.parametrize(
    ("topic", "sent", "read"),
    [
        ("flat", {"a": 1, "new": 2}, {"a": 1}),
        ("flat", {"a": 1.0, "new": 2.0}, {"a": 1}),
        ("flat", {"a": 1, "new": {"deep": [{}]}}, {"a": 1}),
        (
            "nested",
            {"new": 1, "inner": {"new": 2, "deep": {"a": 1, "new": 3}}},
            {"inner": {"deep": {"a": 1}}},
        ),
        ("array", [{"a": 1}, {"a": 2, "new": 3}], [{"a": 1}, {"a": 2}]),
        ("map", {"k": {"a": 1, "new": 2}}, {"k": {"a": 1}}),
        (
            "recursive",
            {"label": "x", "children": [{"children": [{"new": 1}]}]},
            {"label": "x", "children": [{"children": [{}]}]},
        ),
        # What an open class takes is data, however new.
        ("open", {"more": 1, "child": {"a": 1, "new": 2}}, {"more": 1, "child": {"a": 1}}),
        ("unevaluated", {"a": 1, "b": 2, "new": 3}, {"a": 1, "b": 2}),
        ("tagged", {"kind": "paid", "cents": 1, "new": 2}, {"kind": "paid", "cents": 1}),
        ("tagged", {"kind": "paid", "carrier": "the other's"}, {"kind": "paid"}),
        ("untagged", {"a": 1, "new": 2}, {"a": 1}),
        ("untagged", {"a": 1, "b": 2, "new": 3}, {"a": 1, "b": 2}),
        ("told", {"n": 2, "new": 1}, {"n": 2}),
        ("told", {"n": 3.0, "new": 1}, {"n": 3}),
        ("enumerated", {"x": 1, "mode": "a", "new": 1}, {"x": 1, "mode": "a"}),
        ("beside_open", {"a": 1, "new": 2}, {"a": 1}),
        ("beside_open", {"x": {"y": 1, "new": 2}, "more": 3}, {"x": {"y": 1}, "more": 3}),
        ("nullable", {"a": 1, "new": 2}, {"a": 1}),
        ("named", {"giftFor": "x", "class": 1, "gift_for": "y", "class_": 2}, {"giftFor": "x", "class": 1}),
        ("numbered", {"version": 1, "a": 1, "new": 2}, {"version": 1, "a": 1}),
        ("by_number", {"v": 2, "b": 1, "a": 1}, {"v": 2, "b": 1}),
        ("mixed_lists", [{"kind": "shipped", "new": 1}], [{"kind": "shipped"}]),
    ],
)
def test_undeclared_properties_are_passed_over(reader: Any, topic: str, sent: Any, read: Any) -> None:
    ref_ = getattr(reader, topic)
    found = load(ref_, json.dumps(sent))
    assert json.loads(encode(ref_, found)) == read
    with pytest.raises(InvalidPayload):  # publishing stays exact
        encode(ref_, sent)


@pytest.mark.parametrize(
    ("topic", "sent", "class_name"),
    [
        ("told", {"n": 2, "new": 1}, "ToldX0"),
        ("told", {"n": 3, "new": 1}, "ToldX1"),
        ("untagged", {"a": 1, "new": 1}, "UntaggedX0"),
        ("untagged", {"a": 1, "b": 1, "new": 1}, "UntaggedX1"),
        ("beside_open", {"x": {"new": 1}, "a": 1}, "BesideOpenX1"),
        ("beside_open", {"a": 1, "new": 1}, "BesideOpenX0"),
    ],
)
def test_the_class_is_the_one_whose_schema_the_rest_fits(
    reader: Any, topic: str, sent: Any, class_name: str
) -> None:
    assert type(load(getattr(reader, topic), json.dumps(sent))).__name__ == class_name


@pytest.mark.parametrize(
    ("topic", "sent", "pointer"),
    [
        ("flat", {"new": 2}, "/a"),
        ("flat", {"a": "1", "new": 2}, "/a"),
        ("flat", {"a": 1, "level": "medium", "new": 2}, "/level"),
        ("nested", {"inner": {"deep": {"a": None, "new": 1}}}, "/inner/deep/a"),
        ("tagged", {"kind": "lost", "new": 1}, ""),
        # A class here declares the property: a new member of its enumeration isn't passed over.
        ("enumerated", {"x": 1, "mode": "c"}, ""),
        ("enumerated", {"x": 1, "mode": "c", "new": 1}, ""),
        ("untagged", {"b": 2, "new": 3}, ""),
        ("by_number", {"v": True, "a": 1}, ""),
    ],
)
def test_everything_else_is_a_misfit(reader: Any, topic: str, sent: Any, pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        load(getattr(reader, topic), json.dumps(sent))
    assert caught.value.issues
    assert "extra" not in str(caught.value) or topic != "flat"
    assert pointer in [issue.pointer for issue in caught.value.issues] or pointer == ""


def test_what_is_undeclared_hides_no_issue(reader: Any) -> None:
    with pytest.raises(InvalidPayload) as caught:
        load(reader.flat, b'{"secret-name":1,"a":"x"}')
    assert [str(issue) for issue in caught.value.issues] == [
        "/a: can't be loaded as the topic's type (int_type)"
    ]


@pytest.mark.parametrize("raw", [b'{"a":1,"new":', b'{"a":NaN,"new":1}', b'{"a":1e999,"new":1}', b"\xff"])
def test_what_isnt_json_stays_refused(reader: Any, raw: bytes) -> None:
    with pytest.raises(InvalidPayload):
        load(reader.flat, raw)


def test_deep_nesting_is_refused_and_no_crash(reader: Any) -> None:
    with pytest.raises(InvalidPayload):
        load(reader.recursive, b'{"new":1,"children":[' * 50_000)
    deep = b'{"new":1,"children":[' * 300 + b"{}" + b"]}" * 300
    with pytest.raises(InvalidPayload):
        load(reader.flat, deep)
