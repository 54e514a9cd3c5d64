"""What starts and waits goes to the SDK: its events, its steps, its triggers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import inngest
import pytest

from generated.upload import Upload, UploadEvent, upload_event
from tests.tightbeam.inngest.calls import Run, app_of
from tightbeam import CronEvent, EngineError, NotRegistered, StepError, cron
from tightbeam.inngest import Client, Context, ContextSync

HOUR = timedelta(hours=1)
FILE = {"uploadId": "u1", "filename": "cat.png"}


@pytest.fixture
def sent(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[inngest.Event]:
    """The events that the SDK's own methods are called with, in place of sending them."""
    events: list[inngest.Event] = []

    def note(given: Any) -> list[str]:
        several = given if isinstance(given, list) else [given]
        events.extend(several)
        return [f"e{len(events)}"]

    async def send(self: Any, given: Any, **_: Any) -> list[str]:
        return note(given)

    def send_sync(self: Any, given: Any, **_: Any) -> list[str]:
        return note(given)

    monkeypatch.setattr(inngest.Inngest, "send", send)
    monkeypatch.setattr(inngest.Inngest, "send_sync", send_sync)
    return events


def run_of(client: Client, fn_id: str) -> Run:
    return Run(app_of(client, client.functions), f"app-{fn_id}", {"orderId": "o1"})


# -- sending ----------------------------------------------------------------------------------------------


async def test_options_of_a_send_are_the_events(client: Client, sent: list[inngest.Event]) -> None:
    at = datetime(2036, 1, 1, tzinfo=UTC)
    await client.send(upload_event, FILE, id="k", at=at)
    await client.send("app/plain", {"n": 1}, delay=HOUR)
    client.send_sync("app/plain", id="j")
    first, second, third = sent
    assert (first.name, dict(first.data), first.id, first.ts) == (
        "app/upload",
        FILE,
        "k",
        at.timestamp() * 1000,
    )
    assert abs(second.ts / 1000 - (datetime.now(UTC) + HOUR).timestamp()) < 60
    assert (third.id, third.ts) == ("j", 0)
    with pytest.raises(ValueError, match="more than no time"):
        await client.send("app/plain", delay=timedelta(0))


async def test_events_of_the_sdk_may_be_named_as_in_its_own_methods(
    client: Client, sent: list[inngest.Event]
) -> None:
    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> list[str]:
        return await ctx.step.send_event(step_id="a", events=inngest.Event(name="app/a"))

    @client.function("g", on="app/upload")
    def g(ctx: ContextSync) -> list[str]:
        return ctx.step.send_event("b", events=[inngest.Event(name="app/b")])

    assert (await run_of(client, "f").finish()).body == ["e1"]
    assert (await run_of(client, "g").finish()).body == ["e2"]
    assert await client.send(events=inngest.Event(name="app/c")) == ["e3"]
    assert client.send_sync(events=[inngest.Event(name="app/d")], skip_middleware=True) == ["e4"]
    assert [each.name for each in sent] == ["app/a", "app/b", "app/c", "app/d"]
    nothing: Any = client.send
    with pytest.raises(TypeError, match="events"):
        await nothing()


async def test_a_step_sends_our_events_and_the_sdks(client: Client, sent: list[inngest.Event]) -> None:
    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> list[str]:
        ids = await ctx.step.send_event("a", upload_event, Upload(upload_id="u1", filename="cat.png"), id="k")
        ids += await ctx.step.send_event("b", "app/plain", {"n": 1})
        ids += await ctx.step.send_event("c", inngest.Event(name="app/x"))
        return ids + await ctx.step.send_event(
            "d", [inngest.Event(name="app/x"), inngest.Event(name="app/y")]
        )

    answer = await run_of(client, "f").finish()
    assert (answer.status, answer.body) == (200, ["e1", "e2", "e3", "e5"])
    assert [(each.name, dict(each.data), each.id) for each in sent] == [
        ("app/upload", FILE, "k"),
        ("app/plain", {"n": 1}, ""),
        ("app/x", {}, ""),
        ("app/x", {}, ""),
        ("app/y", {}, ""),
    ]


async def test_a_wrong_event_of_a_step_ends_the_run(client: Client, sent: list[inngest.Event]) -> None:
    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> None:
        wrong: Any = {"uploadId": "u1"}
        await ctx.step.send_event("a", upload_event, wrong)

    answer = await run_of(client, "f").finish()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "InvalidPayload")
    assert sent == []


async def test_a_plain_function_starts_and_waits_too(client: Client, sent: list[inngest.Event]) -> None:
    @client.function("leaf")
    def leaf(ctx: ContextSync) -> int:
        return 1

    @client.function("f", on="app/upload")
    def f(ctx: ContextSync) -> list[Any]:
        ids = ctx.step.send_event("a", upload_event, FILE)
        came = ctx.step.wait_for_event("b", event=upload_event, timeout=HOUR)
        return [ids, came, ctx.step.invoke("c", function=leaf, data={"n": 1}, timeout=HOUR)]

    run = run_of(client, "f")
    answer = await run.finish()
    assert (answer.status, answer.body) == (200, [["e1"], None, {"answer": "what it returned"}]) or (
        answer.body["name"] == "NotJson"  # what the stand-in returns is no int
    )
    ops = [one["op"] for each in run.answers if each.status == 206 for one in each.body]
    assert ops == ["StepRun", "WaitForEvent", "InvokeFunction"]


