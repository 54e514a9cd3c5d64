"""A topic has changed if what its references lead to has, and not if another class of a document has."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tightbeam_codegen.compare.reached import reached_text

URI, SHARED = "https://example.com/x.channel.json", "https://example.com/shared.json"
DRAFT_7, DRAFT_2020 = (
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema",
)
TOPIC = {"$ref": "#/topics/placed/schema"}


def documents() -> dict[str, Any]:
    """A topic that leads to `Order`, `Line` and a tree, beside `Other`, which nothing refers to."""
    return {
        URI: {
            "$schema": DRAFT_2020,
            "topics": {
                "placed": {"schema": {"$ref": "shared.json#/$defs/Order"}},
                "other": {"schema": {"type": "string"}},
            },
        },
        SHARED: {
            "$schema": DRAFT_2020,
            "$defs": {
                "Order": {"properties": {"id": {"type": "integer"}, "lines": {"$ref": "#/$defs/Line"}}},
                "Line": {"properties": {"tree": {"$ref": "#/$defs/a~1b%20c"}, "sku": {"const": 1}}},
                "a/b c": {"properties": {"next": {"$ref": "#/$defs/a~1b%20c"}}},
                "Other": {"type": "null"},
            },
        },
    }


def text(resources: dict[str, Any]) -> str | None:
    return reached_text(TOPIC, URI, resources)


def changed(*way: str, value: Any) -> dict[str, Any]:
    """The documents with another value at a place."""
    found: Any = documents()
    inner = found
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return found


def test_equal_documents_have_one_text() -> None:
    assert text(documents()) is not None
    assert text(copy.deepcopy(documents())) == text(documents())


@pytest.mark.parametrize(
    "elsewhere",
    [
        changed(SHARED, "$defs", "Other", value={"type": "string"}),
        changed(SHARED, "$defs", "New", value={}),
        changed(URI, "topics", "other", "schema", value={"type": "integer"}),
    ],
)
def test_what_no_reference_leads_to_is_no_change(elsewhere: dict[str, Any]) -> None:
    assert text(elsewhere) == text(documents())


@pytest.mark.parametrize(
    "reached",
    [
        changed(SHARED, "$defs", "Order", "properties", "id", "type", value="string"),
        changed(SHARED, "$defs", "Line", "properties", "sku", "const", value=True),
        changed(SHARED, "$defs", "a/b c", "required", value=["next"]),
        changed(SHARED, "$schema", value=DRAFT_7),
        changed(URI, "$schema", value=DRAFT_7),
    ],
)
def test_what_references_lead_to_is_a_change(reached: dict[str, Any]) -> None:
    assert text(reached) not in (None, text(documents()))


@pytest.mark.parametrize(
    "unclear",
    [
        changed(SHARED, "$id", value="https://example.com/other.json"),
        changed(SHARED, "$defs", "Line", "$anchor", value="line"),
        changed(SHARED, "$defs", "Line", "$dynamicRef", value="#line"),
        changed(SHARED, "$defs", "Line", "$recursiveAnchor", value=True),
        changed(SHARED, "$defs", "Line", "$schema", value=DRAFT_7),
        changed(URI, "topics", "placed", "schema", value={"$ref": "shared.json#order"}),
        changed(URI, "topics", "placed", "schema", value={"$ref": "shared.json"}),
        changed(URI, "topics", "placed", "schema", value={"$ref": "gone.json#/$defs/Order"}),
        changed(URI, "topics", "placed", "schema", value={"$ref": "shared.json#/$defs/Gone"}),
    ],
)
def test_where_references_are_more_than_their_text_everything_counts(unclear: dict[str, Any]) -> None:
    assert text(unclear) is None
