"""Runs over HTTP: who may look and change, what is answered, and that answers are bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.tightbeam.engine.conftest import until
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, patient, running, secured
from tightbeam import Client, Context
from tightbeam.gateway import _run_routes, app

RUNS = "/v1/realtime/runs"
BEARER = {"Authorization": f"Bearer {KEY}"}
OVER = ("done", "failed", "cancelled", "parked")
PRIVATE = "what only the one who asks for it may see"


@pytest.fixture
def broken() -> set[str]:
    """What is broken: a test mends it by taking it away."""
    return {"store"}


@pytest.fixture
def worked(client: Client, broken: set[str]) -> list[str]:
    """The steps that were executed; the client's functions are registered."""
    steps: list[str] = []

    async def first() -> str:
        steps.append("first")
        return PRIVATE

    async def store() -> str:
        steps.append("store")
        if "store" in broken:
            raise ConnectionError("the storage didn't answer")
        return PRIVATE

    @client.function("work", on="app/work", retries=0)
    async def work(ctx: Context) -> str:
        await ctx.step.run("first", first)
        return await ctx.step.run("store", store)

    @client.function("hang", on="app/hang")
    async def hang(ctx: Context) -> None:
        await asyncio.Event().wait()

    return steps


def asking(client: Client, **changed: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(secured(client, **changed))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=BEARER)


async def failed_run(client: Client) -> str:
    (run_id,) = await client.send("app/work", {"secret": PRIVATE})
    await ended(client, run_id)
    return run_id


async def ended(client: Client, run_id: str) -> str:
    """Wait for the end of a run; its state."""
    async with asyncio.timeout(20):
        while (state := (await client.runs.get(run_id)).state) not in OVER:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.005)
    return state


