"""The official npm client and React hook, unchanged, against a running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.node_process import Node, node, require_node
from tests.tightbeam.gateway.serving import UNHURRIED, durable, running, secured
from tests.tightbeam.gateway.test_tokens import good, signed
from tightbeam import Client, Context

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_node() -> None:
    require_node()


async def settings(client: Client, url: str, ch: JobChannel, **changed: Any) -> dict[str, Any]:
    topics = changed.pop("topics", ["status", "tick", "token"])
    key = (await client.realtime.token(ch, topics))["key"]
    return {"channel": ch.name, "topics": topics, "key": key, "apiBaseUrl": url, **changed}


@pytest.fixture
async def url(client: Client) -> AsyncIterator[str]:
    async with running(secured(client)) as served:
        yield served


async def test_data_in_order_and_only_its_own(client: Client, url: str, ch: JobChannel) -> None:
    work = durable(client)
    async with node("client.mjs", await settings(client, url, ch, topics=["tick", "status"])) as js:
        assert await js.hear() == {"open": True}
        other = job_channel(job_id="j2")
        for n in range(50):
            await client.realtime.publish(other.tick, {"n": -1})
            await client.realtime.publish(ch.token, "not in the token")
            await client.realtime.publish(ch.tick, {"n": n})
        await client.realtime.publish(ch.status, {"message": "é😀 <b>\u2028"})
        await client.run(work, {"first": 50, "count": 5})
        heard = [await js.message() for _ in range(57)]
        runs = [one for one in heard if one["kind"] == "run"]
        data = [one for one in heard if one["kind"] == "data"]
    assert [one["data"]["n"] for one in data if one["topic"] == "tick"] == list(range(55))
    assert data[50]["data"] == {"message": "é😀 <b>\u2028"}
    assert {one["channel"] for one in heard} == {"job:j1"}
    assert all(one["runId"] for one in data[51:])
    assert all("runId" not in one for one in data[:51])
    assert [one["data"]["status"] for one in runs] == ["running"]
    assert all(one["createdAt"] and one["envId"] for one in heard)


async def test_a_burst_right_after_accept(client: Client, url: str, ch: JobChannel) -> None:
    work = durable(client)
    await client.run(work, {"first": 0, "count": 500})
    since = "1970-01-01T00:00:00.000Z"
    key = (await client.realtime.token(ch, ["tick"], since=since))["key"]
    async with node("client.mjs", await settings(client, url, ch, topics=["tick"], key=key)) as js:
        heard = [await js.message() for _ in range(500)]
    assert [one["data"]["n"] for one in heard] == list(range(500))


@pytest.mark.parametrize("key", ["not.a.token", "expired", "another channel's"])
async def test_bad_and_expired_tokens(key: str, client: Client, url: str, ch: JobChannel) -> None:
    if key == "expired":
        key = signed(good(exp=1_700_000_000, iat=1_700_000_000))
    given = await settings(client, url, ch, key=key)
    if key == "another channel's":
        given["key"] = (await client.realtime.token(job_channel(job_id="j2")))["key"]
        async with node("client.mjs", given) as js:
            assert await js.hear() == {"open": True}
            await client.realtime.publish(job_channel(job_id="j2").tick, {"n": 1})
            await client.realtime.publish(ch.tick, {"n": 2})
            await js.say("close")
            assert await js.hear() == {"closed": True}
        return
    async with node("client.mjs", given) as js:
        assert await js.hear() == {"refused": True}


async def test_close(client: Client, ch: JobChannel) -> None:
    gateway = secured(client)
    async with running(gateway) as url, node("client.mjs", await settings(client, url, ch)) as js:
        assert await js.hear() == {"open": True}
        assert gateway.connections == 1
        await js.say("close")
        assert await js.hear() == {"closed": True}
        async with asyncio.timeout(60):
            while gateway.connections:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)


async def test_null_arrives_and_nothing_else_is_null(client: Client, url: str, ch: JobChannel) -> None:
    async with node("client.mjs", await settings(client, url, ch)) as js:
        assert await js.hear() == {"open": True}
        await client.realtime.publish(ch.token, "null")
        assert (await js.message())["data"] == "null"


async def test_closing_ends_the_stream_in_order(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, limits=UNHURRIED)
    async with running(gateway) as url, node("client.mjs", await settings(client, url, ch)) as js:
        assert await js.hear() == {"open": True}
        for n in range(20):
            await client.realtime.publish(ch.tick, {"n": n})
        await gateway.close()
        assert [(await js.message())["data"]["n"] for _ in range(20)] == list(range(20))
        assert await js.hear() == {"closed": True}


@pytest.mark.parametrize("since", [None, "2020-01-01T00:00:00.000Z"])
async def test_it_has_nothing_to_complain_of(since: str | None, ch: JobChannel) -> None:
    """Every kind of frame, to a client that knows nothing of resume: each message once, no warning."""
    client = Client(retain_messages=3)
    work = durable(client)

    @client.function("fail", retries=0)
    async def fail(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.tick, {"n": 500})
        raise RuntimeError("no")

    gateway = secured(client)
    async with running(gateway) as url:
        await client.run(work, {"first": 0, "count": 200})  # the oldest are gone: there is a `reset`
        key = (await client.realtime.token(ch, ["status", "tick", "token"], since=since))["key"]
        async with node("client.mjs", await settings(client, url, ch, key=key)) as js:
            assert await js.hear() == {"open": True}
            await client.run(work, {"first": 200, "count": 20})
            await client.realtime.publish(ch.token, "live")
            with pytest.raises(RuntimeError):
                await client.run(fail)
            await client.realtime.publish(ch.token, "last")
            heard: list[Any] = []
            while not heard or heard[-1].get("data") != "last":
                heard.append(await js.message())
            await gateway.close()
            assert await js.hear() == {"closed": True}
            assert await js.hear() == {"complaints": []}
    numbers = [one["data"]["n"] for one in heard if one.get("topic") == "tick"]
    first = numbers[0] if since else 200
    assert numbers == [*range(first, 220), 500]
    assert {one["kind"] for one in heard} == {"data", "run"}
    assert {one["data"]["status"] for one in heard if one["kind"] == "run"} >= {"completed", "failed"}


async def answer(js: Node, client: Client, ch: JobChannel, url: str) -> str | None:
    """Give the hook's token factory a token; what it said it saw last."""
    while (heard := await js.hear()).get("wants") != "token":
        pass
    since: str | None = heard["since"]
    token = await client.realtime.token(ch, ["tick", "status"], since=since)
    assert set(token) - {"reset"} == {"key", "apiBaseUrl", "topics", "channels"}
    await js.say({**token, "apiBaseUrl": url})
    return since