# -- waiting ----------------------------------------------------------------------------------------------


async def test_a_wait_is_the_sdks_with_an_expression(client: Client) -> None:
    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> list[Any]:
        paid = await ctx.step.wait_for_event(
            "a",
            event="order/paid",
            timeout=HOUR,
            match={"orderId": ctx.event.data["orderId"], "by.kind": 'c"rd'},
            if_exp="async.data.total > 5 || false",
        )
        upload = await ctx.step.wait_for_event("b", event=upload_event, timeout=HOUR)
        assert isinstance(paid, inngest.Event)
        assert upload is not None
        return [paid.data["total"], upload.name, upload.data.filename]

    run = run_of(client, "f")
    first = await run.call()
    (wait,) = first.body
    assert (wait["op"], wait["name"], wait["opts"]) == (
        "WaitForEvent",
        "order/paid",
        {
            "timeout": "1h",
            "if": 'async.data.orderId == "o1" && async.data.by.kind == "c\\"rd" '
            "&& (async.data.total > 5 || false)",
        },
    )
    run.steps[wait["id"]] = {"name": "order/paid", "data": {"total": 6}, "id": "x", "ts": 1}
    (wait,) = (await run.call()).body
    assert (wait["name"], wait["opts"]) == ("app/upload", {"timeout": "1h", "if": None})
    run.steps[wait["id"]] = {"name": "app/upload", "data": FILE, "id": "y", "ts": 1}
    answer = await run.call()
    assert (answer.status, answer.body) == (200, [6, "app/upload", "cat.png"])


async def test_an_event_that_does_not_fit_ends_the_run(client: Client) -> None:
    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> None:
        await ctx.step.wait_for_event("b", event=upload_event, timeout=HOUR)

    run = run_of(client, "f")
    (wait,) = (await run.call()).body
    run.steps[wait["id"]] = {"name": "app/upload", "data": {"uploadId": 5}, "id": "y", "ts": 1}
    answer = await run.call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "InvalidPayload")


@pytest.mark.parametrize(
    "arguments",
    [
        {"event": "app/x", "timeout": timedelta(seconds=-1)},
        {"event": "app/x", "timeout": HOUR, "match": {}},
        {"event": "app/x", "timeout": HOUR, "if_exp": ""},
        {"event": "app/x", "timeout": HOUR, "match": {"a": "\ud800"}},
        {"event": "app/x", "timeout": HOUR, "match": {"\ud800": "a"}},
        {"event": "app/x", "timeout": HOUR, "if_exp": "'\ud800' == 'a'"},
        {"event": "app/x", "timeout": timedelta(milliseconds=500)},
        {"event": "app/x", "timeout": timedelta(seconds=1.5)},
        {"event": "app/x", "timeout": timedelta(0)},
        {"event": "app/x", "timeout": 999},
    ],
)
async def test_what_no_step_can_wait_for_is_refused(client: Client, arguments: dict[str, Any]) -> None:
    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> None:
        await ctx.step.wait_for_event("b", **arguments)

    answer = await run_of(client, "f").call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "StepMisuse")


# -- invoking ---------------------------------------------------------------------------------------------


async def test_a_function_is_invoked_by_the_sdk_with_checked_data(client: Client) -> None:
    @client.function("leaf", on=upload_event)
    async def leaf(ctx: Context[UploadEvent]) -> tuple[int, str]:
        return 1, ctx.event.data.filename

    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> list[Any]:
        found = await ctx.step.invoke(
            "i", function=leaf, data=Upload(upload_id="u1", filename="cat.png"), timeout=HOUR
        )
        return [isinstance(found, tuple), *found]

    run = run_of(client, "f")
    (invoke,) = (await run.call()).body
    assert (invoke["op"], invoke["opts"]) == (
        "InvokeFunction",
        {"function_id": "app-leaf", "payload": {"data": FILE, "v": None}, "timeout": "1h"},
    )
    run.steps[invoke["id"]] = {"data": [1, "cat.png"]}
    answer = await run.call()
    assert (answer.status, answer.body) == (200, [True, 1, "cat.png"])


async def test_a_failed_function_is_the_error_of_both_sides(client: Client) -> None:
    @client.function("leaf")
    async def leaf(ctx: Context) -> None: ...

    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> list[Any]:
        try:
            await ctx.step.invoke("i", function=leaf)
        except StepError as error:
            return [error.step_id, error.error_type, error.error_text, isinstance(error, inngest.StepError)]
        return []

    run = run_of(client, "f")
    (invoke,) = (await run.call()).body
    run.steps[invoke["id"]] = {"error": {"name": "KeyError", "message": "'k'", "stack": ""}}
    answer = await run.call()
    assert (answer.status, answer.body) == (200, ["i", "KeyError", "'k'", True])