@contextlib.asynccontextmanager
async def entered(client: Client, **changed: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with client, asking(client, **changed) as ask:
        yield ask


PATHS = [
    ("GET", RUNS),
    ("GET", f"{RUNS}/x"),
    ("GET", f"{RUNS}/x/data?part=event"),
    *(("POST", f"{RUNS}/x/{action}") for action in ("cancel", "retry", "resume")),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_who_may_ask(method: str, path: str, client: Client) -> None:
    async with entered(client) as ask:
        for headers, status, code in (
            ({"Authorization": ""}, 401, "server-key"),
            ({"Authorization": "Bearer something else"}, 401, "server-key"),
            ({"Host": "elsewhere.example"}, 421, "host"),
            ({"Origin": "https://elsewhere.example"}, 403, "origin"),
            ({"Sec-Fetch-Site": "cross-site"}, 403, "site"),
            ({"Sec-Fetch-Site": "same-site"}, 403, "site"),
        ):
            answer = await ask.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert "Access-Control-Allow-Origin" not in answer.headers
        wrong = {"GET": "POST", "POST": "GET"}[method]
        assert (await ask.request(wrong, path)).status_code == 405
        assert (
            await ask.request("OPTIONS", path, headers={"Access-Control-Request-Method": method})
        ).status_code == 405


async def test_pages_of_allowed_origins_are_no_programs(client: Client) -> None:
    """The key doesn't belong into a page, and no page may read the runs of all users."""
    async with entered(client, allowed_origins=["https://shop.example"]) as ask:
        page = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
        assert (await ask.get(RUNS, headers=page)).json()["code"] == "site"


async def test_dev_mode_takes_no_key_and_no_other_page(client: Client, worked: list[str]) -> None:
    gateway = app(client, channels=[JobChannel], dev=True)
    transport = httpx.ASGITransport(gateway, client=("127.0.0.1", 1))
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as ask:
        run_id = await failed_run(client)
        assert (await ask.get(RUNS)).json()["runs"][0]["id"] == run_id
        other = {"Origin": "http://localhost:5173", "Sec-Fetch-Site": "same-site"}
        assert (await ask.post(f"{RUNS}/{run_id}/retry", headers=other)).json()["code"] == "site"


async def test_a_client_that_isnt_entered(client: Client) -> None:
    async with asking(client) as ask:
        for method, path in PATHS:
            answer = await ask.request(method, path)
            assert (answer.status_code, answer.json()["type"]) == (503, "NotEntered")
            assert answer.headers["Retry-After"]


async def test_a_run_and_its_data_on_demand(client: Client, worked: list[str]) -> None:
    async with entered(client) as ask:
        run_id = await failed_run(client)
        listed = (await ask.get(RUNS)).json()
        (run,) = listed["runs"]
        assert listed["next"] is None
        assert (run["id"], run["function"], run["event"], run["state"]) == (
            run_id,
            "work",
            "app/work",
            "failed",
        )
        assert run["error"]["type"] == "StepError"
        shown = await ask.get(f"{RUNS}/{run_id}")
        detail = shown.json()
        assert {name: detail[name] for name in run} == run
        assert [(step["id"], step["state"]) for step in detail["steps"]] == [
            ("first", "done"),
            ("store", "failed"),
        ]
        assert detail["steps"][1]["error"] == {"type": "ConnectionError", "text": "the storage didn't answer"}
        assert "ConnectionError" in detail["traceback"]
        assert PRIVATE not in shown.text + json.dumps(listed)
        data = f"{RUNS}/{run_id}/data"
        event = await ask.get(data, params={"part": "event"})
        assert event.json() == {"secret": PRIVATE}
        assert event.headers["Tightbeam-Size"] == str(len(event.content))
        assert (await ask.get(data, params={"part": "step", "step": "first"})).json() == PRIVATE
        beginning = await ask.get(data, params={"part": "event", "limit": "5"})
        assert (beginning.content, beginning.headers["Content-Type"]) == (
            event.content[:5],
            "application/octet-stream",
        )
        for params in ({"part": "result"}, {"part": "step", "step": "store"}, {"part": "step", "step": "x"}):
            assert (await ask.get(data, params=params)).json()["code"] == "run"
        for answer in (shown, event):
            assert answer.headers["Cache-Control"] == "no-store"


async def test_retry_repeats_no_finished_step(client: Client, worked: list[str], broken: set[str]) -> None:
    async with entered(client) as ask:
        run_id = await failed_run(client)
        broken.clear()
        answer = await ask.post(f"{RUNS}/{run_id}/retry")
        assert (answer.status_code, answer.json()["id"]) == (200, run_id)
        assert await ended(client, run_id) == "done"
        assert worked == ["first", "store", "store"]
        again = await ask.post(f"{RUNS}/{run_id}/retry")
        assert (again.status_code, again.json()["code"], again.json()["type"]) == (
            409,
            "state",
            "RunStateError",
        )
        assert again.json()["state"] == "done"


async def test_cancel_ends_a_run_at_once(client: Client, worked: list[str]) -> None:
    async with entered(client) as ask:
        (run_id,) = await client.send("app/hang")
        answer = await ask.post(f"{RUNS}/{run_id}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert (await ask.get(RUNS, params={"state": "cancelled"})).json()["runs"][0]["id"] == run_id
        for action in ("cancel", "resume"):
            assert (await ask.post(f"{RUNS}/{run_id}/{action}")).json()["code"] == "state"


async def test_the_step_that_hangs_is_shown(client: Client) -> None:
    let_go, hangs, tries = asyncio.Event(), asyncio.Event(), 0

    async def first() -> None: ...

    async def wait() -> None:
        await let_go.wait()

    async def connect() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError("try again")
        hangs.set()
        await let_go.wait()

    @client.function("stuck", on="app/stuck", retry_delay=timedelta(0))
    async def stuck(ctx: Context) -> None:
        await ctx.step.run("first", first)
        async with asyncio.TaskGroup() as both:
            if tries:
                both.create_task(ctx.step.run("wait", wait))
            both.create_task(ctx.step.run("connect", connect))

    async with entered(client) as ask:
        (run_id,) = await client.send("app/stuck")
        async with asyncio.timeout(60):
            await hangs.wait()
        steps = (await ask.get(f"{RUNS}/{run_id}")).json()["steps"]
        assert {one["id"]: (one["state"], one["attempts"], one["ended_at"] is None) for one in steps} == {
            "first": ("done", 1, False),
            "wait": ("running", 1, True),
            "connect": ("running", 2, True),
        }
        let_go.set()
        assert await ended(client, run_id) == "done"
        steps = (await ask.get(f"{RUNS}/{run_id}")).json()["steps"]
        assert [one["state"] for one in steps] == ["done"] * 3


async def test_a_run_that_isnt_there(client: Client) -> None:
    async with entered(client) as ask:
        for method, path in PATHS[1:]:
            answer = await ask.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "run")


async def test_without_actions_runs_are_only_seen(client: Client, worked: list[str]) -> None:
    async with entered(client, run_actions=False, inspector=True) as ask:
        run_id = await failed_run(client)
        for action in ("cancel", "retry", "resume"):
            answer = await ask.post(f"{RUNS}/{run_id}/{action}")
            assert (answer.status_code, answer.json()["code"]) == (403, "read-only")
        assert (await ask.get(f"{RUNS}/{run_id}")).json()["state"] == "failed"
        assert (await ask.get(f"/inspector/api/runs/{run_id}")).json()["actions"] == []


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (RUNS, {"state": "lost"}),
        (RUNS, {"state": "failed,lost"}),
        (RUNS, {"limit": "x"}),
        (RUNS, {"limit": "-1"}),
        (RUNS, {"limit": "501"}),
        (RUNS, {"since": "yesterday"}),
        (RUNS, {"since": "2026-03-01T09:00:00"}),
        (RUNS, {"since": "0000-00-00T00:00Z"}),
        (RUNS, {"before": "\0"}),
        (RUNS, {"text": "a" * 201}),
        (RUNS, {"function": "f" * 2_000}),
        (f"{RUNS}/x", {"wait": "21"}),
        (f"{RUNS}/x", {"wait": "20.001"}),
        (f"{RUNS}/x", {"wait": "1e1"}),
        (f"{RUNS}/x", {"wait": "nan"}),
        (f"{RUNS}/x", {"wait": "١"}),
        (f"{RUNS}/x/data", {}),
        (f"{RUNS}/x/data", {"part": "secret"}),
        (f"{RUNS}/x/data", {"part": "event", "limit": str(2**70)}),
        (f"{RUNS}/{'x' * 2_000}", {}),
    ],
)
async def test_what_cant_be_understood(path: str, params: dict[str, str], client: Client) -> None:
    async with entered(client) as ask:
        answer = await ask.get(path, params=params)
        assert (answer.status_code, answer.json()["code"]) == (400, "request")


