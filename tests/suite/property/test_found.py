"""What the property test found, each made small."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.suite.property.check import check_instances, topics

NULLABLE = {"type": ["object", "null"], "properties": {"a": {"$ref": "#/$defs/node"}}}
TAG = {"enum": ["a", "b"]}


@pytest.mark.parametrize(
    ("schema", "instance", "valid"),
    [
        pytest.param({"type": "integer"}, 1e300, True, id="an integer over 64 bits is sent again"),
        pytest.param({"enum": ["a", 2**64 - 1]}, 2**64 - 1, True, id="a literal over 63 bits"),
        pytest.param(
            {"$defs": {"node": NULLABLE}, "$ref": "#/$defs/node"},
            {"a": {"a": None}},
            True,
            id="a shared object or null keeps its class",
        ),
        pytest.param(
            {"$defs": {"tag": TAG}, "type": "object", "properties": {"a/b": {"$ref": "#/$defs/tag"}}},
            {"a/b": "a"},
            True,
            id="an alias in a dictionary of odd keys",
        ),
        pytest.param(
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]},
            },
            ["1"],
            True,
            id="text isn't taken for a date-time beside text",
        ),
        pytest.param(
            {"properties": {"a": {"type": "string"}}},
            {"a": None, "b": 1},
            False,
            id="null isn't dropped where anything may stand",
        ),
    ],
)
def test_found(schema: Any, instance: Any, valid: bool) -> None:
    with topics([schema], assert_formats=True) as found:
        outcome = check_instances(found[0](), [instance], lambda _: valid)
    assert not outcome.wrong
    assert outcome.accepted == valid


def test_a_union_inside_allof_is_typed() -> None:
    branches = [{"properties": {name: {"type": "integer"}}, "required": [name]} for name in "ab"]
    schema = {"type": "object", "allOf": [{"properties": {"c": {"type": "string"}}}, {"oneOf": branches}]}
    with topics([schema]) as found:
        names = sorted(kind.__name__ for kind in get_args(found[0]().payload_type))
    assert names == ["S0X0", "S0X1"]
