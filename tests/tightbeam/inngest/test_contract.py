"""What a served app answers to Inngest's call requests, and what it publishes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import inngest
import pytest
from inngest.experimental import ai

import tightbeam
import tightbeam.inngest
from generated.uploads import Result, UploadsChannel, uploads_channel
from tests.tightbeam.inngest.calls import RUN_ID, Run, app_of, hashed
from tests.tightbeam.inngest.standin import StandIn
from tightbeam._context import CurrentStep, current_step
from tightbeam.inngest import Client, Context, ContextSync
from tightbeam.inngest._call import Call
from tightbeam.inngest._realtime import carrier_of

Body = Callable[[Context], Awaitable[Any]]
TRIGGER = inngest.TriggerEvent(event="app/upload")
DONE = {"success": True, "url": "/x"}


def run_of(client: Client, body: Body, **options: Any) -> Run:
    function = client.create_function(fn_id="f", trigger=TRIGGER, **options)(body)
    return Run(app_of(client, [function]), "app-f")


def sent(server: StandIn) -> list[tuple[str, Any]]:
    """Topic and payload of every publish the server got."""
    return [(one.query["topic"], json.loads(one.body)) for one in server.published]


def ids(server: StandIn) -> list[str]:
    """The message ids of the durable ones."""
    return [json.loads(one.query["metadata"])["id"] for one in server.published if "metadata" in one.query]


async def test_the_three_methods_in_one_run(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    async def body(ctx: Context) -> str:
        await ctx.publish(ch.status, {"message": "live"})
        await client.realtime.publish(ch.status, {"message": "anywhere"})
        made = await ctx.step.realtime.publish("publish-result", ch.result, {"success": True, "url": "/x"})
        assert type(made) is Result
        return made.url

    run = run_of(client, body)
    first = await run.call()
    assert (first.status, first.ops) == (206, [("StepRun", "publish-result")])
    assert first.body[0]["id"] == hashed("publish-result")
    assert first.body[0]["data"] == DONE
    run.keep(first)
    last = await run.call()
    assert (last.status, last.body) == (200, "/x")
    live = [("status", {"message": "live"}), ("status", {"message": "anywhere"})]
    assert sent(server) == [*live, ("result", DONE), *live]  # a replay repeats the live ones only
    assert {one.query["run_id"] for one in server.published} == {RUN_ID}
    assert {one.query["channel"] for one in server.published} == {"uploads:u1"}
    assert ids(server) == [f"{RUN_ID}:publish-result:0"]


async def test_the_step_id_is_hashed_as_inngest_hashes_it(client: Client, ch: UploadsChannel) -> None:
    async def body(ctx: Context) -> None:
        for _ in range(3):
            await ctx.step.realtime.publish("pub", ch.result, {"success": True, "url": "/x"})

    run = run_of(client, body)
    await run.finish()
    assert list(run.steps) == [hashed("pub"), hashed("pub:1"), hashed("pub:2")]
    assert hashed("pub") == "3f0ec57c0da513165ed98da3f63354518b117ba4"


async def test_repeats_of_an_id_have_ids_of_their_own_the_same_in_each_replay(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async def body(ctx: Context) -> None:
        for _ in range(3):
            await ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"})

    run = run_of(client, body)
    await run.finish()
    assert ids(server) == [f"{RUN_ID}:p:{n}" for n in range(3)]
    del run.steps[hashed("p:1")], run.steps[hashed("p:2")]  # as if the answer had been lost
    await run.call()
    assert ids(server)[3:] == [f"{RUN_ID}:p:1"]


async def test_a_memo_stands_and_is_typed_whatever_is_passed_now(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    calls = 0

    async def body(ctx: Context) -> bool:
        nonlocal calls
        calls += 1
        data: Any = [{"success": True, "url": "/first"}, {"success": False, "url": "/then"}, {"broken": 1}][
            calls - 1
        ]
        made = await ctx.step.realtime.publish("p", ch.result, data)
        assert made == Result(success=True, url="/first")
        return made.success

    run = run_of(client, body)
    run.keep(await run.call())
    assert [(await run.call()).body for _ in range(2)] == [True, True]
    assert len(server.published) == 1


async def test_a_memo_that_fits_no_longer_fails_the_run_at_once(client: Client, ch: UploadsChannel) -> None:
    async def body(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"})

    run = run_of(client, body)
    run.steps[hashed("p")] = {"data": {"success": "yes"}}
    answer = await run.call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "InvalidPayload")


async def test_what_the_schema_refuses_stops_the_run_and_says_why(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    wrong: Any = {"success": True, "url": 7, "secret-key": "secret-value"}

    async def durable(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.result, wrong)

    async def live(ctx: Context) -> None:
        await ctx.publish(ch.result, wrong)

    async def anywhere(ctx: Context) -> None:
        await client.realtime.publish(ch.result, wrong)

    async def in_step(ctx: Context) -> None:
        async def work() -> None:
            await ctx.publish(ch.result, wrong)

        await ctx.step.run("s", work)

    async def in_group(ctx: Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.publish(ch.result, wrong))

    for body in (durable, live, anywhere, in_step, in_group):
        answer = await run_of(client, body).call()
        assert (answer.status, answer.no_retry) == (500, True), body
        assert answer.body["name"] == "InvalidPayload"
        assert 'Schema validation failed for topic "result"' in answer.body["message"]
        assert "/url: " in answer.body["message"]
        assert "test_contract.py" in answer.body["stack"]
        assert "secret-value" not in answer.body["message"]
    assert server.published == []


def deep(error: BaseException) -> BaseException:
    for _ in range(3_000):
        error = BaseExceptionGroup("deep", [error])
    return error


def wide(error: BaseException) -> BaseException:
    """Few objects, 2^60 paths."""
    for _ in range(60):
        error = BaseExceptionGroup("wide", [error, error])
    return error


@pytest.mark.parametrize("nested", [deep, wide])
async def test_groups_may_be_nested_in_any_way(
    client: Client, server: StandIn, ch: UploadsChannel, nested: Callable[[BaseException], BaseException]
) -> None:
    wrong: Any = {"success": "yes"}

    async def ended(ctx: Context) -> str:
        try:
            await ctx.step.realtime.publish("p", ch.result, DONE)  # type: ignore[arg-type]  # a plain dict
        except BaseException as error:  # noqa: BLE001 - what ends the call is no Exception
            raise nested(error) from None
        return "done"

    async def refused(ctx: Context) -> None:
        try:
            await ctx.publish(ch.result, wrong)
        except tightbeam.InvalidPayload as error:
            raise nested(error) from None

    async def failed(ctx: Context) -> None:
        raise nested(LookupError("x"))

    run = run_of(client, ended)
    assert (await run.call()).ops == [("StepRun", "p")]
    answer = await run_of(client, refused).call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "InvalidPayload")
    answer = await run_of(client, failed).call()
    assert (answer.status, answer.no_retry) == (500, False)


class Mute(Exception):
    """An error that can't be asked what it is."""

    def __getattribute__(self, name: str) -> object:
        raise LookupError(name)


