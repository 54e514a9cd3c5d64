"""What a gateway's answer means to a remote client."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson

from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer
from tightbeam.errors import GatewayRefused

__all__ = ["error_for", "error_text", "json_object"]

_LET_IN = frozenset({401, 403})
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})


def error_for(answer: Answer, prefix: str = "") -> NoAnswer | GatewayRefused:
    """Return the error for an answer that isn't the expected one.

    Args:
        answer: to a request, or to the opening of a WebSocket.
        prefix: what a refusal means for the caller.
    """
    status, refusal = answer.status, error_text(answer)
    text = f"it answers {status}" + (f", {refusal}" if refusal else "")
    if answer.is_retryable:
        return NoAnswer(FailureKind.OUTAGE, text, status=status, retry_after=answer.retry_after)
    if status in _REDIRECTS:
        reason, remedy = f"{text}: it redirects", "tokens follow no redirect, so connect to the final origin"
    elif status == HTTPStatus.UPGRADE_REQUIRED:
        reason, remedy = text, "a proxy in front has to pass WebSocket upgrades"
    elif refusal is None and status not in _LET_IN:
        reason = f"{text} as no gateway does"
        remedy = "another web server is at that URL, or the gateway isn't mounted at its root"
    else:
        code = json_object(answer.body).get("code")
        hint = "; give `token=` a function that fetches one" if code == "expired" else ""
        return GatewayRefused(
            f"{prefix}the gateway refused ({status}): {refusal or 'no reason given'}{hint}",
            status=status,
            code=code if isinstance(code, str) else None,
        )
    return NoAnswer(FailureKind.ADDRESS, reason, remedy=remedy, status=status)


def json_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object; empty if the body is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def error_text(answer: Answer) -> str | None:
    """Return the reason in a gateway's answer; None where another server wrote it."""
    body = json_object(answer.body)
    text, issues = body.get("error"), body.get("issues")
    if body.get("status") != answer.status or not isinstance(text, str):
        return None
    if not isinstance(issues, list):
        return text
    places = "; ".join(
        f"{issue.get('pointer') or '(payload)'}: {issue.get('reason')}"
        for issue in issues
        if isinstance(issue, dict)
    )
    return f"{text} ({places})" if places else text
