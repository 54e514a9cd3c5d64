"""Bundled schemas: found, parsed and compiled at first use; incomplete ones say what to do."""

from __future__ import annotations

import json
import sys
import types
from typing import Any

import pytest

from tightbeam._channels.refs import topics
from tightbeam._codegen import v1
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam.errors import InvalidPayload, OutdatedBindings

S2020 = "https://json-schema.org/draft/2020-12/schema"
S7 = "http://json-schema.org/draft-07/schema#"
URI = "tightbeam:///x.json"
AGAIN = "Run `tightbeam generate` again, and see that the whole generated package is installed"


def stated(schema: object = True, dialect: str = S2020, **resources: object) -> dict[str, Any]:
    return {
        "assertFormats": True,
        "resources": {URI: schema, **resources},
        "topics": {"t": {"ref": f"{URI}#", "dialect": dialect, "open": True}},
        "params": {"p": {"type": "string", "pattern": "^[a-z]+$"}},
    }


@pytest.fixture
def ref(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> v1.TopicRef[..., str, Any]:
    """The topic of a channel with the bundle that the test gives: an object, a text, None for no module."""
    name = f"schemas_of_{abs(hash(request.node.name))}"
    if request.param is not None:
        module = types.ModuleType(name)
        if request.param is not ...:
            text = json.dumps(request.param) if isinstance(request.param, dict) else request.param
            vars(module)["SCHEMAS"] = text
        monkeypatch.setitem(sys.modules, name, module)

    class Made(v1.Channel[Any], template="made", params={}, schemas=name):
        t: v1.TopicRef[[Any], Any, Any] = v1.topic("t", Any)

    return topics(v1.open_channel(Made, {}))["t"]


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        (None, "it is missing"),
        (..., "it holds no schemas"),
        ("", "its schemas can't be read"),
        ("{", "its schemas can't be read"),
        ("[]", "its schemas can't be read"),
        (5, "its schemas can't be read"),
        ({}, "its schemas can't be read"),
        ({**stated(), "topics": {"t": {"ref": URI}}}, "its schemas can't be read"),
        ({**stated(), "topics": {}}, "it has no schema for topic 't'"),
        (stated({"$ref": "missing.json"}), "its schemas are incomplete"),
        ({**stated(), "resources": {}}, "its schemas are incomplete"),
        (stated({"type": "strin"}), "its schemas are incomplete"),
        (stated({"pattern": "("}), "its schemas are incomplete"),
        (stated(dialect="https://example.com/unknown"), "its schemas are incomplete"),
    ],
    indirect=["ref"],
)
def test_incomplete_bindings_say_to_generate_again(ref: v1.TopicRef[..., str, Any], problem: str):
    for use in (lambda: encode(ref, 1), lambda: load(ref, b"1")):
        with pytest.raises(OutdatedBindings) as caught:
            use()
        assert problem in str(caught.value)
        assert AGAIN in str(caught.value)
        assert not caught.value.retryable


def test_bindings_that_are_imported_again_have_their_own_schemas(monkeypatch: pytest.MonkeyPatch):
    """As in a notebook, which drops generated modules to import those that were generated since."""
    for kind, good, bad in (("integer", 1, "a"), ("string", "a", 1)):
        module = types.ModuleType("schemas_again")
        vars(module)["SCHEMAS"] = json.dumps(stated({"type": kind}))
        monkeypatch.setitem(sys.modules, "schemas_again", module)

        class Made(v1.Channel[Any], template="made", params={}, schemas="schemas_again"):
            t: v1.TopicRef[[Any], Any, Any] = v1.topic("t", Any)

        ref = topics(v1.open_channel(Made, {}))["t"]
        encode(ref, good)
        with pytest.raises(InvalidPayload):
            encode(ref, bad)


