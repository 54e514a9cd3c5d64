"""The inspector's routes: who may ask, what they answer, and that a viewer costs what it may."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

import generated
from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.doubles import BackendDouble, Hold
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.engine.stores import KEEPS
from tests.tightbeam.gateway.serving import KEY, durable, patient, running, secured
from tightbeam import Client, Context
from tightbeam._client import client_over, engine_of
from tightbeam._engine.backends import backend_for
from tightbeam._engine.requests import RecentMessages
from tightbeam.gateway import app
from tightbeam.gateway._catalog import Catalog
from tightbeam_inspector import _routes
from tightbeam_inspector._describe import describe
from tightbeam_inspector._tap import Tap

API = "/inspector/api"
BEARER = {"Authorization": f"Bearer {KEY}"}


def asking(client: Client, **changed: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(secured(client, inspector=True, **changed))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def lines(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async with asyncio.timeout(60):
        async for line in answer.aiter_lines():
            yield json.loads(line)


async def test_it_is_there_in_dev_mode_only_unless_asked_for(client: Client) -> None:
    dev = app(client, channels=[JobChannel], dev=True)
    assert dev.inspector == "/inspector/"
    assert app(client, channels=[JobChannel], dev=True, inspector=False).inspector is None
    plain = secured(client)
    assert plain.inspector is None
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(plain), base_url="http://127.0.0.1", headers=BEARER
    ) as ask:
        for path in ("/inspector", "/inspector/", f"{API}/channels", f"{API}/messages"):
            assert (await ask.get(path)).status_code == 404
    with pytest.raises(ValueError, match="server key"):
        secured(client, inspector=True, server_key=None)


async def test_the_environment_can_ask_for_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGHTBEAM_INSPECTOR", "1")
    assert secured(client).inspector == "/inspector/"
    monkeypatch.setenv("TIGHTBEAM_INSPECTOR", "0")
    assert app(client, channels=[JobChannel], dev=True).inspector is None


@pytest.mark.parametrize(
    "path",
    [
        *("channels", "messages", "payload?id=x", "runs", "runs/x"),
        *("payload?run=x&part=event", "payload?run=x&part=step&step=y&limit=10", "runs?state=failed&text=x"),
    ],
)
async def test_who_may_ask(path: str, client: Client) -> None:
    async with asking(client) as ask:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer something else"}, 401),
            (BEARER | {"Host": "elsewhere.example"}, 421),
            (BEARER | {"Origin": "https://elsewhere.example"}, 403),
            (BEARER | {"Sec-Fetch-Site": "cross-site"}, 403),
            (BEARER | {"Sec-Fetch-Site": "same-site"}, 403),
        ):
            answer = await ask.get(f"{API}/{path}", headers=headers)
            assert (answer.status_code, headers) == (status, headers)
        if path == "messages":
            assert (await ask.head(f"{API}/{path}", headers=BEARER)).status_code == 405
        if path not in ("channels", "connections"):  # the client isn't entered: there is no journal
            assert (await ask.get(f"{API}/{path}", headers=BEARER)).status_code == 503


async def test_only_its_own_files(client: Client) -> None:
    async with asking(client) as ask:
        assert (await ask.get("/inspector")).headers["location"] == "/inspector/"
        page = await ask.get("/inspector/")
        assert page.headers["content-type"].startswith("text/html")
        for name in ("main.js", "style.css", "family.css", "mark.svg"):
            answer = await ask.get(f"/inspector/{name}")
            assert answer.status_code == 200
            assert answer.headers["x-content-type-options"] == "nosniff"
        for name in ("..%2f_routes.py", "_routes.py", "%2e%2e/_app.py", "nothing.js"):
            assert (await ask.get(f"/inspector/{name}")).status_code == 404
        assert "<script" not in page.text.replace('<script type="module" src="main.js">', "")
        assert "style=" not in page.text


def test_the_page_stays_small() -> None:
    assert sum(len(content) for content, _ in _routes._read_files().values()) <= 128_250


async def test_channels_with_their_words_and_schemas(client: Client) -> None:
    found = {one["template"]: one for one in describe(Catalog(generated).classes)}
    assert list(found) == ["alerts", "orders:{region}:{orderId}", "pipeline:{runId}", "uploads:{uploadId}"]
    orders = found["orders:{region}:{orderId}"]
    assert [param["name"] for param in orders["params"]] == ["region", "orderId"]
    assert orders["params"][0]["schema"]["enum"] == ["eu", "us"]
    added = orders["topics"][1]
    assert (added["name"], added["attribute"]) == ("line-added", "line_added")
    assert added["description"] == "Something was added to the order afterwards."
    assert added["ref"].partition("#")[0] in orders["resources"]
    assert describe([JobChannel])[0]["topics"][0]["description"] == ""


async def test_messages_of_every_channel_from_where_it_was(client: Client) -> None:
    work = durable(client)
    async with (
        running(secured(client, inspector=True)) as url,
        patient(base_url=url, headers=BEARER) as ask,
    ):
        await client.run(work, {"first": 0, "count": 3})
        async with ask.stream("GET", f"{API}/messages") as answer:
            heard = lines(answer)
            assert (await anext(heard))["kind"] == "open"
            first = [await anext(heard) for _ in range(3)]
            assert [one["data"] for one in first] == [{"n": 0}, {"n": 1}, {"n": 2}]
            await client.realtime.publish(job_channel(job_id="other").token, "live")
            live = await anext(heard)
            assert (live["channel"], live["data"], "metadata" in live) == ("job:other", "live", False)
        position = first[0]["metadata"]["position"]
        async with ask.stream("GET", f"{API}/messages", params={"after": position}) as answer:
            heard = lines(answer)
            assert not (await anext(heard))["reset"]
            assert [(await anext(heard))["data"] for _ in range(2)] == [{"n": 1}, {"n": 2}]
        for lost in ("another:1", "what", f"{position}0000"):
            async with ask.stream("GET", f"{API}/messages", params={"after": lost}) as answer:
                heard = lines(answer)
                assert (await anext(heard))["reset"]
                assert (await anext(heard))["data"] == {"n": 0}


async def test_history_is_bounded_and_says_so(client: Client) -> None:
    work = durable(client)
    gateway = secured(client, inspector=True)
    async with running(gateway) as url, patient(base_url=url, headers=BEARER) as ask:
        await client.run(work, {"first": 0, "count": 1_100})
        async with ask.stream("GET", f"{API}/messages") as answer:
            heard = lines(answer)
            epoch = (await anext(heard))["position"].partition(":")[0]
            assert (await anext(heard))["data"] == {"n": 100}
        async with ask.stream("GET", f"{API}/messages", params={"after": f"{epoch}:50"}) as answer:
            heard = lines(answer)
            await anext(heard)
            assert await anext(heard) == {"kind": "dropped", "count": 50}
            assert (await anext(heard))["data"] == {"n": 100}


async def test_a_viewer_that_leaves_is_forgotten_and_there_is_room_for_some(client: Client) -> None:
    gateway = secured(client, inspector=True)
    async with running(gateway) as url, patient(base_url=url, headers=BEARER) as ask:
        streams = [ask.stream("GET", f"{API}/messages") for _ in range(16)]
        for stream in streams:
            assert (await stream.__aenter__()).status_code == 200
        assert len(gateway._inspector._taps) == 16
        assert (await ask.get(f"{API}/messages")).status_code == 503
        for stream in streams:
            await stream.__aexit__(None, None, None)
        await until(lambda: not gateway._inspector._taps)


async def test_closing_is_said(client: Client) -> None:
    gateway = secured(client, inspector=True)
    async with running(gateway) as url, patient(base_url=url, headers=BEARER) as ask:
        async with ask.stream("GET", f"{API}/messages") as answer:
            heard = lines(answer)
            await anext(heard)
            await gateway.close()
            assert [one async for one in heard] == [{"kind": "closing"}]
        assert (await ask.get(f"{API}/messages")).status_code == 503


async def test_a_tap_keeps_the_newest_and_counts_the_rest(client: Client) -> None:
    tap = Tap(engine_of(client).watch, max_messages=3, max_bytes=60)
    ch = job_channel(job_id="j1")
    for n in range(5):
        await client.realtime.publish(ch.tick, {"n": n})
    taken, dropped = tap.take()
    assert ([json.loads(one.data)["n"] for one in taken], dropped) == ([2, 3, 4], 2)
    await client.realtime.publish(ch.token, "x" * 50)
    await client.realtime.publish(ch.token, "y" * 50)
    taken, dropped = tap.take()
    assert ([one.data[1:2] for one in taken], dropped) == ([b"y"], 1)
    tap.close()
    await client.realtime.publish(ch.tick, {"n": 1})
    assert tap.take() == ([], 0)


async def test_runs_and_payloads(client: Client) -> None:
    work = durable(client)
    async with (
        running(secured(client, inspector=True)) as url,
        patient(base_url=url, headers=BEARER) as ask,
    ):
        await client.run(work, {"first": 7, "count": 1})
        [summary] = (await ask.get(f"{API}/runs")).json()["runs"]
        assert (summary["function"], summary["state"]) == ("publish-durably", "done")
        found = (await ask.get(f"{API}/runs/{summary['id']}")).json()
        assert found["summary"] == summary
        assert [(step["id"], step["state"]) for step in found["steps"]] == [("p7", "done")]
        [message] = found["messages"]
        assert (await ask.get(f"{API}/payload", params={"id": message["id"]})).json() == {"n": 7}
        assert (await ask.get(f"{API}/runs/nothing")).status_code == 404
        assert (await ask.get(f"{API}/payload", params={"id": "nothing"})).status_code == 404


async def test_data_of_a_run_only_where_it_is_asked_for(client: Client) -> None:
    secret = "not-for-the-list"

    async def fetch() -> str:
        return f"{secret}-in-a-step"

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> dict[str, str]:
        await ctx.step.run("fetch", fetch)
        await ctx.step.sleep("nap", timedelta(milliseconds=1))
        return {"answer": f"{secret}-as-result"}

    async with (
        running(secured(client, inspector=True)) as url,
        patient(base_url=url, headers=BEARER) as ask,
    ):
        data = {"for": secret, "text": "ä" * 100, "big": 2**53 + 1}
        await client.run(work, data)
        listed = await ask.get(f"{API}/runs")
        run_id = listed.json()["runs"][0]["id"]
        detail = await ask.get(f"{API}/runs/{run_id}")
        assert secret not in listed.text + detail.text
        found = detail.json()

        async def part(**query: Any) -> httpx.Response:
            return await ask.get(f"{API}/payload", params={"run": run_id, **query})

        event = await part(part="event")
        assert json.loads(event.text) == data
        assert found["data_size"] == len(event.content) == int(event.headers["tightbeam-size"])
        result = await part(part="result")
        assert (result.json(), found["result_size"]) == (
            {"answer": f"{secret}-as-result"},
            len(result.content),
        )
        step = await part(part="step", step="fetch")
        assert step.json() == f"{secret}-in-a-step"
        assert [one["result_size"] for one in found["steps"]] == [len(step.content), None]
        beginning = await part(part="event", limit=40)
        assert beginning.content == event.content[:40]
        assert int(beginning.headers["tightbeam-size"]) == len(event.content)
        assert beginning.headers["content-type"] == "application/octet-stream"
        for query, status in (
            ({"part": "step", "step": "nap"}, 404),
            ({"part": "step", "step": "nothing"}, 404),
            ({"part": "step"}, 404),
            ({"part": "data"}, 400),
            ({}, 400),
            ({"part": "event", "limit": "-1"}, 400),
            ({"part": "event", "limit": "²"}, 400),
            ({"part": "event", "run": "nothing"}, 404),
        ):
            assert ((await part(**query)).status_code, query) == (status, query)


async def test_runs_by_function_state_and_words(client: Client) -> None:
    @client.function("pay", on="app/pay", retries=0)
    async def pay(ctx: Context) -> None:
        if ctx.event.data["fails"]:
            raise ValueError("The card's % expired")

    @client.function("ship", on="app/ship", retries=0)
    async def ship(ctx: Context) -> None: ...

    async with (
        running(secured(client, inspector=True)) as url,
        patient(base_url=url, headers=BEARER) as ask,
    ):
        await client.run(pay, {"fails": False})
        await client.run(ship, {})
        with pytest.raises(ValueError, match="expired"):
            await client.run(pay, {"fails": True})

        async def listed(**query: str) -> list[tuple[str, str, int]]:
            answer = (await ask.get(f"{API}/runs", params=query)).json()
            assert answer["functions"] == ["pay", "ship"]
            return [(one["function"], one["state"], one["failures"]) for one in answer["runs"]]

        failed, shipped, paid = ("pay", "failed", 1), ("ship", "done", 0), ("pay", "done", 0)
        assert await listed() == [failed, shipped, paid]
        assert await listed(function="pay") == [failed, paid]
        assert await listed(state="done") == [shipped, paid]
        assert await listed(function="pay", state="done") == [paid]
        assert await listed(text="valueerror EXPIRED") == [failed]
        assert await listed(text="%") == [failed]
        assert await listed(text="expired ship") == []
        assert await listed(function="") == [failed, shipped, paid]
        assert (await ask.get(f"{API}/runs", params={"state": "retrying"})).status_code == 400
        assert (await ask.get(f"{API}/runs", params={"text": "a " * 17})).status_code == 400


async def test_integers_of_any_size_in_a_schema(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"template": "big", "topics": [], "resources": {"x": {"maximum": 10**30}}}]
    monkeypatch.setattr(_routes, "describe", lambda _classes: found)
    async with asking(client) as ask:
        answer = await ask.get(f"{API}/channels", headers=BEARER)
    assert json.loads(answer.text)["channels"] == found


async def test_what_is_published_while_it_looks_back_comes_once() -> None:
    double = BackendDouble(backend_for(None, KEEPS))
    client = client_over(double)
    work = durable(client)
    gateway = secured(client, inspector=True)

    async def publish_meanwhile(hold: Hold) -> None:
        """The viewer's tap is there already, and the messages will be found in the journal too."""
        await until(lambda: bool(hold.waiting))
        await client.run(work, {"first": 0, "count": 2})
        hold.release()

    async with running(gateway) as url, patient(base_url=url, headers=BEARER) as ask:
        async with double.held(RecentMessages) as hold:
            publishing = asyncio.create_task(publish_meanwhile(hold))
            answer = await ask.send(ask.build_request("GET", f"{API}/messages"), stream=True)
            await publishing
        async with contextlib.aclosing(answer):
            heard = lines(answer)
            await anext(heard)
            await client.run(work, {"first": 2, "count": 1})
            numbers: list[int] = []
            while 2 not in numbers:
                frame = await anext(heard)
                numbers += [frame["data"]["n"]] if frame["kind"] == "data" else []
    assert numbers == [0, 1, 2]


async def test_a_viewer_that_is_refused_takes_no_room(client: Client) -> None:
    gateway = secured(client, inspector=True)  # the client isn't entered: there is nothing to look at
    transport = httpx.ASGITransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=BEARER) as ask:
        for _ in range(17):
            answer = await ask.get(f"{API}/messages")
            assert (answer.status_code, "no journal" in answer.json()["error"]) == (503, True)
    assert not gateway._inspector._taps
    assert len(engine_of(client).hooks.sent) == 1  # the run status


@pytest.mark.parametrize("path", ["/inspector", "/inspector/", "/inspector/main.js"])
async def test_its_files_are_for_who_may_call_the_gateway(path: str, client: Client) -> None:
    async with asking(client) as ask:
        for headers, status in (
            ({"Host": "elsewhere.example"}, 421),
            ({"Origin": "https://elsewhere.example"}, 403),
        ):
            assert (await ask.get(path, headers=headers)).status_code == status
