"""`transaction=` is refused by name by each client whose messages go elsewhere than to Postgres."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.events.samples import upload_event
from tests.tightbeam.surface.conftest import make

CH = job_channel(job_id="j1")
CALLS = ("publish", "publish_sync", "send", "send_sync")


class Psycopg:
    """What a connection looks like; none is asked for anything."""


async def call(client: Any, name: str, **options: Any) -> Any:
    """Publish, or send, whatever the client."""
    if name.startswith("publish"):
        returned = getattr(client.realtime, name)(CH.status, {"message": "x"}, **options)
    else:
        returned = getattr(client, name)(upload_event, {"uploadId": "u1"}, **options)
    return await returned if inspect.isawaitable(returned) else returned


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("embedded", r'is for a client on Postgres, tightbeam\.Client\("postgresql://…"\): .* in memory'),
        ("inngest", r"is for the embedded engine on Postgres: .* to Inngest's server"),
        ("connect", r"is for a client on Postgres: this one goes through the gateway at http://127"),
    ],
)
async def test_other_clients(kind: str, reason: str, name: str) -> None:
    for given in (Psycopg(), None, 5):
        with pytest.raises(tightbeam.EngineError, match=reason) as caught:
            await call(make(kind), name, transaction=given)
        assert not caught.value.retryable


@pytest.mark.parametrize("name", CALLS)
async def test_a_file(tmp_path: Path, name: str) -> None:
    client = tightbeam.Client(tmp_path / "app.db")

    @client.function("f", on=upload_event)
    async def f(ctx: tightbeam.Context) -> None: ...

    with pytest.raises(tightbeam.EngineError, match=r"its messages and runs in .*app\.db$"):
        await call(client, name, transaction=Psycopg())
    async with client:
        with pytest.raises(tightbeam.EngineError, match=r"its messages and runs in .*app\.db$"):
            await call(client, name, transaction=Psycopg())
        assert await client.runs.list() == []


@pytest.mark.parametrize("address", ["postgresql://nobody@127.0.0.1:1/x", "postgres://nobody@127.0.0.1:1/x"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_client_on_postgres_asks_for_a_connection(address: str, name: str) -> None:
    """No server is there: what is given is looked at first."""
    with pytest.raises(TypeError, match=rf"transaction= of {name} takes a psycopg\..*, not tests\.Psycopg"):
        await call(tightbeam.Client(address), name, transaction=Psycopg())


async def test_a_context_takes_none() -> None:
    client = tightbeam.Client()

    @client.function("f")
    async def f(ctx: Any) -> list[str]:
        refused = []
        for publish in (
            ctx.publish,
            lambda *given, **named: ctx.step.realtime.publish("id", *given, **named),
        ):
            with pytest.raises(TypeError):
                await publish(CH.status, {"message": "x"}, transaction=Psycopg())
            refused.append("publish")
        with pytest.raises(TypeError, match="send has no option 'transaction'"):
            await ctx.step.send_event("send", upload_event, {"uploadId": "u1"}, transaction=Psycopg())
        return refused

    async with client:
        assert await client.run(f) == ["publish", "publish"]
