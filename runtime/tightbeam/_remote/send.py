"""Sending events through a gateway: the request, and what its answer means.

An event without an id is never sent twice: it starts runs, and nothing tells a copy from a second event. With
an id its runs are started once, so that it is sent again where the answer was lost. Each goes over a
connection of its own, so that no kept one, closed in the meantime, leaves it open whether the event arrived.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from tightbeam._events.sending import SendOptions
from tightbeam._message import now_us, time_of
from tightbeam._remote.answers import error_for, json_object
from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer
from tightbeam._wire.names import ERROR_TYPES
from tightbeam._wire.origin import Origin
from tightbeam.errors import InvalidPayload, Issue, SendFailed

__all__ = ["run_ids_in", "send_failed", "send_target"]


def send_target(name: str, options: SendOptions, metadata: bytes | None, *, is_defined: bool) -> str:
    """Return path and query of the request that sends an event.

    Args:
        name: of the event.
        options: of the call.
        metadata: of hooks, as JSON.
        is_defined: whether the event has a definition, so that it may start nothing.
    """
    query: dict[str, str | bytes] = {"name": name}
    if options.id is not None:
        query["id"] = options.id
    if options.due_at is not None:
        # A delay is a number of seconds, which count by the gateway's clock: this one may be wrong.
        seconds = max(options.due_at - now_us(), 1) / 1e6
        query["start"] = time_of(options.due_at).isoformat() if options.dated else f"{seconds:.6f}"
    if is_defined:
        query["defined"] = "true"
    if metadata is not None:
        query["metadata"] = metadata
    return f"/v1/realtime/send?{urlencode(query, quote_via=quote, safe='')}"


def run_ids_in(answer: Answer, name: str, origin: Origin) -> list[str]:
    """Return the ids of the runs that an event has started.

    Args:
        answer: to the request that sent it.
        name: of the event.
        origin: of the gateway.

    Raises:
        NotRegistered: no function listens to the event.
        NotJson: the data isn't a JSON object.
        InvalidPayload: it breaks the schema of the event that a function there has.
        NotEntered: the gateway's client isn't entered.
        JournalFailed: the runs couldn't be stored.
        GatewayRefused: the gateway doesn't let this client in.
        SendFailed: anything else.
    """
    body = json_object(answer.body)
    if answer.status == 201 and isinstance(ids := body.get("run_ids"), list):
        return [str(run_id) for run_id in ids]
    if body.get("status") == answer.status:
        if body.get("type") == InvalidPayload.__name__:
            raise InvalidPayload("", _issues_in(body), event=name)
        if (kind := ERROR_TYPES.get(str(body.get("type")))) is not None:
            raise kind(str(body.get("error")))
    error = error_for(answer, f'the event "{name}" was not taken: ')
    if isinstance(error, NoAnswer):
        # By a proxy that may have passed it on, or by something that took it.
        error.was_sent = answer.status >= 500 or answer.status < 300
        raise send_failed(error, name, origin)
    if answer.status == 413:
        raise SendFailed(f'the event "{name}" was refused: its data is too large', status=413)
    raise error


def _issues_in(body: dict[str, Any]) -> list[Issue]:
    given = body.get("issues")
    return [
        Issue(str(each.get("pointer", "")), str(each.get("reason", "")))
        for each in (given if isinstance(given, list) else ())
        if isinstance(each, dict)
    ]


def send_failed(failure: NoAnswer, name: str, origin: Origin) -> SendFailed:
    """Return the error for an event that may not have been taken."""
    may = "; its runs may have been started all the same" if failure.was_sent else ""
    return SendFailed(
        f'no answer to the event "{name}" from the gateway at {origin}: {failure}{may}',
        status=failure.status,
        retryable=failure.kind is FailureKind.OUTAGE,
        may_have_started=failure.was_sent,
    )
