"""The route on which other processes send events, and so start runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tightbeam._hooks.info import sender_metadata
from tightbeam._wire.names import SEND_STATUSES
from tightbeam.errors import (
    EngineError,
    InvalidPayload,
    NonRetriableError,
    NotRegistered,
    PayloadTooLarge,
)
from tightbeam.gateway._access import Authorizer
from tightbeam.gateway._http import enter, metadata_in, read_body
from tightbeam.gateway._reasons import event_too_large, invalid_event, journal_remedy
from tightbeam.gateway._refusals import Refused, shown
from tightbeam.gateway._settings import NAME_LIMIT

if TYPE_CHECKING:
    from tightbeam._client import Client

__all__ = ["EventRoute"]

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


class EventRoute:
    """`POST /v1/realtime/send?name=`, and what hooks of the sender have added as ``metadata=``."""

    def __init__(self, authorizer: Authorizer, client: Client, max_bytes: int) -> None:
        self._authorizer = authorizer
        self._client = client
        self._max_bytes = max_bytes

    async def send(self, request: Request) -> Response:
        """Start a run of each function that listens to the event; answer when they are stored."""
        query = enter(self._authorizer, request)
        name, metadata = query.get("name", ""), metadata_in(query)
        if not 0 < len(name) <= NAME_LIMIT:
            raise Refused(400, f"name is needed, and has at most {NAME_LIMIT:,} characters")
        options = _options(query)
        data = _parsed(await read_body(request, self._max_bytes))
        token = sender_metadata.set(metadata)
        try:
            run_ids = await self._client.send(name, data, **options)
        except NotRegistered as error:
            if query.get("defined") != "true":
                raise _refusal(name, error) from None
            run_ids = []  # as for an event with a definition in this process
        except (EngineError, NonRetriableError) as error:
            raise _refusal(name, error) from None
        except InvalidPayload as error:
            raise invalid_event(error) from None
        except PayloadTooLarge as error:
            raise event_too_large(error) from None
        except (ValueError, TypeError) as error:  # of the options
            raise Refused(400, str(error)) from None
        finally:
            sender_metadata.reset(token)
        return JSONResponse({"run_ids": run_ids}, 201)


def _options(query: Mapping[str, str]) -> dict[str, Any]:
    """Read the sender's id, and when the runs start.

    Raises:
        Refused: 400, the time isn't one.
    """
    options: dict[str, Any] = {"id": query["id"]} if "id" in query else {}
    start = query.get("start")
    if start is None:
        return options
    if _SECONDS.fullmatch(start) is not None:
        return options | {"delay": timedelta(seconds=float(start))} if float(start) else options
    try:
        return options | {"at": datetime.fromisoformat(start)}
    except ValueError:
        raise Refused(
            400, "start is a number of seconds, or a time as ISO 8601 has it: 2026-03-01T09:00:00Z"
        ) from None


def _refusal(name: str, error: EngineError | NonRetriableError) -> Refused:
    status = SEND_STATUSES.get(type(error), 503)
    is_unknown = isinstance(error, NotRegistered)
    return Refused(
        status,
        str(error),
        kind=_kind(error),
        code="event" if is_unknown else None,
        remedy="register a function for it on the gateway's client: @client.function(…, on=…)"
        if is_unknown
        else journal_remedy(error),
        subject=shown(name),
    )


def _kind(error: Exception) -> str | None:
    return type(error).__name__ if type(error) in SEND_STATUSES else None


def _parsed(body: bytes) -> Any:
    """Decode an event's data: what the client's `send` judges.

    Raises:
        Refused: 400, it isn't JSON.
    """
    try:
        # Not orjson, which makes floats of integers beyond 64 bits.
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Refused(400, "the body isn't JSON") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
