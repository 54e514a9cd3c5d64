"""Publishing to the Inngest server: one POST for each message."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from tightbeam._hooks.hook_list import HookList, tell
from tightbeam._hooks.info import MessageInfo
from tightbeam._message import Address, Envelope
from tightbeam._offline import is_offline
from tightbeam.errors import InvalidParam, PublishFailed
from tightbeam.inngest._http import Answer, Http, NoAnswer
from tightbeam.inngest._keys import Keys

if TYPE_CHECKING:
    from tightbeam.inngest._subscribe import RemoteFeed

__all__ = ["Carrier", "Server", "Settings"]


@dataclass(frozen=True, slots=True)
class Server:
    """Which server, and with what right."""

    origin: str
    env: str | None
    keys: Keys


@dataclass(frozen=True, slots=True)
class Settings:
    """What `Realtime.configure` sets."""

    timeout: timedelta = timedelta(seconds=10)
    max_connections: int = 64


class Carrier:
    """Carries messages to the server, and from it."""

    def __init__(self, server: Server, settings: Settings) -> None:
        self.server = server
        self.settings: Settings = settings
        self.hooks: HookList = HookList()
        self.http: Http = self._http()
        self.feeds: weakref.WeakSet[RemoteFeed] = weakref.WeakSet()

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next request on."""
        self.settings = settings
        self.http = self._http()

    def _http(self) -> Http:
        server, settings = self.server, self.settings
        return Http(
            server.origin,
            server.keys,
            server.env,
            timeout=settings.timeout,
            max_connections=settings.max_connections,
        )

    async def publish(self, envelope: Envelope, /) -> None:
        """Send one message, from a coroutine.

        Raises:
            InvalidParam: its channel or topic has no name, or one that can't be sent.
            PublishFailed: the server didn't take it, or didn't answer.
            SigningKeyError: the signing key is missing, or isn't one.
        """
        where = target(envelope)
        if not is_offline():
            try:
                answer = await self.http.post(where, envelope.data)
            except NoAnswer as error:
                raise _unanswered(envelope, error) from None
            if not answer.ok:
                raise self._refused(envelope, answer)
        if self.hooks.sent:
            tell(self.hooks.sent, MessageInfo(envelope))

    def publish_sync(self, envelope: Envelope, /) -> None:
        """As `publish`, from any thread."""
        where = target(envelope)
        if not is_offline():
            try:
                answer = self.http.post_sync(where, envelope.data)
            except NoAnswer as error:
                raise _unanswered(envelope, error) from None
            if not answer.ok:
                raise self._refused(envelope, answer)
        if self.hooks.sent:
            tell(self.hooks.sent, MessageInfo(envelope))

    def subscribe(self, addresses: Iterable[Address], after: str | None, /) -> RemoteFeed:
        """See `tightbeam._engine.protocol.Carrier`."""
        from tightbeam.inngest._subscribe import RemoteFeed  # not at import: who only publishes goes without

        return RemoteFeed(self, addresses, after)

    async def close(self) -> None:
        """End the subscriptions and close the connections; the next publish makes new ones."""
        for feed in tuple(self.feeds):
            feed.close()
        await self.http.close()

    def _refused(self, envelope: Envelope, answer: Answer) -> PublishFailed:
        said = self.http.excerpt(answer)
        return PublishFailed(
            f"{_what(envelope)} was not published: the server answered {answer.status}"
            + (f": {said}" if said else ""),
            status=answer.status,
            retryable=answer.retryable,
        )


def target(envelope: Envelope) -> str:
    """Path and query of a message; every name is percent-encoded, so that it can't be anything else.

    Raises:
        InvalidParam: its channel or topic has no name, or one that isn't text.
    """
    channel, topic, run_id, message_id = envelope.channel, envelope.topic, envelope.run_id, envelope.id
    if not channel or not topic:
        raise InvalidParam("a message needs the name of a channel and of a topic; one of them is empty")
    try:
        found = f"/v1/realtime/publish?channel={quote(channel, safe='')}&topic={quote(topic, safe='')}"
        if run_id is not None:
            found += f"&run_id={quote(run_id, safe='')}"
        metadata = {} if envelope.metadata is None else orjson.loads(envelope.metadata)
        if message_id is not None:
            metadata["id"] = message_id
        if metadata:
            found += f"&metadata={quote(orjson.dumps(metadata), safe='')}"
    except (UnicodeEncodeError, TypeError):
        raise InvalidParam(
            "a name of a channel, topic or step has a lone surrogate: it can't be sent"
        ) from None
    return found


def _what(envelope: Envelope) -> str:
    return f'the message for topic "{envelope.topic}" on channel "{envelope.channel}"'


def _unanswered(envelope: Envelope, error: NoAnswer) -> PublishFailed:
    may = "; it may have been published all the same" if error.retryable else ""
    return PublishFailed(f"{_what(envelope)}: {error}{may}", retryable=error.retryable)
