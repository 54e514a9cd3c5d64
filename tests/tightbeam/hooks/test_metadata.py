"""Metadata of hooks: it travels with live and durable messages, and stays with runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.both_engines import EngineUnderTest
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, running, secured
from tightbeam import Client, Hook
from tightbeam.gateway import RemoteClient
from tightbeam.hooks import (
    ClientInfo,
    CommitInfo,
    MessageInfo,
    PublishInfo,
    RunInfo,
    SendInfo,
    install,
    uninstall,
)


class Stamps(Hook):
    """Writes metadata wherever it can, and notes what it finds."""

    def __init__(self, mark: str = "m", size: int = 0) -> None:
        self.metadata = {"mark": mark, **({"more": "x" * size} if size else {})}
        self.received_: list[tuple[str, str | None, Any]] = []
        self.runs: list[Any] = []

    @contextmanager
    def publish(self, publish: PublishInfo, /) -> Iterator[None]:
        publish.metadata.update(self.metadata)
        yield

    @contextmanager
    def send(self, send: SendInfo, /) -> Iterator[None]:
        send.metadata.update(self.metadata)
        yield

    @contextmanager
    def run(self, run: RunInfo, /) -> Iterator[None]:
        self.runs.append(dict(run.metadata))
        yield

    def received(self, message: MessageInfo, /) -> None:
        self.received_.append((message.topic, message.template, message.metadata.get("mark")))


def connected(url: str, *hooks: Hook) -> RemoteClient:
    return tightbeam.connect(url, key=KEY, hooks=hooks)


async def test_a_durable_message_has_it_live_and_replayed(tmp_path: Path, ch: JobChannel) -> None:
    hook, found = Stamps(), list[Any]()

    async def publishes(client: Client) -> None:
        @client.function("work")
        async def work(ctx: tightbeam.Context) -> None:
            await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

        async with client, client.realtime.subscribe(ch.tick) as messages:
            await client.run(work)
            found.append(dict((await anext(messages)).metadata))

    await publishes(Client(tmp_path / "j.db", hooks=[hook]))
    later = Client(tmp_path / "j.db", hooks=[hook])
    async with later, later.realtime.subscribe(ch.tick, after="start") as messages:
        found.append(dict((await anext(messages)).metadata))
    assert found == [{"mark": "m"}] * 2
    assert hook.received_ == [("tick", "job:{jobId}", "m")] * 2


@pytest.mark.slow
@pytest.mark.parametrize("after", [None, "start"])
async def test_it_goes_through_a_gateway_with_live_and_durable_messages(
    ch: JobChannel, after: str | None
) -> None:
    client, hook = Client(hooks=[Stamps()]), Stamps("other")

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with client, running(secured(client)) as url, connected(url, hook) as remote, asyncio.timeout(20):
        if after is not None:
            await client.run(work)
        async with remote.realtime.subscribe(ch.tick, ch.token, after=after) as messages:
            if after is None:
                await client.run(work)
            message = await anext(messages)
            assert message.id is not None
            assert message.position is not None
            assert dict(message.metadata) == {"mark": "m"}
            await remote.realtime.publish(ch.token, "x")
            assert dict((await anext(messages)).metadata) == {"mark": "other"}
    assert hook.received_ == [("tick", "job:{jobId}", "m"), ("token", "job:{jobId}", "other")]


@pytest.mark.slow
async def test_a_message_without_has_the_wires_own_keys_only(ch: JobChannel) -> None:
    client = Client()

    @client.function("work")
    async def work(ctx: tightbeam.Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 1})

    async with client, running(secured(client)) as url, connected(url) as remote, asyncio.timeout(20):
        messages = await remote.realtime.subscribe(ch.tick).__aenter__()
        await client.run(work)
        assert (await anext(messages)).metadata == {}
        messages.close()


async def test_a_run_has_that_of_its_send_in_each_execution(engine: EngineUnderTest) -> None:
    hook, attempts = Stamps(), list[Any]()

    async def body(ctx: tightbeam.Context) -> None:
        attempts.append(dict(ctx.event.data))
        if ctx.attempt < 2:
            raise ConnectionError

    await engine.run(engine.client([hook]), body)
    if engine.name == "embedded":
        assert hook.runs == [{"mark": "m"}] * 3
    assert attempts == [{"n": 1}] * 3


async def test_a_run_has_it_after_a_restart(tmp_path: Path) -> None:
    hook, begun = Stamps(), asyncio.Event()
    # On a busy machine the first client may still have the file for a moment after it was left.
    options: dict[str, Any] = {
        "shutdown_timeout": timedelta(milliseconds=50),
        "wait_for_file": timedelta(seconds=30),
        "hooks": [hook],
    }

    async def run_in(client: Client, *, waits: bool) -> None:
        @client.function("work", on="app/work")
        async def work(ctx: tightbeam.Context) -> None:
            begun.set()
            if waits:
                await asyncio.Event().wait()

        begun.clear()
        async with client, asyncio.timeout(20):
            if waits:
                await client.send("app/work")
            await begun.wait()

    await run_in(Client(tmp_path / "j.db", **options), waits=True)
    await run_in(Client(tmp_path / "j.db", **options), waits=False)
    assert hook.runs == [{"mark": "m"}] * 2


@pytest.mark.slow
async def test_what_is_sent_through_a_gateway_keeps_it(ch: JobChannel) -> None:
    here, there, ended = Stamps("gateway"), Stamps("sender"), asyncio.Event()
    seen: list[Any] = []

    class Looks(Hook):
        def send(self, send: SendInfo, /) -> None:
            seen.append(dict(send.metadata))

    client = Client(hooks=[Looks()])

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        ended.set()

    client._hooks.attach(here)
    async with client, running(secured(client)) as url, connected(url, there) as remote, asyncio.timeout(20):
        await remote.send("app/work", {"n": 1})
        await ended.wait()
    assert seen == [{"mark": "sender"}]
    assert here.runs == [{"mark": "gateway"}]  # its hooks may add to it, or change it


@pytest.mark.parametrize("size", [4_000, 5_000])
async def test_runs_start_whatever_the_metadata_is(
    tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    hook = Stamps(size=size)
    client = Client(tmp_path / "j.db", hooks=[hook])

    @client.function("work")
    async def work(ctx: tightbeam.Context) -> int:
        return 1

    async with client:
        assert await client.run(work) == 1
    assert hook.runs == [hook.metadata if size == 4_000 else {}]
    assert ("SendInfo.metadata: left out" in caplog.text) == (size > 4_096)


async def test_a_hook_gets_to_know_each_of_its_clients_once(tmp_path: Path, ch: JobChannel) -> None:
    class Measures(Hook):
        def __init__(self) -> None:
            self.clients: list[ClientInfo] = []
            self.commits: list[CommitInfo] = []

        def attached(self, client: ClientInfo, /) -> None:
            self.clients.append(client)

        def committed(self, commit: CommitInfo, /) -> None:
            self.commits.append(commit)

    own, everywhere = Measures(), Measures()
    client = Client(tmp_path / "j.db", hooks=[own])
    install(everywhere)
    try:
        other = Client(hooks=[own])
        remote = tightbeam.connect("http://127.0.0.1:1", key="k" * 32, hooks=[own])
        assert len(own.clients) == 3
        assert len(everywhere.clients) >= 3
    finally:
        uninstall(everywhere)
    begun, go_on = asyncio.Event(), asyncio.Event()

    @client.function("work", on="app/work")
    async def work(ctx: tightbeam.Context) -> None:
        begun.set()
        await go_on.wait()

    info = own.clients[0]
    assert (info.subscribers, info.dropped, info.count_runs(), info.read_lag()) == (0, 0, (), None)
    async with client, asyncio.timeout(20):
        async with client.realtime.subscribe(ch.token):
            assert info.subscribers == 1
            await client.send("app/work")
            await begun.wait()
            assert [count[:3] for count in info.count_runs()] == [("work", "running", 1)]
            for _ in range(1_030):
                client.realtime.publish_sync(ch.token, "x")
        assert (info.subscribers, info.dropped) == (0, 6)
        go_on.set()
    assert own.commits
    assert not any(commit.failed for commit in own.commits)
    assert all(commit.seconds > 0 for commit in own.commits)
    assert info.count_runs() == ()
    del client, work, other, remote