class Undecided(tightbeam.PublishFailed):
    """An error that can't say whether to try again."""

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        raise LookupError("retryable")

    @retryable.setter
    def retryable(self, value: bool) -> None:
        pass


@pytest.mark.parametrize("kind", [Mute, Undecided])
def test_an_odd_error_is_left_as_it_is(kind: Callable[[str], Exception]) -> None:
    error = kind("x")
    call = Call("r", "f", 0, None, strict=True)  # type: ignore[arg-type]  # nothing is published
    assert call.ended_by(error) is error
    group = ExceptionGroup("several", [error, LookupError("y")])
    assert call.ended_by(group) is group


async def test_a_body_may_catch_what_was_refused_and_go_on(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    wrong: Any = {"success": 1}

    async def body(ctx: Context) -> str:
        with pytest.raises(tightbeam.InvalidPayload) as caught:
            await ctx.step.realtime.publish("bad", ch.result, wrong)
        assert isinstance(caught.value, inngest.NonRetriableError)
        await ctx.step.realtime.publish("good", ch.result, {"success": True, "url": "/x"})
        return "went on"

    assert (await run_of(client, body).finish()).body == "went on"
    assert sent(server) == [("result", DONE)]


async def test_too_large_is_refused_before_it_is_cut(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async def body(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.status, {"message": "x" * 524_288})

    answer = await run_of(client, body).call()
    assert (answer.no_retry, answer.body["name"], server.published) == (True, "PayloadTooLarge", [])


# ------------------------------------------------------------------------------------ failing steps


async def test_a_failing_step_is_retried_and_publishes_again(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    attempts = []

    async def body(ctx: Context) -> None:
        async def work() -> None:
            attempts.append(ctx.attempt)
            await ctx.publish(ch.status, {"message": f"attempt {ctx.attempt}"})
            if len(attempts) < 3:
                raise RuntimeError("once more")

        await ctx.step.run("work", work)

    run = run_of(client, body)
    last = await run.finish()
    assert last.status == 200
    assert attempts == [0, 1, 2]
    assert [data["message"] for _, data in sent(server)] == ["attempt 0", "attempt 1", "attempt 2"]
    assert run.answers[0].ops == [("StepError", "work")]


async def test_a_step_that_used_up_its_attempts_reaches_the_body_as_both_step_errors(client: Client) -> None:
    async def body(ctx: Context) -> str:
        async def work() -> None:
            raise LookupError("no such thing")

        with pytest.raises(tightbeam.StepError) as caught:
            await ctx.step.run("work", work)
        error = caught.value
        assert isinstance(error, inngest.StepError)
        assert str(error) == 'Step "work" failed: LookupError: no such thing'  # as on the embedded engine
        return f"{error.step_id} {error.error_type} {error.error_text}"

    run = run_of(client, body)
    assert (await run.finish()).body == "work LookupError no such thing"
    assert [one.ops for one in run.answers[:-1]] == [*[[("StepError", "work")]] * 3, [("StepFailed", "work")]]


async def test_unhandled_it_fails_the_run_at_once(client: Client) -> None:
    async def body(ctx: Context) -> None:
        async def work() -> None:
            raise LookupError("no such thing")

        await ctx.step.run("work", work)

    last = await run_of(client, body).finish()
    assert (last.status, last.no_retry, last.body["name"]) == (500, True, "LookupError")


async def test_a_publish_the_server_cannot_take_now_is_retried_as_a_step(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    server.script.extend([(503, b"busy"), "drop"])

    async def body(ctx: Context) -> str:
        return (await ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"})).url

    run = run_of(client, body)
    assert (await run.finish()).body == "/x"
    errors = [one.body[0]["error"]["message"] for one in run.answers[:2]]
    assert "503" in errors[0]
    assert "busy" in errors[0]
    assert ids(server) == [f"{RUN_ID}:p:0"] * 3


async def test_a_publish_the_server_refuses_for_good_ends_the_run(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    server.script.append((400, b"no such environment"))

    async def body(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"})

    answer = await run_of(client, body).call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "PublishFailed")
    assert "no such environment" in answer.body["message"]


async def test_our_own_errors_from_a_handler_are_not_retried(client: Client) -> None:
    async def body(ctx: Context) -> None:
        raise tightbeam.NonRetriableError("enough")

    answer = await run_of(client, body).call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "NonRetriableError")
    assert "test_contract.py" in answer.body["stack"]


async def test_other_errors_are_retried(client: Client) -> None:
    async def body(ctx: Context) -> None:
        raise ZeroDivisionError

    run = run_of(client, body)
    last = await run.finish()
    assert (len(run.answers), last.no_retry, last.body["name"]) == (4, False, "ZeroDivisionError")


async def test_what_is_no_function_is_refused_without_retries(client: Client) -> None:
    async def work() -> int:
        return 1

    async def called(ctx: Context) -> None:
        await ctx.step.run("s", work())  # type: ignore[arg-type]  # what is tested

    def called_sync(ctx: ContextSync) -> None:
        ctx.step.run("s", work())  # type: ignore[arg-type]  # what is tested

    def asynchronous(ctx: ContextSync) -> None:
        ctx.step.run("s", work)  # type: ignore[unused-coroutine]  # what is tested

    async def plain(ctx: tightbeam.Context) -> None:
        await ctx.step.run("s", len, "x")  # type: ignore[arg-type]  # what is tested

    async def plain_of_the_sdk(ctx: Context) -> int:
        return await ctx.step.run("s", len, "x")  # type: ignore[arg-type,misc]  # the SDK takes it at run time

    def made(handler: Any) -> inngest.Function[Any]:
        return client.create_function(fn_id=handler.__name__, trigger=TRIGGER)(handler)

    functions = [made(called), made(called_sync), made(asynchronous), client.function("plain")(plain)]
    app = app_of(client, [*functions, made(plain_of_the_sdk)])
    for function in functions:
        answer = await Run(app, function.id).call()
        assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "StepMisuse"), function.id
    assert (await Run(app, "app-plain_of_the_sdk").finish()).body == 1


async def test_what_is_no_topic_is_refused_in_words(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    no_topic: Any = ch

    async def body(ctx: Context) -> None:
        for publish in (
            ctx.publish(no_topic, {}),
            client.realtime.publish(no_topic, {}),
            ctx.step.realtime.publish("p", no_topic, {}),
        ):
            with pytest.raises(TypeError, match="not the channel"):
                await publish
        with pytest.raises(TypeError, match="not the channel"):
            client.realtime.publish_sync(no_topic, {})

    assert (await run_of(client, body).finish()).status == 200
    assert server.requests == []


async def test_a_durable_publish_inside_a_step_is_refused_and_nothing_is_sent(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async def body(ctx: Context) -> None:
        async def work() -> None:
            await ctx.step.realtime.publish("inner", ch.result, {"success": True, "url": "/x"})

        await ctx.step.run("outer", work)

    answer = await run_of(client, body).call()
    assert answer.no_retry
    assert "nested" in json.dumps(answer.body)
    assert server.published == []


# -------------------------------------------------------------------------------- several at a time


async def parallel(ctx: Context, ch: UploadsChannel) -> None:
    await ctx.group.parallel(
        tuple(
            lambda n=n: ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})  # type: ignore[misc]  # mypy: n
            for n in range(4)
        )
    )


async def gathered(ctx: Context, ch: UploadsChannel) -> None:
    made = await asyncio.gather(
        *(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}) for n in range(4))
    )
    assert [one.message for one in made] == ["0", "1", "2", "3"]


async def gathered_with_exceptions(ctx: Context, ch: UploadsChannel) -> None:
    made = await asyncio.gather(
        *(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}) for n in range(4)),
        return_exceptions=True,
    )
    await ctx.step.realtime.publish("after", ch.status, {"message": "after"})
    assert [type(one).__name__ for one in made] == ["Status"] * 4


