"""Messages that today's bindings can't load: in the process, and from the file."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.payload.invalid_messages import check_choices, check_refused_choices
from tightbeam import Client, Context, InvalidPayload
from tightbeam._client import engine_of
from tightbeam._message import Envelope
from tightbeam._payload import encode as encoding


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")


async def test_every_choice(ch: JobChannel, caplog: pytest.LogCaptureFixture) -> None:
    client = Client()

    async def emit(raw: bytes) -> None:
        engine_of(client).publish_sync(Envelope(ch.name, "tick", raw, None, None, time.time_ns() // 1000))

    await check_choices(
        lambda **more: client.realtime.subscribe(ch.tick, **more),
        emit,
        lambda message: message.data.n,
        caplog,
    )


def test_what_is_no_choice(ch: JobChannel) -> None:
    check_refused_choices(lambda **more: Client().realtime.subscribe(ch.tick, **more))
    check_refused_choices(Client)


async def test_the_clients_choice_holds_where_a_subscription_has_none(
    ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(on_invalid_message="skip")
    skipping = client.realtime.subscribe(ch.tick)
    raising = client.realtime.subscribe(ch.tick, on_invalid_message="raise")
    for raw in (b"{}", b'{"n":1}'):
        engine_of(client).publish_sync(Envelope(ch.name, "tick", raw, None, None, 0))
    assert (await anext(skipping)).data.n == 1
    with pytest.raises(InvalidPayload):
        await anext(raising)
    assert caplog.text.count("was skipped") == 1


def other_bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish as a version of the program does whose schemas are others."""

    def encode(ref: Any, data: Any) -> bytes:
        return b'{"n":"' + str(data["n"]).encode() + b'"}' if data["n"] % 2 else b'{"n":%d}' % data["n"]

    monkeypatch.setattr(encoding, "encode", encode)
    monkeypatch.setattr("tightbeam._engine.steps.load", lambda ref, raw: raw, raising=False)


async def test_a_reader_goes_on_behind_a_stored_one(
    ch: JobChannel, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Odd ones can't be loaded; reading goes on by position, with one subscription for each."""

    @client.function("publish")
    async def publish(ctx: Context) -> None:
        for n in range(6):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    async with client:
        with monkeypatch.context() as patch:
            other_bindings(patch)
            await client.run(publish)
        got: list[object] = []
        positions: list[str | None] = []
        after: str | None = "start"
        for _ in range(10):
            try:
                async with client.realtime.subscribe(ch.tick, after=after) as messages:
                    while len(got) < 6:
                        message = await anext(messages)
                        got.append(message.data.n)
                        after = message.position
                break
            except InvalidPayload as error:
                got.append("invalid")
                positions.append(error.position)
                after = error.position
        assert len({*positions} - {None}) == 3
        assert got == [0, "invalid", 2, "invalid", 4, "invalid"]


async def test_a_live_one_has_the_position_of_what_came_before(ch: JobChannel) -> None:
    client = Client()

    @client.function("publish")
    async def publish(ctx: Context) -> None:
        for n in range(ctx.event.data["from"], ctx.event.data["to"]):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    async with client:
        messages = client.realtime.subscribe(ch.tick)
        await client.run(publish, {"from": 0, "to": 2})
        engine_of(client).publish_sync(Envelope(ch.name, "tick", b"{}", None, None, 0))
        await client.run(publish, {"from": 2, "to": 4})
        assert [(await anext(messages)).data.n for _ in range(2)] == [0, 1]
        with pytest.raises(InvalidPayload) as caught:
            await anext(messages)
        async with client.realtime.subscribe(ch.tick, after=caught.value.position) as resumed:
            assert [(await anext(resumed)).data.n for _ in range(2)] == [2, 3]


def test_a_publish_that_is_refused_has_no_position(ch: JobChannel) -> None:
    with pytest.raises(InvalidPayload) as caught:
        Client().realtime.publish_sync(ch.tick, {"n": "x"})  # type: ignore[typeddict-item]
    assert caught.value.position is None