async def test_the_hook_resumes_through_its_token_factory(client: Client, ch: JobChannel) -> None:
    work = durable(client)
    gateway = secured(client, runs=False)
    async with client, node("hook.mjs", {"channel": ch.name, "topics": ["tick", "status"]}) as js:
        async with running(gateway) as url:
            assert await answer(js, client, ch, url) is None
            await js.state(connectionStatus="open")
            await client.run(work, {"first": 0, "count": 3})
            first = [(await js.message())["data"]["n"] for _ in range(3)]
        # The gateway is gone; meanwhile there are messages.
        await client.run(work, {"first": 3, "count": 4})
        gateway._streams.closing = False
        async with running(gateway) as url:
            while True:
                since = await answer(js, client, ch, url)
                heard = await js.hear()
                while "state" in heard and heard["state"]["connectionStatus"] != "error":
                    if heard["state"]["connectionStatus"] == "open":
                        break
                    heard = await js.hear()
                if heard.get("state", {}).get("connectionStatus") == "open" or "message" in heard:
                    break
            assert since is not None
            rest = [heard["message"]["data"]["n"]] if "message" in heard else []
            await client.run(work, {"first": 7, "count": 2})
            while len(rest) < 6:
                rest.append((await js.message())["data"]["n"])
    assert first + rest == list(range(9))


