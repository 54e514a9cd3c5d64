"""What one client refuses the others refuse, with the same error and the same words."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.both_engines import Embedded, EngineUnderTest, OnInngest
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.events.older import upload_event as other_upload
from tests.tightbeam.events.samples import Deleted, Upload, deleted_event, ping_event, upload_event
from tests.tightbeam.inngest.calls import Run, app_of
from tests.tightbeam.inngest.conftest import server
from tests.tightbeam.inngest.standin import StandIn
from tests.tightbeam.surface.conftest import make

__all__ = ["server"]

CH = job_channel(job_id="j1")
OTHER = job_channel(job_id="j2")
NAIVE = datetime(2026, 11, 29)  # noqa: DTZ001 - what is refused


async def refusal(call: Callable[[Any], Any], client: Any) -> tuple[str, str]:
    """The error's class and text; none is told by "nothing"."""
    try:
        returned = call(client)
        if inspect.isawaitable(returned):
            await returned
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return type(error).__name__, str(error)
    return "nothing", ""


PUBLISH: dict[str, Callable[[Any], Any]] = {
    "no topic": lambda publish: publish("status", {"message": "x"}),
    "the channel": lambda publish: publish(CH, {"message": "x"}),
    "a topic of the class": lambda publish: publish(JobChannel.status, {"message": "x"}),
    "no payload": lambda publish: publish(CH.status),
    "two payloads": lambda publish: publish(CH.status, {"message": "x"}, {"message": "y"}),
    "a keyword": lambda publish: publish(CH.status, message="x"),
    "another type": lambda publish: publish(CH.status, 5),
    "a wrong property": lambda publish: publish(CH.status, {"message": 5}),
    "not JSON": lambda publish: publish(CH.token, {1, 2}),
    "a lone surrogate": lambda publish: publish(CH.token, "\ud800"),
    "too large": lambda publish: publish(CH.token, "x" * 600_000),
}

SUBSCRIBE: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda realtime: realtime.subscribe(),
    "a name": lambda realtime: realtime.subscribe("job:j1"),
    "a channel and a topic": lambda realtime: realtime.subscribe(CH, CH.status),
    "nine topics": lambda realtime: realtime.subscribe(*[CH.status] * 9),
    "after a number": lambda realtime: realtime.subscribe(CH, after=5),
    "another choice": lambda realtime: realtime.subscribe(CH, on_invalid_message="drop"),
    "no function": lambda realtime: realtime.subscribe(CH, on_invalid_message=5),
    "all wrong": lambda realtime: realtime.subscribe("x", after=5, on_invalid_message=5),
}

TOKEN: dict[str, Callable[[Any], Any]] = {
    "no channel": lambda token: token([]),
    "a number": lambda token: token(5),
    "a topic": lambda token: token(CH.status),
    "a list of numbers": lambda token: token([5]),
    "a name without topics": lambda token: token("job:j1"),
    "topics in one string": lambda token: token(CH, "status"),
    "an unknown topic": lambda token: token(CH, ["nope"]),
    "no topics": lambda token: token(CH, []),
    "a topic of another channel": lambda token: token(CH, [OTHER.status]),
    "topics of no type": lambda token: token(CH, [5]),
    "one channel without a topic": lambda token: token([CH, OTHER], [CH.status]),
    "since without a zone": lambda token: token(CH, since=NAIVE),
    "since of no type": lambda token: token(CH, since=5),
    "since that is no time": lambda token: token(CH, since="yesterday"),
    "wrong topics and since": lambda token: token(CH, ["nope"], since=NAIVE),
}


@pytest.mark.parametrize("case", PUBLISH)
@pytest.mark.parametrize("name", ["publish", "publish_sync"])
async def test_publish(name: str, case: str) -> None:
    found = {
        kind: await refusal(lambda client: PUBLISH[case](getattr(client.realtime, name)), make(kind))
        for kind in ("embedded", "inngest", "connect")
    }
    assert found["inngest"] == found["connect"] == found["embedded"]
    assert found["embedded"][0] in ("TypeError", "InvalidPayload", "PayloadTooLarge")