@pytest.mark.parametrize(
    ("method", "path"), [(method, path.replace("/x", "/%00")) for method, path in PATHS[1:]]
)
async def test_what_can_be_no_id_is_no_runs(method: str, path: str, client: Client) -> None:
    async with entered(client) as ask:
        answer = await ask.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "run")


async def test_page_after_page(client: Client, worked: list[str]) -> None:
    async with entered(client) as ask:
        ids = [(await client.send("app/hang"))[0] for _ in range(7)]
        found: list[str] = []
        query: dict[str, str] = {"limit": "3", "function": "hang"}
        for _ in range(10):
            page = (await ask.get(RUNS, params=query)).json()
            assert len(page["runs"]) <= 3
            found += [run["id"] for run in page["runs"]]
            if page["next"] is None:
                break
            query["before"] = page["next"]
        assert found == ids[::-1]
        assert (await ask.get(RUNS, params={"text": ids[3].lower()})).json()["runs"][0]["id"] == ids[3]
        assert (await ask.get(RUNS, params={"state": "done,failed"})).json()["runs"] == []
        assert (await ask.get(RUNS, params={"since": "2999-01-01T00:00:00Z"})).json()["runs"] == []
        for run_id in ids:
            await ask.post(f"{RUNS}/{run_id}/cancel")


async def test_waiting_for_the_end(
    client: Client, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run_routes, "_seconds", lambda _: 3600.0)  # it isn't the time that ends it
    gateway = secured(client)
    transport = httpx.ASGITransport(gateway)
    async with (
        client,
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=BEARER) as ask,
    ):
        (run_id,) = await client.send("app/hang")
        waiting = asyncio.create_task(ask.get(f"{RUNS}/{run_id}", params={"wait": "20"}))
        await until(lambda: len(gateway._runs._waiting) == 1)
        await ask.post(f"{RUNS}/{run_id}/cancel")
        async with asyncio.timeout(20):
            assert (await waiting).json()["state"] == "cancelled"
        assert (await ask.get(f"{RUNS}/{run_id}", params={"wait": "20"})).json()["state"] == "cancelled"


@pytest.mark.slow
async def test_those_who_wait_are_counted_and_let_go(
    client: Client, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run_routes, "_MOST_WAITING", 1)
    gateway = secured(client)
    async with (
        running(gateway) as url,
        patient(base_url=url, headers=BEARER) as ask,
    ):
        (run_id,) = await client.send("app/hang")
        with monkeypatch.context() as patch:
            patch.setattr(_run_routes, "_seconds", lambda _: 3600.0)  # it isn't the time that ends it
            waiting = asyncio.create_task(ask.get(f"{RUNS}/{run_id}", params={"wait": "20"}))
            await until(lambda: len(gateway._runs._waiting) == 1)
        refused = await ask.get(f"{RUNS}/{run_id}", params={"wait": "20"})
        assert (refused.status_code, refused.json()["code"]) == (503, "full")
        await gateway.close()
        async with asyncio.timeout(20):
            assert (await waiting).json()["state"] in ("ready", "running")
            late = await ask.get(f"{RUNS}/{run_id}", params={"wait": "20"})
            assert (late.status_code, late.json()["code"]) == (503, "closing")
            gateway.reopen()
            waited = await ask.get(f"{RUNS}/{run_id}", params={"wait": "0.01"})
            assert waited.json()["state"] in ("ready", "running")
        assert not gateway._runs._waiting
        await client.runs.cancel(run_id)


async def test_of_a_run_with_many_steps_the_latest_are_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run_routes, "RUN_STEPS", 3)

    async def nothing() -> None: ...

    @client.function("many", on="app/many")
    async def many(ctx: Context) -> None:
        for n in range(5):
            await ctx.step.run(f"s{n}", nothing)

    async with entered(client) as ask:
        (run_id,) = await client.send("app/many")
        await ended(client, run_id)
        found = (await ask.get(f"{RUNS}/{run_id}")).json()
    assert [step["id"] for step in found["steps"]] == ["s2", "s3", "s4"]
    assert (found["steps_left_out"], found["messages_left_out"]) == (2, 0)