async def gathered_and_nothing_after(ctx: Context, ch: UploadsChannel) -> None:
    await asyncio.gather(
        *(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}) for n in range(4)),
        return_exceptions=True,
    )


async def gathered_with_a_sleep(ctx: Context, ch: UploadsChannel) -> None:
    await asyncio.gather(
        *(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}) for n in range(4)),
        ctx.step.sleep("sleep", timedelta(seconds=1)),
        return_exceptions=True,
    )


async def task_group(ctx: Context, ch: UploadsChannel) -> None:
    async with asyncio.TaskGroup() as group:
        for n in range(4):
            group.create_task(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}))


async def one_after_the_other(ctx: Context, ch: UploadsChannel) -> None:
    """All shapes in one run: after parallel steps the server lets nothing execute that it didn't plan."""
    await ctx.group.parallel((lambda: ctx.step.realtime.publish("p0", ch.status, {"message": "0"}),))
    await asyncio.gather(ctx.step.realtime.publish("p1", ch.status, {"message": "1"}))
    async with asyncio.TaskGroup() as group:
        for n in (2, 3):
            group.create_task(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}))


async def chains(ctx: Context, ch: UploadsChannel) -> None:
    async def chain(n: int) -> None:
        await ctx.step.sleep(f"before{n}", timedelta(seconds=1))
        await ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})

    await asyncio.gather(*(chain(n) for n in range(4)))


