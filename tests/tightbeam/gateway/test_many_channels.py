"""One token and one stream for many channels: what it opens, how large it is, where it goes on."""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

import tightbeam
from generated.alerts import AlertsChannel, alerts_channel
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import (
    KEY,
    SECRET,
    URL,
    data_frame,
    durable,
    running,
    secured,
    subscribed,
)
from tests.tightbeam.gateway.sse import events, first_messages
from tests.tightbeam.gateway.test_tokens import good, signed, without
from tightbeam import Client, InvalidParam
from tightbeam.errors import GatewayRefused
from tightbeam.gateway import Limits
from tightbeam.gateway._tokens import BadToken, mint, verify

BOTH = [AlertsChannel, JobChannel]
TOPICS = ["status", "tick"]
GROUPS = [[TOPICS, ["job:j1", "job:j2"]], [["alert"], ["alerts"]]]


def packed(groups: object) -> str:
    return base64.b85encode(zlib.compress(json.dumps(groups).encode())).decode()


def several(**changed: Any) -> dict[str, Any]:
    return {**without("topics"), "sub": "channels", "channels": packed(GROUPS), **changed}


def opened(key: str) -> dict[str, tuple[str, ...]]:
    return dict(verify(key, [SECRET.encode()], 8_000).topics)


def jobs(count: int) -> list[JobChannel]:
    return [job_channel(job_id=f"j{n}") for n in range(1, count + 1)]


async def asked(gateway: tightbeam.gateway.Gateway, **query: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url=URL) as http:
        return await http.get("/v1/realtime/connect", params=query)


# -------------------------------------------------------------------------------------- its claims


def test_a_token_names_topics_once() -> None:
    ids = [str(uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)) for n in range(1, 201)]
    sizes = {}
    for count in (50, 200):
        selection = {f"orders:{one}": ["created", "event", "stock"] for one in ids[:count]}
        key = mint(SECRET.encode(), selection, 2**41, 60)
        sizes[count] = len(key)
        assert opened(key) == {channel: tuple(topics) for channel, topics in selection.items()}
    # Of ids drawn at random, the worst there is; with all else a request line stays below 8 KiB.
    assert sizes[50] < 2_400
    assert sizes[200] < 8_000


def test_one_channel_has_the_form_it_always_had() -> None:
    selection = {"job:j1": TOPICS}
    key = mint(SECRET.encode(), selection, None, 60)
    claims = json.loads(base64.urlsafe_b64decode(key.split(".")[1] + "=="))
    assert claims.keys() == good().keys()
    assert opened(key) == opened(signed(good(topics=claims["topics"]))) == {"job:j1": tuple(TOPICS)}
    assert opened(mint(SECRET.encode(), {"channels": TOPICS}, None, 60)) == {"channels": tuple(TOPICS)}


def test_the_claims_of_several_channels() -> None:
    assert opened(signed(several())) == {
        "job:j1": ("status", "tick"),
        "job:j2": ("status", "tick"),
        "alerts": ("alert",),
    }
    assert verify(signed(several(since="latest")), [SECRET.encode()], 8_000).since == "latest"


