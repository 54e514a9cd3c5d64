"""What goes over the wire, beside what a real Inngest server sent (recordings/README.md)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.recorded import UserChannel, user_channel
from tests.tightbeam.gateway.serving import (
    KEY,
    UNHURRIED,
    data_frame,
    durable,
    frame,
    patient,
    running,
    secured,
    subscribed,
)
from tests.tightbeam.gateway.sse import events
from tightbeam import Client, Context
from tightbeam._engine.records import EndedRun, StoredOutcome
from tightbeam._message import Envelope
from tightbeam.gateway import Limits, _frames, _runs
from tightbeam.hooks import MessageInfo, RunInfo

RECORDINGS = Path(__file__).parent / "recordings"
BEARER = {"Authorization": f"Bearer {KEY}"}
CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,9}Z")


def recorded(name: str) -> list[dict[str, Any]]:
    lines = (RECORDINGS / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def agrees(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Field by field, and in the same order; times and runs are of today."""
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        if name == "created_at":
            assert CREATED.fullmatch(ours[name])
            assert CREATED.fullmatch(value)
        else:
            assert (ours[name], type(ours[name])) == (value, type(value))


BODIES = {
    0: b'{"case":8}',
    2: b'{"case":12}',
    3: b'case 14 plain "quoted"',
    4: b"",
    5: b"16",
    6: b"null",
    7: b'"s16"',
    8: b"[1,2]",
    9: b"true",
    10: b'{"case":17,"h":"<b>&amp;</b>","e":"\xc3\xa9\xf0\x9f\x98\x80","ls":"\xe2\x80\xa8",'
    b'"big":12345678901234567890,"f":1.0,"dup":1,"dup":2,"n":null}',
    11: b'{"case":18,"x":NaN}',
}


async def test_publishes_give_the_recorded_frames(client: Client) -> None:
    theirs = recorded("publish-cases.ws.jsonl")
    ch = user_channel(user_id="42")
    async with running(secured(client, channels=[UserChannel])) as url, patient() as http:
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as connection:
            for n, body in BODIES.items():
                query = {"channel": "user:42", "topic": "ai"}
                answer = await http.post(
                    f"{url}/v1/realtime/publish", params=query, content=body, headers=BEARER
                )
                assert (answer.status_code, answer.content) == (200, b"")
                agrees(await frame(connection), theirs[n])


async def test_metadata_and_run_id_are_relayed(client: Client) -> None:
    theirs = recorded("metadata-and-datastream.ws.jsonl")[0]
    ch = user_channel(user_id="42")
    async with running(secured(client, channels=[UserChannel])) as url, patient() as http:
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as connection:
            query = {"channel": "user:42", "topic": "ai", "run_id": theirs["run_id"], "metadata": '{"a": 1}'}
            await http.post(f"{url}/v1/realtime/publish", params=query, json=theirs["data"], headers=BEARER)
            agrees(await frame(connection), theirs)
            query["run_id"] = "not a run"
            query["metadata"] = "not json"
            refused = await http.post(f"{url}/v1/realtime/publish", params=query, json=1, headers=BEARER)
            assert refused.status_code == 400
            del query["metadata"]
            await http.post(f"{url}/v1/realtime/publish", params=query, json=1, headers=BEARER)
            assert "run_id" not in await frame(connection)
            stream = {**BEARER, "Content-Type": "text/stream"}
            query = {"channel": "user:42", "topic": "ai"}
            refused = await http.post(
                f"{url}/v1/realtime/publish", params=query, content=b"x", headers=stream
            )
            assert refused.status_code == 415


async def test_a_retried_run_looks_as_recorded(client: Client) -> None:
    """Fields, not how often: Inngest replays the body at each step."""
    theirs = recorded("retry-run.ws.jsonl")
    ch = user_channel(user_id="42")

    @client.function("work", retries=0)
    async def work(ctx: Context) -> None:
        await ctx.publish(ch.bare, {"where": "body", "attempt": ctx.attempt})
        await ctx.publish(ch.ai, {"where": "step", "attempt": 0})

    gateway = secured(client, channels=[UserChannel], runs=False)
    async with running(gateway) as url:
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as connection:
            await client.run(work)
            for n in range(2):
                ours = await frame(connection)
                assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", ours.pop("run_id"))
                agrees(ours, theirs[n])


