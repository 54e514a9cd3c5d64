"""Make a payload smaller as long as it shows the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from tightbeam_codegen.read.load import JsonValue

__all__ = ["shrunk"]

_MAX_TRIES = 300


def shrunk(payload: JsonValue, shows: Callable[[JsonValue], bool]) -> JsonValue:
    """Return the smallest payload found by taking parts out and putting plainer ones in.

    Args:
        payload: the payload.
        shows: tells whether another one shows the same.
    """
    tries = 0
    is_progress = True
    while is_progress:
        is_progress = False
        for smaller in _smaller(payload):
            tries += 1
            if tries > _MAX_TRIES:
                return payload
            if _size(smaller) < _size(payload) and shows(smaller):
                payload = smaller
                is_progress = True
                break
    return payload


def _size(value: JsonValue) -> tuple[int, int]:
    return _weight(value), len(json.dumps(value, ensure_ascii=False))


def _weight(value: JsonValue) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_weight, value.values())) + len(value)
    return 1 + sum(map(_weight, value)) if isinstance(value, list) else 1


def _smaller(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, dict):
        for name in value:
            yield {key: item for key, item in value.items() if key != name}
        for name, item in value.items():
            for smaller in _smaller(item):
                yield {**value, name: smaller}
    elif isinstance(value, list):
        for index in range(len(value)):
            yield [*value[:index], *value[index + 1 :]]
        for index, item in enumerate(value):
            for smaller in _smaller(item):
                yield [*value[:index], smaller, *value[index + 1 :]]
    elif isinstance(value, str):
        yield from ("", "a", value[: len(value) // 2], value[:-1]) if value else ()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (0, 1, -1)
        if isinstance(value, float):
            yield int(value)
