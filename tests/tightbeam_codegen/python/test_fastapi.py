"""Generated models and dictionaries where FastAPI users put them: bodies, responses, OpenAPI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import httpx
import pydantic
import pytest
from fastapi import FastAPI

import tightbeam
from tests.tightbeam_codegen.compiling import channel, compile_files
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

ETA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "arrivesAt": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "id": {"type": "string", "format": "uuid"},
        "address": {"type": ["string", "null"], "format": "ipv4"},
        "reason": {"type": ["string", "null"]},
        "maybe": {"type": ["string", "null"], "default": None},
        "note": {"type": "string", "minLength": 1, "maxLength": 9},
        "latitude": {"type": "number", "minimum": -90, "exclusiveMaximum": 90},
        "share": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "count": {"type": "integer", "minimum": 1},
        "times": {"type": "array", "items": {"type": "string", "format": "date-time"}},
        "numbers": {"type": "object", "additionalProperties": {"type": "number"}},
        "odd-key": {"type": "boolean"},
        "price": {"type": ["number", "null"], "minimum": 0, "multipleOf": 0.01},
        "email": {"type": "string", "format": "email"},
        "digits": {"type": "string", "pattern": "^(?!0)\\d+$"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": True},
        "cents": {"$ref": "#/$defs/Cents"},
    },
    "required": ["arrivesAt"],
    "additionalProperties": False,
}
CENTS = {"type": "integer", "minimum": 0, "multipleOf": 5}
BODY: dict[str, Any] = {
    "arrivesAt": "2026-01-02T03:04:05Z",
    "day": "2026-01-02",
    "id": "0b0e1c9e-0000-4000-8000-000000000000",
    "address": "10.0.0.1",
    "reason": None,
    "latitude": 12,
    "times": ["2026-01-02T03:04:05.5Z"],
    "numbers": {"a": 1, "b": 1.5},
    "odd-key": True,
}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return compile_files(
        tmp_path_factory.mktemp("fastapi"), {"x.channel.json": channel(eta=ETA) | {"$defs": {"Cents": CENTS}}}
    ).module("x")


@pytest.fixture
async def api(module: ModuleType) -> AsyncIterator[httpx.AsyncClient]:
    client, app = tightbeam.Client(), FastAPI()
    for path, kind in (("/model", module.Eta), ("/dictionary", module.EtaDict)):

        async def publish(body: Any) -> Any:
            await client.realtime.publish(module.x_channel.eta, body)
            return body

        publish.__annotations__ |= {"body": kind, "return": kind}
        app.post(path, response_model_exclude_unset=True)(publish)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as found:
        yield found


@pytest.mark.parametrize("path", ["/model", "/dictionary"])
async def test_a_body_is_published_and_answered(path: str, api: httpx.AsyncClient) -> None:
    answer = await api.post(path, json=BODY)
    expected = BODY | ({"times": ["2026-01-02T03:04:05.500000Z"]} if path == "/model" else {})
    assert (answer.status_code, answer.json()) == (200, expected)


BAD = [
    ("arrivesAt", 1767323045),
    ("arrivesAt", "2026-01-02"),
    ("arrivesAt", "2026-01-02T03:04:05"),
    ("day", "2026-01-02T00:00:00"),
    ("day", 20455),
    ("id", 5),
    ("id", "x"),
    ("address", 167772161),
    ("address", "10.0.0.256"),
    ("address", "::1"),
    ("latitude", "12"),
    ("latitude", 90),
    ("count", 0),
    ("odd-key", "yes"),
    ("other", 1),
]


@pytest.mark.parametrize(("name", "value"), BAD)
async def test_what_is_wrong_is_a_422_at_its_place(name: str, value: object, api: httpx.AsyncClient) -> None:
    answer = await api.post("/model", json={**BODY, name: value})
    assert answer.status_code == 422
    assert {tuple(issue["loc"][:2]) for issue in answer.json()["detail"]} == {("body", name)}


async def test_openapi_says_what_the_schema_says(api: httpx.AsyncClient) -> None:
    schema = (await api.get("/openapi.json")).json()["components"]["schemas"]["Eta"]
    assert schema["required"] == ["arrivesAt"]
    properties = schema["properties"]
    for found in properties.values():
        del found["title"]
    null = {"type": "null"}
    assert properties == {
        "arrivesAt": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "id": {"type": "string", "format": "uuid"},
        "address": {"anyOf": [{"type": "string", "format": "ipv4"}, null]},
        "reason": {"anyOf": [{"type": "string"}, null]},
        "maybe": {"anyOf": [{"type": "string"}, null]},
        "note": {"type": "string", "minLength": 1, "maxLength": 9},
        "latitude": {"type": "number", "minimum": -90, "exclusiveMaximum": 90},
        "share": {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, null]},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "count": {"type": "integer", "minimum": 1},
        "times": {"type": "array", "items": {"type": "string", "format": "date-time"}},
        "numbers": {"type": "object", "additionalProperties": {"type": "number"}},
        "odd-key": {"type": "boolean"},
        "price": {"anyOf": [{"type": "number", "minimum": 0}, null], "multipleOf": 0.01},
        "email": {"type": "string", "format": "email"},
        "digits": {"type": "string", "pattern": "^(?!0)\\d+$"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": True},
        "cents": CENTS,
    }


TEXTS = [
    *("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789+01:00", "2026-01-02 03:04:05Z", "1", "now", ""),
    *("2026-01-02", "2026-02-30", "20260102", "2026-01-02T00:00:00", "0000-01-01", " 2026-01-02"),
    *("0b0e1c9e-0000-4000-8000-000000000000", "0B0E1C9E00004000800000000000", "{0b0e1c9e}", "urn:uuid:1"),
    *("10.0.0.1", "010.0.0.1", "10.1", "١٠.0.0.1", "10.0.0.1/8"),
]


@pytest.mark.parametrize("name", ["arrivesAt", "day", "id", "address"])
@pytest.mark.parametrize("text", TEXTS)
def test_text_is_taken_in_python_exactly_where_it_is_in_json(
    name: str, text: str, module: ModuleType
) -> None:
    def result(function: Any, value: Any) -> object:
        try:
            return function(value)
        except pydantic.ValidationError as error:
            return [(issue["type"], issue["loc"]) for issue in error.errors()]

    value = {"arrivesAt": "2026-01-02T03:04:05Z", name: text}
    kind = module.Eta
    assert result(kind.model_validate, value) == result(kind.model_validate_json, json.dumps(value))


@pytest.mark.parametrize("value", [1, 1.5, True, b"2026-01-02", ["2026-01-02"]])
@pytest.mark.parametrize("name", ["arrives_at", "day", "id", "address"])
def test_nothing_but_text_is(name: str, value: object, module: ModuleType) -> None:
    with pytest.raises(pydantic.ValidationError):
        module.Eta(**{"arrives_at": "2026-01-02T03:04:05Z", name: value})


def test_a_constructor_takes_text_at_run_time(module: ModuleType) -> None:
    eta = module.Eta(arrives_at="2026-01-02T03:04:05Z")  # a type error, as tests/typing has it
    ref = module.x_channel.eta
    assert load(ref, encode(ref, eta)) == eta