async def test_a_cursor_that_is_too_old_doesnt_break_the_hook(ch: JobChannel) -> None:
    client = Client(retain_messages=3)
    work = durable(client)
    async with running(secured(client, runs=False)) as url:
        await client.run(work, {"first": 0, "count": 200})
        since = "2020-01-01T00:00:00.000Z"
        key = (await client.realtime.token(ch, ["tick"], since=since))["key"]
        async with node("client.mjs", await settings(client, url, ch, topics=["tick"], key=key)) as js:
            assert await js.hear() == {"open": True}
            heard = [await js.message() for _ in range(3)]
            await client.realtime.publish(ch.tick, {"n": 1_000})
            while heard[-1]["data"]["n"] != 1_000:
                heard.append(await js.message())
    numbers = [one["data"]["n"] for one in heard]
    assert numbers == [*range(numbers[0], 200), 1_000]
    assert numbers[0] > 0


@pytest.mark.parametrize("outcome", ["completed", "failed"])
async def test_the_hook_follows_a_run(outcome: str, client: Client, ch: JobChannel) -> None:
    @client.function("work", retries=0)
    async def work(ctx: Context) -> dict[str, int]:
        await ctx.publish(ch.status, {"message": "at work"})
        if outcome == "failed":
            raise RuntimeError("no")
        return {"answer": 42}

    async with running(secured(client)) as url:
        async with node("hook.mjs", {"channel": ch.name, "topics": ["status"]}) as js:
            await answer(js, client, ch, url)
            await js.state(connectionStatus="open", runStatus="running")
            if outcome == "failed":
                with pytest.raises(RuntimeError):
                    await client.run(work)
            else:
                await client.run(work)
            state = await js.state(runStatus=outcome)
            if outcome == "completed":
                assert state.get("result") == {"answer": 42} or await js.state(result={"answer": 42})


async def test_the_hook_forgets_the_result_of_the_run_before(client: Client, ch: JobChannel) -> None:
    """It keeps a result until a frame has another one: null is one, and drops no frame where it is."""

    @client.function("work", retries=0)
    async def work(ctx: Context) -> str | None:
        await ctx.publish(ch.status, {"message": "at work"})
        found: str | None = ctx.event.data["result"]
        return found

    settings = {"channel": ch.name, "topics": ["status"], "autoClose": False}
    async with running(secured(client)) as url, node("hook.mjs", settings) as js:
        await answer(js, client, ch, url)
        await js.state(connectionStatus="open")
        for result in ("done", None, "done"):
            await client.run(work, {"result": result})
            await js.state(runStatus="completed", result=result)


async def test_the_hook_hears_of_a_run_that_ended_while_it_was_away(client: Client, ch: JobChannel) -> None:
    go = asyncio.Event()

    @client.function("work", retries=0)
    async def work(ctx: Context) -> dict[str, int]:
        await ctx.step.realtime.publish("begun", ch.tick, {"n": 1})
        await go.wait()
        await ctx.step.realtime.publish("done", ch.tick, {"n": 2})
        return {"answer": 42}

    gateway = secured(client)
    async with client, node("hook.mjs", {"channel": ch.name, "topics": ["tick", "status"]}) as js:
        async with running(gateway) as url:
            await answer(js, client, ch, url)
            await js.state(connectionStatus="open")
            done = asyncio.create_task(client.run(work))
            assert (await js.message())["data"] == {"n": 1}
        go.set()
        await done
        async with running(secured(client)) as url:
            missed: list[int] = []
            state: dict[str, Any] = {}
            while state.get("runStatus") != "completed" or "result" not in state:
                heard = await js.hear()
                if heard.get("wants") == "token":
                    made = await client.realtime.token(ch, ["tick", "status"], since=heard["since"])
                    await js.say({**made, "apiBaseUrl": url})
                elif "message" in heard:
                    missed.append(heard["message"]["data"]["n"])
                state = heard.get("state", state)
    assert missed == [2]  # first what it missed, then how it ended
    assert state["result"] == {"answer": 42}
