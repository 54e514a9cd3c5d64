"""Changes for which registries and comparisons by rules are known to raise false alarms, or to raise none.

Each is a definition before and after. Most may change nothing at all; others change what callers see, or need
an order, and nothing more than that.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compare.repositories import Clone
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, open_object, ref
from tightbeam_cli import main

pytestmark = pytest.mark.slow

Files = dict[str, Any]
Compare = Callable[[Files, Files], dict[str, Any]]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Compares two sets of files, and returns the JSON output."""
    monkeypatch.chdir(tmp_path)

    def compared(before: Files, after: Files) -> dict[str, Any]:
        for folder, files in (("before", before), ("after", after)):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
            Clone(tmp_path / folder).write(files)
        code = main(["breaking", "after", "--against", "./before", "--format", "json"])
        said = capsys.readouterr()
        assert said.err == ""
        found: dict[str, Any] = json.loads(said.out)
        assert found["ok"] is (code == 0)
        return found

    return compared


def one(schema: Any, /, **more: Any) -> Files:
    """A definition with one topic."""
    return {"x.channel.json": {"name": "x", "topics": {"t": {"schema": schema}}, **more}}


LINE = closed("sku", sku=STRING, count=INTEGER)
COLOUR = {"enum": ["red", "green"]}
CARD = closed("kind last4", kind={"const": "card"}, last4=STRING)
IBAN = closed("kind iban", kind={"const": "iban"}, iban=STRING)
YAML = """\
# The channel of everything.
name: x
topics:
  t:
    schema:
      type: object
      properties:
        sku: { type: string }
        count: { type: integer }
      required: [sku]
      additionalProperties: false
"""

