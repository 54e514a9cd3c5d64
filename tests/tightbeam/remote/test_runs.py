"""`tightbeam.connect(…).runs`, and `tightbeam runs --url`: as in the process that has the runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.gateway.serving import KEY, running, secured
from tests.tightbeam.gateway.test_run_routes import PRIVATE, broken, worked
from tests.tightbeam.remote.test_reconnect import answering, listening, token
from tightbeam import (
    Client,
    GatewayRefused,
    NoSuchRun,
    RequestFailed,
    RunCancelled,
    RunFailed,
    RunStateError,
)
from tightbeam._remote import runs
from tightbeam._wire.http import Answer
from tightbeam.gateway import RemoteClient, _run_routes
from tightbeam_cli import main

__all__ = ["broken", "worked"]


@contextlib.asynccontextmanager
async def connected(client: Client, **changed: Any) -> AsyncIterator[RemoteClient]:
    async with running(secured(client, **changed)) as url, tightbeam.connect(url, key=KEY) as remote:
        yield remote


async def test_a_run_is_seen_as_where_it_runs(client: Client, worked: list[str]) -> None:
    async with connected(client) as remote:
        (run_id,) = await remote.send("app/work", {"n": 2**70})
        with pytest.raises(RunFailed) as failed:
            await remote.runs.wait(run_id)
        assert (failed.value.run_id, failed.value.error_type) == (run_id, "StepError")
        here, there = await client.runs.get(run_id), await remote.runs.get(run_id)
        assert there == here
        assert there == await asyncio.to_thread(remote.runs.get_sync, run_id)
        assert there.data == {"n": 2**70}
        assert await remote.runs.list() == await client.runs.list()
        since = datetime.now(UTC) + timedelta(hours=1)
        assert await remote.runs.list(function="work", state="failed", since=since) == []
        assert await asyncio.to_thread(remote.runs.list_sync, state="failed") == await client.runs.list()


async def test_more_runs_than_a_page_has(
    client: Client, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(client) as remote:
        for _ in range(5):
            await client.send("app/work", delay=timedelta(hours=1))
        found = await client.runs.list()
        assert await remote.runs.list(limit=501) == found
        for module in (_run_routes, runs):
            monkeypatch.setattr(module, "RUNS_A_PAGE", 2)
        for limit in (4, 5, 6):
            assert await remote.runs.list(limit=limit) == found[:limit]
            assert await asyncio.to_thread(remote.runs.list_sync, limit=limit) == found[:limit]


async def test_retry_and_the_result(client: Client, worked: list[str], broken: set[str]) -> None:
    function = next(one for one in client.functions if one.id == "work")
    async with connected(client) as remote:
        (run_id,) = await remote.send("app/work")
        with pytest.raises(RunFailed):
            await remote.runs.wait(run_id)
        broken.clear()
        await remote.runs.retry(run_id)
        assert await remote.runs.wait(run_id, function=function) == PRIVATE
        assert (await remote.runs.get(run_id)).result == PRIVATE
        with pytest.raises(RunStateError) as refused:
            await remote.runs.retry(run_id)
        assert (refused.value.run_id, refused.value.state) == (run_id, "done")
        with pytest.raises(RunStateError) as here:
            await client.runs.retry(run_id)
        assert str(refused.value) == str(here.value)
    assert worked == ["first", "store", "store"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["async", "sync"])
async def test_cancel_wakes_those_who_wait(way: str, client: Client, worked: list[str]) -> None:
    async with connected(client) as remote:
        (run_id,) = await remote.send("app/hang")
        with pytest.raises(TimeoutError):
            await remote.runs.wait(run_id, timeout=timedelta(milliseconds=10))
        if way == "async":
            waiting = asyncio.ensure_future(remote.runs.wait(run_id))
            await remote.runs.cancel(run_id)
        else:
            waiting = asyncio.ensure_future(asyncio.to_thread(remote.runs.wait_sync, run_id))
            await asyncio.to_thread(remote.runs.cancel_sync, run_id)
        async with asyncio.timeout(20):
            with pytest.raises(RunCancelled):
                await waiting


@pytest.mark.slow
async def test_a_run_that_isnt_there(client: Client) -> None:
    async with connected(client) as remote:
        for call in (
            remote.runs.get,
            remote.runs.wait,
            remote.runs.cancel,
            remote.runs.retry,
            remote.runs.resume,
        ):
            with pytest.raises(NoSuchRun, match="there is no run a/b%20"):
                await call("a/b%20")


@pytest.mark.slow
async def test_what_the_key_is_needed_for(client: Client, worked: list[str]) -> None:
    async with running(secured(client)) as url:
        async with tightbeam.connect(url, token=token) as remote:
            with pytest.raises(GatewayRefused, match="server key"):
                await remote.runs.list()
        async with tightbeam.connect(url, key="k-wrong") as remote:
            with pytest.raises(GatewayRefused) as refused:
                await remote.runs.list()
            assert (refused.value.status, refused.value.code) == (401, "server-key")
            assert "k-wrong" not in str(refused.value)


@pytest.mark.slow
async def test_a_gateway_that_only_shows_them(client: Client, worked: list[str]) -> None:
    async with connected(client, run_actions=False) as remote:
        (run_id,) = await remote.send("app/hang")
        with pytest.raises(GatewayRefused) as refused:
            await remote.runs.cancel(run_id)
        assert refused.value.code == "read-only"
        await client.runs.cancel(run_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "retryable", "words"),
    [
        (answering("HTTP/1.1 504 Gateway Timeout"), True, "no answer about runs"),
        (answering("HTTP/1.1 404 Not Found", "<html>"), False, "no gateway does"),
        (answering("HTTP/1.1 200 OK", "[]"), False, "another version"),
        (answering("HTTP/1.1 200 OK", '{"runs": [{}], "next": null}'), False, "another version"),
        (answering("HTTP/1.1 200 OK", "[" * 5_000), False, "another version"),
    ],
)
async def test_what_no_gateway_answers(answer: Any, retryable: bool, words: str) -> None:
    async with listening(answer) as place, tightbeam.connect(f"http://{place}", key="k") as remote:
        with pytest.raises(RequestFailed, match=words) as failed:
            await remote.runs.list()
        assert failed.value.retryable is retryable


@pytest.mark.slow
async def test_waiting_goes_on_over_a_restart(client: Client, worked: list[str], monkeypatch: Any) -> None:
    """The first answer has to come, and comes at once; the first one that is waited for is lost."""
    async with connected(client) as remote:
        (run_id,) = await remote.send("app/hang")
        asks = remote._gateway_runs
        detail, waits = asks.detail, []

        async def unsteady(run_id: str, *, wait: float, blocking: bool) -> Any:
            waits.append(wait)
            if len(waits) == 2:
                await client.runs.cancel(run_id)
                raise RequestFailed("no answer", retryable=True)
            return await detail(run_id, wait=wait, blocking=blocking)

        monkeypatch.setattr(asks, "detail", unsteady)
        async with asyncio.timeout(20):
            with pytest.raises(RunCancelled):
                await remote.runs.wait(run_id)
        assert waits == [0, 20, 20]


@pytest.mark.parametrize("way", ["async", "sync"])
async def test_waiting_leaves_a_gateway_alone_for_as_long_as_it_asks(
    way: str, client: Client, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"error": "the gateway is shutting down", "code": "closing", "data": null, "status": 503}'
    pauses: list[float] = []

    async def noted(seconds: float, *, blocking: bool) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(runs, "pause", noted)
    async with connected(client) as remote:
        (run_id,) = await remote.send("app/work", delay=timedelta(hours=1))
        pool = remote._gateway_runs._pool
        request, asked = pool.request, iter(["20", "300"])

        async def busy(method: str, target: str, *arguments: Any, **named: Any) -> Answer:
            if "wait=" in target:
                return Answer(503, {"Retry-After": next(asked)}, body)
            return await request(method, target, *arguments, **named)

        monkeypatch.setattr(pool, "request", busy)
        timeout = timedelta(seconds=200)
        if way == "async":
            waiting = remote.runs.wait(run_id, timeout=timeout)
        else:
            waiting = asyncio.to_thread(remote.runs.wait_sync, run_id, timeout=timeout)
        with pytest.raises(TimeoutError, match="goes on after 200 s"):
            await waiting
    assert pauses[:2] == [0, 20]
    assert 20 < pauses[2] <= 200  # what was left of the time


@pytest.mark.slow
async def test_data_that_are_larger_than_an_answer(
    client: Client, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run_routes, "RUN_DATA_BYTES", 100)
    async with connected(client) as remote:
        (run_id,) = await remote.send("app/hang", {"a": "x" * 200})
        with pytest.raises(RequestFailed, match="read them from the file"):
            await remote.runs.get(run_id)
        assert (await remote.runs.list())[0].id == run_id
        await remote.runs.cancel(run_id)


async def command(*arguments: str) -> int:
    return await asyncio.to_thread(main, ["runs", *arguments])


@pytest.mark.slow
async def test_the_command(
    client: Client,
    worked: list[str],
    broken: set[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TIGHTBEAM_SERVER_KEY", KEY)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        (run_id,) = await remote.send("app/work", {"secret": PRIVATE})
        with pytest.raises(RunFailed):
            await remote.runs.wait(run_id)

        async def document(*arguments: str) -> tuple[int, Any]:
            capsys.readouterr()
            code = await command(*arguments, "--url", url, "--json")
            return code, json.loads(capsys.readouterr().out)

        code, found = await document("list", "--state", "failed", "--text", "storage", "--since", "1h")
        assert (code, [run["id"] for run in found["runs"]], found["more"]) == (0, [run_id], False)
        code, found = await document("show", run_id[:20], "--input", "--steps")
        assert (found["input"], found["steps"][0]["result"]) == ({"secret": PRIVATE}, PRIVATE)
        assert await command("--url", url, run_id) == 0
        page = capsys.readouterr().out
        assert "ConnectionError: the storage didn't answer" in page
        assert PRIVATE not in page
        broken.clear()
        assert await document("retry", "--all", "--function", "work") == (
            0,
            {"ok": True, "runs": [{"id": run_id, "error": None}], "more": False},
        )
        assert await remote.runs.wait(run_id) == PRIVATE
        code, done = await document("cancel", run_id)
        assert (code, done["runs"][0]["error"]["type"]) == (2, "RunStateError")
        monkeypatch.setenv("TIGHTBEAM_SERVER_KEY", "k-wrong")
        code, refused = await document("list")
        assert (code, refused["error"]["type"]) == (2, "GatewayRefused")
        assert (
            refused["error"]["remedy"]
            == "Its server key is read from TIGHTBEAM_SERVER_KEY: this one isn't it."
        )
        monkeypatch.delenv("TIGHTBEAM_SERVER_KEY")
        assert "which isn't set" in (await document("list"))[1]["error"]["remedy"]
    assert (await document("list"))[1]["error"]["type"] == "RequestFailed"
