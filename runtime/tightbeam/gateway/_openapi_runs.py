"""The part of the gateway's description that is about runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tightbeam._engine.details import RUN_STATES
from tightbeam._wire.names import (
    RUN_DATA_BYTES,
    RUN_DATA_SIZE,
    RUN_STEPS,
    RUN_TEXT,
    RUN_WAIT_SECONDS,
    RUNS_A_PAGE,
    RUNS_PATH,
)
from tightbeam.gateway._settings import NAME_LIMIT

__all__ = ["MOMENT", "RUN_SCHEMAS", "run_paths"]

MOMENT: Final = (
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
"""A time as ISO 8601 has it, as part of a pattern; other forms are taken, too."""
_SINCE: Final = f"^({MOMENT})?$"
_ONE_STATE: Final = "|".join(RUN_STATES)
_SOME_STATES: Final = f"^(({_ONE_STATE})(,({_ONE_STATE}))*)?$"
_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_COUNT: Final = {"type": "integer", "minimum": 0}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}


_ERROR: Final = _or_null(_object({"type": _TEXT, "text": _or_null(_TEXT)}))
_RUN: Final = {
    "id": _TEXT,
    "function": _TEXT,
    "event": _TEXT,
    "state": {"enum": list(RUN_STATES)},
    "attempt": _COUNT,
    "attempts": _COUNT,
    "failures": _COUNT,
    "created_at": _TIME,
    "started_at": _or_null(_TIME),
    "ended_at": _or_null(_TIME),
    "due_at": _TIME,
    "error": _ERROR,
}
_STEP: Final = {
    "id": _TEXT,
    "kind": _TEXT,
    "channel": _or_null(_TEXT),
    "topic": _or_null(_TEXT),
    "state": _TEXT,
    "attempts": _COUNT,
    "started_at": _TIME,
    "ended_at": _or_null(_TIME),
    "wake_at": _or_null(_TIME),
    "error": _ERROR,
    "result_size": _or_null(_COUNT),
}
_MESSAGE: Final = {
    "id": _TEXT,
    "position": _TEXT,
    "channel": _TEXT,
    "topic": _TEXT,
    "created_at": _TIME,
    "size": _COUNT,
}
RUN_SCHEMAS: Final[dict[str, Any]] = {
    "Run": _object(_RUN),
    "RunDetail": _object(
        {
            **_RUN,
            "deaths": _COUNT,
            "traceback": _or_null(_TEXT),
            "data_size": _COUNT,
            "result_size": _or_null(_COUNT),
            "steps": {"type": "array", "maxItems": RUN_STEPS, "items": _object(_STEP)},
            "steps_left_out": _COUNT,
            "messages": {"type": "array", "maxItems": RUN_STEPS, "items": _object(_MESSAGE)},
            "messages_left_out": _COUNT,
        }
    ),
}
"""Schemas of answers, by name."""


def run_paths(security: list[dict[str, list[str]]], errors: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return the paths about runs.

    Args:
        security: what requests show.
        errors: returns the answers of some statuses.
    """
    run = {"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}

    def answered(schema: str, *statuses: int) -> dict[str, Any]:
        shown = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
        return {"200": {"description": "The run", "content": shown}, **errors(*statuses)}

    def act(action: str, words: str) -> dict[str, Any]:
        return {
            "post": {
                "operationId": f"{action}Run",
                "description": words,
                "security": security,
                "parameters": [run],
                "responses": answered("Run", 400, 401, 403, 404, 409, 421, 503),
            }
        }

    return {
        RUNS_PATH: {"get": _list(security, errors)},
        f"{RUNS_PATH}/{{id}}": {
            "get": {
                "operationId": "getRun",
                "description": "A run with its steps and messages; no payload.",
                "security": security,
                "parameters": [
                    run,
                    _query(
                        "wait",
                        "Answer when it has ended or is parked, or after so many seconds,"
                        f" {RUN_WAIT_SECONDS} at most.",
                        pattern=r"^(1?[0-9](\.[0-9]{1,6})?|20(\.0{1,6})?)?$",
                    ),
                ],
                "responses": answered("RunDetail", 400, 401, 403, 404, 421, 503),
            }
        },
        f"{RUNS_PATH}/{{id}}/data": {"get": _data(run, security, errors)},
        f"{RUNS_PATH}/{{id}}/cancel": act("cancel", "End a run that hasn't ended; what it has stored stays."),
        f"{RUNS_PATH}/{{id}}/retry": act(
            "retry", "Try a failed or cancelled run again, its finished steps remembered."
        ),
        f"{RUNS_PATH}/{{id}}/resume": act("resume", "Let a parked run be tried again."),
    }


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {**_TEXT, **schema},
    }


def _list(security: list[dict[str, list[str]]], errors: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    page = _object(
        {
            "runs": {"type": "array", "maxItems": RUNS_A_PAGE, "items": {"$ref": "#/components/schemas/Run"}},
            "next": _or_null(_TEXT),
        }
    )
    return {
        "operationId": "listRuns",
        "description": "Runs, newest first, without payloads. A page may be empty and yet have a next one.",
        "security": security,
        "parameters": [
            _query("state", "Only runs in one of these states, with commas.", pattern=_SOME_STATES),
            _query("function", "Only runs of this function.", maxLength=NAME_LIMIT),
            _query(
                "since",
                "Only runs created since this time, as ISO 8601 has it.",
                pattern=f"^({MOMENT})?$",
            ),
            _query(
                "text",
                "Only runs with all these words in id, function, event or error.",
                maxLength=RUN_TEXT,
            ),
            _query(
                "limit",
                f"At most so many, and at most {RUNS_A_PAGE}.",
                pattern=r"^([1-9][0-9]?|[1-4][0-9]{2}|500)?$",
            ),
            _query(
                "before",
                "The next page: `next` of the page before.",
                maxLength=NAME_LIMIT,
                pattern=r"^[\u0001-\u007f]*$",
            ),
        ],
        "responses": {
            "200": {"description": "A page", "content": {"application/json": {"schema": page}}},
            **errors(400, 401, 403, 421, 503),
        },
    }


def _data(
    run: dict[str, Any], security: list[dict[str, list[str]]], errors: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    whole = {"application/json": {"schema": {}}, "application/octet-stream": {"schema": {"type": "string"}}}
    size = {"schema": {"type": "integer"}, "description": "Bytes of the whole data."}
    return {
        "operationId": "runData",
        "description": f"Data that a run keeps: JSON, or its first {RUN_DATA_BYTES:,} bytes.",
        "security": security,
        "parameters": [
            run,
            {
                **_query("part", "Its event's data, its result, or what a step returned."),
                "required": True,
                "schema": {"enum": ["event", "result", "step"]},
            },
            _query("step", "The step's id, where the part is `step`.", maxLength=NAME_LIMIT),
            _query("limit", "At most so many bytes.", pattern=r"^(0|[1-9][0-9]{0,6})?$"),
        ],
        "responses": {
            "200": {"description": "The data", "content": whole, "headers": {RUN_DATA_SIZE: size}},
            **errors(400, 401, 403, 404, 421, 503),
        },
    }