NOTHING = {
    "description": (one(LINE), one({**LINE, "description": "A line."})),
    "description of a property": (
        one(LINE),
        one(closed("sku", sku={**STRING, "description": "x"}, count=INTEGER)),
    ),
    "title": (one(closed(colour=COLOUR)), one({**closed(colour=COLOUR), "title": "Something else"})),
    "comment": (one(LINE), one({**LINE, "$comment": "See the wiki."})),
    "examples": (one(LINE), one({**LINE, "examples": [{"sku": "a"}]})),
    "default changed": (
        one(closed(count={**INTEGER, "default": 0})),
        one(closed(count={**INTEGER, "default": 1})),
    ),
    "deprecated": (one(LINE), one(closed("sku", sku={**STRING, "deprecated": True}, count=INTEGER))),
    "order of properties": (one(LINE), one(closed("sku", count=INTEGER, sku=STRING))),
    "order of required": (one(closed("a b", a=STRING, b=STRING)), one(closed("b a", a=STRING, b=STRING))),
    "order of an enumeration": (one(closed(c=COLOUR)), one(closed(c={"enum": ["green", "red"]}))),
    "order of keywords": (one(LINE), one(dict(reversed(LINE.items())))),
    "order of branches": (one({"oneOf": [CARD, IBAN]}), one({"oneOf": [IBAN, CARD]})),
    "anyOf becomes oneOf": (one({"anyOf": [CARD, IBAN]}), one({"oneOf": [CARD, IBAN]})),
    "oneOf becomes anyOf": (one({"oneOf": [CARD, IBAN]}), one({"anyOf": [CARD, IBAN]})),
    "type in an array": (one(closed(a=STRING)), one(closed(a={"type": ["string"]}))),
    "const for one value": (one(closed(a={"enum": ["x"]})), one(closed(a={"const": "x"}))),
    "the same number otherwise": (
        one(closed(a={**INTEGER, "minimum": 1})),
        one(closed(a={**INTEGER, "minimum": 1.0})),
    ),
    "the same bound otherwise": (
        one(closed(a={**INTEGER, "minimum": 1})),
        one(closed(a={**INTEGER, "exclusiveMinimum": 0})),
    ),
    "allOf around one schema": (one(closed(a=STRING)), one(closed(a={"allOf": [STRING]}))),
    "enumeration extracted": (
        one(closed(c=COLOUR)),
        one(closed(c=ref("#/$defs/Colour")), **{"$defs": {"Colour": COLOUR}}),
    ),
    "enumeration inlined": (
        one(closed(c={"anyOf": [COLOUR, {"type": "null"}]})),
        one(closed(c={"enum": ["red", "green", None]})),
    ),
    "number with a name": (
        one(closed(c=INTEGER)),
        one(closed(c=ref("#/$defs/Count")), **{"$defs": {"Count": INTEGER}}),
    ),
    "unused definition": (one(LINE), one(LINE, **{"$defs": {"Unused": COLOUR}})),
    "another dialect": (one(LINE), one(LINE, dialect="draft-07")),
    "keyword of somebody else": (one(LINE), one({**LINE, "x-owner": "team a"})),
    "YAML, with a comment": (one(LINE), {"x.channel.yaml": YAML}),
    "optional property added": (one(LINE), one(closed("sku", sku=STRING, count=INTEGER, colour=COLOUR))),
    "optional property with a default added": (
        one(open_object(myField1=INTEGER) | {"required": ["myField1"]}),
        one(open_object(myField1=INTEGER, myField2={**INTEGER, "default": 0}) | {"required": ["myField1"]}),
    ),
    "optional nullable property added": (
        one(LINE),
        one(
            closed(
                "sku", sku=STRING, count=INTEGER, NEW={"oneOf": [STRING, {"type": "null"}], "default": "x"}
            )
        ),
    ),
    "optional property added behind a reference": (
        one(ref("#/$defs/obj"), **{"$defs": {"obj": open_object(id=STRING)}}),
        one(ref("#/$defs/obj"), **{"$defs": {"obj": open_object(id=STRING, version=INTEGER)}}),
    ),
    "optional property added in an item": (
        one({"type": "array", "items": closed(a=STRING)}),
        one({"type": "array", "items": closed(a=STRING, b=STRING)}),
    ),
    "closed becomes open": (one(LINE), one({k: v for k, v in LINE.items() if k != "additionalProperties"})),
    "open becomes closed": (one(open_object(a=STRING)), one(closed(a=STRING))),
    "width of an integer": (
        one(closed(a={**INTEGER, "format": "int32"})),
        one(closed(a={**INTEGER, "format": "int64"})),
    ),
    "read-only becomes write-only": (
        one(closed(a={**STRING, "readOnly": True})),
        one(closed(a={**STRING, "writeOnly": True})),
    ),
    "keywords that ask for nothing": (
        one(closed(a=STRING, b={"type": "array"})),
        one(
            {
                **closed(a={**STRING, "minLength": 0}, b={"type": "array", "items": {}, "minItems": 0}),
                "minProperties": 0,
                "required": [],
            }
        ),
    ),
    "integer by its multiples": (one(closed(a={"type": "number", "multipleOf": 1})), one(closed(a=INTEGER))),
    "bound between integers": (
        one(closed(a={**INTEGER, "minimum": 1})),
        one(closed(a={**INTEGER, "minimum": 0.5})),
    ),
    "pattern spelt otherwise": (
        one(closed(a={**STRING, "pattern": "^[0-9]{4}$"})),
        one(closed(a={**STRING, "pattern": r"^\d\d\d\d$"})),
    ),
    "nullable spelt otherwise": (
        one(closed(a={"type": ["string", "null"]})),
        one(closed(a={"anyOf": [STRING, {"type": "null"}]})),
    ),
    "base flattened": (
        one({"allOf": [closed("a", a=STRING, b=INTEGER), {"required": ["b"]}]}),
        one(closed("a b", a=STRING, b=INTEGER)),
    ),
    "tuple in another dialect": (
        one(
            {"type": "array", "items": [STRING, INTEGER], "additionalItems": False, "minItems": 2},
            dialect="draft-07",
        ),
        one({"type": "array", "prefixItems": [STRING, INTEGER], "items": False, "minItems": 2}),
    ),
    "dependencies in another dialect": (
        one({**closed(a=STRING, b=STRING), "dependencies": {"a": ["b"]}}, dialect="draft-07"),
        one({**closed(a=STRING, b=STRING), "dependentRequired": {"a": ["b"]}}),
    ),
    "topic added": (
        one(LINE),
        {"x.channel.json": {"name": "x", "topics": {"t": {"schema": LINE}, "u": {"schema": LINE}}}},
    ),
    "description of channel and topic": (
        one(LINE),
        {
            "x.channel.json": {
                "name": "x",
                "description": "b",
                "topics": {"t": {"description": "c", "schema": LINE}},
            }
        },
    ),
}