async def test_wrong_data_and_other_functions_are_refused(client: Client) -> None:
    @client.function("leaf", on=upload_event)
    async def leaf(ctx: Context[UploadEvent]) -> None: ...

    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> None:
        with pytest.raises(NotRegistered):
            await ctx.step.invoke("i", function=f.__wrapped__)  # type: ignore[call-overload]  # wrong on purpose
        await ctx.step.invoke("i", function=leaf, data={"uploadId": 5})

    answer = await run_of(client, "f").call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "InvalidPayload")


@pytest.mark.parametrize("timeout", [timedelta(0), timedelta(seconds=1.5), 500, -5])
async def test_a_time_limit_that_the_server_cannot_have_is_not_retried(
    client: Client, timeout: int | timedelta
) -> None:
    @client.function("leaf")
    def leaf(ctx: ContextSync) -> int:
        return 1

    @client.function("f", on="app/upload")
    def f(ctx: ContextSync) -> int:
        return ctx.step.invoke("i", function=leaf, timeout=timeout)

    answer = await run_of(client, "f").call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "StepMisuse")


async def test_a_function_of_another_app_is_refused(client: Client) -> None:
    """The SDK would run this app's function of the same name, or none."""
    other = Client(app_id="other", is_production=False)

    @other.function("f", on=upload_event)
    async def theirs(ctx: Context[UploadEvent]) -> int:
        return 1

    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> int:
        return await ctx.step.invoke("i", function=theirs, data=FILE)

    answer = await run_of(client, "f").call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "NotRegistered")
    assert '"other-f"' in answer.body["message"]


async def test_the_result_of_a_created_function_is_as_it_is_annotated(client: Client) -> None:
    @client.create_function(fn_id="leaf", trigger=upload_event)
    async def leaf(ctx: Context[UploadEvent]) -> Upload:
        return ctx.event.data

    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> list[str]:
        found = await ctx.step.invoke("i", function=leaf, data=FILE)
        return [type(found).__name__]

    run = run_of(client, "f")
    (invoke,) = (await run.call()).body
    run.steps[invoke["id"]] = {"data": FILE}
    assert (await run.call()).body == ["Upload"]
    run.steps[invoke["id"]] = {"data": {"another": "result"}}  # which the SDK hands on, too
    assert (await run.call()).body == ["dict"]


async def test_a_function_of_the_sdk_is_invoked_as_it_does(client: Client) -> None:
    @client.create_function(fn_id="leaf", trigger=inngest.TriggerEvent(event="app/leaf"))
    async def leaf(ctx: inngest.Context) -> int:
        return 1

    @client.function("f", on="app/upload")
    async def f(ctx: Context) -> Any:
        return await ctx.step.invoke("i", function=leaf, data={"n": 1})

    run = run_of(client, "f")
    (invoke,) = (await run.call()).body
    assert invoke["opts"]["payload"] == {"data": {"n": 1}, "v": None}
    run.steps[invoke["id"]] = {"data": 7}
    assert (await run.call()).body == 7


# -- schedules --------------------------------------------------------------------------------------------


def test_a_schedule_is_the_sdks_trigger(client: Client) -> None:
    @client.function("a", on=cron("0 9 * * *", tz="Europe/Berlin") | upload_event | cron("*/5 * * * *"))
    async def a(ctx: Context[CronEvent | UploadEvent]) -> None: ...

    (function,) = client.functions
    triggers = [json.loads(each.model_dump_json(exclude_none=True)) for each in function._triggers]
    assert triggers == [
        {"event": "app/upload"},
        {"cron": "TZ=Europe/Berlin 0 9 * * *"},
        {"cron": "*/5 * * * *"},
    ]


@pytest.mark.parametrize(
    "expression", ["*/15 9-17 1,15 JAN-jun,12 mon-FRI", "0 0 ? * 0,6", "5/10 */2 1-31/7 * */7"]
)
def test_what_the_server_reads_is_taken(client: Client, expression: str) -> None:
    @client.function("f", on=cron(expression))
    async def f(ctx: Context[CronEvent]) -> None: ...

    assert f.get_config("http://app").main.model_dump()["triggers"][0]["cron"] == expression


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (cron("* * * * * *"), "seconds are read by the embedded engine only"),
        (cron("@daily"), "'0 0 * * *'"),
        (cron("0 9 * * *", tz="Mars/Olympus"), "no time zone"),
        (cron("0 9 * * 7"), "0, Sunday, to 6"),
        (cron("0 9 * * 1-7"), "0, Sunday, to 6"),
        (cron("0 9 L * *"), "can't read the field 'L'"),
        (cron("0 9 * * 5#2"), "can't read the field '5#2'"),
        (cron("0 9 * * 5L"), "can't read the field '5L'"),
        (cron("0 9 1,x * *"), "can't read the field '1,x'"),
    ],
)
def test_what_the_server_would_not_read_is_refused(client: Client, schedule: Any, says: str) -> None:
    with pytest.raises(EngineError) as refused:
        client.function("f", on=schedule)
    assert says in str(refused.value)
    with pytest.raises(EngineError):
        client.create_function(fn_id="f", trigger=schedule)
    assert client.functions == []
