"""Each keyword of each draft counts in a comparison: one that was forgotten would be called safe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tightbeam._payload.schemas import Bundle
from tightbeam_codegen.compare.containment import Contained, Refused, Side, contains
from tightbeam_codegen.json_schema.dialects import DRAFTS
from tightbeam_codegen.json_schema.keywords import ASSERTING

SAMPLES: Mapping[str, tuple[dict[str, Any], Any]] = {
    "$dynamicRef": ({"definitions": {"text": {"type": "string"}}, "$dynamicRef": "#/definitions/text"}, 1),
    "$recursiveRef": ({"type": "object", "additionalProperties": {"$recursiveRef": "#"}}, {"a": 1}),
    "$ref": ({"definitions": {"text": {"type": "string"}}, "$ref": "#/definitions/text"}, 1),
    "additionalItems": ({"items": [{}], "additionalItems": {"type": "string"}}, [1, 1]),
    "additionalProperties": ({"additionalProperties": {"type": "string"}}, {"a": 1}),
    "allOf": ({"allOf": [{"type": "string"}]}, 1),
    "anyOf": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
    "const": ({"const": "a"}, "b"),
    "contains": ({"contains": {"type": "string"}}, [1]),
    "contentEncoding": ({"contentEncoding": "base64"}, "%"),
    "contentMediaType": ({"contentMediaType": "application/json"}, "{"),
    "contentSchema": ({"contentMediaType": "application/json", "contentSchema": {"type": "string"}}, "1"),
    "dependencies": ({"dependencies": {"a": ["b"]}}, {"a": 1}),
    "dependentRequired": ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
    "dependentSchemas": ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}),
    "else": ({"if": {"type": "string"}, "else": {"type": "null"}}, 1),
    "enum": ({"enum": ["a"]}, "b"),
    "exclusiveMaximum": ({"exclusiveMaximum": 1}, 1),
    "exclusiveMinimum": ({"exclusiveMinimum": 1}, 1),
    "format": ({"format": "date"}, "a"),
    "if": ({"if": {"type": "string"}, "then": {"minLength": 1}}, ""),
    "items": ({"items": {"type": "string"}}, [1]),
    "maxContains": ({"contains": {"type": "string"}, "maxContains": 1}, ["a", "a"]),
    "maxItems": ({"maxItems": 1}, [1, 1]),
    "maxLength": ({"maxLength": 1}, "aa"),
    "maxProperties": ({"maxProperties": 1}, {"a": 1, "b": 1}),
    "maximum": ({"maximum": 1}, 2),
    "minContains": ({"contains": {"type": "string"}, "minContains": 2}, ["a"]),
    "minItems": ({"minItems": 1}, []),
    "minLength": ({"minLength": 1}, ""),
    "minProperties": ({"minProperties": 1}, {}),
    "minimum": ({"minimum": 1}, 0),
    "multipleOf": ({"multipleOf": 2}, 1),
    "not": ({"not": {"type": "string"}}, "a"),
    "oneOf": ({"oneOf": [{"type": "string"}, {"minLength": 1}]}, "a"),
    "pattern": ({"pattern": "^a$"}, "b"),
    "patternProperties": ({"patternProperties": {"^a$": {"type": "string"}}}, {"a": 1}),
    "prefixItems": ({"prefixItems": [{"type": "string"}]}, [1]),
    "properties": ({"properties": {"a": {"type": "string"}}}, {"a": 1}),
    "propertyNames": ({"propertyNames": {"maxLength": 1}}, {"aa": 1}),
    "required": ({"required": ["a"]}, {}),
    "then": ({"if": {"type": "string"}, "then": {"minLength": 1}}, ""),
    "type": ({"type": "string"}, 1),
    "unevaluatedItems": ({"unevaluatedItems": {"type": "string"}}, [1]),
    "unevaluatedProperties": ({"unevaluatedProperties": {"type": "string"}}, {"a": 1}),
    "uniqueItems": ({"uniqueItems": True}, [1, 1]),
}
"""For each keyword a schema with it, and a value that only this keyword refuses."""

IN_DRAFT_4: Mapping[str, tuple[dict[str, Any], Any]] = {
    "exclusiveMaximum": ({"maximum": 1, "exclusiveMaximum": True}, 1),
    "exclusiveMinimum": ({"minimum": 1, "exclusiveMinimum": True}, 1),
}

CASES = [
    (draft.year, keyword)
    for draft in DRAFTS.values()
    for keyword in sorted(ASSERTING & draft.keywords.keys())
]


def test_each_keyword_has_a_sample() -> None:
    assert SAMPLES.keys() == ASSERTING


@pytest.mark.parametrize(("year", "keyword"), CASES)
def test_each_keyword_counts(year: int, keyword: str) -> None:
    schema, value = {**SAMPLES, **IN_DRAFT_4}[keyword] if year == 4 else SAMPLES[keyword]
    dialect = next(draft.uri for draft in DRAFTS.values() if draft.year == year)
    own = "additionalProperties" if keyword == "$recursiveRef" else keyword
    without = {name: stated for name, stated in schema.items() if name != own}
    reader, writer = (Side.of_schema(each, dialect=dialect) for each in (schema, without))
    bundle = Bundle("schemas", json.loads(json.dumps(reader.bundle)))
    counts = not bundle.topic_validator(bundle.topics[reader.topic]).is_valid(value)
    # Some drafts have keywords that their validators pass over, such as `contentEncoding` since 2019-09.
    assert counts or keyword.startswith("content")
    assert isinstance(contains(reader, writer, as_written=True), Refused if counts else Contained)