@pytest.mark.parametrize("change", NOTHING)
def test_nothing_breaks(compare: Compare, change: str) -> None:
    found = compare(*NOTHING[change])
    assert found["code"] == []
    assert {(each["old_readers"], each["new_readers"], each["order"]) for each in found["topics"]} <= {
        ("yes", "yes", "any")
    }
    assert found["ok"]


def nested(line: Any, /, **more: Any) -> Files:
    """A payload with a class inside of it."""
    return one(closed(line=line), **more)


TITLED = [{**CARD, "title": "Card"}, {**closed("kind", kind=INTEGER), "title": "Other"}]
RETITLED = [{**CARD, "title": "Plastic"}, {**closed("kind", kind=INTEGER), "title": "Other"}]

NAMES = {
    "class extracted": (
        nested(LINE),
        nested(ref("#/$defs/Line"), **{"$defs": {"Line": LINE}}),
        [("class-renamed", ["x.TLine"], ["x.Line"])],
    ),
    "class inlined": (
        nested(ref("#/$defs/Line"), **{"$defs": {"Line": LINE}}),
        nested(LINE),
        [("class-renamed", ["x.Line"], ["x.TLine"])],
    ),
    "definition moved to another file": (
        nested(ref("a.json#/$defs/Line")) | {"a.json": {"$defs": {"Line": LINE}}},
        nested(ref("b.json#/$defs/Line")) | {"b.json": {"$defs": {"Line": LINE}}},
        [("class-renamed", ["a.Line"], ["b.Line"])],
    ),
    "title of a branch": (
        one({"oneOf": TITLED}),
        one({"oneOf": RETITLED}),
        [("class-renamed", ["x.TCard"], ["x.TPlastic"])],
    ),
    "file renamed": (
        one(LINE),
        {"y.channel.json": one(LINE)["x.channel.json"]},
        [("module-renamed", ["x.XChannel", "x.x_channel"], ["y.YChannel", "y.y_channel"])],
    ),
    "optional property removed": (
        one(closed("sku", sku=STRING, colour=COLOUR)),
        one(closed("sku", sku=STRING)),
        [("field-removed", ["x.T.colour"], [])],
    ),
    "attribute renamed": (
        one(closed(a=STRING)),
        one(closed(a={**STRING, "x-tightbeam-name": "first"})),
        [("field-renamed", ["x.T.a"], ["x.T.first"])],
    ),
    "class of the channel renamed": (
        one(LINE),
        one(LINE, **{"x-tightbeam-name": "MainChannel"}),
        [("class-renamed", ["x.XChannel"], ["x.MainChannel"])],
    ),
}


@pytest.mark.parametrize("change", NAMES)
def test_only_callers_must_change(compare: Compare, change: str) -> None:
    before, after, names = NAMES[change]
    found = compare(before, after)
    assert [(each["kind"], each["was"], each["now"]) for each in found["code"]] == names
    assert all(each["order"] is None for each in found["code"])
    assert {each["order"] for each in found["topics"]} <= {"any"}
    assert not found["ok"]


