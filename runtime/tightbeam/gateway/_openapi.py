"""The gateway's own description, for tools and for the tests that hold it to it."""

from __future__ import annotations

from typing import Any, Final

from tightbeam._wire.names import ERROR_TYPES, RUN_ERROR_TYPES
from tightbeam.gateway._openapi_runs import MOMENT, RUN_SCHEMAS, run_paths
from tightbeam.gateway._refusals import CODES
from tightbeam.gateway._settings import NAME_LIMIT

__all__ = ["document"]

_KEY: Final = "The sender's own: for each function, one run is started for it."
_START: Final = rf"^([0-9]{{1,8}}(\.[0-9]{{1,6}})?|{MOMENT})$"
_METADATA: dict[str, Any] = {
    "name": "metadata",
    "in": "query",
    "required": False,
    "description": "JSON of hooks, at most 4 KiB.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


def document(version: str, max_payload_bytes: int, *, dev: bool) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document of the routes; in dev mode it asks for no server key."""
    security: list[dict[str, list[str]]] = [{}] if dev else [{"serverKey": []}]
    error = {
        "type": "object",
        "properties": {
            "error": {"type": "string", "description": "Why, in a sentence."},
            "code": {"enum": list(CODES), "description": "Why, for programs."},
            "data": {"type": "null"},
            "status": {"type": "integer"},
            "issues": {"type": "array", "items": {"$ref": "#/components/schemas/Issue"}},
            "type": {
                "enum": sorted({*ERROR_TYPES, *RUN_ERROR_TYPES, "InvalidParam", "InvalidPayload"}),
                "description": "The error that a remote client raises.",
            },
            "state": {"type": "string", "description": "Of the run, where that is the reason."},
        },
        "required": ["error", "code", "data", "status"],
        "additionalProperties": False,
    }
    issue = {
        "type": "object",
        "properties": {"pointer": {"type": "string"}, "reason": {"type": "string"}},
        "required": ["pointer", "reason"],
        "additionalProperties": False,
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tightbeam gateway", "version": version},
        "paths": {
            "/health": {"get": _health()},
            "/v1/realtime/token": {"post": _token(security)},
            "/v1/realtime/publish": {"post": _publish(max_payload_bytes, security)},
            "/v1/realtime/send": {"post": _send(max_payload_bytes, security)},
            "/v1/realtime/connect": {"get": _connect()},
            "/v1/realtime/sse": {"get": _sse()},
            **run_paths(security, _errors),
        },
        "components": {
            "schemas": {"Error": error, "Issue": issue, **RUN_SCHEMAS},
            "securitySchemes": {
                "serverKey": {"type": "http", "scheme": "bearer"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def _errors(*statuses: int) -> dict[str, Any]:
    headers = {503: {"headers": {"Retry-After": {"schema": {"type": "integer"}}}}}
    return {
        str(status): {
            "description": _WORDS[status],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            **headers.get(status, {}),
        }
        for status in statuses
    }


_WORDS = {
    400: "It can't be understood",
    401: "Not authenticated",
    403: "Not allowed: the origin (whose page can read that), the topic, or dev mode from another machine",
    404: "No such channel, topic or run; or no function listens to the event",
    408: "The body didn't come in time",
    409: "The run isn't in a state for that, or its function isn't registered",
    413: "Over the limit",
    415: "Streams aren't relayed",
    421: "Not this gateway's host",
    422: "The payload breaks the topic's schema; or the event's data is no JSON object",
    426: "Only as a WebSocket",
    503: "No room, or shutting down",
}


def _query(name: str, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": {"type": "string", **schema}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _health() -> dict[str, Any]:
    status = {
        "type": "object",
        "properties": {"status": {"enum": ["ok", "closing"]}},
        "required": ["status"],
        "additionalProperties": False,
    }
    return {
        "operationId": "health",
        "responses": {
            "200": {"description": "It serves", "content": _json(status)},
            "503": {"description": "It doesn't", "content": _json(status)},
        },
    }


def _token(security: list[dict[str, list[str]]]) -> dict[str, Any]:
    topic = {
        "type": "object",
        "properties": {
            "channel": {"type": "string"},
            "name": {"type": "string", "description": "`*` stands for every topic."},
            "kind": {"type": "string"},
        },
        "required": ["channel", "name"],
    }
    jwt = {
        "type": "object",
        "properties": {
            "jwt": {"type": "string"},
            "topics": {"type": "array", "items": {"type": "string"}, "description": "What it allows."},
            "channels": {"type": "array", "items": {"type": "string"}, "description": "Those it is for."},
            "reset": {"const": True, "description": "Messages after `since` are no longer retained."},
        },
        "required": ["jwt", "topics", "channels"],
        "additionalProperties": False,
    }
    return {
        "operationId": "token",
        "security": security,
        "parameters": [
            _query("since", description="The time of the last message the reader saw, or `latest`.")
        ],
        "requestBody": {"required": True, "content": _json({"type": "array", "minItems": 1, "items": topic})},
        "responses": {
            "201": {"description": "A token for these topics", "content": _json(jwt)},
            **_errors(400, 401, 403, 404, 408, 413, 421),
        },
    }


def _publish(max_payload_bytes: int, security: list[dict[str, list[str]]]) -> dict[str, Any]:
    return {
        "operationId": "publish",
        "description": f"Live, at most once. The body is JSON, at most {max_payload_bytes:,} bytes.",
        "security": security,
        "parameters": [
            _query("channel", required=True, minLength=1),
            _query("topic", required=True, minLength=1),
            _query("run_id"),
            _METADATA,
        ],
        "requestBody": {"required": True, "content": _json({})},
        "responses": {
            "200": {"description": "Handed to whoever listens"},
            **_errors(400, 401, 403, 404, 408, 413, 415, 421, 422),
        },
    }


def _send(max_bytes: int, security: list[dict[str, list[str]]]) -> dict[str, Any]:
    started = {
        "type": "object",
        "properties": {"run_ids": {"type": "array", "items": {"type": "string"}}},
        "required": ["run_ids"],
        "additionalProperties": False,
    }
    return {
        "operationId": "send",
        "description": f"Start runs by an event. Its data is a JSON object of at most {max_bytes:,} bytes.",
        "security": security,
        "parameters": [
            _query("name", required=True, minLength=1, maxLength=NAME_LIMIT),
            _query("id", minLength=1, maxLength=512, description=_KEY),
            _query("start", pattern=_START, description="Seconds from now, or a time as ISO 8601 has it."),
            _METADATA,
            _query("defined", description="`true`: no listener is no error; the event has a definition."),
        ],
        "requestBody": {"required": True, "content": _json({"type": "object"})},
        "responses": {
            "201": {"description": "The runs are stored", "content": _json(started)},
            **_errors(400, 401, 403, 404, 408, 413, 421, 422, 503),
        },
    }


def _stream(operation: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "security": [{"token": []}, {"serverKey": []}],
        "parameters": [
            _query("token"),
            _query("after", description="The position to resume from, `start`, `latest`, or `now`."),
            _query(
                "since", description="The time of the last message seen, or `latest`, if there is no `after`."
            ),
            _query("want", description="A JSON list of [channel, topic], narrower than the token."),
        ],
        "responses": responses,
    }


def _connect() -> dict[str, Any]:
    described = _stream("connect", _errors(400, 401, 403, 421, 426, 503))
    described["description"] = (
        "A WebSocket: text frames, one JSON object each. Without an upgrade it answers what a WebSocket with "
        "the same query would be answered, or 426 where that would be taken."
    )
    described["responses"]["101"] = {"description": "Subscribed"}
    return described


def _sse() -> dict[str, Any]:
    opened = {"description": "Subscribed", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    described = _stream("sse", {"200": opened, **_errors(400, 401, 403, 421, 503)})
    described["parameters"].append(
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}}
    )
    return described
