"""The reasons in `InvalidPayload`: which rule broke, where, and never which value broke it."""

from __future__ import annotations

import gc
import json
import time
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tightbeam.channels.channels_sample import sample_channel
from tightbeam._channels.refs import TopicRef, topics
from tightbeam._codegen import v1
from tightbeam._payload.encode import encode
from tightbeam._payload.explain.tester import SchemaTester
from tightbeam._payload.schema_index import SchemaLocation
from tightbeam.errors import InvalidPayload

CH = sample_channel(sample_id="u1", n=3)
DIALECTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}

Refuse = Callable[..., list[str]]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Publishes data on a topic with this schema and gives the issues."""

    def publish(schema: object, data: object, draft: int = 2020, **others: object) -> list[str]:
        uri = "tightbeam:///x.json"
        module = types.ModuleType(f"schemas_{id(schema)}_{draft}_{id(data)}")
        resources = {f"tightbeam:///{name}.json": value for name, value in others.items()}
        bundle = {
            "assertFormats": True,
            "resources": {
                uri: {"$schema": DIALECTS[draft], "$defs": {"t": schema}},
                **resources,
            },
            "topics": {"t": {"ref": f"{uri}#/$defs/t", "dialect": DIALECTS[draft], "open": True}},
            "params": {},
        }
        vars(module)["SCHEMAS"] = json.dumps(bundle)
        monkeypatch.setitem(__import__("sys").modules, module.__name__, module)

        class Made(v1.Channel[Any], template="made", params={}, schemas=module.__name__):
            t: v1.TopicRef[[Any], Any, Any] = v1.topic("t", Any)

        with pytest.raises(InvalidPayload) as caught:
            encode(topics(v1.open_channel(Made, {}))["t"], data)
        return [str(issue) for issue in caught.value.issues]

    return publish


CLOSED = {"type": "object", "properties": {"message": {}, "level": {}}, "additionalProperties": False}
PAID = {
    "type": "object",
    "properties": {"kind": {"const": "paid"}, "cents": {"type": "integer"}},
    "required": ["kind", "cents"],
}
SHIPPED = {
    "type": "object",
    "properties": {"kind": {"const": "shipped"}, "to": {"type": "string"}},
    "required": ["kind", "to"],
}


@pytest.mark.parametrize(
    ("schema", "data", "issues"),
    [
        ({"type": ["string", "null"]}, 5, ["(payload): must be a string or null, not an integer"]),
        (
            {"type": ["array", "string", "null"]},
            {},
            ["(payload): must be an array, a string or null, not an object"],
        ),
        ({"type": "number"}, True, ["(payload): must be a number, not a boolean"]),
        ({"enum": ["a", 1, None, True, " b"]}, "c", ['(payload): must be one of: a, 1, null, true, " b"']),
        (
            {"enum": list(range(40))},
            -1,
            ["(payload): must be one of: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (40 values)"],
        ),
        ({"const": {"a": 1}}, 1, ['(payload): must be {"a": 1}']),
        ({"minimum": 1}, 0, ["(payload): must be at least 1"]),
        ({"maximum": 1.5}, 2, ["(payload): must be at most 1.5"]),
        ({"exclusiveMinimum": 1}, 1, ["(payload): must be more than 1"]),
        ({"exclusiveMaximum": 1}, 1, ["(payload): must be less than 1"]),
        ({"multipleOf": 0.5}, 0.3, ["(payload): must be a multiple of 0.5"]),
        ({"minLength": 2}, "a", ["(payload): must have at least 2 characters"]),
        ({"maxLength": 1}, "ab", ["(payload): must have at most 1 character"]),
        ({"pattern": "^[a-z]+$"}, "A", ["(payload): must match the pattern ^[a-z]+$"]),
        ({"format": "email"}, "x", ["(payload): must be an e-mail address"]),
        ({"format": "hostname"}, "-", ["(payload): must be a valid hostname"]),
        ({"minItems": 1}, [], ["(payload): must have at least 1 item"]),
        ({"maxItems": 1}, [1, 2], ["(payload): must have at most 1 item"]),
        ({"uniqueItems": True}, [1, 1], ["(payload): must not have the same item twice"]),
        ({"minProperties": 1}, {}, ["(payload): must have at least 1 key"]),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, ["(payload): must have at most 1 key"]),
        (
            {"items": {"type": "integer"}},
            [1, "a", 2, "b"],
            ["/1: must be an integer, not a string", "/3: must be an integer, not a string"],
        ),
        (
            {"prefixItems": [{"type": "integer"}], "items": False},
            ["a", 1],
            ["/0: must be an integer, not a string", "/1: must not be given"],
        ),
        (
            {"contains": {"const": 1}},
            [2],
            ["(payload): must have at least 1 item(s) that fit its `contains`"],
        ),
        (
            {"contains": {"const": 1}, "maxContains": 1},
            [1, 1],
            ["(payload): must have at most 1 item(s) that fit its `contains`"],
        ),
        (CLOSED, {"mesage": 1}, ["/*: is not declared: 'mesage'; did you mean 'message'?"]),
        (CLOSED, {"zzz": 1}, ["/*: is not declared: 'zzz'"]),
        (
            CLOSED,
            dict.fromkeys("abcde", 1),
            [*(f"/*: is not declared: '{key}'" for key in "abc"), "/*: has 2 more keys that aren't declared"],
        ),
        (
            {"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False},
            {"secret": 1, "x-secret": "v"},
            ["/*: must be an integer, not a string", "/*: has 1 key that isn't declared"],
        ),
        (
            {"additionalProperties": {"type": "integer"}},
            {"secret": "v"},
            ["/*: must be an integer, not a string"],
        ),
        ({"propertyNames": {"maxLength": 3}}, {"secret": 1}, ["/*: the key must have at most 3 characters"]),
        (
            {"patternProperties": {"^s": {"type": "integer"}}},
            {"secret": "v", "s": "v"},
            ["/*: must be an integer, not a string"],
        ),
        (
            {"properties": {"ab": {"minimum": 1}}, "patternProperties": {"^a": {"maximum": 2}, "b$": False}},
            {"ab": 3},
            ["/ab: must be at most 2", "/ab: must not be given"],
        ),
        (
            {"properties": {"a/b~c": {"type": "integer"}}},
            {"a/b~c": "x"},
            ["/a~1b~0c: must be an integer, not a string"],
        ),
        ({"properties": {"a": False}}, {"a": 1}, ["/a: must not be given"]),
        ({"required": ["a", "b"]}, {}, ["/a: is required", "/b: is required"]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ["/b: is required beside 'a'"]),
        ({"dependentSchemas": {"a": {"required": ["c"]}}}, {"a": 1}, ["/c: is required"]),
        ({"not": {"type": "string"}}, "x", ["(payload): must not fit what its `not` describes"]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, ["/b: is required"]),
        ({"if": {"required": ["a"]}, "else": {"required": ["b"]}}, {}, ["/b: is required"]),
        ({"allOf": [{"type": "object"}, {"required": ["a"]}]}, {}, ["/a: is required"]),
        ({"oneOf": [PAID, SHIPPED]}, {"kind": "paid"}, ["/cents: is required"]),
        ({"oneOf": [PAID, SHIPPED]}, {"kind": "shipped", "to": 1}, ["/to: must be a string, not an integer"]),
        ({"oneOf": [PAID, SHIPPED]}, {"kind": "x"}, ["/kind: must be one of: paid, shipped"]),
        ({"oneOf": [PAID, SHIPPED]}, {}, ["/kind: is required (must be one of: paid, shipped)"]),
        ({"anyOf": [PAID, {"type": "null"}]}, {"kind": "paid"}, ["/cents: is required"]),
        ({"anyOf": [PAID, {"type": "null"}]}, 5, ["(payload): must be an object or null, not an integer"]),
        ({"anyOf": [{"const": 1}, {"enum": ["a"]}]}, 5, ["(payload): must be one of: 1, a"]),
        (
            {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
            3,
            ["(payload): must fit exactly one of the allowed forms, and fits several"],
        ),
        (
            {"anyOf": [{"required": ["a", "b", "c"]}, {"required": ["d"]}]},
            {},
            ["/d: is required"],
        ),
        (
            {"properties": {"message": {}}, "unevaluatedProperties": False},
            {"mesage": 1},
            ["/*: is not declared: 'mesage'; did you mean 'message'?"],
        ),
        (
            {"prefixItems": [{}], "unevaluatedItems": False},
            [1, 2],
            ["(payload): has more items than the schema describes"],
        ),
        (False, 1, ["(payload): must not be given"]),
        (
            {"$defs": {"a": {"type": "integer"}}, "$ref": "#/$defs/t/$defs/a"},
            "x",
            ["(payload): must be an integer, not a string"],
        ),
        (
            {
                "$id": "https://example.com/a/b.json",
                "$defs": {"c": {"$anchor": "c", "type": "integer"}},
                "properties": {"x": {"$ref": "#c"}},
            },
            {"x": "s"},
            ["/x: must be an integer, not a string"],
        ),
        ({"$ref": "other.json#/$defs/%C3%A4%20b~1c"}, "x", ["(payload): must be an integer, not a string"]),
        (
            {"$dynamicRef": "#node", "$defs": {"n": {"$dynamicAnchor": "node", "type": "integer"}}},
            "x",
            ["(payload): must be an integer, not a string"],
        ),
    ],
)
def test_the_reason_says_the_rule(refuse: Refuse, schema: object, data: object, issues: list[str]):
    other = {"$schema": DIALECTS[2020], "$defs": {"ä b/c": {"type": "integer"}}}
    assert refuse(schema, data, other=other) == issues


@pytest.mark.parametrize(
    ("draft", "schema", "data", "issues"),
    [
        (4, {"minimum": 1, "exclusiveMinimum": True}, 1, ["(payload): must be more than 1"]),
        (4, {"maximum": 1, "exclusiveMaximum": True}, 1, ["(payload): must be less than 1"]),
        (4, {"minimum": 1, "exclusiveMinimum": False}, 0, ["(payload): must be at least 1"]),
        (4, {"type": "integer"}, "x", ["(payload): must be an integer, not a string"]),
        (6, {"exclusiveMinimum": 1}, 1, ["(payload): must be more than 1"]),
        (
            7,
            {"items": [{"type": "integer"}], "additionalItems": False},
            ["a", 1],
            ["/0: must be an integer, not a string", "/1: must not be given"],
        ),
        (7, {"dependencies": {"a": ["b"]}}, {"a": 1}, ["/b: is required beside 'a'"]),
        (7, {"dependencies": {"a": {"required": ["c"]}}}, {"a": 1}, ["/c: is required"]),
        (
            7,
            {
                "$ref": "#/$defs/t/definitions/a",
                "minLength": 9,
                "definitions": {"a": {"type": "string", "maxLength": 1}},
            },
            "xx",
            ["(payload): must have at most 1 character"],
        ),
        (7, {"if": {"const": 1}, "then": False}, 1, ["(payload): must not be given"]),
        (
            2019,
            {"$id": "tightbeam:///r.json", "properties": {"a": {"$recursiveRef": "#"}}, "required": ["b"]},
            {"b": 1, "a": {}},
            ["/a/b: is required"],
        ),
        (
            2019,
            {"items": [{"type": "integer"}], "unevaluatedItems": False},
            [1, 2],
            ["(payload): has more items than the schema describes"],
        ),
    ],
)
def test_older_drafts_have_their_own_words(
    refuse: Refuse, draft: int, schema: object, data: object, issues: list[str]
):
    assert refuse(schema, data, draft) == issues


def test_ten_issues_are_said_and_the_rest_counted():
    with pytest.raises(InvalidPayload) as caught:
        encode(CH.items, [{"message": 1}] * 30)  # type: ignore[list-item]  # wrong on purpose
    assert len(caught.value.issues) == 10
    assert str(caught.value).endswith("  /9/message: must be a string, not an integer\n  … and 20 more")


def test_ten_issues_are_said_of_data_that_is_not_json():
    with pytest.raises(InvalidPayload) as caught:
        encode(CH.anything, [{1}] * 30)
    assert (len(caught.value.issues), caught.value.more) == (10, 20)


EXPRESSION = {
    "$defs": {
        "e": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"op": {"const": op}, "of": {"$ref": "#/$defs/t/$defs/e"}},
                    "required": ["op"],
                }
                for op in ("neg", "abs", "log")
            ]
        }
    },
    "$ref": "#/$defs/t/$defs/e",
}


def test_a_recursive_union_is_explained_without_trying_every_combination_of_branches(refuse: Refuse):
    data: dict[str, Any] = {"op": "sin"}
    for op in ["neg", "abs", "log"] * 7:
        data = {"op": op, "of": data}
    # 3^21 ways to go wrong; one to go right
    assert refuse(EXPRESSION, data) == ["/of" * 21 + "/op: must be one of: neg, abs, log"]


def test_very_long_lists_are_explained(refuse: Refuse):
    schema = {"items": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    assert refuse(schema, [*([{"a": 1}] * 20_000), {"a": "x"}]) == [
        "/20000/a: must be an integer, not a string"
    ]


def test_schema_text_is_cut_and_a_union_of_many_forms_has_an_answer(refuse: Refuse):
    (issue,) = refuse({"pattern": f"^{'a' * 500}$"}, "x")
    assert len(issue) < 150
    assert refuse({"anyOf": [{"required": [str(i)]} for i in range(100)]}, {}) == ["/0: is required"]


# No value and no map key is ever shown.

SECRET = st.text("sekrt0123456789-", min_size=6, max_size=12).map(lambda text: f"<{text}>")
LEAF = SECRET | st.integers(10**12, 10**15) | st.none() | st.booleans()


def secrets(value: object) -> set[str]:
    if isinstance(value, dict):
        return {key for key in value if key.startswith("<")} | {
            s for item in value.values() for s in secrets(item)
        }
    if isinstance(value, list):
        return {s for item in value for s in secrets(item)}
    return {str(value)} if isinstance(value, str) or (type(value) is int and value >= 10**12) else set()


KNOWN = st.sampled_from(
    ["giftFor", "class", "list", "at", "day", "host", "cents", "carrier", "kind", "label", "children"]
)
TREES = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN, inner, max_size=4),
    max_leaves=12,
)
MAPS = st.dictionaries(SECRET, TREES, min_size=1, max_size=3)


@pytest.mark.slow
@given(TREES, st.sampled_from(sorted(topics(CH))))
def test_no_value_is_shown(data: object, topic: str):
    check_hidden(topics(CH)[topic], data)


@pytest.mark.slow
@given(MAPS, st.sampled_from(["by-name", "counters", "open-thing", "anything", "plain", "number"]))
def test_no_map_key_is_shown(data: dict[str, object], topic: str):
    check_hidden(topics(CH)[topic], data)
    check_hidden(topics(CH)[topic], {**data, "class": data, "list": [{1}]})


def check_hidden(ref: TopicRef[..., Any, Any], data: object) -> None:
    try:
        encode(ref, data)
    except InvalidPayload as error:
        shown = f"{error} {error!r} {error.issues} {error.__cause__!r} {error.__context__!r} {vars(error)}"
        for secret in secrets(data):
            assert secret not in shown
    else:
        assume(False)


def test_a_branch_that_the_value_gets_into_is_closer(refuse: Refuse) -> None:
    # The first branch says nothing of its type itself, so an array isn't left out for it.
    named = {"allOf": [{"type": "object", "required": ["a"]}]}
    items = {"type": "array", "items": {"type": "object"}}
    assert refuse({"anyOf": [named, items]}, [1]) == ["/0: must be an object, not an integer"]


def test_an_undeclared_key_is_not_its_own_correction(refuse: Refuse) -> None:
    elsewhere = {"o": {"properties": {"market": {}}}}
    schema = {"properties": {"limit": {}}, "unevaluatedProperties": False, "$defs": elsewhere}
    assert refuse(schema, {"market": 2}) == ["/*: is not declared: 'market'"]


def test_schemas_in_a_ring_come_to_an_end(refuse: Refuse) -> None:
    integer = {"type": "integer"}
    ring = {"allOf": [{"$ref": "#/$defs/t"}], "properties": {"a": integer, "b": {"$ref": "#/$defs/t"}}}
    wrong = "must be an integer, not a string"
    assert refuse(ring, {"a": "x", "b": {"a": "y", "b": {"a": 1}}}) == [f"/a: {wrong}", f"/b/a: {wrong}"]


# -- large unions --------------------------------------------------------------------------------------------

KINDS = [f"K{n}" for n in range(150)]


def tagged(kind: str, **properties: object) -> dict[str, object]:
    """A class as in FHIR: it refers to shared types and, through `contained`, to all other classes."""
    shared = {f"shared{n}": {"$ref": f"#/$defs/t/$defs/Shared{n}"} for n in range(8)}
    return {
        "type": "object",
        "properties": {
            **shared,
            "id": {"type": "string"},
            "contained": {"type": "array", "items": {"$ref": "#/$defs/t"}},
            "kind": {"const": kind},
            **properties,
        },
        "required": ["kind"],
        "additionalProperties": False,
    }


SHARED = {
    f"Shared{n}": {
        "properties": {
            "value": {"type": "integer"},
            "next": {"$ref": f"#/$defs/t/$defs/Shared{(n + 1) % 8}"},
        }
    }
    for n in range(8)
}
LARGE = {
    "$defs": {**SHARED, **{kind: tagged(kind) for kind in KINDS}},
    "oneOf": [{"$ref": f"#/$defs/t/$defs/{kind}"} for kind in KINDS],
}
SEVENTH = {"kind": "K140", "shared7": {"next": {"next": {"value": "x"}}}}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a slow machine no reason to say less."""
    monkeypatch.setattr("tightbeam._payload.explain.tester._MAX_SECONDS", 60)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("data", "issues"),
    [
        ({"kind": "K140", "id": 1}, ["/id: must be a string, not an integer"]),
        (SEVENTH, ["/shared7/next/next/value: must be an integer, not a string"]),
        (
            {"kind": "K1", "contained": [{"kind": "K149", "contained": [{"kind": "K2"}, SEVENTH]}]},
            ["/contained/0/contained/1/shared7/next/next/value: must be an integer, not a string"],
        ),
        (
            {"kind": "K1", "contained": [{"kind": "K0"}, 1]},
            ["/contained/1: must be an object, not an integer"],
        ),
        ({"kind": "K1", "idd": "x"}, ["/*: is not declared: 'idd'; did you mean 'id'?"]),
    ],
)
def test_a_large_tagged_union_is_explained_by_its_branch(
    refuse: Refuse, data: object, issues: list[str]
) -> None:
    assert refuse(LARGE, data) == issues