def bad() -> dict[str, dict[str, Any]]:
    """Signed by us, all of them."""
    whole = zlib.compress(json.dumps(GROUPS).encode())
    wrong: dict[str, object] = {
        "no channel": [],
        "one channel": [[TOPICS, ["job:j1"]]],
        "a channel twice": [[TOPICS, ["job:j1", "job:j1"]]],
        "a channel in two groups": [[["status"], ["job:j1"]], [["tick"], ["job:j1", "job:j2"]]],
        "no topics": [[[], ["job:j1", "job:j2"]]],
        "an empty group": [*GROUPS, [["token"], []]],
        "a topic that is no name": [[[1], ["job:j1", "job:j2"]]],
        "a channel that is no name": [[TOPICS, ["job:j1", 2]]],
        "a channel that is a list": [[TOPICS, ["job:j1", ["job:j2"]]]],
        "topics in one string": [["tick", ["job:j1", "job:j2"]]],
        "channels in one string": [[TOPICS, "jk"]],
        "topics in an object": [[{"tick": 1}, ["job:j1", "job:j2"]]],
        "three parts": [[TOPICS, ["job:j1", "job:j2"], []]],
        "an object": {"ab": 1},
        "a number": 5,
        "an unknown channel": [[TOPICS, ["job:j1", "x:1"]]],
        "an unknown topic": [[["nothing"], ["job:j1", "job:j2"]]],
        "the states of runs": [[["$run"], ["job:j1", "job:j2"]]],
    }
    forms: dict[str, object] = {
        "not text": GROUPS,
        "no base 85": "~~~~ ",
        "other characters": "é",
        "not compressed": base64.b85encode(b"[]").decode(),
        "cut off": base64.b85encode(whole[:-6]).decode(),
        "more behind it": base64.b85encode(whole + b"x").decode(),
        "no JSON": base64.b85encode(zlib.compress(b"[")).decode(),
        "deep": base64.b85encode(zlib.compress(b"[" * 100_000)).decode(),
        "a bomb": base64.b85encode(zlib.compress(b" " * 4_000_000 + b"[]")).decode(),
        "null": None,
    }
    return {
        **{name: several(channels=packed(groups)) for name, groups in wrong.items()},
        **{f"channels: {name}": several(channels=form) for name, form in forms.items()},
        "topics as well": several(topics=good()["topics"]),
        "another subject": several(sub="job:j1"),
        "a claim that we don't make": several(admin=True),
        "not before": several(nbf=0),
        "a publish token": several(publish=True),
        "a cursor of another kind": several(since="earliest"),
        "a cursor that is a boolean": several(since=True),
    }


@pytest.mark.parametrize("name", bad())
async def test_claims_of_several_channels_that_are_refused(name: str, client: Client) -> None:
    gateway = secured(client, channels=BOTH)
    assert (await asked(gateway, token=signed(several()))).status_code == 426  # what they were made from
    assert (await asked(gateway, token=signed(bad()[name]))).status_code == 401


async def test_forged_tokens_of_several_channels(client: Client) -> None:
    gateway = secured(client, channels=BOTH)
    head, body, signature = signed(several()).split(".")
    _, other, _ = signed(several(channels=packed([[["tick"], ["job:j1", "job:j9"]]]))).split(".")
    for token in (
        f"{head}.{other}.{signature}",
        signed(several(), "x" * 32),
        f"{head}.{body}.",
        signed(several(exp=0)),
    ):
        assert (await asked(gateway, token=token)).status_code == 401


def test_an_oversize_token_is_not_even_read() -> None:
    with pytest.raises(BadToken):
        verify(signed(several()), [SECRET.encode()], 100)


# ------------------------------------------------------------------------------- what it opens


async def test_it_opens_what_it_names_and_nothing_else(client: Client) -> None:
    one, two, three = jobs(3)
    async with running(secured(client, channels=BOTH)) as url:
        made = await client.realtime.token(
            [one, two, alerts_channel], [one.tick, two.tick, two.status, alerts_channel.alert]
        )
        assert made["topics"] == ["tick", "status", "alert"]
        for wanted in (
            [["job:j1", "status"]],  # named for the other channel
            [["job:j3", "tick"]],
            [["job:j1", "tick"], ["job:j3", "tick"]],
            [["job:j1", "$run"]],
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, made["key"], want=json.dumps(wanted)):
                    pass
            assert refused.value.response.status_code == 403
        async with (
            subscribed(url, made["key"]) as whole,
            subscribed(url, made["key"], want='[["job:j2","tick"]]') as part,
        ):
            for other in (one.status, three.status):
                await client.realtime.publish(other, {"message": "not named"})
            await client.realtime.publish(three.tick, {"n": 3})
            await client.realtime.publish(one.tick, {"n": 1})
            await client.realtime.publish(alerts_channel.alert, {"message": "m", "severity": "high"})
            await client.realtime.publish(two.tick, {"n": 2})
            seen = [await data_frame(whole) for _ in range(3)]
            assert [one["channel"] for one in seen] == ["job:j1", "alerts", "job:j2"]
            assert (await data_frame(part))["data"] == {"n": 2}


