"""Answers that pages of other, allowed origins may read (CORS), refusals too, and their preflights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from tightbeam.gateway._access import Authorizer, Scope
from tightbeam.gateway._mounting import API_PATH

__all__ = ["CrossOrigin"]

_METHODS = {
    f"{API_PATH}/sse": "GET",
    f"{API_PATH}/connect": "GET",
    f"{API_PATH}/openapi.json": "GET",
    "/health": "GET",
    f"{API_PATH}/token": "POST",
    f"{API_PATH}/publish": "POST",
    f"{API_PATH}/send": "POST",
}
_REQUEST_HEADERS = "authorization, cache-control, content-type, last-event-id"
_PREFLIGHT_SECONDS = 600
"""How long a browser may remember what is allowed."""

Endpoint = Callable[[Request], Awaitable[Response]]


class CrossOrigin:
    """Lets pages of allowed origins read what they are answered."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def share(self, headers: Headers, response: Response) -> Response:
        """Let the page that asked read this response, if its origin is allowed; no other one.

        Args:
            headers: of the request.
            response: the answer to it, which is changed.
        """
        response.headers.add_vary_header("Origin")
        if (origin := self._authorizer.allowed_origin(headers)) is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            if "Retry-After" in response.headers:  # browsers show a page few headers unasked
                response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response

    def tell_origin(self, headers: Headers, path: str, response: Response) -> Response:
        """Let the refused page read that its origin isn't allowed; the answer says nothing else.

        Otherwise a browser tells the page, and its developer, only that the request failed. Of paths that no
        page of another origin may request, the page can't read even that.

        Args:
            headers: of the request.
            path: of the request.
            response: the refusal of its origin, which is changed.
        """
        response.headers.add_vary_header("Origin")
        origins = headers.getlist("origin")
        if len(origins) == 1 and path in _METHODS:
            response.headers["Access-Control-Allow-Origin"] = origins[0]
        return response

    def sharing(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint, whose responses pages of allowed origins may read."""

        async def shared(request: Request) -> Response:
            return self.share(request.headers, await endpoint(request))

        return shared

    def preflight(self, scope: Scope, path: str) -> Response | None:
        """Answer a browser that asks what it may send to this path.

        No preflight opens anything: the request that follows shows its token or the server key.

        Returns:
            None if this is no preflight of a known path.

        Raises:
            Refused: the origin or the host isn't allowed.
        """
        method = _METHODS.get(path)
        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or method is None or "access-control-request-method" not in headers:
            return None
        self._authorizer.check_host_and_origin(scope, headers)
        answer = Response(status_code=204)
        answer.headers["Access-Control-Allow-Methods"] = method
        answer.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        answer.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
        return self.share(headers, answer)
