"""Lines with a gateway that every checker must refuse: the same as in the process that serves."""

from __future__ import annotations

import generated
import tightbeam
import tightbeam.gateway
from generated.alerts import alerts_channel
from generated.uploads import Result, Status, uploads_channel

client = tightbeam.Client()
URL = "http://127.0.0.1:8288"


async def remotely() -> None:
    ch = uploads_channel(upload_id="u1")
    remote = tightbeam.connect(URL, key="k")
    await remote.realtime.publish(ch.status, {"mesage": "x"})  # bad, types only
    await remote.realtime.publish(ch.status, {"message": 5})  # bad, types only
    await remote.realtime.publish(ch.status, Result(success=True, url="/x"))  # bad, types only
    await remote.realtime.publish(ch.status)  # bad, types only
    await remote.realtime.publish("status", {"message": "x"})  # bad, types only
    await remote.realtime.publish(alerts_channel.alert, {"message": "x", "severity": "urgent"})  # bad, types only
    remote.realtime.publish_sync(ch.result, {"success": True})  # bad, types only
    remote.realtime.subscribe("uploads:u1")  # bad, types only
    remote.realtime.subscribe(ch, after=5)  # bad, types only
    remote.realtime.subscribe(ch, on_invalid_message="ignore")  # bad, types only
    remote.realtime.subscribe(ch.status, on_invalid_message=not_async)  # bad, types only
    async for message in remote.realtime.subscribe(ch):
        if message.topic == "status":
            message.data.url  # bad, types only
        if message.topic == "result":
            message.data.message  # bad, types only
    one = await anext(remote.realtime.subscribe(ch.status))
    wrong: int = one.data.message  # bad, types only


async def events() -> None:
    remote = tightbeam.connect(URL, key="k")
    await remote.send("app/upload", "data")  # bad, types only
    await remote.send(uploads_channel(upload_id="u1"))  # bad, types only
    wrong: str = remote.send_sync("app/upload")  # bad, types only


def not_async() -> str:
    return "key"


def settings() -> None:
    tightbeam.connect(URL, token=not_async)  # bad, types only
    tightbeam.connect(URL, key="k", on_invalid_message="ignore")  # bad, types only
    tightbeam.connect(URL, "key")  # bad, types only
    tightbeam.connect(5, key="k")  # bad, types only
    tightbeam.gateway.app(client)  # bad, types only
    tightbeam.gateway.app(client, channels=[Status])  # bad, types only
    tightbeam.gateway.app(client, channels=generated, secret="x")  # bad, types only
    tightbeam.gateway.Limits(connections="many")  # bad, types only


async def tokens() -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.token(ch, topics=[5])  # bad, types only
    await client.realtime.token([ch, 5])  # bad, types only
    await client.realtime.token((ch, ch.status))  # bad, types only
    await client.realtime.token(ch, ch)  # bad, types only
    await client.realtime.token(ch, since=5)  # bad, types only
    key: int = (await client.realtime.token(ch))["key"]  # bad, types only
    (await client.realtime.token(ch))["url"]  # bad, types only