@pytest.mark.usefixtures("patient")
def test_a_large_union_asks_only_the_branch_that_the_tag_names(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    validator = SchemaTester.validator

    def noted(tester: SchemaTester, place: SchemaLocation) -> object:
        asked.append(place.ref.rpartition("/")[2])
        return validator(tester, place)

    monkeypatch.setattr(SchemaTester, "validator", noted)
    refuse(LARGE, {"kind": "K140", "contained": [{"kind": "K149", "id": 1}]})
    assert {name for name in asked if name.startswith("K")} == {"K140", "K149"}
    assert {name for name in asked if name.isdigit()} == {"140", "149"}


@pytest.mark.usefixtures("patient")
def test_a_walk_that_takes_too_long_names_the_innermost_place_it_knows(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = SchemaTester.is_valid

    def tire(tester: SchemaTester, validator: Any, value: object) -> bool:
        if value == {"value": "x"}:
            raise TimeoutError
        return ask(tester, validator, value)

    monkeypatch.setattr(SchemaTester, "is_valid", tire)
    assert refuse(LARGE, SEVENTH) == ["/shared7/next: doesn't fit its schema"]


A = {"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind"], "type": "object"}
B = {"properties": {"kind": {"enum": ["b", "c"]}, "s": {"type": "string"}}, "required": ["kind"]}
BASE = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
X = {"properties": {"kind": {"const": "x"}, "v": {"const": 1}, "n": {"type": "integer"}}, "required": ["v"]}
Y = {"properties": {"kind": {"const": "x"}, "v": {"const": 2}, "s": {"type": "string"}}, "required": ["v"]}
OPTIONAL = {"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize(
    ("branches", "data", "issues"),
    [
        pytest.param([A, B], {"kind": "c", "s": 1}, ["/s: must be a string, not an integer"], id="enum"),
        pytest.param([A, B], {"kind": "z", "s": 1}, ["/kind: must be one of: a, b, c"], id="unknown"),
        pytest.param([A, B], {"s": 1}, ["/kind: is required (must be one of: a, b, c)"], id="missing"),
        pytest.param(
            [{"allOf": [BASE, A]}, {"allOf": [B], "$ref": "base.json"}],
            {"kind": "b", "s": 1, "id": "1"},
            ["/s: must be a string, not an integer"],
            id="beside a base",
        ),
        pytest.param(
            [{"properties": {"kind": {"$ref": "kinds.json#/a"}, "n": {"type": "integer"}}}, B],
            {"kind": "a", "n": "1"},
            ["/n: must be an integer, not a string"],
            id="tag by reference",
        ),
        pytest.param(
            [{"anyOf": [A, B]}, {"oneOf": [X, Y]}],
            {"kind": "x", "v": 2, "s": 1},
            ["/s: must be a string, not an integer"],
            id="unions in a union",
        ),
        pytest.param(
            [{"anyOf": [A, B]}, {"oneOf": [X, {"type": "null"}]}],
            {"kind": "z"},
            ["/kind: must be one of: a, b, c, x"],
            id="unknown in unions in a union",
        ),
        pytest.param(
            [A, {**BASE, "oneOf": [B, X]}],
            {"id": "1", "kind": "b", "s": 1},
            ["/s: must be a string, not an integer"],
            id="a union beside a base",
        ),
        pytest.param([X, Y, A], {"kind": "x", "v": 3}, ["/v: must be one of: 1, 2"], id="two tags"),
        pytest.param(
            [A, B, {"type": "object", "properties": {"kind": {"type": "string"}, "z": {"type": "null"}}}],
            {"kind": "q", "z": 1},
            ["/z: must be null, not an integer"],
            id="and any other",
        ),
        pytest.param(
            [OPTIONAL, {**B, "required": ["kind", "s"]}],
            {"n": "1"},
            ["/n: must be an integer, not a string"],
            id="a tag that may be absent",
        ),
        pytest.param(
            [A, {"type": "array", "items": A}, {"type": "null"}],
            [{"kind": "a", "n": "x"}],
            ["/0/n: must be an integer, not a string"],
            id="by type",
        ),
        pytest.param(
            [*({"properties": {f"p{n}": {"type": "null"}}, "required": [f"p{n}"]} for n in range(50))],
            {"p40": 1},
            ["/p40: must be null, not an integer"],
            id="without a tag",
        ),
    ],
)
def test_the_branch_is_told_by_the_schemas(
    refuse: Refuse, keyword: str, branches: list[object], data: object, issues: list[str]
) -> None:
    others = {"base": BASE, "kinds": {"a": {"const": "a"}}}
    assert refuse({keyword: branches}, data, **others) == issues


def test_a_value_that_fits_several_branches_is_told_so(refuse: Refuse) -> None:
    several = ["(payload): must fit exactly one of the allowed forms, and fits several"]
    assert refuse({"oneOf": [A, {"oneOf": [A, B]}]}, {"kind": "a"}) == several
    assert refuse({"oneOf": [{"minimum": 1}, {"maximum": 3}]}, 2) == several


def test_explaining_reads_the_cpu_clock_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a system call, and dear: the walk asks a validator for each part of a schema."""
    asked = 0

    def thread_time() -> float:
        nonlocal asked
        asked += 1
        return time.thread_time()

    def refused() -> None:
        with pytest.raises(InvalidPayload):
            encode(CH.status, {"message": 1, "percent": "x", "other": []})

    refused()  # compiles the validators of the parts
    clock = types.SimpleNamespace(thread_time=thread_time, monotonic=time.monotonic)
    monkeypatch.setattr("tightbeam._payload.explain.tester.time", clock)
    refused()
    assert asked == 1


@pytest.mark.parametrize("collects", [True, False])
def test_a_garbage_collection_takes_no_reason_away(monkeypatch: pytest.MonkeyPatch, collects: bool) -> None:
    """In a large program one takes seconds, of whichever thread it comes upon."""
    asked = 0

    def now() -> float:
        nonlocal asked
        asked += 1
        if collects and asked == 3:
            gc.collect()
        return 0.0 if asked < 3 else 10.0

    clock = types.SimpleNamespace(thread_time=now, monotonic=now)
    monkeypatch.setattr("tightbeam._payload.explain.tester.time", clock)
    with pytest.raises(InvalidPayload) as caught:
        encode(CH.status, {"message": 1, "percent": "x", "other": []})
    assert ("/percent" in [issue.pointer for issue in caught.value.issues]) is collects