@pytest.mark.parametrize("case", SUBSCRIBE)
async def test_subscribe(case: str) -> None:
    found = {
        kind: await refusal(lambda client: SUBSCRIBE[case](client.realtime), make(kind))
        for kind in ("embedded", "inngest", "connect")
    }
    assert found["inngest"] == found["connect"] == found["embedded"]
    assert found["embedded"][0] in ("TypeError", "ValueError")


@pytest.mark.parametrize("case", TOKEN)
@pytest.mark.parametrize("name", ["token", "token_sync"])
async def test_token(name: str, case: str) -> None:
    found = {
        kind: await refusal(lambda client: TOKEN[case](getattr(client.realtime, name)), make(kind))
        for kind in ("embedded", "inngest", "connect")
    }
    assert found["inngest"] == found["connect"] == found["embedded"]
    assert found["embedded"][0] in ("TypeError", "InvalidParam")


@pytest.mark.parametrize("channels", [CH, [CH, OTHER], [CH.name], CH.name])
@pytest.mark.parametrize(
    "since", [None, "latest", datetime(2026, 11, 29, tzinfo=UTC), "2026-11-29T00:00:00Z"]
)
def test_a_token_of_names_or_objects_is_asked_for_alike(channels: Any, since: Any) -> None:
    """No server is there: each client comes as far as asking for it."""
    asked = []
    for kind in ("embedded", "inngest", "connect"):
        with pytest.raises((tightbeam.NoGateway, tightbeam.SubscribeFailed)) as caught:
            make(kind).realtime.token_sync(channels, ["status"], since=since)
        asked.append(caught.type)
    assert asked == [tightbeam.NoGateway, tightbeam.SubscribeFailed, tightbeam.SubscribeFailed]


@pytest.mark.parametrize(
    "options",
    [
        {"on_invalid_message": "drop"},
        {"on_invalid_message": 5},
        {"hooks": 5},
        {"hooks": [5]},
        {"hooks": tightbeam.Hook()},
        {"on_invalid_message": 5, "hooks": 5},
    ],
    ids=str,
)
async def test_making_a_client(options: dict[str, Any]) -> None:
    kinds = ("embedded", "inngest", "connect")
    embedded, on_inngest, remote = [await refusal(lambda kind: make(kind, **options), kind) for kind in kinds]
    assert on_inngest == remote == embedded
    assert embedded[0] in ("TypeError", "ValueError")


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy])
def test_a_client_is_not_copied(any_client: Any, copied: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="a client belongs to its process"):
        copied(any_client)


async def handler(ctx: tightbeam.Context) -> None:
    """Do nothing."""


async def another(ctx: tightbeam.Context) -> None:
    """Do nothing either."""


async def generates(ctx: tightbeam.Context) -> Any:
    yield


def taken(client: Any) -> None:
    client.function("f")(handler)
    client.function("f")(another)


FUNCTION: dict[str, Callable[[Any], Any]] = {
    "no parentheses": lambda client: client.function(handler),
    "no text": lambda client: client.function(5),
    "an empty id": lambda client: client.function("")(handler),
    "half a surrogate pair": lambda client: client.function("\ud800")(handler),
    "an event in half": lambda client: client.function("f", on="\ud800")(handler),
    "a model for an event": lambda client: client.function("f", on=Upload)(handler),
    "a list of events": lambda client: client.function("f", on=[upload_event, ping_event])(handler),
    "two events of one name": lambda client: client.function("f", on=upload_event | other_upload)(handler),
    "an empty event": lambda client: client.function("f", on="")(handler),
    "an event of no type": lambda client: client.function("f", on=5)(handler),
    "negative retries": lambda client: client.function("f", retries=-1)(handler),
    "retries in text": lambda client: client.function("f", retries="3")(handler),
    "no concurrency": lambda client: client.function("f", concurrency=0)(handler),
    "no function": lambda client: client.function("f")(5),
    "a generator": lambda client: client.function("f")(generates),
    "an id that is taken": taken,
    "all wrong": lambda client: client.function("f", on=5, retries=-1, concurrency=0)(5),
}


@pytest.mark.parametrize("case", FUNCTION)
async def test_function(case: str) -> None:
    embedded, on_inngest = [await refusal(FUNCTION[case], make(kind)) for kind in ("embedded", "inngest")]
    assert on_inngest == embedded
    assert embedded[0] == "EngineError"