async def as_they_complete(ctx: Context, ch: UploadsChannel) -> None:
    publishes = [ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}) for n in range(4)]
    for done in asyncio.as_completed(publishes):
        await done


async def with_other_steps(ctx: Context, ch: UploadsChannel) -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 1

    await asyncio.gather(
        ctx.step.sleep("sleep", timedelta(seconds=1)),
        ctx.step.run("work", work),
        ctx.step.invoke_by_id("invoke", function_id="other"),
        ctx.step.ai.infer("ai", adapter=ai.openai.Adapter(auth_key="none", model="m"), body={"messages": []}),
        ctx.step.sleep_until("until", datetime.now(UTC)),
        ctx.step.wait_for_event("wait", event="app/other", timeout=timedelta(seconds=1)),
        *(ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)}) for n in range(4)),
    )


async def swallowed(ctx: Context, ch: UploadsChannel) -> None:
    for n in range(4):
        with contextlib.suppress(BaseException):
            await ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})


async def replaced_by_another_error(ctx: Context, ch: UploadsChannel) -> None:
    for n in range(4):
        try:
            await ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})
        except BaseException as error:
            raise LookupError("cleaned up") from error


async def swallowed_around_a_group(ctx: Context, ch: UploadsChannel) -> None:
    with contextlib.suppress(BaseException):
        await parallel(ctx, ch)


async def work() -> int:
    return 1


