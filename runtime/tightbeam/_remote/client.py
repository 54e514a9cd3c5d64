"""`tightbeam.connect`: the realtime API of a client in another process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, overload

from tightbeam._client import NOT_COPIED
from tightbeam._events.refs import Sendable, Sending
from tightbeam._events.sending import SendCall
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import Around, HookList, metadata_of
from tightbeam._hooks.info import SendInfo
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._realtime import ClientRealtime
from tightbeam._remote.carrier import GatewayCarrier
from tightbeam._remote.feed import GatewayFeed
from tightbeam._remote.runs import GatewayRuns
from tightbeam._remote.tokens import TokenFactory
from tightbeam._runs.runs import Runs
from tightbeam._wire.io import run

if TYPE_CHECKING:
    from tightbeam._events.refs import SendableInTransaction, SendableInTransactionSync
    from tightbeam._transactions.connections import AsyncTransaction, SyncTransaction

__all__ = ["RemoteClient"]


class RemoteClient:
    """A gateway, seen from another process; made by `tightbeam.connect`."""

    def __init__(
        self,
        url: str,
        *,
        token: str | TokenFactory | None = None,
        key: str | None = None,
        on_invalid_message: OnInvalidMessage = "raise",
        hooks: Iterable[Hook] = (),
    ) -> None:
        if (token is None) == (key is None):
            raise ValueError("connect takes a token or a key: one of them")
        self._hooks = HookList(hooks)
        self._carrier = GatewayCarrier(url, token, key, self._hooks)
        self._realtime = ClientRealtime(self._carrier, MAX_PAYLOAD_BYTES, on_invalid_message, self._hooks)
        self._gateway_runs = GatewayRuns(self._carrier)
        self._runs = Runs(self._gateway_runs)

    @property
    def realtime(self) -> ClientRealtime:
        """Subscriptions and, with the server key, live publishes and tokens."""
        return self._realtime

    @property
    def runs(self) -> Runs:
        """The runs of the gateway's client, by id: with the server key."""
        return self._runs

    def __repr__(self) -> str:
        return f"<RemoteClient of {self._carrier.origin}>"

    @overload
    async def send(
        self, event: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    async def send(
        self,
        event: str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        transaction: AsyncTransaction = ...,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    @overload
    async def send(
        self, event: SendableInTransaction[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    async def send(self, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """Send an event: start a run of each function of the gateway's client that listens to it.

        When it returns the runs are stored: they survive a crash. With ``id=`` it may be sent again, here
        or by the caller, and starts its runs once. Without it, it is sent once, whatever happens: where
        ``error.may_have_started`` is true, sending it again may start the runs twice.

        Args:
            event: a reference to an event, such as ``upload_event``; or the name of one.
            data: a model or a dictionary; behind a name a JSON object.
            options: ``id``, an idempotency key; ``delay`` or ``at``, when the runs start.

        Returns:
            The ids of the runs.

        Raises:
            EngineError: there is a ``transaction``, in which a gateway takes no part.
            TypeError: it is no event, there is more or less data than it has, or an option of another type.
            NotRegistered: no function listens to it.
            InvalidPayload: the data breaks the event's schema, here or where the functions are.
            PayloadTooLarge: its encoding is over the limit.
            NotJson: only a name is given, and the data isn't a JSON object.
            NotEntered: the gateway's client isn't entered.
            JournalFailed: the runs couldn't be stored.
            GatewayRefused: the server key isn't valid there, or this client has none.
            SendFailed: the gateway didn't answer, or the data is too large for it.
        """
        return await self._send(event, data, options, blocking=False)

    @overload
    def send_sync(
        self, event: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    def send_sync(
        self,
        event: str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        transaction: SyncTransaction = ...,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    @overload
    def send_sync(
        self, event: SendableInTransactionSync[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    def send_sync(self, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """As `send`, without ``await``, from any thread."""
        return run(self._send(event, data, options, blocking=True))

    async def _send(
        self, event: object, data: tuple[object, ...], options: Mapping[str, Any], *, blocking: bool
    ) -> list[str]:
        if "transaction" in options:
            self._carrier.transactional()
        self._carrier.check_key("sending events")
        sent = SendCall(event, data, options)
        info = SendInfo((sent.name,), server=self._carrier.server)
        with Around(self._hooks.send, info):
            raw = sent.encode((), MAX_PAYLOAD_BYTES)
            run_ids = await self._carrier.send(
                sent.name,
                raw,
                sent.options,
                metadata=metadata_of(info),
                is_defined=sent.ref is not None,
                blocking=blocking,
            )
            info.ids = tuple(run_ids)
            return run_ids

    def follow(self, channel: str, topics: Iterable[str] = ("*",), after: str | None = None) -> GatewayFeed:
        """Follow the messages of a channel, encoded and unchecked: for tools that have no bindings.

        Args:
            channel: its name.
            topics: names of its topics.
            after: where to begin, as for ``subscribe``.
        """
        return self._carrier.follow(channel, list(topics), after)

    def __reduce__(self) -> NoReturn:
        raise TypeError(NOT_COPIED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._gateway_runs.close()
        await self._carrier.close()
