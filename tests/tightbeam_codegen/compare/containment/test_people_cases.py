"""Tolerant readers and publishers of our bindings: what people change is decided as they expect it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tightbeam_codegen.compare.containment.people_cases import CASES, Case
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed
from tightbeam_codegen.compare.containment import Contained, Refused, SchemaPlace, Side, Undecided, contains


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_is_decided(case: Case) -> None:
    old, new = Side.of_schema(case.old), Side.of_schema(case.new)
    for reader, writer, takes in ((old, new, case.old_readers), (new, old, case.new_readers)):
        assert isinstance(contains(reader, writer), Contained if takes else Refused)


def refusal(reader: Any, writer: Any) -> Refused:
    answer = contains(Side.of_schema(reader), Side.of_schema(writer))
    assert isinstance(answer, Refused)
    return answer


def test_a_refusal_has_the_smallest_payload_and_both_places() -> None:
    item = closed("id", id=INTEGER, note=STRING)
    listed = closed("items", items={"type": "array", "items": item}, more=STRING)
    changed = closed("items", items={"type": "array", "items": closed("id", id=STRING)}, more=STRING)
    answer = refusal(listed, changed)
    assert answer.payload == {"items": [{"id": ""}]}
    assert (answer.pointer, answer.keyword) == ("/items/0/id", "type")
    place = ("properties", "items", "items", "properties", "id")
    assert answer.reader_at == SchemaPlace("tightbeam:schema", (*place, "type"))
    assert answer.writer_at == SchemaPlace("tightbeam:schema", place)


def union(**kinds: Any) -> Any:
    branches = [closed("kind", kind={"const": kind}, value=value) for kind, value in kinds.items()]
    return closed("u", u={"oneOf": branches})


def _shipped(*carriers: str) -> Any:
    shipped = closed("kind carrier", kind={"const": "shipped"}, carrier={"enum": list(carriers)})
    return {"oneOf": [closed("kind reason", kind={"const": "cancelled"}, reason=STRING), shipped]}


@pytest.mark.parametrize(
    ("reader", "writer", "payload", "pointer"),
    [
        (union(a=INTEGER, b=STRING), union(a=INTEGER, c=STRING), {"u": {"kind": "c"}}, "/u/kind"),
        (
            union(a=INTEGER, b=STRING),
            union(a=STRING, b=STRING),
            {"u": {"kind": "a", "value": ""}},
            "/u/value",
        ),
        ({"anyOf": [STRING, INTEGER]}, {"type": ["string", "null"]}, None, ""),
        (_shipped("dhl"), _shipped("dhl", "gls"), {"kind": "shipped", "carrier": "gls"}, "/carrier"),
        (closed(**{"a/b~c": STRING}), closed(**{"a/b~c": INTEGER}), {"a/b~c": 0}, "/a~1b~0c"),
    ],
)
def test_a_refusal_points_at_the_part_that_is_meant(
    reader: Any, writer: Any, payload: Any, pointer: str
) -> None:
    answer = refusal(reader, writer)
    assert (answer.payload, answer.pointer) == (payload, pointer)


def test_a_union_without_a_nearest_branch_is_said_in_words() -> None:
    answer = refusal({"anyOf": [STRING, INTEGER]}, {"type": ["string", "null"]})
    assert answer.reason == "no branch of the union has this value"


def test_what_is_not_decided_names_the_pattern() -> None:
    sides = [Side.of_schema({"type": "string", "pattern": each}) for each in ("(?i)^ab$", "(?i)^a(?:b)$")]
    answer = contains(*sides)
    assert isinstance(answer, Undecided)
    assert "the pattern (?i)^a" in answer.reason


def test_sides_are_not_changed() -> None:
    side = Side.of_schema({"type": "string", "format": "date"})
    before = repr(side)
    contains(side, Side.of_schema(STRING))
    assert repr(side) == before


def test_formats_that_are_notes_decide_nothing() -> None:
    date, text = {"type": "string", "format": "date"}, STRING
    noted = Side.of_schema(date, assert_formats=False)
    assert contains(noted, Side.of_schema(text, assert_formats=False)) == Contained()
    assert isinstance(contains(Side.of_schema(date), Side.of_schema(text)), Refused)


def test_references_between_files() -> None:
    address = {"$id": "https://example.com/address", **closed("city", city=STRING)}
    wider = {"$id": "https://example.com/address", **closed("city", city={"type": ["string", "null"]})}
    schema = closed("to", to={"$ref": "https://example.com/address"})
    old, new = (Side.of_schema(schema, resources={str(each["$id"]): each}) for each in (address, wider))
    assert contains(new, old) == Contained()
    answer = contains(old, new)
    assert isinstance(answer, Refused)
    assert (answer.payload, answer.pointer) == ({"to": {"city": None}}, "/to/city")
    assert answer.reader_at is not None
    assert answer.reader_at.uri == "https://example.com/address"


def test_dialects_may_differ() -> None:
    draft_4 = Side.of_schema(
        {"minimum": 1, "exclusiveMinimum": True}, dialect="http://json-schema.org/draft-04/schema#"
    )
    latest = Side.of_schema({"exclusiveMinimum": 1})
    assert contains(draft_4, latest) == contains(latest, draft_4) == Contained()


@pytest.mark.parametrize("name", ["date", "date-time", "uuid", "email", "regex", "uri-template"])
@pytest.mark.parametrize("more", [{}, {"pattern": ""}])
def test_a_refusal_by_a_format_names_it_and_its_place(name: str, more: dict[str, str]) -> None:
    answer = refusal(closed(a={**STRING, "format": name, **more}), closed(a=STRING))
    assert answer.keyword == "format"
    assert answer.reason.endswith(f' is not a "{name}"')
    assert answer.reader_at == SchemaPlace("tightbeam:schema", ("properties", "a", "format"))