async def test_frames_of_a_client_take_it(client: Client) -> None:
    one, two, three = jobs(3)
    async with running(secured(client, runs=False)) as url:
        async with subscribed(url, (await client.realtime.token(one, ["tick"]))["key"]) as reader:
            more = (await client.realtime.token([two, three], ["tick", "status"]))["key"]
            await reader.send(json.dumps({"kind": "sub", "data": more}))
            await reader.send(json.dumps({"kind": "unsub", "data": ["status"]}))
            await (await reader.ping())
            await client.realtime.publish(two.status, {"message": "no more"})
            for ch in (one, two, three):
                await client.realtime.publish(ch.tick, {"n": 1})
            assert [(await data_frame(reader))["channel"] for _ in range(3)] == ["job:j1", "job:j2", "job:j3"]


async def test_requests_for_a_token_over_http(client: Client) -> None:
    transport = httpx.ASGITransport(secured(client, channels=BOTH))
    bearer = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=bearer) as http:
        body = [{"channel": f"job:j{n}", "name": "*"} for n in (1, 2)]
        answer = await http.post("/v1/realtime/token", json=[*body, {"channel": "alerts", "name": "alert"}])
        assert answer.status_code == 201
        assert answer.json()["topics"] == ["status", "tick", "token", "alert"]
        assert answer.json()["channels"] == ["job:j1", "job:j2", "alerts"]
        assert opened(answer.json()["jwt"]) == {
            **{f"job:j{n}": ("status", "tick", "token") for n in (1, 2)},
            "alerts": ("alert",),
        }
        answer = await http.post("/v1/realtime/token", json=[*body, {"channel": "alerts", "name": "tick"}])
        assert answer.status_code == 404
        assert answer.json()["error"] == 'Invalid request: channel "alerts" has no topic "tick"'


async def test_a_remote_client_makes_and_takes_them(client: Client) -> None:
    one, two = jobs(2)
    async with running(secured(client, channels=BOTH, runs=False)) as url:
        async with tightbeam.connect(url, key=KEY) as maker:
            made = await maker.realtime.token([one, two], ["tick"])
            assert made == {
                "key": made["key"],
                "apiBaseUrl": url,
                "topics": ["tick"],
                "channels": ["job:j1", "job:j2"],
            }
            assert opened(made["key"]) == {"job:j1": ("tick",), "job:j2": ("tick",)}
            with pytest.raises(GatewayRefused, match='no channel "job"'):
                await maker.realtime.token(["job:j1", "job"], ["tick"])
            async with maker.realtime.subscribe(one.tick, alerts_channel.alert, two.status) as messages:
                await client.realtime.publish(two.status, {"message": "mixed"})
                assert (await anext(messages)).channel == "job:j2"
        async with (
            tightbeam.connect(url, token=made["key"]) as reader,
            reader.realtime.subscribe(one.tick, two.tick) as messages,
        ):
            for ch in (two, one):
                await client.realtime.publish(ch.tick, {"n": 1})
            assert [(await anext(messages)).channel for _ in range(2)] == ["job:j2", "job:j1"]
            with pytest.raises(GatewayRefused, match="403"):
                await reader.realtime.subscribe(one.tick, two.status).__aenter__()


async def test_a_reader_whose_token_leaves_out_a_channel_is_told_its_name(client: Client) -> None:
    one, two = jobs(2)
    async with running(secured(client, channels=BOTH)) as url:

        async def token() -> tightbeam.SubscriptionToken:
            return await client.realtime.token(one)

        async with tightbeam.connect(url, token=token) as reader:
            with pytest.raises(GatewayRefused, match=r'isn\'t for channel "job:j2": .*token\(') as caught:
                await reader.realtime.subscribe(one.tick, two.tick).__aenter__()
            assert caught.value.code == "channel"
            with pytest.raises(GatewayRefused, match='channel "job:j2"'):
                await reader.follow("job:j2").ready()
            async with reader.realtime.subscribe(one.tick) as messages:
                await client.realtime.publish(one.tick, {"n": 1})
                assert (await anext(messages)).channel == "job:j1"


