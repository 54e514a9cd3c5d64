"""Runs as JSON: one shape for the gateway's answers, `connect()` and ``tightbeam runs --json``.

Fields have the names of the dataclasses in `tightbeam._engine.details`, and what is added to those is added
here. An error is one object, or null. Times are ISO 8601 in UTC. No payload is part of it.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from tightbeam._engine.details import MessageDetail, RunDetail, RunSummary, StepDetail

__all__ = ["detail_from", "detail_object", "run_object", "summary_from"]

_Record = TypeVar("_Record", RunSummary, StepDetail, MessageDetail)
_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def run_object(run: RunSummary) -> dict[str, Any]:
    """Return a run as one JSON object."""
    return _object(run)


def detail_object(detail: RunDetail, most: int | None = None) -> dict[str, Any]:
    """Return a run as one JSON object, with its steps, its messages and its traceback.

    Args:
        detail: the run.
        most: how many steps, and messages, are part of it, the latest; None for all. Given,
            it says how many are not.
    """
    steps, messages = detail.steps, detail.messages
    left_out: dict[str, int] = {}
    if most is not None:
        steps, messages = steps[-most:], messages[-most:]
        left_out["steps_left_out"] = len(detail.steps) - len(steps)
        left_out["messages_left_out"] = len(detail.messages) - len(messages)
    return {
        **_object(detail.summary),
        "deaths": detail.deaths,
        "traceback": detail.traceback,
        "data_size": detail.data_size,
        "result_size": detail.result_size,
        "steps": [_object(step) for step in steps],
        "messages": [_object(message) for message in messages],
        **left_out,
    }


def summary_from(value: Any) -> RunSummary:
    """Return the run in a JSON object.

    Raises:
        ValueError: it is none.
    """
    return _record(RunSummary, value)


def detail_from(value: Any) -> RunDetail:
    """Return the run in a JSON object, with its steps and messages.

    Raises:
        ValueError: it is none.
    """
    summary = _record(RunSummary, value)
    try:
        steps, messages = value["steps"], value["messages"]
        return RunDetail(
            summary,
            int(value["deaths"]),
            value["traceback"],
            int(value["data_size"]),
            value["result_size"],
            tuple(_record(StepDetail, step) for step in steps),
            tuple(_record(MessageDetail, message) for message in messages),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no run: {error}") from None


def _object(record: RunSummary | StepDetail | MessageDetail) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name == "error_type":
            found["error"] = None if value is None else {"type": value, "text": record.error_text}  # type: ignore[union-attr]  # they come in pairs
        elif field.name != "error_text":
            found[field.name] = _time(value) if isinstance(value, datetime) else value
    return found


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _record(kind: type[_Record], value: Any) -> _Record:
    if not isinstance(value, dict):
        raise ValueError("this is no run: it isn't an object")
    values = dict(value)
    error = values.pop("error", None)
    if isinstance(error, dict):
        values |= {"error_type": error.get("type"), "error_text": error.get("text")}
    else:
        values |= {"error_type": None, "error_text": None}
    record: _Record = _adapter(kind).validate_python(values)
    return record


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what loads a record; it is built when the first one is loaded, as few programs do."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]
