"""A gateway and its remote client as every checker must pass them; `test_gateway_cases.py` runs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, assert_type

import generated
import tightbeam
import tightbeam.gateway
from generated.alerts import AlertsChannel, alerts_channel
from generated.uploads import Result, Status, uploads_channel
from tightbeam import Client, Message, SubscriptionToken

client = Client()
gateway = tightbeam.gateway.app(
    client,
    channels=generated,
    token_secret="0123456789abcdef0123456789abcdef",
    server_key="fedcba9876543210fedcba9876543210",
    allowed_origins=["https://www.example.com"],
    runs=[AlertsChannel],
    limits=tightbeam.gateway.Limits(connections=100, stream_age=timedelta(minutes=5)),
)


async def tokens() -> None:
    ch = uploads_channel(upload_id="u1")
    assert_type(await client.realtime.token(ch), SubscriptionToken)
    assert_type(await client.realtime.token(ch, topics=["status", ch.result]), SubscriptionToken)
    made = await client.realtime.token("uploads:u1", ["status"], since=datetime.now(UTC))
    assert_type(made["key"], str)
    assert_type(client.realtime.token_sync(ch, since="2026-11-22T05:40:30.249Z")["apiBaseUrl"], str)


async def tokens_for_several_channels(made_by: tightbeam.Client | tightbeam.gateway.RemoteClient) -> None:
    one, two = uploads_channel(upload_id="u1"), uploads_channel(upload_id="u2")
    mixed = [one, alerts_channel]
    await made_by.realtime.token([one, two])
    await made_by.realtime.token((one, two), ["status"])
    await made_by.realtime.token([one, alerts_channel], topics=[one.status, alerts_channel.alert])
    await made_by.realtime.token(mixed)
    await made_by.realtime.token([uploads_channel(upload_id=f"u{n}") for n in range(50)], since="latest")
    await made_by.realtime.token(["uploads:u1", two], ["status", two.result])
    token = made_by.realtime.token_sync({one, two}, (topic for topic in ("status", "result")))
    assert_type(token, SubscriptionToken)
    assert_type(token.get("topics"), list[str] | None)
    assert_type(token.get("reset", False), bool)


async def key_of_a_page() -> str:
    return (await client.realtime.token(uploads_channel(upload_id="u1")))["key"]


async def follow(url: str) -> list[str]:
    ch = uploads_channel(upload_id="u1")
    seen: list[str] = []
    async with tightbeam.connect(url, key="fedcba9876543210fedcba9876543210") as remote:
        async with remote.realtime.subscribe(ch) as messages:
            await remote.realtime.publish(ch.status, {"message": "from a dict"})
            await remote.realtime.publish(ch.status, Status(message="from a model"))
            await remote.realtime.publish(ch.result, Result(success=True, url="/x"))
            async for message in messages:
                if message.topic == "status":
                    assert_type(message.data, Status)
                    seen.append(message.data.message)
                else:
                    assert_type(message.data, Result)
                    assert_type(message.data.url, str)
                    break
        async with remote.realtime.subscribe(
            ch.status,
            alerts_channel.alert,
            after="start",
            on_invalid_message=lambda error: seen.append(error.position or ""),
        ) as mixed:
            await remote.realtime.publish(alerts_channel.alert, {"message": "full", "severity": "high"})
            one = await anext(mixed)
            assert_type(one.topic, Literal["status", "alert"])
            assert_type(one.position, str | None)
            seen.append(one.data.message)
    return seen


async def follow_with_tokens(url: str) -> str:
    ch = uploads_channel(upload_id="u1")
    remote = tightbeam.connect(url, token=key_of_a_page)
    async with remote, remote.realtime.subscribe(ch.status) as messages:
        await client.realtime.publish(ch.status, {"message": "here"})
        message = await anext(messages)
        assert_type(message, Message[Literal["status"], Status])
        return message.data.message


async def note_later(error: tightbeam.InvalidPayload) -> None:
    assert_type(error.position, str | None)


def choices(remote: tightbeam.gateway.RemoteClient, chosen: tightbeam.OnInvalidMessage) -> None:
    ch = uploads_channel(upload_id="u1")
    assert_type(
        remote.realtime.subscribe(ch.status, on_invalid_message="skip"),
        tightbeam.Subscription[Message[Literal["status"], Status]],
    )
    remote.realtime.subscribe(ch, after="latest", on_invalid_message="raise")
    remote.realtime.subscribe(ch, on_invalid_message=note_later)
    remote.realtime.subscribe(ch.status, ch.result, on_invalid_message=chosen)
    tightbeam.connect("http://127.0.0.1:8288", key="k", on_invalid_message=print)
    tightbeam.Client(on_invalid_message=note_later)


async def events(remote: tightbeam.gateway.RemoteClient) -> None:
    assert_type(await remote.send("app/upload", {"uploadId": "u1"}), list[str])
    assert_type(remote.send_sync("app/upload"), list[str])


def from_a_thread(remote: tightbeam.gateway.RemoteClient) -> None:
    remote.realtime.publish_sync(uploads_channel(upload_id="u1").status, {"message": "sync"})