def test_a_handler_that_is_defined_anew_replaces_the_one_before(client: Any) -> None:
    def define(result: str) -> Any:
        namespace: dict[str, Any] = {"__name__": "notebook"}
        exec(f"async def cell(ctx):\n    return {result!r}\n", namespace)
        return client.function("f", on="app/f")(namespace["cell"])

    define("old")
    new = define("new")
    assert client.functions == [new]


def test_a_function_of_another_client_is_its_handler(client: Any) -> None:
    elsewhere = tightbeam.Client().function("f")(handler)
    assert client.function("g")(elsewhere).__wrapped__ is handler


async def test_a_redefinition_is_refused_while_the_client_is_entered(client: Any) -> None:
    client.function("f")(handler)
    async with client:
        with pytest.raises(tightbeam.EngineError, match='already a function "f"'):
            client.function("f")(another)


async def test_entering_twice(client: Any) -> None:
    async with client:
        with pytest.raises(tightbeam.EngineError, match="entered already") as caught:
            await client.__aenter__()
        with pytest.raises(tightbeam.EngineError, match="entered already"):
            async with client.lifespan():
                pass
    assert caught.value.retryable is False
    async with client.lifespan(None):  # and again, once it was left
        pass


SEND: dict[str, Callable[[Any], Any]] = {
    "no name": lambda send: send(5),
    "data that is a list": lambda send: send("app/x", [1]),
    "keys that aren't text": lambda send: send("app/x", {1: 2}),
    "not JSON": lambda send: send("app/x", {"a": {1, 2}}),
    "not finite": lambda send: send("app/x", {"a": float("nan")}),
    "half a surrogate pair": lambda send: send("\ud800", {}),
    "an event without its data": lambda send: send(upload_event),
    "two data": lambda send: send(upload_event, {}, {}),
    "data of an event without any": lambda send: send(ping_event, {}),
    "several events": lambda send: send(upload_event | ping_event, {}),
    "a schedule": lambda send: send(tightbeam.cron("0 9 * * *")),
    "a model": lambda send: send(Upload, {}),
    "a wrong property": lambda send: send(upload_event, {"uploadId": 5}),
    "another model": lambda send: send(upload_event, Deleted(reason="x")),
    "too large": lambda send: send(deleted_event, {"reason": "x" * 600_000}),
    "an unknown option": lambda send: send(ping_event, key="x"),
    "an id that is no text": lambda send: send(upload_event, {"uploadId": "u1"}, id=5),
    "a delay in seconds": lambda send: send("app/x", {}, delay=5),
    "a delay and a time": lambda send: send("app/x", {}, delay=timedelta(1), at=datetime.now(UTC)),
    "a time without a zone": lambda send: send(ping_event, at=NAIVE),
}


@pytest.mark.parametrize("case", SEND)
@pytest.mark.parametrize("name", ["send", "send_sync"])
async def test_send(name: str, case: str) -> None:
    embedded = make("embedded")
    embedded.function("f", on="app/x")(handler)
    embedded.function("g", on=upload_event | ping_event | deleted_event)(handler)
    async with embedded:
        found = [await refusal(lambda client: SEND[case](getattr(client, name)), embedded)]
    found += [
        await refusal(lambda client: SEND[case](getattr(client, name)), make(kind))
        for kind in ("inngest", "connect")
    ]
    assert found[0] == found[1] == found[2]
    assert found[0][0] in ("TypeError", "ValueError", "NotJson", "InvalidPayload", "PayloadTooLarge")


@pytest.mark.parametrize("name", ["send", "send_sync"])
async def test_data_is_no_keyword(name: str) -> None:
    for kind in ("embedded", "inngest", "connect"):
        client = make(kind)
        if kind == "embedded":
            await client.__aenter__()
        kind_of_error, text = await refusal(lambda client: getattr(client, name)("app/x", data={}), client)
        assert kind_of_error == "TypeError"
        assert "data" in text
        if kind == "embedded":
            await client.__aexit__(None, None, None)


