"""HTTP to the Inngest server: which key a request carries, and what an answer means."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer, Pool
from tightbeam._wire.io import RequestLimits
from tightbeam._wire.origin import Origin, parse_origin
from tightbeam.inngest._keys import Keys

__all__ = ["Http", "Server", "is_accepted", "is_retryable"]

_EXCERPT = 200
_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and what authorizes requests to it."""

    url: str
    """Inngest's paths are at the root, whatever path it has."""
    env: str | None
    """The branch environment."""
    keys: Keys


class Http:
    """POST requests to one server.

    Nothing is sent twice, except once more with the fallback key after 401 or 403.
    """

    def __init__(self, server: Server, limits: RequestLimits) -> None:
        """Open nothing yet.

        Raises:
            ValueError: the server's URL isn't one, or the name of the environment can't be sent.
        """
        if server.env is not None and not (server.env.isascii() and server.env.isprintable()):
            raise ValueError("the name of an Inngest environment is printable ASCII")
        self.origin: Origin = parse_origin(server.url, "the Inngest server's URL")
        self.pool: Pool = Pool(self.origin, limits)
        self._keys = server.keys
        self._headers = {"Content-Type": "application/json", "User-Agent": "tightbeam"}
        if server.env is not None:
            self._headers["X-Inngest-Env"] = server.env

    def __repr__(self) -> str:
        return f"<Http {self.origin}>"

    async def post(self, target: str, body: bytes, *, blocking: bool = False) -> Answer:
        """Send a request and return its answer, whatever its status.

        Args:
            target: path and query.
            body: as it is sent.
            blocking: as for `Pool.post`.

        Raises:
            NoAnswer: there is none.
            SigningKeyError: the key is missing, or isn't one.
        """
        answer = Answer(0, {}, b"")
        for bearer in self._keys.bearers:
            headers = self._headers if bearer is None else {**self._headers, "Authorization": bearer}
            try:
                answer = await self.pool.post(target, headers, body, blocking=blocking)
            except NoAnswer as failure:
                raise self._with_server(failure) from None
            if answer.status not in _REFUSED:
                break
        return answer

    def _with_server(self, failure: NoAnswer) -> NoAnswer:
        """Return the failure with the server's name, without a key or a path."""
        text = "no answer from" if failure.was_sent else "no connection to"
        named = NoAnswer(failure.kind, f"{text} {self.origin}: {failure.reason}", remedy=failure.remedy)
        named.was_sent = failure.was_sent
        return named

    def excerpt(self, answer: Answer) -> str:
        """Return the beginning of the answer's body, on one line, without keys."""
        text = " ".join(self._keys.redact(answer.body.decode("utf-8", "replace")).split())
        return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def is_accepted(answer: Answer) -> bool:
    """Whether the server took the request."""
    return 200 <= answer.status < 300


def is_retryable(failure: NoAnswer) -> bool:
    """Whether to make the same call again later, also where a name can't be resolved now."""
    return failure.kind is not FailureKind.CERTIFICATE