# ------------------------------------------------------------------------------------ its limits


async def test_more_than_a_stream_follows_is_refused_when_the_token_is_made(client: Client) -> None:
    gateway = secured(client, limits=Limits(topics=5))
    with pytest.raises(InvalidParam, match=r"1 to 5 topics.*6 in 2 channels.*Limits\(topics=…\)"):
        await client.realtime.token(jobs(2))
    token = mint(SECRET.encode(), {ch.name: ["status", "tick", "token"] for ch in jobs(2)}, None, 60)
    answer = await asked(gateway, token=token)
    assert (answer.status_code, answer.json()["code"]) == (403, "topics-limit")
    answer = await asked(gateway, token=token, want='[["job:j2","tick"]]')
    assert answer.status_code == 426


async def test_a_token_that_no_request_line_holds_is_refused_when_it_is_made(client: Client) -> None:
    secured(client)
    ids = (str(uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)) for n in range(1, 301))
    with pytest.raises(InvalidParam, match=r"300 channels has \d+,\d+ bytes, and a gateway takes 8,000"):
        await client.realtime.token([job_channel(job_id=one) for one in ids], ["tick"])


# ----------------------------------------------------------------------------------- its cursor


async def test_one_time_for_several_channels(client: Client) -> None:
    """What the reader had is what came before it in the stream, whatever channel that was of."""
    work = durable(client)
    channels = jobs(3)
    async with running(secured(client, runs=False)) as url:
        for n in range(4):
            for job in ("j1", "j2", "j3"):
                await client.run(work, {"job": job, "first": n, "count": 1})
        async with subscribed(url, (await client.realtime.token(channels))["key"], after="start") as reader:
            sent = [await data_frame(reader) for _ in range(12)]
        for n in (0, 1, 5, 10):
            since = f"{sent[n]['created_at'][:23]}Z"
            token = (await client.realtime.token(channels, since=since))["key"]
            async with subscribed(url, token) as reader:
                rest = [await data_frame(reader) for _ in range(11 - n)]
            assert [one["metadata"]["id"] for one in rest] == [one["metadata"]["id"] for one in sent[n + 1 :]]
            async with events(url, token) as stream:
                ids = [one["id"] async for one in first_messages(stream, 11 - n)]
            assert ids == [one["metadata"]["position"] for one in sent[n + 1 :]]


async def test_what_is_no_longer_retained_is_told_with_the_token() -> None:
    client = Client(retain_messages=2)
    work = durable(client)
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        one, two = jobs(2)
        for makes in (client.realtime.token, remote.realtime.token):
            assert "reset" not in await makes([one, two], since="1970-01-01T00:00:00Z")
        await client.run(work, {"first": 0, "count": 400})
        for selected in (one, [one, two]):
            for makes in (client.realtime.token, remote.realtime.token):
                assert (await makes(selected, since="1970-01-01T00:00:00Z"))["reset"] is True
                for since in (None, "latest", "2999-01-01T00:00:00Z"):
                    assert "reset" not in await makes(selected, since=since)


@pytest.mark.slow
async def test_a_journal_knows_after_a_restart_what_it_no_longer_has(tmp_path: Any) -> None:
    for _ in range(2):
        client = Client(tmp_path / "journal.db", retain_messages=2)
        work = durable(client)
        secured(client)
        async with client:
            await client.run(work, {"first": 0, "count": 200})
    client = Client(tmp_path / "journal.db", retain_messages=2)
    secured(client)
    old = {"since": "1970-01-01T00:00:00Z"}
    assert "reset" not in await client.realtime.token(jobs(1), **old)  # it isn't known yet
    async with client:
        assert (await client.realtime.token(jobs(1), **old))["reset"] is True