OTHERS: dict[str, Callable[[Context], Awaitable[object]]] = {
    "ai": lambda ctx: ctx.step.ai.infer(
        "s", adapter=ai.openai.Adapter(auth_key="none", model="m"), body={"messages": []}
    ),
    "invoke": lambda ctx: ctx.step.invoke_by_id("s", function_id="other"),
    "run": lambda ctx: ctx.step.run("s", work),
    "sleep": lambda ctx: ctx.step.sleep("s", timedelta(seconds=1)),
    "sleep_until": lambda ctx: ctx.step.sleep_until("s", datetime.now(UTC)),
    "wait_for_event": lambda ctx: ctx.step.wait_for_event(
        "s", event="app/other", timeout=timedelta(seconds=1)
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
async def test_each_is_sent_once_beside_every_other_kind_of_step(
    client: Client, server: StandIn, ch: UploadsChannel, kind: str
) -> None:
    async def body(ctx: Context) -> str:
        await asyncio.gather(OTHERS[kind](ctx), gathered(ctx, ch))
        return "done"

    assert (await run_of(client, body).finish()).body == "done"
    for task in [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]:
        await asyncio.wait({task})
    assert sorted(data["message"] for _, data in sent(server)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "shape",
    [
        parallel,
        gathered,
        gathered_with_exceptions,
        gathered_and_nothing_after,
        gathered_with_a_sleep,
        task_group,
        one_after_the_other,
        chains,
        as_they_complete,
        with_other_steps,
        swallowed,
        replaced_by_another_error,
        swallowed_around_a_group,
    ],
    ids=lambda one: one.__name__,
)
async def test_each_is_sent_once_however_they_run(
    client: Client,
    server: StandIn,
    ch: UploadsChannel,
    shape: Callable[[Context, UploadsChannel], Awaitable[None]],
) -> None:
    async def body(ctx: Context) -> str:
        await shape(ctx, ch)
        return "done"

    run = run_of(client, body)
    last = await run.finish()
    assert (last.status, last.body) == (200, "done")
    left = [one for one in asyncio.all_tasks() if "publish" in repr(one) or "RealtimeStep" in repr(one)]
    for task in left:  # who went on after an answer, if anybody did, sends what it sends
        await asyncio.wait({task})
    messages = [data["message"] for _, data in sent(server) if data["message"] != "after"]
    assert sorted(messages) == ["0", "1", "2", "3"]


async def test_the_trap_is_one_without_us(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    """Plain steps of the SDK in `gather`: n(n+1)/2 messages."""

    async def body(ctx: inngest.Context) -> None:
        async def send(n: int) -> None:
            await client.realtime.publish(ch.status, {"message": str(n)})

        plain = inngest.Step.run
        await asyncio.gather(*(plain(ctx.step, f"p{n}", send, n) for n in range(4)))

    plain_client = inngest.Inngest(app_id="app", is_production=False, api_base_url=server.origin)
    function = plain_client.create_function(fn_id="f", trigger=TRIGGER)(body)
    run = Run(app_of(plain_client, [function]), "app-f")
    await run.finish()
    for task in [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]:
        await asyncio.wait({task})
    assert len(server.published) == 10


async def test_a_parallel_step_that_is_planned_runs_when_it_is_asked_for(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async def body(ctx: Context) -> None:
        await parallel(ctx, ch)

    run = run_of(client, body)
    first = await run.call()
    assert [op for op, _ in first.ops] == ["StepPlanned"] * 4
    assert server.published == []
    answer = await run.call(hashed("p2"))
    assert answer.ops == [("StepRun", "p2")]
    assert [data["message"] for _, data in sent(server)] == ["2"]


# ----------------------------------------------------------------------------- contexts and run ids


async def test_the_run_id_reaches_tasks_and_threads_and_ends_with_the_call(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    async def body(ctx: Context) -> None:
        await asyncio.create_task(client.realtime.publish(ch.status, {"message": "task"}))
        await asyncio.to_thread(client.realtime.publish_sync, ch.status, {"message": "thread"})

        async def work() -> None:
            await client.realtime.publish(ch.status, {"message": "step"})

        await ctx.step.run("s", work)

    await run_of(client, body).call()
    await client.realtime.publish(ch.status, {"message": "outside"})
    found = {json.loads(one.body)["message"]: one.query.get("run_id") for one in server.published}
    assert found == {"task": RUN_ID, "thread": RUN_ID, "step": RUN_ID, "outside": None}


async def test_the_run_id_is_gone_where_the_handler_was_called(client: Client) -> None:
    """In one task and one thread: a pool's threads go on to other work."""
    from tightbeam._context import current_run
    from tightbeam.inngest._handler import wrapped
    from tightbeam.inngest._realtime import carrier_of

    def given(ctx: Any, step: Any) -> Any:
        ctx.__dict__.update(run_id="r", step=step, attempt=0, event=inngest.Event(name="app/f"))
        return ctx

    async def body(ctx: Context) -> str | None:
        return current_run.get()

    async def fails(ctx: Context) -> None:
        raise LookupError

    def body_sync(ctx: ContextSync) -> str | None:
        return current_run.get()

    def fails_sync(ctx: ContextSync) -> None:
        raise LookupError

    carrier = carrier_of(client)
    for handler in (body, fails):
        ctx = given(object.__new__(inngest.Context), object.__new__(inngest.Step))
        with contextlib.suppress(LookupError):
            assert await wrapped(handler, carrier, "f")(ctx) == "r"
        assert current_run.get() is None
    for handler_sync in (body_sync, fails_sync):
        ctx = given(object.__new__(inngest.ContextSync), object.__new__(inngest.StepSync))
        with contextlib.suppress(LookupError):
            assert wrapped(handler_sync, carrier, "f")(ctx) == "r"
        assert current_run.get() is None


async def test_everything_of_the_sdks_context_is_there(client: Client) -> None:
    async def body(ctx: Context) -> list[str]:
        assert isinstance(ctx, inngest.Context)
        assert isinstance(ctx.step, inngest.Step)
        assert ctx.events[0].name == "app/upload"
        ctx.logger.info("the SDK's logger")
        return sorted(vars(ctx))

    answer = await run_of(client, body).call()
    names = {"attempt", "event", "events", "group", "job_id", "logger", "request_id", "run_id", "step"}
    assert set(answer.body) == names


async def test_a_field_that_a_release_adds_is_kept() -> None:
    from tightbeam.inngest._call import Call
    from tightbeam.inngest._context import upgraded

    original = object.__new__(inngest.Context)
    step = object.__new__(inngest.Step)
    counter = object()
    step.__dict__.update(counter=counter)
    original.__dict__.update(step=step, run_id="r", brand_new=1)
    made = upgraded(original, Call("r", "f", 0, None, strict=False))  # type: ignore[arg-type]  # carries nothing here
    assert vars(made)["brand_new"] == 1
    assert vars(made.step)["counter"] is counter  # the ids are counted in one place
    assert original.step is step


async def test_upgrading_twice_counts_once(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    from tightbeam.inngest._handler import wrapped
    from tightbeam.inngest._realtime import carrier_of

    async def body(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.status, {"message": "1"})
        await ctx.step.realtime.publish("p", ch.status, {"message": "2"})

    twice: Any = wrapped(body, carrier_of(client), "f")
    await run_of(client, twice).finish()
    assert ids(server) == [f"{RUN_ID}:p:0", f"{RUN_ID}:p:1"]


async def test_a_class_that_a_middleware_puts_in_place_goes_on_working(
    client: Client, ch: UploadsChannel
) -> None:
    class Counting(inngest.Step):
        async def send_event(self, step_id: str, events: Any) -> list[str]:
            return ["overridden"]

    class Swap(inngest.Middleware):
        async def transform_input(self, ctx: Any, function: Any, steps: Any) -> None:
            swapped = object.__new__(Counting)
            swapped.__dict__.update(ctx.step.__dict__)
            ctx.step = swapped

    async def body(ctx: Context) -> list[str]:
        await ctx.step.realtime.publish("p", ch.status, {"message": "1"})
        return await ctx.step.send_event("e", inngest.Event(name="x"))

    assert (await run_of(client, body, middleware=[Swap]).finish()).body == ["overridden"]


async def test_sync_handlers_without_await(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    threads = set()

    def work(ctx: ContextSync) -> str:
        threads.add(threading.current_thread())
        ctx.publish(ch.status, {"message": "live"})
        client.realtime.publish_sync(ch.status, {"message": "anywhere"})
        doubled = ctx.step.run("double", lambda n: n * 2, 21)
        made = ctx.step.realtime.publish("p", ch.result, {"success": True, "url": f"/{doubled}"})
        assert type(made) is Result
        return made.url

    function = client.create_function(fn_id="f", trigger=TRIGGER)(work)
    run = Run(app_of(client, [function]), "app-f")
    assert (await run.finish()).body == "/42"
    assert threading.current_thread() not in threads
    assert [topic for topic, _ in sent(server)].count("result") == 1
    assert {one.query["run_id"] for one in server.published} == {RUN_ID}


async def test_sync_handlers_fail_as_async_ones_do(
    client: Client, server: StandIn, ch: UploadsChannel
) -> None:
    wrong: Any = {"success": 1}

    def durable(ctx: ContextSync) -> None:
        ctx.step.realtime.publish("p", ch.result, wrong)

    def live(ctx: ContextSync) -> None:
        ctx.publish(ch.result, wrong)

    def in_step(ctx: ContextSync) -> None:
        ctx.step.run("s", lambda: ctx.publish(ch.result, wrong))

    def nested(ctx: ContextSync) -> None:
        ctx.step.run(
            "s",
            lambda: ctx.step.realtime.publish("p", ch.result, {"success": True, "url": "/x"}).model_dump(),
        )

    def own(ctx: ContextSync) -> None:
        raise tightbeam.NonRetriableError("enough")

    for handler in (durable, live, in_step, nested, own):
        function = client.create_function(fn_id="f", trigger=TRIGGER)(handler)
        answer = await Run(app_of(client, [function]), "app-f").call()
        assert (answer.status, answer.no_retry) == (500, True), handler
    assert server.published == []


def swallowing(ctx: ContextSync, ch: UploadsChannel) -> None:
    for n in range(4):
        with contextlib.suppress(BaseException):
            ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})


def swallowing_other_steps(ctx: ContextSync, ch: UploadsChannel) -> None:
    steps: list[Callable[[], object]] = [
        lambda: ctx.step.sleep("sleep", timedelta(seconds=1)),
        lambda: ctx.step.wait_for_event("wait", event="app/other", timeout=timedelta(seconds=1)),
        lambda: ctx.step.invoke_by_id("invoke", function_id="other"),
        *(
            lambda n=n: ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})  # type: ignore[misc]  # mypy: n
            for n in range(4)
        ),
    ]
    for step in steps:
        with contextlib.suppress(BaseException):
            step()


def raising_something_else(ctx: ContextSync, ch: UploadsChannel) -> None:
    for n in range(4):
        try:
            ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})
        except BaseException as error:
            raise LookupError("cleaned up") from error


def swallowing_a_group(ctx: ContextSync, ch: UploadsChannel) -> None:
    with contextlib.suppress(BaseException):
        ctx.group.parallel(
            tuple(
                lambda n=n: ctx.step.realtime.publish(f"p{n}", ch.status, {"message": str(n)})  # type: ignore[misc]  # mypy: n
                for n in range(4)
            )
        )


def in_a_pool(ctx: ContextSync, ch: UploadsChannel) -> None:
    with ThreadPoolExecutor(1) as pool:
        for n in range(4):
            pool.submit(ctx.step.realtime.publish, f"p{n}", ch.status, {"message": str(n)}).result()


@pytest.mark.parametrize(
    "shape",
    [swallowing, swallowing_other_steps, raising_something_else, swallowing_a_group, in_a_pool],
    ids=lambda one: one.__name__,
)
async def test_a_sync_handler_that_catches_the_end_of_its_call_loses_no_step(
    client: Client,
    server: StandIn,
    ch: UploadsChannel,
    shape: Callable[[ContextSync, UploadsChannel], None],
) -> None:
    def body(ctx: ContextSync) -> str:
        shape(ctx, ch)
        return "done"

    run = Run(app_of(client, [client.create_function(fn_id="f", trigger=TRIGGER)(body)]), "app-f")
    last = await run.finish()
    assert (last.status, last.body) == (200, "done")
    assert sorted(data["message"] for _, data in sent(server)) == ["0", "1", "2", "3"]
    assert {hashed(f"p{n}") for n in range(4)} <= run.steps.keys()


@pytest.mark.slow
async def test_a_publish_that_no_handler_awaits_is_a_step_and_nothing_logs_its_payload(
    client: Client, server: StandIn, ch: UploadsChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(ctx: Context) -> str:
        task = asyncio.create_task(ctx.step.realtime.publish("p", ch.status, {"message": "secret"}))
        await asyncio.wait({task})
        return "done"

    run = run_of(client, body)
    assert (await run.finish()).body == "done"
    gc.collect()  # where asyncio logs what was never retrieved
    assert "secret" not in caplog.text
    assert len(server.published) == 1
    assert hashed("p") in run.steps


async def test_plain_handlers_of_the_sdk_still_pass(client: Client) -> None:
    async def body(ctx: inngest.Context) -> int:
        async def work() -> int:
            return 1

        return await ctx.step.run("s", work)

    function = client.create_function(fn_id="f", trigger=TRIGGER)(body)
    assert (await Run(app_of(client, [function]), "app-f").finish()).body == 1


async def test_an_existing_client(server: StandIn, ch: UploadsChannel) -> None:
    plain = inngest.Inngest(app_id="app", is_production=False, api_base_url=server.origin)

    @tightbeam.inngest.create_function(plain, fn_id="f", trigger=TRIGGER)
    async def function(ctx: Context) -> None:
        await ctx.publish(ch.status, {"message": "live"})
        await tightbeam.inngest.realtime(plain).publish(ch.status, {"message": "anywhere"})

    assert isinstance(function, inngest.Function)
    assert (await Run(app_of(plain, [function]), "app-f").finish()).status == 200
    assert [one.query["run_id"] for one in server.published] == [RUN_ID] * 2
    assert tightbeam.inngest.realtime(plain) is tightbeam.inngest.realtime(plain)


async def test_on_failure_handlers(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    @tightbeam.inngest.on_failure
    async def failed(ctx: Context) -> None:
        await ctx.step.realtime.publish("p", ch.result, {"success": False, "url": ""})

    @tightbeam.inngest.on_failure
    def failed_sync(ctx: ContextSync) -> None:
        ctx.publish(ch.result, {"success": False, "url": ""})

    async def body(ctx: Context) -> None: ...

    def body_sync(ctx: ContextSync) -> None: ...

    one = client.create_function(fn_id="f", trigger=TRIGGER, on_failure=failed)(body)
    two = client.create_function(fn_id="g", trigger=TRIGGER, on_failure=failed_sync)(body_sync)
    app = app_of(client, [one, two])
    assert (await Run(app, "app-f-failure").finish()).status == 200
    assert (await Run(app, "app-g-failure").finish()).status == 200
    assert [topic for topic, _ in sent(server)] == ["result", "result"]

    plain = inngest.Inngest(app_id="app", is_production=False, api_base_url=server.origin)

    async def plain_body(ctx: inngest.Context) -> None: ...

    astray = plain.create_function(fn_id="f", trigger=TRIGGER, on_failure=failed)(plain_body)
    answer = await Run(app_of(plain, [astray]), "app-f-failure").call()
    assert "tightbeam.inngest.create_function" in answer.body["message"]


async def test_results_come_back_as_annotated_and_as_they_are_otherwise(client: Client) -> None:
    async def model() -> Result:
        return Result(success=True, url="/x")

    async def pair() -> tuple[int, str]:
        return 1, "a"

    async def lies() -> dict[str, int]:
        return {"a": "text"}  # type: ignore[dict-item]  # as code without a type checker may

    async def body(ctx: Context) -> list[str]:
        found: list[object] = [
            await ctx.step.run("model", model),
            await ctx.step.run("pair", pair),
            await ctx.step.run("lies", lies),
        ]
        return [repr(one) for one in found]

    answer = await run_of(client, body).finish()
    assert answer.body == ["UploadResult(success=True, url='/x')", "(1, 'a')", "{'a': 'text'}"]


async def test_the_sdks_output_type_stays_the_sdks(server: StandIn) -> None:
    client = Client(
        app_id="app", is_production=False, api_base_url=server.origin, serializer=inngest.PydanticSerializer()
    )

    async def body(ctx: Context) -> Result:
        async def work() -> Result:
            return Result(success=True, url="/x")

        made = await ctx.step.run("s", work, output_type=Result)
        assert made == Result(success=True, url="/x")
        return made

    function = client.create_function(fn_id="f", trigger=TRIGGER, output_type=Result)(body)
    assert (await Run(app_of(client, [function]), "app-f").finish()).body == DONE


def test_the_channel_of_the_recordings_is_what_a_front_end_computes() -> None:
    assert uploads_channel(upload_id="u1").name == "uploads:u1"


async def test_a_call_that_is_cancelled_ends_so(client: Client, server: StandIn) -> None:
    """Not in what ended it before: who cancels a request wants no answer."""
    call = Call(RUN_ID, "f", 0, carrier_of(client), strict=False)
    ended: list[BaseException] = []

    async def body() -> None:
        with contextlib.suppress(BaseException):
            async with call.turn():
                raise BaseExceptionForTests
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            ended.append(call.ended_by(error))
            raise

    running = asyncio.create_task(body())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    assert [type(one) for one in ended] == [asyncio.CancelledError]


class BaseExceptionForTests(BaseException):
    """As the SDK's, which ends a call."""


def test_a_step_of_another_run_is_no_reason_against_one_of_this(client: Client) -> None:
    """A test that triggers a run inside a step of another one, say."""
    token = current_step.set(CurrentStep("another run", "outer"))
    try:
        assert (
            Call(RUN_ID, "f", 0, carrier_of(client), strict=False).use("inner", "step.run").step_id == "inner"
        )
    finally:
        current_step.reset(token)
