"""Functions over any topic, channel or message, as `docs/typed-helpers.md` has them, and calls that must pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, assert_type

import tightbeam
from generated.alerts import Alert, alerts_channel
from generated.orders import OrdersChannel, StateCancelled, StatePaid, StateShipped, orders_channel
from generated.uploads import Result, ResultMessage, Status, StatusMessage, uploads_channel

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)
Data = TypeVar("Data")
AnyMessage = TypeVar("AnyMessage")


class Publisher(Protocol):
    """A context, or a client's `realtime`."""

    async def publish(
        self, topic: tightbeam.TopicRef[P, Name, Data], /, *data: P.args, **kwargs: P.kwargs
    ) -> None: ...


async def publish_logged(
    publisher: Publisher, topic: tightbeam.TopicRef[P, Name, Data], /, *data: P.args, **kwargs: P.kwargs
) -> None:
    print(f"to {topic.topic} of {topic.channel}")
    await publisher.publish(topic, *data, **kwargs)


async def publish_once(
    ctx: tightbeam.Context, topic: tightbeam.TopicRef[P, Name, Data], /, *data: P.args, **kwargs: P.kwargs
) -> Data:
    step_id = f"{topic.channel}/{topic.topic}"
    return await ctx.step.realtime.publish(step_id, topic, *data, **kwargs)


async def publish_to_all(
    client: tightbeam.Client,
    topics: Sequence[tightbeam.TopicRef[P, Any, Any]],
    /,
    *data: P.args,
    **kwargs: P.kwargs,
) -> None:
    for topic in topics:
        await client.realtime.publish(topic, *data, **kwargs)


async def send_logged(
    client: tightbeam.Client,
    event: tightbeam.EventRef[P, Name, Data],
    /,
    *data: P.args,
    **kwargs: P.kwargs,
) -> list[str]:
    print(f"sending {event.name}")
    return await client.send(event, *data, **kwargs)


async def send_from(
    client: tightbeam.Client, event: tightbeam.Sendable[P], /, *data: P.args, **options: P.kwargs
) -> list[str]:
    return await client.send(event, *data, **options)


async def latest(client: tightbeam.Client, topic: tightbeam.TopicRef[..., Name, Data]) -> Data:
    async with client.realtime.subscribe(topic, after="latest") as messages:
        return (await anext(messages)).data


async def first(
    client: tightbeam.Client, topic: tightbeam.TopicRef[..., Name, Data]
) -> tightbeam.Message[Name, Data]:
    async with client.realtime.subscribe(topic, after="start") as messages:
        return await anext(messages)


async def handle_first(
    client: tightbeam.Client,
    topic: tightbeam.TopicRef[..., Name, Data],
    handle: Callable[[Data], Awaitable[None]],
) -> None:
    await handle((await first(client, topic)).data)


async def collect(
    client: tightbeam.Client, channel: tightbeam.Channel[AnyMessage], count: int
) -> list[AnyMessage]:
    async with client.realtime.subscribe(channel, after="start") as messages:
        return [await anext(messages) for _ in range(count)]


def payloads(messages: Iterable[tightbeam.Message[Name, Data]]) -> list[Data]:
    return [message.data for message in messages]


async def show(result: Result) -> None:
    print(result.url)


async def publishing(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await publish_logged(ctx, ch.status, {"message": "Storing…"})
    await publish_logged(client.realtime, ch.status, Status(message="Storing…"))
    await publish_logged(client.realtime, alerts_channel.alert, {"message": "disk full", "severity": "low"})
    await publish_to_all(
        client, [uploads_channel(upload_id=each).status for each in "ab"], {"message": "Go."}
    )
    assert_type(await publish_once(ctx, ch.result, {"success": True, "url": "/1"}), Result)


async def receiving(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u2")
    await publish_once(ctx, ch.result, {"success": True, "url": "/2"})
    assert_type(await latest(client, ch.result), Result)
    assert_type(await first(client, ch.result), tightbeam.Message[Literal["result"], Result])
    await handle_first(client, ch.result, show)
    found = await collect(client, ch, 1)
    assert_type(found, list[StatusMessage | ResultMessage])
    for message in found:
        if message.topic == "result":
            assert_type(message.data, Result)
            assert_type(payloads([message]), list[Result])


async def other_channels(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    orders: OrdersChannel = orders_channel(region="eu", order_id=7)
    await publish_once(ctx, alerts_channel.alert, Alert(message="disk full", severity="low"))
    assert_type(await latest(client, alerts_channel.alert), Alert)
    state = await publish_once(ctx, orders.state, {"kind": "cancelled"})
    assert_type(state, StatePaid | StateShipped | StateCancelled)