def test_an_import_error_inside_the_module_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    (tmp_path / "broken_schemas.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(tmp_path)

    class Made(v1.Channel[Any], template="made", params={}, schemas="broken_schemas"):
        t: v1.TopicRef[[Any], Any, Any] = v1.topic("t", Any)

    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        encode(topics(v1.open_channel(Made, {}))["t"], 1)


ARRAY = {"items": [{"type": "integer"}], "dependentRequired": {"a": ["b"]}}
CORE = "https://json-schema.org/draft/2020-12"
METASCHEMA = {
    "$id": "https://example.com/meta",
    "$schema": S2020,
    "$vocabulary": {f"{CORE}/vocab/core": True, f"{CORE}/vocab/applicator": True},
    "$dynamicAnchor": "meta",
    "allOf": [{"$ref": f"{CORE}/meta/applicator"}, {"$ref": f"{CORE}/meta/core"}],
}


@pytest.mark.parametrize(
    ("ref", "good", "bad"),
    [
        (stated({"$schema": S2020, "prefixItems": [{"type": "integer"}]}), [1], ["a"]),
        (stated({"$schema": S7, "items": [{"type": "integer"}]}, S7), [1], ["a"]),
        # a resource that names no dialect has its topic's
        (stated({"items": [{"type": "integer"}]}, S7), [1], ["a"]),
        (
            stated({"dependentRequired": {"a": ["b"]}}, "https://json-schema.org/draft/2019-09/schema"),
            {"a": 1, "b": 1},
            {"a": 1},
        ),
        (stated({"minimum": 1, "exclusiveMinimum": True}, "http://json-schema.org/draft-04/schema#"), 2, 1),
        (stated({"exclusiveMinimum": 1}, "http://json-schema.org/draft-06/schema#"), 2, 1),
        (
            stated(
                {"$schema": "https://example.com/meta", "properties": {"a": False, "n": {"minimum": 9}}},
                "https://example.com/meta",
                **{"https://example.com/meta": METASCHEMA},
            ),
            {"n": 1},
            {"a": 1},
        ),
        (
            stated(
                {"$schema": S2020, "$ref": "other.json#/$defs/n"},
                **{"tightbeam:///other.json": {"$defs": {"n": {"type": "integer"}}}},
            ),
            1,
            "a",
        ),
    ],
    indirect=["ref"],
)
def test_every_draft_and_custom_metaschemas(ref: v1.TopicRef[..., str, Any], good: object, bad: object):
    encode(ref, good)
    with pytest.raises(InvalidPayload):
        encode(ref, bad)


@pytest.mark.parametrize(
    "ref", [stated({"type": "object", "additionalProperties": {"type": ["number", "null"]}})], indirect=True
)
def test_numbers_that_are_not_finite_are_never_null(ref: v1.TopicRef[..., str, Any]):
    assert encode(ref, {"a": None, "b": 1.5}) == b'{"a":null,"b":1.5}'
    with pytest.raises(InvalidPayload, match=r"/\*: must be a finite number"):
        encode(ref, {"a": None, "b": float("nan")})


@pytest.mark.parametrize("open_", [True, False])
def test_the_scan_for_them_is_left_out_where_nothing_is_open(monkeypatch: pytest.MonkeyPatch, open_: bool):
    bundle = stated({"type": "object", "additionalProperties": {"type": ["number", "null"]}})
    bundle["topics"]["t"]["open"] = open_
    module = types.ModuleType("schemas_open")
    vars(module)["SCHEMAS"] = json.dumps(bundle)
    monkeypatch.setitem(sys.modules, f"schemas_open_{open_}", module)

    class Made(v1.Channel[Any], template="made", params={}, schemas=f"schemas_open_{open_}"):
        t: v1.TopicRef[[Any], Any, Any] = v1.topic("t", Any)

    ref = topics(v1.open_channel(Made, {}))["t"]
    encode(ref, {"a": None})
    assert ref.__topic__.compiled is not None
    assert ref.__topic__.compiled.may_hold_nonfinite is open_
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(InvalidPayload, match=r"/\*: must be a finite number"):
            encode(ref, {"a": None, "b": value})
