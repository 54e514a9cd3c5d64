"""Payload schemas held against their dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from tightbeam_codegen.json_schema.dialects import DRAFTS, LATEST, find_draft
from tightbeam_codegen.problems import Problem, Problems, render
from tightbeam_codegen.read.check import check_schema
from tightbeam_codegen.read.check.metaschema import faults_by
from tightbeam_codegen.read.check.patterns import judge_pattern
from tightbeam_codegen.read.load import parse

DRAFT_7 = "http://json-schema.org/draft-07/schema"
OWN = "https://x.example/meta"
DRAFT_4 = "http://json-schema.org/draft-04/schema"


def check(schema: object, dialect: str = LATEST.uri, own: Any = None) -> list[Problem]:
    problems = Problems()
    document = parse(json.dumps(schema).encode(), "x.json", "x.json", "tightbeam:///x.json")
    check_schema(document, (), dialect, problems, metaschemas={OWN: own} if own is not None else {})
    return list(problems)


def said(schema: object, dialect: str = LATEST.uri, own: Any = None) -> str:
    return render(check(schema, dialect, own))


@pytest.mark.parametrize("uri", DRAFTS)
def test_each_metaschema_has_nothing_against_itself(uri: str) -> None:
    assert said(validator_for({"$schema": uri}).META_SCHEMA, uri) == ""


@pytest.mark.parametrize("uri", DRAFTS)
def test_each_keyword_is_known_to_its_own_metaschema(uri: str) -> None:
    metaschema = json.dumps(validator_for({"$schema": uri}).META_SCHEMA)
    notes = {
        "$comment",
        "contentEncoding",
        "contentMediaType",
        "deprecated",
        "readOnly",
        "writeOnly",
        "examples",
    }
    if "2019" not in uri and "2020" not in uri:
        for keyword in DRAFTS[uri].keywords.keys() - notes:
            assert f'"{keyword}":' in metaschema, keyword


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("2020-12", LATEST.uri),
        (LATEST.uri + "#", LATEST.uri),
        ("draft-07", DRAFT_7),
        ("http://json-schema.org/draft-07/schema", DRAFT_7),
        ("https://json-schema.org/draft-07/schema", DRAFT_7),
        ("https://json-schema.org/draft-07/schema#", DRAFT_7),
        ("http://json-schema.org/draft/2020-12/schema", LATEST.uri),
        ("http://json-schema.org/draft/2020-12/schema#", LATEST.uri),
        ("http://www.json-schema.org/draft-07/schema/", DRAFT_7),
        ("http://json-schema.org/draft-07/hyper-schema#", DRAFT_7),
        ("http://json-schema.org/draft-03/schema#", None),
        ("http://json-schema.org/draft-07/schema#/definitions/x", None),
        ("http://json-schema.org/schema#", None),
        ("http://json-schema-org/draft-07/schema#", None),
        ("", None),
    ],
)
def test_spellings_of_dialects(name: str, uri: str | None) -> None:
    found = find_draft(name)
    assert (found.uri if found else None) == uri


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"type": "string", "minLength": 5, "maxLength": 3},
            "1:36: warning: nothing satisfies this schema: maxLength",
        ),
        ({"minLength": 5, "maxLength": 3}, "no string satisfies this schema"),
        ({"type": ["string", "null"], "minLength": 5, "maxLength": 3}, "no string satisfies this schema"),
        ({"type": "array", "minItems": 2, "maxItems": 1}, "nothing satisfies"),
        ({"minProperties": 2, "maxProperties": 1}, "no object satisfies"),
        ({"type": "number", "minimum": 2, "maximum": 1}, "nothing satisfies"),
        ({"type": "number", "minimum": 2, "exclusiveMaximum": 2}, "nothing satisfies"),
        ({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, "nothing satisfies"),
        ({"type": "integer", "minimum": 1.1, "maximum": 1.9}, "nothing satisfies"),
        ({"enum": []}, "enum is empty"),
        ({"type": "string", "enum": [1, None]}, "no value of enum has the stated type"),
        ({"type": "integer", "const": "1"}, "const hasn't the stated type"),
        ({"enum": [1, 2], "const": True}, "const isn't in enum"),
        ({"not": {}}, "not refuses everything"),
        ({"allOf": [{}, False]}, "a part of allOf is false"),
        ({"anyOf": [False]}, "anyOf allows nothing"),
        ({"properties": {"a": False}, "required": ["a"]}, "'a' is required, but its schema is false"),
        (
            {
                "type": "object",
                "properties": {"name": {}},
                "required": ["nmae"],
                "additionalProperties": False,
            },
            "'nmae' is required, but not allowed\n    Did you mean 'name'?",
        ),
        ({"required": ["a", "b"], "maxProperties": 1}, "2 properties are required, maxProperties is 1"),
    ],
)
def test_contradictions_are_warned_about(schema: object, message: str) -> None:
    assert message in said(schema)
    assert "error" not in said(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "minLength": 5, "maxLength": 3},
        {"type": "number", "minimum": 1, "maximum": 1},
        {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
        {"type": ["integer", "number"], "minimum": 1.1, "maximum": 1.9},
        {"type": "integer", "enum": [1.0]},
        {"type": "number", "const": 1},
        {"enum": [1, {"a": [1.0]}], "const": {"a": [1]}},
        {"anyOf": [False, True]},
        {
            "properties": {},
            "required": ["a"],
            "additionalProperties": False,
            "patternProperties": {"a": True},
        },
        {"not": {"type": "string"}},
        {"allOf": [True]},
        True,
        False,
        {},
    ],
)
def test_what_can_be_satisfied_is_left_alone(schema: object) -> None:
    assert said(schema) == ""


def test_draft_4_has_flags_beside_its_bounds() -> None:
    assert said({"minimum": 1, "maximum": 1, "exclusiveMaximum": True}, DRAFT_4).startswith(
        "x.json:1:16: warning"
    )
    assert said({"minimum": 1, "maximum": 1, "exclusiveMaximum": False}, DRAFT_4) == ""


@pytest.mark.parametrize(
    ("schema", "dialect", "remedy"),
    [
        ({"minLenght": 1}, LATEST.uri, "Did you mean 'minLength'?"),
        ({"nullable": True}, LATEST.uri, '"type": ["string", "null"]'),
        ({"example": 1}, LATEST.uri, "It is `examples`"),
        ({"prefixItems": [{}]}, DRAFT_7, "It belongs to 2020-12; this schema is draft-07."),
        ({"additionalItems": {}}, LATEST.uri, "Since 2020-12 it is `items`"),
        ({"id": "x"}, LATEST.uri, "Since draft 6 it is `$id`"),
        ({"$id": "x"}, DRAFT_4, "In draft 4 it is `id`"),
        ({"zzz": 1}, LATEST.uri, "begin its name with `x-`"),
    ],
)
def test_unknown_keywords_are_warned_about(schema: object, dialect: str, remedy: str) -> None:
    assert ": warning: unknown keyword" in said(schema, dialect)
    assert remedy in said(schema, dialect)


def test_names_of_properties_and_values_are_no_keywords() -> None:
    schema = {
        "properties": {"minLenght": {}, "customTypePath": {}},
        "$defs": {"x-python-import": {}},
        "patternProperties": {"^x": {}},
        "dependentSchemas": {"nullable": {}},
        "enum": [{"typ": 1}],
        "const": {"typ": 1},
        "default": {"customTypePath": 1},
        "examples": [{"typ": 1}],
        "x-own": {"typ": 1},
    }
    assert said(schema) == ""


def test_siblings_of_a_reference_count_only_since_2019() -> None:
    schema = {"$ref": "#/definitions/a", "minLength": 3, "description": "d", "definitions": {"a": {}}}
    assert "minLength has no effect beside $ref in draft-07" in said(schema, DRAFT_7)
    assert said(schema) == ""
    assert said({"$ref": "#", "description": "d"}, DRAFT_7) == ""


def test_an_embedded_schema_may_be_of_another_dialect() -> None:
    inner = {"$schema": DRAFT_7, "$id": "https://x.example/a", "items": [{"type": "strng"}], "nullable": True}
    text = said({"$defs": {"a": inner}, "nullable": True})
    assert text.count("error") == 1
    assert "unknown type 'strng'" in text
    assert text.count("unknown keyword 'nullable'") == 2
    fine = {"$schema": DRAFT_7, "$id": "https://x.example/a", "items": [{"type": "string"}]}
    assert said({"$defs": {"a": fine}}) == ""
    assert "items must be a schema" in said({"$defs": {"a": {"items": [{"type": "string"}]}}})


def test_a_dialect_of_the_users_own() -> None:
    own = {
        "$schema": LATEST.uri,
        "$id": OWN,
        "$ref": LATEST.uri,
        "properties": {"maxLength": {"maximum": 10}},
    }
    assert said({"$schema": OWN, "maxLength": 5, "house-rule": 1}, own=own) == ""
    assert "1:52: error: 'maxLength' must be 10 or less" in said({"$schema": OWN, "maxLength": 50}, own=own)
    assert "refused" in said({"$schema": OWN, "customTypePath": "os"}, own=own)
    assert "unknown dialect" in said({"$schema": OWN})
    assert "can't be used" in said({"$schema": OWN}, own={"$schema": "https://y.example/"})


@pytest.mark.parametrize(
    ("pattern", "result"),
    [
        ("^[a-z]+$", "linear"),
        ("^(a+)+$", "linear"),
        ("\\p{L}+", "linear"),
        ("^\\S{1,4000}$", "linear"),
        ("(?=a)b", "backtracking"),
        ("(?<!a)b", "backtracking"),
        ("(a)\\1", "backtracking"),
        ("(", "invalid"),
        ("[z-a]", "invalid"),
        ("\\Z", "invalid"),
        ("a{1000000000}", "invalid"),
        ("(" * 3000 + ")" * 3000, "invalid"),
        ("x" * 10_001, "invalid"),
    ],
)
def test_patterns(pattern: str, result: str) -> None:
    verdict = judge_pattern(pattern)
    assert verdict.result == result
    assert bool(verdict.reason) == (result == "invalid")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"properties": {f"p{i}": {"type": "x"} for i in range(500)}},
            "more than 200 errors in one schema",
        ),
        (
            {"patternProperties": {f"^{i}$": True for i in range(3000)}},
            "more than 2000 patterns in one schema",
        ),
    ],
)
def test_budgets(schema: object, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert message in said(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {f"k{i:03}": 1 for i in range(414)},
        {"properties": {f"p{i:03}": {"markdownDescription": "x"} for i in range(414)}},
        {"properties": {f"p{i:03}": {"minimum": 2, "maximum": 1} for i in range(414)}},
        {"properties": {f"p{i:03}": {"pattern": f"(?=a)b{i}"} for i in range(414)}},
        {"patternProperties": {f"(?=a)b{i:03}": True for i in range(414)}},
        {"allOf": [{"if": {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "x", "k": 1}}] * 414},
    ],
    ids=["keywords", "properties", "contradictions", "patterns", "property patterns", "embedded documents"],
)
def test_any_number_of_warnings_is_no_error(schema: dict[str, Any]) -> None:
    problems = check(schema)
    assert {problem.severity for problem in problems} == {"warning"}
    assert len(problems) == 201
    last = problems[-1] if "allOf" not in schema else next(p for p in problems if "more" in p.message)
    assert last.message == "and 214 more warnings in this file"
    assert last.place is not None


def test_what_is_beside_many_warnings_is_still_found() -> None:
    problems = check({"properties": {**{f"p{i}": {"k": 1} for i in range(300)}, "bad": {"type": "x"}}})
    assert [problem.message for problem in problems if problem.severity == "error"] == ["unknown type 'x'"]


def test_the_number_of_schemas_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tightbeam_codegen.read.check.schema.MAX_SUBSCHEMAS", 10)
    assert said({"properties": {str(i): True for i in range(9)}}) == ""
    assert "more than 10 schemas in one schema" in said({"properties": {str(i): True for i in range(10)}})


# Draft 4's metaschema says nothing about `$ref`.
KEYWORDS = sorted(
    {keyword for dialect in DRAFTS.values() for keyword in dialect.keywords} - {"$schema", "$ref"}
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-3, 3)
    | st.sampled_from(["a", "", "string", "("])
)
schemas = st.recursive(
    st.booleans() | st.dictionaries(st.sampled_from(KEYWORDS), scalars, max_size=3),
    lambda inner: st.dictionaries(
        st.sampled_from(KEYWORDS),
        inner | st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
        max_size=3,
    ),
    max_leaves=8,
)


@given(schemas, st.sampled_from(sorted(DRAFTS)))
@example({"enum": []}, "http://json-schema.org/draft-04/schema")
def test_the_plain_words_and_the_metaschema_agree(schema: Any, dialect: str) -> None:
    problems = Problems()
    document = parse(json.dumps(schema).encode(), "x.json", "x.json", "tightbeam:///x.json")
    check_schema(document, (), dialect, problems)
    # An enumeration with an entry twice, or with none, means what it says, and is merely disliked; the latter
    # draft 4 forbids.
    disliked = ("uniqueItems",) if "draft-04" in dialect else ("uniqueItems", "minItems")
    metaschema_says = [
        fault
        for fault in faults_by({"$schema": dialect, "$ref": dialect}, schema, {})
        if not (fault.where[-1:] == ("enum",) and fault.rule in disliked)
    ]
    # Beyond the metaschema only patterns are errors; what the metaschema refuses always is one.
    errors = [
        problem.message
        for problem in problems
        if problem.severity == "error" and "pattern '" not in problem.message
    ]
    assert bool(errors) == bool(metaschema_says), (errors, metaschema_says)