WIDER = {
    "enumeration value added": (one(closed(c={"enum": ["a"]})), one(closed(c={"enum": ["a", "b"]}))),
    "integer becomes number": (one(closed(a=INTEGER)), one(closed(a={"type": "number"}))),
    "text becomes nullable": (one(closed(a=STRING)), one(closed(a={"type": ["string", "null"]}))),
    "nullable by oneOf": (
        one(closed(c=ref("#/$defs/C")), **{"$defs": {"C": COLOUR}}),
        one(closed(c={"oneOf": [{"type": "null"}, ref("#/$defs/C")]}), **{"$defs": {"C": COLOUR}}),
    ),
    "property becomes optional": (one(closed("a", a=STRING)), one(closed(a=STRING))),
    "property becomes optional in a branch": (
        one({"oneOf": [closed("k a", k={"const": 1}, a=STRING), closed("k", k={"const": 2})]}),
        one({"oneOf": [closed("k", k={"const": 1}, a=STRING), closed("k", k={"const": 2})]}),
    ),
    "true is no number": (one(closed("a", a={"const": 1})), one(closed("a", a={"enum": [1, True]}))),
    "format gone": (one(closed(a={**STRING, "format": "date"})), one(closed(a=STRING))),
    "bound in a shared file": (
        one(ref("a.json")) | {"a.json": {**INTEGER, "maximum": 5}},
        one(ref("a.json")) | {"a.json": {**INTEGER, "maximum": 6}},
    ),
}


@pytest.mark.parametrize("change", WIDER)
def test_wider_is_readers_first_and_narrower_publishers_first(compare: Compare, change: str) -> None:
    before, after = WIDER[change]
    assert [each["order"] for each in compare(before, after)["topics"]] == ["readers-first"]
    assert [each["order"] for each in compare(after, before)["topics"]] == ["publishers-first"]


def test_true_and_one_are_two_values(compare: Compare) -> None:
    found = compare(one(closed("a", a={"const": 1})), one(closed("a", a={"const": True})))
    assert [each["order"] for each in found["topics"]] == ["none"]


def test_a_class_that_another_channel_still_uses_is_not_gone(compare: Compare) -> None:
    """Only definitions that have changed are read; whether a shared class is gone depends on all of them."""
    shared = {"a.json": {"$defs": {"Line": LINE}}}
    other = {
        "y.channel.json": {"name": "y", "topics": {"t": {"schema": closed(line=ref("a.json#/$defs/Line"))}}}
    }
    before = nested(ref("a.json#/$defs/Line")) | shared
    after = one(closed(other=STRING)) | shared
    still_used, unused = compare(before | other, after | other), compare(before, after)
    assert [each["kind"] for each in still_used["code"]] == ["field-removed"]
    assert [each["kind"] for each in unused["code"]] == ["class-removed", "field-removed"]


def test_a_topic_that_is_another_topic_s_schema_changes_with_it(compare: Compare) -> None:
    def both(maximum: int) -> Files:
        topics = {"a": {"schema": {**INTEGER, "maximum": maximum}}, "b": {"schema": ref("#/topics/a/schema")}}
        return {"x.channel.json": {"name": "x", "topics": topics}}

    found = compare(both(5), both(6))
    assert [(each["topic"], each["order"]) for each in found["topics"]] == [
        ("a", "readers-first"),
        ("b", "readers-first"),
    ]


def test_equal_changes_have_places_of_their_own(compare: Compare) -> None:
    """They are decided once."""

    def files(maximum: int) -> Files:
        definition = {"topics": {"t": {"schema": {**INTEGER, "maximum": maximum}}}}
        return {f"{name}.channel.json": {"name": name, **definition} for name in ("x", "y")}

    for each in compare(files(5), files(6))["topics"]:
        places = each["places"]["old_readers"]
        file = f"{each['channel']}.channel.json"
        assert (places["reader"]["file"], places["writer"]["file"]) == (f"before/{file}", f"after/{file}")


def test_a_topic_has_not_changed_where_another_class_of_its_document_has(compare: Compare) -> None:
    def files(line: Any) -> Files:
        topics = {name: {"schema": ref(f"shared.json#/$defs/{name.title()}")} for name in ("line", "card")}
        shared = {"$defs": {"Line": line, "Card": CARD}}
        return {"shared.json": shared, "x.channel.json": {"name": "x", "topics": topics}}

    found = compare(files(LINE), files(closed("sku", sku=STRING, count=INTEGER, note=STRING)))
    assert [(each["topic"], each["order"]) for each in found["topics"]] == [("line", "any")]