async def test_send_sync_starts_runs() -> None:
    ended = asyncio.Event()
    client = tightbeam.Client()

    @client.function("f", on="app/x")
    async def f(ctx: tightbeam.Context) -> None:
        assert ctx.event.data == {"n": 1}
        ended.set()

    async with client:
        ids = await asyncio.to_thread(client.send_sync, "app/x", {"n": 1})
        async with asyncio.timeout(60):
            await ended.wait()
    assert len(ids) == 1


async def nested(ctx: Any) -> None:
    await ctx.step.run("inner", asyncio.sleep, 0)


STEPS: dict[str, Callable[[Any], Any]] = {
    "an id of no type": lambda ctx: ctx.step.run(5, asyncio.sleep, 0),
    "an empty id": lambda ctx: ctx.step.run("", asyncio.sleep, 0),
    "a numbered id": lambda ctx: ctx.step.run("a:1", asyncio.sleep, 0),
    "half a surrogate pair": lambda ctx: ctx.step.run("\ud800", asyncio.sleep, 0),
    "a coroutine": lambda ctx: ctx.step.run("a", asyncio.sleep(0)),
    "no function": lambda ctx: ctx.step.run("a", 5),
    "a plain function": lambda ctx: ctx.step.run("a", len, ""),
    "a step in a step": lambda ctx: ctx.step.run("outer", nested, ctx),
    "a sleep of no type": lambda ctx: ctx.step.sleep("nap", "1 h"),
    "a sleep into the past": lambda ctx: ctx.step.sleep("nap", timedelta(seconds=-1)),
    "a sleep for ever": lambda ctx: ctx.step.sleep("nap", timedelta.max),
    "a sleep with a numbered id": lambda ctx: ctx.step.sleep("a:1", timedelta(0)),
    "a publish with a numbered id": lambda ctx: ctx.step.realtime.publish("a:1", CH.tick, {"n": 1}),
    "a publish without an id": lambda ctx: ctx.step.realtime.publish("", CH.tick, {"n": 1}),
    **{
        f"a live publish: {case}": lambda ctx, case=case: PUBLISH[case](ctx.publish)  # type: ignore[misc]  # bound now
        for case in PUBLISH
    },
    **{
        f"a durable publish: {case}": lambda ctx, case=case: PUBLISH[case](  # type: ignore[misc]  # bound now
            lambda *args, **kwargs: ctx.step.realtime.publish(case, *args, **kwargs)
        )
        for case in PUBLISH
    },
}


async def met_in_a_handler(engine: EngineUnderTest) -> dict[str, tuple[str, str]]:
    """Run a handler that does everything wrong, one thing after the other."""
    met: dict[str, tuple[str, str]] = {}

    async def body(ctx: tightbeam.Context) -> None:
        met.update({case: await refusal(call, ctx) for case, call in STEPS.items()})

    await engine.run(engine.client(), body)
    return met


async def test_in_a_handler(server: StandIn) -> None:
    embedded = await met_in_a_handler(Embedded())
    assert await met_in_a_handler(OnInngest(server)) == embedded
    for case, (kind, _) in embedded.items():
        assert kind in ("StepMisuse", "TypeError", "InvalidPayload", "PayloadTooLarge"), case


async def test_run_is_refused_on_inngest_for_good(server: StandIn) -> None:
    """Nothing is retried: the same call can't succeed later."""
    client = make("inngest")

    @client.function("work", on="app/upload")
    async def work(ctx: tightbeam.Context) -> None:
        await client.run(work)

    with pytest.raises(tightbeam.EngineError, match="only the embedded engine") as caught:
        await client.run(work)
    assert caught.value.retryable is False
    run = Run(app_of(client, client.functions), "app-work")
    last = await run.finish()
    assert (last.status, last.no_retry, len(run.answers)) == (500, True, 1)


@pytest.mark.parametrize("name", ["get", "wait", "cancel", "retry", "resume"])
async def test_runs_by_id_are_refused_on_inngest(name: str) -> None:
    runs = make("inngest").runs
    with pytest.raises(tightbeam.EngineError, match="runs by id are the embedded engine's"):
        await getattr(runs, name)("id")
    with pytest.raises(tightbeam.EngineError, match="runs by id are the embedded engine's"):
        getattr(runs, f"{name}_sync")("id")
    for call in (runs.list, runs.list_sync):
        with pytest.raises(tightbeam.EngineError, match="runs by id are the embedded engine's"):
            await call()
