"""Typed events on Inngest: sent by the SDK, received from call requests as the server makes them."""

from __future__ import annotations

from typing import Any

import inngest
import pytest

import tightbeam
from tests.tightbeam.events.samples import (
    Deleted,
    Upload,
    deleted_event,
    ping_event,
    restored_event,
    upload_event,
)
from tests.tightbeam.inngest.calls import Answer, Run, app_of
from tests.tightbeam.inngest.conftest import no_settings
from tightbeam import Context, ContextSync, cron
from tightbeam.inngest import Client, create_function

__all__ = ["no_settings"]

DAILY = cron("0 9 * * *", tz="Europe/Berlin")


@pytest.fixture
def client() -> Client:
    return Client(app_id="app", is_production=False, api_base_url="http://127.0.0.1:9")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[inngest.Event]:
    """What the SDK is given to send."""
    found: list[inngest.Event] = []

    async def send(_self: object, event: inngest.Event, **_: object) -> list[str]:
        found.append(event)
        return ["id"]

    def send_sync(_self: object, event: inngest.Event, **_: object) -> list[str]:
        found.append(event)
        return ["id"]

    monkeypatch.setattr(inngest.Inngest, "send", send)
    monkeypatch.setattr(inngest.Inngest, "send_sync", send_sync)
    return found


