"""The record of refusals: lines of the log, and the list that the inspector shows.

Strangers decide how often requests are refused, and for how many subjects. So the first refusal of a code and
subject is logged at once; later ones are counted, and their number is logged at most once a minute. Of each
code only a few subjects have an entry of their own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import Headers

from tightbeam.gateway._mounting import API_PATH, place_of
from tightbeam.gateway._refusals import Code, Refused, shown

__all__ = ["EVERY_SECONDS", "SUBJECTS", "Entry", "RefusalLog"]

_logger = logging.getLogger("tightbeam")

EVERY_SECONDS: Final = 60.0
"""The shortest time between two lines for one code and subject."""
SUBJECTS: Final = 8
"""The most subjects of one code with an entry of their own; all others share one."""
_LONGEST: Final = 500
"""Characters of a cause."""
_LEVELS: Final[dict[Code, int]] = {"closing": logging.INFO, "mount": logging.ERROR}
"""Other levels than WARNING. A server that stops refuses readers, which come back by themselves."""
_NAMES: Final = {
    f"{API_PATH}/connect": "a WebSocket",
    f"{API_PATH}/sse": "an event stream",
    f"{API_PATH}/token": "a request for a token",
    f"{API_PATH}/publish": "a publish",
    f"{API_PATH}/send": "an event",
    f"{API_PATH}/openapi.json": "a request for the description",
}


@dataclass(slots=True)
class Entry:
    """The refusals of one code and subject."""

    code: Code
    subject: str | None
    """None in the entry that further subjects share."""
    who: str
    """The requester of the last refusal, to which cause and remedy belong, too."""
    cause: str
    remedy: str
    first: float
    """The time of the first refusal, in seconds since 1970."""
    last: float
    count: int = 0
    unlogged: int = 0
    due: float = 0.0
    """The earliest time of the next line, by the record's clock."""


class RefusalLog:
    """The refusals of one gateway; may be written to by any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[tuple[Code, str | None], Entry] = {}
        self._lock = threading.Lock()

    def note(self, refused: Refused, scope: MutableMapping[str, Any]) -> None:
        """Record a refusal, and log it if that is due.

        Args:
            refused: why.
            scope: of the request.
        """
        place = place_of(scope)
        path = place.below_mount if refused.code == "mount" else place.path
        headers = Headers(scope=scope)
        if _is_usual(refused, path, headers):
            return
        now = self._clock()
        with self._lock:
            entry = self._entry(refused.code, refused.subject, now)
            entry.who = _who(refused, scope, path, headers)
            entry.cause, entry.remedy = shown(refused.cause, _LONGEST), refused.remedy
            entry.last = time.time()
            entry.count += 1
            entry.unlogged += 1
            if now >= entry.due:
                _log(entry)
                entry.due = now + EVERY_SECONDS

    def flush(self) -> None:
        """Log the counts that aren't logged yet, before the gateway closes."""
        with self._lock:
            for entry in self._entries.values():
                if entry.unlogged:
                    _log(entry)

    def latest(self) -> list[Entry]:
        """Return all entries, the latest first."""
        with self._lock:
            return sorted(self._entries.values(), key=lambda entry: entry.last, reverse=True)

    def _entry(self, code: Code, subject: str, now: float) -> Entry:
        if (entry := self._entries.get((code, subject))) is not None:
            return entry
        key: tuple[Code, str | None] = code, subject
        siblings = [
            other for other in self._entries.values() if other.code == code and other.subject is not None
        ]
        if len(siblings) >= SUBJECTS:
            quiet = min(siblings, key=lambda sibling: sibling.last)
            # A subject that recurs keeps its entry, however many new subjects a stranger makes up.
            if now < quiet.due + EVERY_SECONDS:
                key = code, None
                if (others := self._entries.get(key)) is not None:
                    return others
            else:
                if quiet.unlogged:
                    _log(quiet)
                del self._entries[code, quiet.subject]
        entry = self._entries[key] = Entry(code, key[1], "", "", "", time.time(), time.time())
        return entry


def _is_usual(refused: Refused, path: str, headers: Headers) -> bool:
    """Return whether such a refusal is normal, and isn't logged."""
    is_api = path == API_PATH or path.startswith(f"{API_PATH}/")
    if refused.code in ("not-found", "method"):
        return not is_api
    if refused.code == "upgrade-required":
        # A plain request asks why a WebSocket failed. With this header, a proxy has made it of a WebSocket.
        return "sec-websocket-key" not in headers
    # The inspector's first request finds out whether the key is needed.
    return refused.code == "server-key" and not is_api and "authorization" not in headers


def _who(refused: Refused, scope: MutableMapping[str, Any], path: str, headers: Headers) -> str:
    origin = headers.get("origin")
    if refused.code == "origin":
        return f"a page of {refused.subject}"
    what = _NAMES.get(path, "a request")
    if scope.get("method") == "OPTIONS":
        what = "a preflight"
    elif path.startswith("/inspector"):
        what = "the inspector's page"
    elif path == f"{API_PATH}/connect" and scope["type"] == "http":
        what = "a plain request for a WebSocket"
    return what if origin is None else f"{what} of a page of {shown(origin)}"


def _log(entry: Entry) -> None:
    more = entry.unlogged - (entry.count == entry.unlogged)
    times = f" ({more:,} more since the last such line)" if more else ""
    if entry.subject is None:
        times = f" (one of {entry.unlogged:,} of that kind, besides those that have lines of their own)"
    remedy = f"; {entry.remedy}" if entry.remedy else ""
    _logger.log(
        _LEVELS.get(entry.code, logging.WARNING), "refused %s: %s%s%s", entry.who, entry.cause, remedy, times
    )
    entry.unlogged = 0
