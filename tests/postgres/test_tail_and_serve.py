"""`tightbeam tail` and `tightbeam serve` with the address of a database, beside a program on it."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import httpx
import psycopg
import pytest

from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam_cli.test_commands import line, started
from tightbeam import Client, Context, connect
from tightbeam_cli import main

pytestmark = pytest.mark.slow
KEYS = {"TIGHTBEAM_TOKEN_SECRET": "t" * 32, "TIGHTBEAM_SERVER_KEY": "k" * 32}


def program(address: str) -> Client:
    """Publish durably, by runs."""
    client = Client(address)
    ch = job_channel(job_id="j1")

    @client.function("publish", on="app/publish")
    async def publish(ctx: Context) -> None:
        await ctx.step.realtime.publish("tick", ch.tick, {"n": 1})
        await ctx.step.realtime.publish("token", ch.token, "stored")

    return client


class Tail:
    """The command on a thread, and what it prints."""

    def __init__(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._address = address
        self._capsys = capsys

    async def __call__(self, *arguments: str, meanwhile: Any = None) -> tuple[int, list[Any]]:
        """Return the exit code and the messages, while something is done again and again until it ends."""
        command = ["tail", "job:j1", "--url", self._address, "--json", *arguments]
        tail = asyncio.ensure_future(asyncio.to_thread(main, command))
        async with asyncio.timeout(30):
            while not tail.done():
                await asyncio.wait({tail}, timeout=0.02)
                if meanwhile is not None:
                    await meanwhile()
        return await tail, [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def tail(address: str, capsys: pytest.CaptureFixture[str]) -> Tail:
    return Tail(address, capsys)


async def test_stored_messages_then_those_that_come(address: str) -> None:
    """Also live ones, to a topic that the journal has none of."""
    ch = job_channel(job_id="j1")
    async with program(address) as client:
        (run_id,) = await client.send("app/publish")
        await client.runs.wait(run_id)
        arguments = ("job:j1", "--url", address, "--json", "--after", "start", "--limit", "4")
        async with started("tail", *arguments) as tail, asyncio.timeout(30):
            # A message is shown when no earlier transaction is open, also one of somebody else on the server:
            # no live message is published before that.
            stored = [json.loads(await line(tail, "{")) for _ in range(2)]
            for _ in range(2):
                await client.realtime.publish(job_channel(job_id="j2").status, {"message": "elsewhere"})
                await client.realtime.publish(ch.status, {"message": "live"})
            live = [json.loads(await line(tail, "{")) for _ in range(2)]
            assert await tail.wait() == 0
    assert [(one["topic"], one["data"], one["run_id"]) for one in stored] == [
        ("tick", {"n": 1}, run_id),
        ("token", "stored", run_id),
    ]
    assert [(one["topic"], one["data"], one.get("id")) for one in live] == [
        ("status", {"message": "live"}, None)
    ] * 2


async def test_only_some_topics_and_from_now_on(address: str, tail: Tail) -> None:
    ch = job_channel(job_id="j1")
    async with program(address) as client:
        (run_id,) = await client.send("app/publish")
        await client.runs.wait(run_id)

        async def publish() -> None:
            await client.realtime.publish(ch.status, {"message": "live"})
            await client.realtime.publish(ch.tick, {"n": 2})

        code, messages = await tail("--topic", "tick", "--limit", "2", meanwhile=publish)
        assert (code, [one["data"] for one in messages]) == (0, [{"n": 2}, {"n": 2}])
        code, messages = await tail("--topic", "token", "--after", "latest", "--limit", "1")
        assert (code, [one["data"] for one in messages]) == (0, ["stored"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_tail_that_is_ended_leaves_no_process_behind(address: str, number: signal.Signals) -> None:
    async with program(address) as client:
        (run_id,) = await client.send("app/publish")
        await client.runs.wait(run_id)
    async with started("tail", "job:j1", "--url", address, "--after", "start", "--json") as tail:
        await line(tail, "{")
        tail.send_signal(number)
        async with asyncio.timeout(20):
            assert await tail.wait() == 0
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM tightbeam.process").fetchone() == (0,)


@pytest.mark.parametrize("what", ["position", "journal"])
async def test_what_is_not_there(
    address: str, tail: Tail, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    if what == "position":
        async with program(address) as client:
            (run_id,) = await client.send("app/publish")
            await client.runs.wait(run_id)
    code = await asyncio.to_thread(main, ["tail", "job:j1", "--url", address, "--after", "nowhere"])
    assert code == 2
    said = capsys.readouterr().err
    assert ("position" if what == "position" else "there is no journal in schema tightbeam") in said


async def test_a_gateway_that_needs_no_program(address: str) -> None:
    """It serves channels, and executes nothing."""
    ch = job_channel(job_id="j1")
    async with program(address) as client:
        (run_id,) = await client.send("app/publish")
        await client.runs.wait(run_id)
        arguments = ("serve", address, "--port", "0", "--channels", "tests.tightbeam.engine.samples")
        async with started(*arguments, **KEYS) as command, asyncio.timeout(30):
            url = (await line(command, "Serving at ")).split()[2]
            async with connect(url, key=KEYS["TIGHTBEAM_SERVER_KEY"]) as remote:
                subscription = remote.realtime.subscribe(ch, after="start")
                async with subscription:
                    assert [(await anext(subscription)).topic for _ in range(2)] == ["tick", "token"]
                    await client.realtime.publish(ch.status, {"message": "from the program"})
                    assert (await anext(subscription)).data.message == "from the program"  # type: ignore[union-attr]  # its topic
                await remote.realtime.publish(ch.status, {"message": "x"})
                assert (await remote.runs.get(run_id)).state == "done"
            async with httpx.AsyncClient(base_url=url) as http:
                assert (await http.get("/health")).status_code == 200
