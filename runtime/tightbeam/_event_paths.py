"""Paths into an event, such as ``event.data.userId``: those expressions of Inngest that each engine knows."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["look_up", "path_problem"]

_PATH = re.compile(r"event\.(?:name|data(?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


def path_problem(what: str, path: object) -> str | None:
    """Return what is wrong with a path, or a function in place of one; None if nothing is.

    Args:
        what: what it is for, for the message.
        path: what was given.
    """
    if callable(path):
        return None
    if not isinstance(path, str):
        return f"{what} is a path, such as event.data.userId, or a function of the event"
    if _PATH.fullmatch(path) is None:
        return (
            f"{what} is a path, such as event.data.userId, with the names that the event's JSON has; for "
            "more pass a function of the event"
        )
    return None


def look_up(path: str, name: str, data: object) -> object:
    """Return what is at a path; None where nothing is.

    Args:
        path: one that `path_problem` finds nothing wrong with.
        name: of the event.
        data: of the event, plain JSON.
    """
    _, first, *names = path.split(".")
    if first == "name":
        return name
    found = data
    for each in names:
        found = found.get(each) if isinstance(found, Mapping) else None
    return found