class Heard:
    """The events that a handler got."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []

    async def handler(self, ctx: Context) -> None:
        self.events.append((ctx.event.name, ctx.event.data))

    def handler_sync(self, ctx: ContextSync) -> None:
        self.events.append((ctx.event.name, ctx.event.data))


async def called(client: Client, name: str, data: dict[str, Any]) -> Answer:
    """Have the server call the function "f" with an event."""
    return await Run(app_of(client, client.functions), "app-f", data, event=name).finish()


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize(
    "way",
    [
        "function",
        pytest.param("create_function", marks=pytest.mark.slow),
        pytest.param("of a plain client", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    ("name", "data", "given"),
    [
        ("app/upload", {"uploadId": "u", "size": 3}, ("app/upload", Upload(upload_id="u", size=3))),
        ("app/upload", {"uploadId": "u", "more": 1}, ("app/upload", Upload(upload_id="u"))),
        ("app/deleted", {"reason": "r"}, ("app/deleted", Deleted(reason="r"))),
        ("app/ping", {}, ("app/ping", None)),
        (
            "inngest/scheduled.timer",
            {"cron": "TZ=Europe/Berlin 0 9 * * *"},
            ("inngest/scheduled.timer", None),
        ),
        ("inngest/function.invoked", {"uploadId": "u"}, ("app/upload", Upload(upload_id="u"))),
        ("inngest/function.invoked", {"reason": "r"}, ("app/deleted", Deleted(reason="r"))),
    ],
)
async def test_a_handler_gets_the_event(
    client: Client, name: str, data: dict[str, Any], given: tuple[str, object], way: str, *, sync: bool
) -> None:
    heard = Heard()
    handler: Any = heard.handler_sync if sync else heard.handler
    trigger: Any = upload_event | deleted_event | DAILY
    if name == "app/ping":
        trigger = trigger | ping_event
    if way == "function":
        functions: list[Any] = [client.function("f", on=trigger)(handler)]
    elif way == "create_function":
        functions = [client.create_function(fn_id="f", trigger=trigger)(handler)]
    else:
        functions = [create_function(inngest.Inngest(app_id="app"), fn_id="f", trigger=trigger)(handler)]
    answer = await Run(app_of(client, functions), "app-f", data, event=name).finish()
    assert answer.status == 200, answer.body
    assert heard.events == [given]


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize(
    ("on", "name", "data", "reason"),
    [
        (upload_event, "app/upload", {"uploadId": 5, "size": "secret"}, "/uploadId: must be a string"),
        (upload_event, "app/other", {"uploadId": "u"}, "it isn't one of its events"),
        (
            upload_event | restored_event,
            "inngest/function.invoked",
            {"uploadId": "u"},
            "its data fits <",
        ),
        (upload_event | deleted_event, "inngest/function.invoked", {"n": 1}, "fits none of its events"),
        (upload_event, "inngest/function.invoked", {"n": 1}, "/uploadId: is required"),
    ],
)
async def test_an_event_that_doesnt_fit_fails_the_run_at_once(
    client: Client, on: Any, name: str, data: dict[str, Any], reason: str, *, sync: bool
) -> None:
    heard = Heard()
    client.function("f", on=on, retries=3)(heard.handler_sync if sync else heard.handler)
    answer = await called(client, name, data)
    assert (answer.status, answer.no_retry) == (500, True)
    assert answer.body["name"] == "EventMisfit"
    assert 'doesn\'t fit what starts the function "f" today: ' in answer.body["message"]
    assert reason in answer.body["message"]
    assert "secret" not in str(answer.body)
    assert heard.events == []


async def test_untyped_handlers_keep_the_event_of_the_sdk(client: Client) -> None:
    events: list[object] = []

    @client.function("f", on="app/upload")
    async def f(ctx: tightbeam.inngest.Context) -> None:
        events.append((ctx.event.id, ctx.event.data))

    assert (await called(client, "app/upload", {"n": 1})).status == 200
    assert events == [("e1", {"n": 1})]


async def test_the_events_of_the_sdk_are_there_too(client: Client) -> None:
    @client.function("f", on=upload_event)
    async def f(ctx: tightbeam.inngest.Context[Any]) -> str:
        return ctx.events[0].id

    assert (await called(client, "app/upload", {"uploadId": "u"})).body == "e1"


def test_triggers_are_those_of_the_sdk(client: Client) -> None:
    heard = Heard()
    function = client.function("f", on=upload_event | DAILY | cron("* * * * *") | deleted_event)(
        heard.handler
    )
    config = function.get_config("http://app").main
    assert [each.model_dump(exclude_none=True) for each in config.triggers] == [
        {"event": "app/upload"},
        {"event": "app/deleted"},
        {"cron": "TZ=Europe/Berlin 0 9 * * *"},
        {"cron": "* * * * *"},
    ]


async def test_events_are_sent_as_the_sdk_has_them(client: Client, sent: list[inngest.Event]) -> None:
    await client.send(upload_event, Upload(upload_id="u", size=3), id="e1")
    client.send_sync(upload_event, {"uploadId": "u"}, at=tightbeam._message.time_of(5_000_000))
    await client.send(ping_event)
    assert [(one.name, one.data, one.id, one.ts) for one in sent] == [
        ("app/upload", {"uploadId": "u", "size": 3}, "e1", 0),
        ("app/upload", {"uploadId": "u"}, "", 5_000),
        ("app/ping", {}, "", 0),
    ]


@pytest.mark.parametrize("way", ["function", "create_function"])
@pytest.mark.parametrize("event", [upload_event, "app/upload"])
async def test_what_is_refused_is_not_sent(
    client: Client, sent: list[inngest.Event], event: Any, way: str
) -> None:
    heard = Heard()
    if way == "function":
        client.function("f", on=upload_event)(heard.handler)
    else:
        client.create_function(fn_id="f", trigger=upload_event)(heard.handler)
    with pytest.raises(tightbeam.InvalidPayload, match="/uploadId: is required"):
        await client.send(event, {"size": 3})
    with pytest.raises(tightbeam.InvalidPayload, match="/uploadId: is required"):
        client.send_sync(event, {"size": 3})
    with pytest.raises(tightbeam.NotJson, match="beyond"):
        await client.send(event, {"uploadId": "u", "size": 2**60})
    with pytest.raises(tightbeam.PayloadTooLarge, match='event "app/upload" is 600,015 bytes'):
        await client.send(event, {"uploadId": "u" * 600_000})
    assert sent == []


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((upload_event,), {}),
        ((upload_event, {}, {}), {}),
        ((ping_event, {}), {}),
        ((upload_event | deleted_event, {}), {}),
        ((upload_event, {"uploadId": "u"}), {"skip_middleware": True}),
        ((inngest.Event(name="a"), {}), {}),
        ((inngest.Event(name="a"),), {"id": "e1"}),
        (([inngest.Event(name="a"), upload_event],), {}),
    ],
)
async def test_wrong_calls(
    client: Client, sent: list[inngest.Event], arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        await client.send(*arguments, **options)
    assert sent == []


@pytest.mark.parametrize("trigger", [[upload_event], [inngest.TriggerEvent(event="a"), upload_event]])
def test_typed_triggers_arent_in_lists(client: Client, trigger: Any) -> None:
    with pytest.raises(TypeError, match=r"joined by \|"):
        client.create_function(fn_id="f", trigger=trigger)(Heard().handler)