async def test_events_as_recorded(client: Client) -> None:
    theirs = (RECORDINGS / "sse.txt").read_text()
    ch = user_channel(user_id="42")
    async with running(secured(client, channels=[UserChannel])) as url, patient() as http:
        token = (await client.realtime.token(ch))["key"]
        async with http.stream("GET", f"{url}/v1/realtime/sse", params={"token": token}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            text = answer.aiter_text()
            got = await anext(text)
            assert got.startswith(":\n\n")
            await client.realtime.publish(ch.ai, {"where": "step", "attempt": 0})
            while "data:" not in got or not got.endswith("\n\n"):
                got += await anext(text)
    line = next(line for line in got.splitlines() if line.startswith("data: "))
    expected = next(line for line in theirs.splitlines() if line.startswith("data: "))
    agrees(json.loads(line.removeprefix("data: ")), json.loads(expected.removeprefix("data: ")))


HOSTILE = ["\r", "\n", "\r\n", "\0", "\u2028", "\x85", "x\n\ndata: {}\n\n", "\nid: 9:9\n", "\nevent: reset\n"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_field_can_break_out_of_an_event(text: str) -> None:
    data = orjson.dumps({text: [text]})
    for seq in (None, 3):
        metadata = None if seq else orjson.dumps({text: text})
        envelope = Envelope(text, text, data, text, text, 1, seq, metadata)
        frames = _frames.Frames(_frames.sse_event, lambda seq: f"e1:{seq}")
        event = frames.of(envelope)
        assert event.endswith(b"\n\n")
        lines = event[:-2].split(b"\n")
        assert b"\r" not in event
        assert b"\0" not in event
        assert [line.partition(b": ")[0] for line in lines] == (
            [b"data"] if seq is None else [b"id", b"data"]
        )
        shown = json.loads(lines[-1].removeprefix(b"data: "))
        assert (shown["channel"], shown["topic"], shown["run_id"]) == (text, text, text)
        assert None not in shown.values()


async def test_what_a_client_says_never_reaches_an_event(client: Client, ch: JobChannel) -> None:
    """Over HTTP, all the way: header and parameter values with line breaks."""
    async with running(secured(client)) as url, patient() as http:
        token = (await client.realtime.token(ch, ["token"]))["key"]
        query = {"token": token, "after": "x:1\n\ndata: injected"}
        async with http.stream("GET", f"{url}/v1/realtime/sse", params=query) as answer:
            text = answer.aiter_text()
            got = await anext(text)
            for hostile in HOSTILE:
                await client.realtime.publish(ch.token, hostile)
            while got.count("\ndata: ") < len(HOSTILE) + 1 or not got.endswith("\n\n"):
                got += await anext(text)
    events = [event for event in got.split("\n\n") if "data: " in event]
    assert "event: reset" in events[0]
    assert "injected" not in got
    shown = [json.loads(event.partition("data: ")[2])["data"] for event in events[1:]]
    assert shown == HOSTILE


@pytest.mark.parametrize("since", [None, "1970-01-01T00:00:00Z"])
async def test_who_knows_nothing_of_resume_sees_nothing_of_it(
    since: str | None, client: Client, ch: JobChannel
) -> None:
    """No kind that Inngest hasn't, no key but `metadata` that its data hasn't, no null, nothing twice."""
    work = durable(client)
    gateway = secured(client, limits=replace(UNHURRIED, keep_alive=timedelta(seconds=0.01)))
    async with running(gateway) as url:
        await client.run(work, {"first": 0, "count": 5})
        token = (await client.realtime.token(ch, since=since))["key"]
        async with subscribed(url, token) as reader, events(url, token) as stream:
            first = await anext(stream)
            while "data" not in first and since:
                first = await anext(stream)
            await client.run(work, {"first": 5, "count": 5})
            await client.realtime.publish(ch.token, "live")
            async with asyncio.timeout(60):
                got: list[dict[str, Any]] = [json.loads(await reader.recv())]
                while got[-1].get("data") != "live":
                    got.append(json.loads(await reader.recv()))
                shown = [first]
                while '"data":"live"' not in shown[-1].get("data", ""):
                    shown.append(await anext(stream))
                await asyncio.sleep(0.05)  # a few keep-alives, were there any to see
                await gateway.close()
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        got.append(json.loads(await reader.recv()))
                shown += [one async for one in stream]
    also = [json.loads(one["data"]) for one in shown if "data" in one]
    for seen in (got, also):
        data = [one for one in seen if one["kind"] == "data"]
        assert [one["data"] for one in data] == [
            *({"n": n} for n in range(0 if since else 5, 10)),
            "live",
        ]
        assert {one["kind"] for one in seen} == {"data", "run", "closing"}
        assert seen[-1]["kind"] == "closing"
        known = {"kind", "data", "metadata", "created_at", "channel", "env_id", "topic", "run_id"}
        assert set().union(*seen) <= known
        assert all(value is not None for one in seen for value in one.values())
        assert all(value is not None for one in data for value in one.get("metadata", {}).values())
    assert {name for one in shown for name in one} <= {"id", "data"}


def test_a_frame_is_encoded_once_and_shared() -> None:
    made: list[bytes] = []

    def form(text: bytes, _position: str | None) -> bytes:
        made.append(text)
        return text

    frames = _frames.Frames(form, lambda seq: f"e1:{seq}")
    envelope = Envelope("c", "t", b"1", None, None, 1)
    assert frames.of(envelope) is frames.of(envelope)
    assert len(made) == 1


def test_the_frames_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_frames, "_CACHE_BYTES", 1_000)
    frames = _frames.Frames(lambda text, _: text, lambda seq: f"e1:{seq}")
    envelopes = [Envelope("c", "t", b'"' + b"x" * 100 + b'"', None, None, n) for n in range(50)]
    for envelope in envelopes:
        frames.of(envelope)
    assert 0 < frames._bytes <= 1_000
    assert frames._bytes == sum(len(kept) for _, kept in frames._known.values())


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_ready_made_websocket_frames(size: int) -> None:
    reader = Protocol(Side.CLIENT, max_size=None)
    reader.receive_data(_frames.ws_frame(b"x" * size))
    (read,) = reader.events_received()
    assert isinstance(read, Frame)
    assert (read.opcode, read.fin, len(read.data)) == (Opcode.TEXT, True, size)


async def test_run_frames(client: Client, ch: JobChannel) -> None:
    other = job_channel(job_id="j2")

    @client.function("work", retries=0)
    async def work(ctx: Context) -> dict[str, int]:
        await ctx.publish(ch.status, {"message": "one"})
        await ctx.publish(ch.status, {"message": "two"})
        await ctx.step.realtime.publish("p", other.tick, {"n": 1})
        return {"answer": 42}

    async with (
        running(secured(client)) as url,
        subscribed(url, (await client.realtime.token(ch))["key"]) as mine,
        subscribed(url, (await client.realtime.token(other))["key"]) as others,
    ):
        await client.run(work)
        first = [await frame(mine) for _ in range(4)]
        second = [await frame(others) for _ in range(3)]
    assert [one["kind"] for one in first] == ["run", "data", "data", "run"]
    assert [one["kind"] for one in second] == ["run", "data", "run"]
    assert first[0]["data"] == {"status": "running"}
    assert first[-1]["data"] == second[-1]["data"] == {"status": "completed", "result": {"answer": 42}}
    assert len({one["run_id"] for one in first + second}) == 1
    assert all("topic" not in one for one in first if one["kind"] == "run")


@pytest.mark.parametrize("settings", [{"runs": False}, {"runs": [UserChannel]}, {"run_results": False}])
async def test_run_frames_can_be_chosen(settings: dict[str, Any], client: Client, ch: JobChannel) -> None:
    work = durable(client)
    async with running(secured(client, channels=[JobChannel, UserChannel], **settings)) as url:
        async with subscribed(url, (await client.realtime.token(ch))["key"]) as connection:
            await client.run(work, {"first": 0, "count": 1})
            await client.realtime.publish(ch.status, {"message": "last"})
            frames: list[dict[str, Any]] = []
            while not frames or frames[-1].get("topic") != "status":
                frames.append(await frame(connection))
    runs = [one["data"] for one in frames if one["kind"] == "run"]
    assert runs == ([{"status": "running"}, {"status": "completed"}] if "run_results" in settings else [])


async def test_sub_and_unsub(client: Client, ch: JobChannel) -> None:
    other = job_channel(job_id="j2")
    gateway = secured(client)
    async with (
        running(gateway) as url,
        subscribed(url, (await client.realtime.token(ch, ["tick", "status"]))["key"]) as connection,
    ):
        stream = next(iter(gateway._streams._open))
        more = (await client.realtime.token(other, ["tick"]))["key"]
        await connection.send(json.dumps({"kind": "sub", "data": more}))
        await connection.send(json.dumps({"kind": "unsub", "data": ["status"]}))
        await connection.send("not json")
        await connection.send('["no object"]')
        async with asyncio.timeout(60):
            while ("job:j1", "status") in stream.addresses:  # noqa: ASYNC110 - no event to wait for
                await asyncio.sleep(0.005)
        await client.realtime.publish(ch.status, {"message": "unheard"})
        await client.realtime.publish(other.tick, {"n": 1})
        assert (await data_frame(connection))["channel"] == "job:j2"
        await connection.send(json.dumps({"kind": "sub", "data": "bad"}))
        async with asyncio.timeout(60):
            await connection.wait_closed()
        assert connection.close_code == 1008


async def test_a_client_frame_that_is_too_long(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url:
        for size in (20_000, 100_000):  # over our limit, and over the server's
            async with subscribed(url, (await client.realtime.token(ch))["key"]) as connection:
                await connection.send("x" * size)
                async with asyncio.timeout(60):
                    await connection.wait_closed()
                assert connection.close_code == 1009


async def test_a_stream_gets_no_more_topics_by_asking_later(client: Client, ch: JobChannel) -> None:
    async with running(secured(client, limits=Limits(topics=2))) as url:
        token = (await client.realtime.token(ch, ["status", "tick"]))["key"]
        more = (await client.realtime.token(job_channel(job_id="j2"), ["tick"]))["key"]
        async with subscribed(url, token) as connection:
            await connection.send(json.dumps({"kind": "sub", "data": token}))  # nothing new
            await connection.send(json.dumps({"kind": "sub", "data": more}))
            async with asyncio.timeout(60):
                await connection.wait_closed()
            assert connection.close_code == 1008


def test_what_is_kept_joined_is_bounded() -> None:
    frames = _frames.Frames(lambda text, _: text, lambda seq: f"e1:{seq}")
    large = [Envelope("c", "t", b'"' + b"x" * 600_000 + b'"', None, None, n) for n in range(2)]
    assert b"".join(frames.writes(large, 65_536)) == b"".join(map(frames.of, large))
    assert frames._writes == ([], 0, [])
    few = [Envelope("c", "t", b"1", None, None, n) for n in range(2)]
    assert frames.writes(few, 65_536) is frames.writes(list(few), 65_536)


def published(run_id: str, channel: str = "job:j1") -> Envelope:
    return Envelope(channel, "tick", b'{"n":1}', run_id, None, 1)


def test_a_result_that_no_frame_can_hold_is_null() -> None:
    for size, told in ((524_286, True), (524_287, False)):
        shown = json.loads(_runs.last_status("done", b'"' + b"x" * size + b'"'))
        assert (shown["status"], shown["result"] is not None) == ("completed", told)
    assert json.loads(_runs.last_status("done", b"null")) == {"status": "completed", "result": None}
    assert json.loads(_runs.last_status("done", None)) == {"status": "completed"}


def publisher(publish: Callable[[Envelope], object] = lambda _: None) -> _runs.RunStatusPublisher:
    return _runs.RunStatusPublisher(publish, lambda _: True, results=True)


def ended(run_id: str, result: bytes | None, channels: frozenset[str] = frozenset()) -> EndedRun:
    """A run that completed with this result, or failed."""
    return EndedRun(run_id, "failed" if result is None else "done", result, channels)


def test_how_a_run_ended_is_told_where_it_published_before_this_process() -> None:
    frames: list[Envelope] = []
    publisher(frames.append).ended(ended("r1", b"1", frozenset({"job:j1"})))
    [frame] = frames
    assert (frame.channel, frame.topic, frame.run_id) == ("job:j1", "$run", "r1")
    assert json.loads(frame.data) == {"status": "completed", "result": 1}


def test_a_cancelled_run_is_told() -> None:
    """To those who listen, and to a reader that comes back; also if another process cancelled it."""
    frames: list[Envelope] = []
    runs = publisher(frames.append)
    run = RunInfo("r1", "work", "app/work", 0, frozenset({"job:j1"}))
    with runs.run(run):
        run.end("cancelled")
    assert [json.loads(frame.data) for frame in frames] == [{"status": "cancelled"}]
    assert runs.outcome("job:j1", 0, None) == frames[0]
    stored = publisher().outcome("job:j1", 0, StoredOutcome("r1", "cancelled", None, 5))
    assert stored is not None
    assert json.loads(stored.data) == {"status": "cancelled"}


@pytest.mark.parametrize("outcome", ["retrying", "parked", "sleeping", "stopped"])
def test_a_run_that_goes_on_has_not_ended(outcome: StoredOutcome) -> None:
    frames: list[Envelope] = []
    run = RunInfo("r1", "work", "app/work", 0, frozenset({"job:j1"}))
    with publisher(frames.append).run(run):
        run.end(outcome)
    assert frames == []


def test_a_run_that_ends_isnt_taken_for_the_one_that_began_after_it() -> None:
    runs = publisher()
    runs.sent(MessageInfo(published("r1")))
    runs.sent(MessageInfo(published("r2")))
    runs.ended(ended("r1", b"null"))
    assert runs.outcome("job:j1", 0, None) is None
    runs.ended(ended("r2", None))
    last = runs.outcome("job:j1", 0, None)
    assert last is not None
    assert last.run_id == "r2"


def test_a_message_that_comes_behind_its_runs_end_doesnt_begin_it_again() -> None:
    """One of a run that was retried does."""
    frames: list[Envelope] = []
    runs = publisher(frames.append)
    message = published("r1")
    runs.published(message)
    for late in (message, message._replace(channel="job:j2")):
        runs.ended(ended("r1", b"1")._replace(ended_us=message.created_us + 5))
        runs.published(late)
    assert runs.unfinished() == {}
    assert [json.loads(frame.data)["status"] for frame in frames] == ["running", "completed"]
    last = runs.outcome("job:j1", 0, None)
    assert last is frames[-1]
    runs.published(message._replace(created_us=message.created_us + 5))
    assert json.loads(frames[-1].data) == {"status": "running"}
    assert runs.outcome("job:j1", 0, None) is None


def test_what_is_remembered_of_runs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_runs, "_MAX_RUNS", 3)
    monkeypatch.setattr(_runs, "_MAX_OUTCOMES", 5)
    monkeypatch.setattr(_runs, "_MAX_OUTCOME_BYTES", 1_000)
    runs = publisher()
    for n in range(20):  # runs that go on
        runs.sent(MessageInfo(published(f"r{n}", f"job:{n}")))
    assert (len(runs._runs), len(runs._last)) == (3, 5)
    for n in range(100):  # and runs that end, on one channel and on many
        for channel in ("job:one", f"job:{n}"):
            runs.sent(MessageInfo(published(f"s{n}", channel)))
        runs.ended(ended(f"s{n}", b'"' + b"x" * 300 + b'"')._replace(ended_us=n + 1))
    assert list(runs._ended) == ["s97", "s98", "s99"]
    held = sum(len(frame.data) for _, frame in runs._last.values() if frame is not None)
    assert 0 < held <= 1_000
    assert held == runs._last_bytes
    assert "job:99" in runs._last
