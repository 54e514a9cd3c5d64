"""Processes that each have a journal in memory: nothing of one reaches another."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tightbeam._engine.unheard import WAY_OUT

__all__ = ["unheard"]

_SERVERS = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "fastapi"})
_WORKERS = re.compile(r"(?<=\s)(?:--workers|-w)(?:=|\s*)([0-9]+)(?!\S)")


def unheard(*, forked: bool) -> str | None:
    """Return why other processes don't hear what is published here, and the way out; None if there are none.

    Args:
        forked: this process is the child of one in which the client was entered or had readers.
    """
    if forked:
        return (
            "a client in memory is used in a process that was forked from the one it belongs to, and "
            f"nothing that is published in one of the two reaches the other: {WAY_OUT}"
        )
    program, *arguments = sys.argv or [""]
    place = Path(program)
    server = place.parent.name if place.name == "__main__.py" else place.stem
    workers = _workers(server, arguments) if server in _SERVERS else 1
    if workers < 2:
        return None
    return (
        f"{server} runs {workers} workers, and the client is in memory: each worker has functions, runs and "
        f"readers of its own, and hears nothing of the others. Run one worker, or {WAY_OUT}"
    )


def _workers(server: str, arguments: list[str]) -> int:
    """Return how many processes a server was told to run, by its command line or environment."""
    given = f"{os.environ.get('GUNICORN_CMD_ARGS', '') if server == 'gunicorn' else ''} {' '.join(arguments)}"
    stated = _WORKERS.findall(f" {given}")
    text = stated[-1] if stated else os.environ.get("WEB_CONCURRENCY", "")
    return int(text) if text.isascii() and text.isdigit() else 1
