"""The official JavaScript client with our tokens and our messages; the socket's other end is the stand-in."""

from __future__ import annotations

import asyncio

import pytest

from generated.uploads import UploadsChannel
from tests.tightbeam.gateway.node_process import Node, node, require_node
from tests.tightbeam.inngest.calls import RUN_ID
from tests.tightbeam.inngest.standin import StandIn
from tightbeam._message import Envelope
from tightbeam.inngest import Client

pytestmark = pytest.mark.slow


async def wants_a_token(hook: Node) -> None:
    while (await hook.hear()).get("wants") != "token":
        pass


async def test_the_official_hook_takes_our_token_and_our_messages(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    require_node()
    async with node("hook.mjs", {"channel": ch.name, "topics": ["status", "result"]}) as hook:
        for n in range(2):
            await wants_a_token(hook)
            await hook.say(dict(await client.realtime.token(ch)))
            await asyncio.to_thread(server.until, lambda: server.sockets, "the hook's socket")
            await client.realtime.publish(ch.status, {"message": f"live {n}"})
            durable = b'{"success":true,"url":"/x"}'
            await client.realtime._inngest.publish(
                Envelope(ch.name, "result", durable, RUN_ID, f"{RUN_ID}:p:{n}", 0)
            )
            first, second = await hook.message(), await hook.message()
            assert (first["topic"], first["data"]) == ("status", {"message": f"live {n}"})
            assert (second["topic"], second["data"]) == ("result", {"success": True, "url": "/x"})
            assert second["runId"] == RUN_ID
            server.drop_sockets()  # it comes back, and asks for another token
            await asyncio.to_thread(server.until, lambda: not server.sockets, "no socket")
