"""The core of every publish: check the payload, encode it once, make the message."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from tightbeam._channels.refs import Channel, TopicDescriptor, TopicRef, topics
from tightbeam._engine.protocol import Carrier
from tightbeam._hooks.hook_list import Around, HookList, metadata_of
from tightbeam._hooks.info import MessageInfo, PublishInfo
from tightbeam._message import Envelope, now_us
from tightbeam._payload.encode import encode_within

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "build_message",
    "publish_live",
    "publish_live_sync",
    "single_payload",
    "with_metadata",
]

MAX_PAYLOAD_BYTES = 524_288
"""The size of an encoded payload at most: Inngest's limit, so that a program may move there."""


def single_payload(topic: object, data: tuple[object, ...], kwargs: dict[str, Any]) -> object:
    """Return the payload of a publish call, the one argument that `PayloadArgs` stands for.

    Args:
        topic: where to publish.
        data: the positional arguments behind the topic.
        kwargs: the keyword arguments.

    Raises:
        TypeError: ``topic`` is no topic, or there is more or less than one payload.
    """
    if not isinstance(topic, TopicRef):
        raise TypeError(f"publish takes a topic of a channel, such as channel.status, {_but(topic)}")
    if len(data) != 1 or kwargs:
        raise TypeError("publish takes a topic and one payload, both positional")
    return data[0]


def _but(given: object) -> str:
    if isinstance(given, Channel):
        return f'not the channel; "{given.name}" has: {", ".join(topics(given))}'
    if isinstance(given, TopicDescriptor):
        return "not of a channel class: open the channel first"
    return f"not {type(given).__name__}"


def build_message(ref: TopicRef[..., str, Any], data: object, run_id: str | None, limit: int) -> Envelope:
    """Make a live message: check the payload, encode it, note the time.

    Raises:
        InvalidPayload: the data breaks the topic's schema.
        PayloadTooLarge: its encoding is over ``limit`` bytes.
    """
    return Envelope(ref.channel, ref.topic, encode_within(ref, data, limit), run_id, None, now_us())


def publish_live(
    hooks: HookList,
    carrier: Carrier,
    topic: TopicRef[..., str, Any],
    data: tuple[object, ...],
    kwargs: dict[str, Any],
    run_id: str | None,
    limit: int,
) -> Awaitable[None]:
    """Publish live, from a coroutine, which awaits what this returns.

    Args:
        hooks: the client's.
        carrier: takes the message on.
        topic: where to publish.
        data: the positional arguments behind the topic.
        kwargs: the keyword arguments, of which there may be none.
        run_id: the run that publishes, if any.
        limit: how many bytes the encoded payload may have.

    Raises:
        TypeError: it isn't one topic and one payload.
        InvalidPayload: the data breaks the topic's schema.
        PayloadTooLarge: its encoding is over the limit.
    """
    payload = single_payload(topic, data, kwargs)
    if hooks.publish:
        return _publish_surrounded(hooks, carrier, topic, payload, run_id, limit)
    return carrier.publish(build_message(topic, payload, run_id, limit))


def publish_live_sync(
    hooks: HookList,
    carrier: Carrier,
    topic: TopicRef[..., str, Any],
    data: tuple[object, ...],
    kwargs: dict[str, Any],
    run_id: str | None,
    limit: int,
) -> None:
    """Publish live, from any thread. See `publish_live`."""
    payload = single_payload(topic, data, kwargs)
    if not hooks.publish:
        carrier.publish_sync(build_message(topic, payload, run_id, limit))
        return
    publish = PublishInfo(topic, run_id, server=carrier.server)
    with Around(hooks.publish, publish):
        carrier.publish_sync(with_metadata(publish, build_message(topic, payload, run_id, limit)))


async def _publish_surrounded(
    hooks: HookList,
    carrier: Carrier,
    topic: TopicRef[..., str, Any],
    payload: object,
    run_id: str | None,
    limit: int,
) -> None:
    publish = PublishInfo(topic, run_id, server=carrier.server)
    with Around(hooks.publish, publish):
        await carrier.publish(with_metadata(publish, build_message(topic, payload, run_id, limit)))


def with_metadata(publish: PublishInfo, message: Envelope) -> Envelope:
    """Return a message with the metadata that hooks have added, and let them see it."""
    metadata = metadata_of(publish)
    if metadata is not None:
        message = Envelope(*message[:-1], metadata)  # the last field; `_replace` takes three times as long
    publish.message = MessageInfo(message)
    return message
