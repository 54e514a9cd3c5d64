"""A new run, with what the options of its function make of the event that starts it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from tightbeam._clock import now_us
from tightbeam._engine.records import NewRun, Parent, new_id
from tightbeam._event_paths import look_up
from tightbeam._function import Function
from tightbeam._results import from_json, to_json
from tightbeam.errors import EngineError, NotJson, TightbeamError

__all__ = ["new_run"]

_MAX_KEY = 200
_MOST_AHEAD = 600
"""Seconds that a run goes ahead at most, as on Inngest."""


def new_run(
    function: Function[Any],
    event: str,
    data: bytes,
    *,
    id: str | None = None,
    due_at: int | None = None,
    dated: bool = False,
    key: str | None = None,
    metadata: bytes | None = None,
    parent: Parent | None = None,
) -> NewRun:
    """Return a run of a function.

    Args:
        function: the function.
        event: the name of the event that starts it.
        data: of the event, as JSON.
        id: of the run; None for a new one.
        due_at: when it begins; None for now.
        dated: whether that is a date, which stays as it is when the clock is set back.
        key: the sender's own name for the run.
        metadata: JSON of hooks.
        parent: the step that invokes it.

    Raises:
        EngineError: the function's concurrency key or priority can't be made of this event.
    """
    options = function.options
    concurrency_key = None
    if options.key_limit is not None:
        concurrency_key = _key_text(function, _value(function, options.key_limit[1], event, data))
    if options.priority is not None:
        ahead = _seconds(function, _value(function, options.priority, event, data))
        if due_at is None:
            due_at = now_us() - ahead * 1_000_000
    return NewRun(
        new_id() if id is None else id,
        function.id,
        due_at=due_at,
        key=key,
        metadata=metadata,
        concurrency_key=concurrency_key,
        parent=parent,
        dated=dated,
    )


def _value(function: Function[Any], path: str | Callable[[Any], object], event: str, data: bytes) -> object:
    """Return what is at a path of an event, or what a function of it returns.

    Raises:
        EngineError: the function raises, or the event doesn't load.
    """
    if isinstance(path, str):
        return look_up(path, event, from_json(data))
    try:
        return path(function.accepts.started(event, data))
    except TightbeamError:
        raise
    except Exception as error:
        raise EngineError(
            f'function "{function.id}": no concurrency key or priority can be made of the event "{event}": '
            f"{type(error).__name__}"
        ) from error


def _key_text(function: Function[Any], value: object) -> str:
    """Return a key as text: values that are equal as JSON have one text."""
    try:
        text = to_json(value, "a concurrency key").decode()
    except NotJson:
        raise EngineError(
            f'function "{function.id}": a concurrency key is text or a number, not {type(value).__name__}'
        ) from None
    return text if len(text) <= _MAX_KEY else hashlib.sha256(text.encode()).hexdigest()


def _seconds(function: Function[Any], value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise EngineError(
            f'function "{function.id}": priority is a number of seconds, not {type(value).__name__}'
        )
    return int(min(max(value, 0), _MOST_AHEAD))
