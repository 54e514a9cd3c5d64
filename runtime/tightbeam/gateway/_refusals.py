"""A refusal: the answer to the client, and the cause and remedy for the log and the inspector.

The answer holds nothing that a stranger may not know. Cause and remedy may name settings of the gateway;
neither holds tokens, keys or values of payloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from tightbeam.gateway._logs import without_secrets

__all__ = ["CODES", "Code", "Refused", "listed", "shown"]

Code = Literal[
    "channel",
    "closing",
    "dev-mode",
    "event",
    "expired",
    "frame",
    "full",
    "host",
    "method",
    "mount",
    "not-found",
    "origin",
    "payload",
    "position",
    "read-only",
    "request",
    "run",
    "server-key",
    "site",
    "state",
    "timeout",
    "too-large",
    "topic",
    "topics-limit",
    "unauthorized",
    "unavailable",
    "upgrade-required",
]
"""Why something was refused, for programs."""
CODES: Final[tuple[Code, ...]] = Code.__args__  # type: ignore[attr-defined]  # the names of the literal
_BY_STATUS: Final[dict[int, Code]] = {
    401: "unauthorized",
    404: "not-found",
    405: "method",
    408: "timeout",
    413: "too-large",
    421: "host",
    422: "payload",
    426: "upgrade-required",
    503: "unavailable",
}
_REMEDIES: Final[dict[Code, str]] = {
    "payload": "send what the definition says",
    "position": "pass on what the gateway gave: a message's position, or its createdAt",
    "request": "the form of requests is in /v1/realtime/openapi.json",
    "timeout": "look at the network and the proxies in between",
    "unavailable": "enter the client where the gateway is mounted: lifespan=client.lifespan",
}
"""The remedy of a code, for refusals that name none."""
_RETRY_AFTER: Final[dict[Code, int]] = {"closing": 1, "unavailable": 2, "full": 5}
"""The seconds after which a client may try again; clients add pauses of their own."""
_LONGEST = 120
"""Characters of a text from a request that are shown."""
_LISTED = 5


class Refused(Exception):
    """A request that isn't granted; the text is for the client and holds no secret."""

    def __init__(
        self,
        status: int,
        text: str,
        issues: object = None,
        kind: str | None = None,
        *,
        code: Code | None = None,
        cause: str | None = None,
        remedy: str = "",
        subject: str = "",
        state: str | None = None,
    ) -> None:
        """Describe the refusal.

        Args:
            status: of HTTP.
            text: a sentence for the client.
            issues: what is wrong with a payload, by JSON pointer.
            kind: the error that a remote client raises.
            code: why, for programs; by default what the status means.
            cause: the sentence for the log, if it may say more than the client's.
            remedy: what the person who runs the gateway can do.
            subject: what was refused, such as an origin: the log has a line for each. By default the text.
            state: of the run, where that is the reason.
        """
        self.status = status
        self.text = text
        self.issues = issues
        self.kind = kind
        self.code: Code = code or _BY_STATUS.get(status, "request")
        self.cause: str = cause or text
        self.remedy: str = remedy or _REMEDIES.get(self.code, "")
        self.subject: str = subject or shown(text)
        self.state = state
        super().__init__(text)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the answer, for every transport."""
        seconds = _RETRY_AFTER.get(self.code)
        return {} if seconds is None else {"Retry-After": str(seconds)}

    def body(self) -> dict[str, object]:
        """Return the answer to the client, the same over every transport."""
        body: dict[str, object] = {
            "error": self.text,
            "code": self.code,
            "data": None,
            "status": self.status,
        }
        if self.issues is not None:
            body["issues"] = self.issues
        if self.kind is not None:
            body["type"] = self.kind
        if self.state is not None:
            body["state"] = self.state
        return body


def shown(text: str, longest: int = _LONGEST) -> str:
    """Return a text of a request, fit for a log: in one line, cut, and without tokens."""
    cut = text if len(text) <= longest else f"{text[:longest]}…"
    plain = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)
    return without_secrets(plain)


def listed(names: Sequence[str]) -> str:
    """Join names for a sentence, the first few of many."""
    if not names:
        return "none"
    more = "" if len(names) <= _LISTED else f" and {len(names) - _LISTED} more"
    return ", ".join(names[:_LISTED]) + more
