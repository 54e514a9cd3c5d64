"""``transaction=`` of publish and send: check everything here, then store it on the caller's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tightbeam._engine.protocol import Carrier
from tightbeam._engine.records import new_id
from tightbeam._hooks.hook_list import Around, HookList
from tightbeam._hooks.info import PublishInfo, SendInfo
from tightbeam._message import Envelope
from tightbeam._publishing import build_message, single_payload, with_metadata
from tightbeam._transactions.adapting import async_executor, executor, explained
from tightbeam._transactions.work import carry_out, carry_out_sync

if TYPE_CHECKING:
    from tightbeam._engine.requests import SendEvent

__all__ = ["PublishCall", "publish_inside", "publish_inside_sync", "send_inside", "send_inside_sync"]


class PublishCall:
    """One publish in a transaction: its arguments, and the message that it stores."""

    def __init__(
        self, topic: Any, data: tuple[object, ...], kwargs: dict[str, Any], run_id: str | None, limit: int
    ) -> None:
        """Read the arguments.

        Args:
            topic: where to publish.
            data: the positional arguments behind it.
            kwargs: the keyword arguments, the transaction among them.
            run_id: the run that publishes, if any.
            limit: how many bytes the encoded payload may have.

        Raises:
            TypeError: it isn't one topic and one payload.
        """
        self.transaction: object = kwargs["transaction"]
        others = {name: value for name, value in kwargs.items() if name != "transaction"}
        self._payload = single_payload(topic, data, others)
        self._topic = topic
        self._limit = limit
        self.info = PublishInfo(topic, run_id, in_transaction=True)

    def message(self) -> Envelope:
        """Return the message, with an id.

        Raises:
            InvalidPayload: the data breaks the topic's schema.
            PayloadTooLarge: its encoding is over the limit.
        """
        message = build_message(self._topic, self._payload, self.info.run_id, self._limit)
        return with_metadata(self.info, message._replace(id=new_id()))


async def publish_inside(hooks: HookList, carrier: Carrier, call: PublishCall) -> None:
    """Publish in a transaction of the caller.

    Args:
        hooks: the client's.
        carrier: knows what is stored.
        call: the call.

    Raises:
        EngineError: nothing can be stored in this transaction, or by this client.
        TypeError: it is no connection or session for coroutines.
        InvalidPayload: the data breaks the topic's schema.
        PayloadTooLarge: its encoding is over the limit.
    """
    transactional = carrier.transactional()
    connection = async_executor(call.transaction, "publish")
    with Around(hooks.publish, call.info):
        work = transactional.publish(call.message())
        with explained(transactional):
            await connection.check()
            await carry_out(work, connection)


def publish_inside_sync(hooks: HookList, carrier: Carrier, call: PublishCall) -> None:
    """Publish in a transaction of the caller, without ``await``. See `publish_inside`."""
    transactional = carrier.transactional()
    connection = executor(call.transaction, "publish_sync")
    with Around(hooks.publish, call.info):
        work = transactional.publish(call.message())
        with explained(transactional):
            connection.check()
            carry_out_sync(work, connection)


async def send_inside(
    hooks: HookList, carrier: Carrier, transaction: object, info: SendInfo, request: Callable[[], SendEvent]
) -> list[str]:
    """Send an event in a transaction of the caller; return the ids of the runs.

    Args:
        hooks: the client's.
        carrier: knows what is stored.
        transaction: the connection or session.
        info: of the call, for hooks.
        request: checks the data and returns what is to be stored.

    Raises:
        EngineError: nothing can be stored in this transaction, or by this client.
        TypeError: it is no connection or session for coroutines.
        NotRegistered: no function listens to the event, and no step waits for it.
    """
    transactional = carrier.transactional()
    connection = async_executor(transaction, "send")
    with Around(hooks.send, info):
        work = transactional.send(request())
        with explained(transactional):
            await connection.check()
            info.ids = await carry_out(work, connection)
        return list(info.ids)


def send_inside_sync(
    hooks: HookList, carrier: Carrier, transaction: object, info: SendInfo, request: Callable[[], SendEvent]
) -> list[str]:
    """Send an event in a transaction of the caller, without ``await``. See `send_inside`."""
    transactional = carrier.transactional()
    connection = executor(transaction, "send_sync")
    with Around(hooks.send, info):
        work = transactional.send(request())
        with explained(transactional):
            connection.check()
            info.ids = carry_out_sync(work, connection)
        return list(info.ids)
