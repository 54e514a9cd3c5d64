"""Sending events through a gateway: the request, and what its answer means.

It is never sent twice: an event starts runs, and nothing tells a copy from a second event. Each goes over a
connection of its own, so that no kept one, closed in the meantime, leaves it open whether the event arrived.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from tightbeam._remote.answers import NoAnswer, Trouble, error_code, judge
from tightbeam._remote.pool import Answer
from tightbeam._wire.names import ERROR_TYPES
from tightbeam.errors import GatewayRefused, SendFailed, TightbeamError

__all__ = ["run_ids", "target", "unanswered"]


def target(name: str) -> str:
    """Return path and query of the request."""
    return f"/v1/realtime/send?name={quote(name, safe='')}"


def run_ids(name: str, origin: str, answer: Answer) -> list[str]:
    """Return the ids of the runs that were started.

    Raises:
        NotRegistered: no function listens to the event.
        NotJson: the data isn't a JSON object.
        NotEntered: the gateway's client isn't entered.
        JournalFailed: the runs couldn't be stored.
        GatewayRefused: the gateway doesn't let this client in.
        SendFailed: anything else.
    """
    found = _parsed(answer.body)
    if answer.status == 201 and isinstance(ids := found.get("run_ids"), list):
        return [str(one) for one in ids]
    kind = ERROR_TYPES.get(str(found.get("type")))
    if kind is not None and found.get("status") == answer.status:
        raise kind(str(found.get("error")))
    verdict: TightbeamError | NoAnswer = judge(answer.status, answer.headers, answer.body)
    if isinstance(verdict, NoAnswer):
        # By a proxy that may have passed it on, or by something that took it.
        verdict.sent = answer.status >= 500 or answer.status < 300
        raise unanswered(name, origin, verdict)
    if answer.status == 413:
        raise SendFailed(f'the event "{name}" was refused: its data is too large', status=413)
    code = error_code(answer.body)
    raise GatewayRefused(f'the event "{name}" was not taken: {verdict}', status=answer.status, code=code)


def unanswered(name: str, origin: str, error: NoAnswer) -> SendFailed:
    """Return the error for an event of which it isn't known that it was taken."""
    may = "; its runs may have been started all the same" if error.sent else ""
    return SendFailed(
        f'no answer to the event "{name}" from the gateway at {origin}: {error}{may}',
        status=error.status,
        retryable=error.trouble is Trouble.OUTAGE,
        may_have_started=error.sent,
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
