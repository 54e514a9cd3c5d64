"""What Ajv would read otherwise than the Python side is taken out of the schemas it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tightbeam_codegen.typescript.ajv import validators_of

YEARS = {
    "http://json-schema.org/draft-04/schema#": 4,
    "http://json-schema.org/draft-06/schema#": 6,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}
URIS = {year: uri for uri, year in YEARS.items()}


def for_ajv(schema: dict[str, Any], year: int = 2020) -> dict[str, Any]:
    """The resources that Ajv gets for a topic with this schema."""
    uri = URIS[year]
    bundle = {
        "assertFormats": False,
        "resources": {"https://x.example/": {"$schema": uri, **schema}},
        "topics": {"t": {"ref": "https://x.example/#", "dialect": uri, "open": False}},
        "params": {},
    }
    text, _, _ = validators_of(json.dumps(bundle, separators=(",", ":")), YEARS.__getitem__)
    resources: dict[str, Any] = json.loads(text)["resources"]
    return resources


def said(schema: dict[str, Any], year: int = 2020) -> dict[str, Any]:
    found: dict[str, Any] = for_ajv(schema, year)["https://x.example/"]
    del found["$schema"]
    return found


@pytest.mark.parametrize("keyword", ["nullable", "$async", "id"])
def test_keywords_of_ajvs_own_mean_nothing(keyword: str) -> None:
    kept = {"default": {keyword: True}, "properties": {keyword: {"type": "string"}}}
    assert said({keyword: True, **kept, "not": {keyword: True}}) == {**kept, "not": {}}


def test_keywords_of_later_drafts_mean_nothing() -> None:
    later = {"const": 1, "contains": {}, "if": False, "propertyNames": False}
    assert said({"type": "object", **later}, 4) == {"type": "object"}
    assert said({"if": False, "id": "x", "const": 1}, 6) == {"const": 1}
    assert said(later) == later


def test_the_metaschema_that_ajv_does_not_bring_along() -> None:
    uri = "http://json-schema.org/draft-06/schema"
    assert uri in for_ajv({"properties": {"a": {"$ref": f"{uri}#"}}}, 6)
    assert uri not in for_ajv({"properties": {"a": {"type": "string"}}}, 6)
