"""Runs that are started once, later or by other runs, and steps that wait for events and for other runs."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.stores import Storage
from tightbeam import Client, Context, ContextSync, NotRegistered, StepError, StepMisuse
from tightbeam._engine.requests import BeginInvoke, BeginWait, EndWait, LeaveMemory, MemoizeSend, SendEvent

HOUR = timedelta(hours=1)
LONG = timedelta(days=7)

pytestmark = pytest.mark.quick_in_memory


class Waiting:
    """Tells when a step is stored as waiting."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def __call__(self, kind: type[Any] = BeginWait, count: int = 1) -> None:
        await until(lambda: self._count(kind) >= count)

    def _count(self, kind: type[Any]) -> int:
        requests = tuple(each for each in self._storage.double.requests if isinstance(each, kind))
        return sum(self._is_stored(each) for each in requests)

    def _is_stored(self, request: Any) -> bool:
        """Return whether the step is there: it is requested a moment before."""
        if isinstance(request, LeaveMemory):
            return True  # by who asked for it
        return any(step.id == request.step_id for step in self._storage.run(request.run_id).steps)


@pytest.fixture
def waiting(storage: Storage) -> Waiting:
    return Waiting(storage)


def outcomes(storage: Storage, function: str) -> list[str]:
    return [run.state for run in storage.runs(function=function)]


# -- sending ----------------------------------------------------------------------------------------------


async def test_a_key_starts_one_run_a_function(client: Client, storage: Storage) -> None:
    seen: list[Any] = []

    @client.function("a", on="app/e")
    async def a(ctx: Context) -> None:
        seen.append(ctx.event.data)

    @client.function("b", on="app/e")
    async def b(ctx: Context) -> None: ...

    async with client:
        first = await client.send("app/e", {"n": 1}, id="k")
        again = await asyncio.gather(*(client.send("app/e", {"n": 2}, id="k") for _ in range(10)))
        assert again == [first] * 10
        assert client.send_sync("app/e", {"n": 3}, id="k") == first
        assert await client.send("app/e", {"n": 4}, id="other") != first
        await until(lambda: outcomes(storage, "a") == ["done", "done"])
    assert seen == [{"n": 1}, {"n": 4}]
    assert len(storage.runs(function="b")) == 2


async def test_a_key_is_remembered_over_restarts(make_client: MakeClient, storage: Storage) -> None:
    ids = []
    for n in range(3):
        client = make_client()

        @client.function("a", on="app/e")
        async def a(ctx: Context) -> None: ...

        async with client:
            ids.append(await client.send("app/e", {"n": n}, id="k"))
    assert ids == [ids[0]] * 3
    assert outcomes(storage, "a") == ["done"]


async def test_a_run_starts_at_its_time(client: Client, storage: Storage) -> None:
    @client.function("a", on="app/e")
    async def a(ctx: Context) -> None: ...

    async with client:
        now = datetime.now(UTC)
        await client.send("app/e", delay=HOUR)
        await client.send("app/e", at=now + HOUR)
        (at_once,) = await client.send("app/e", at=now - HOUR)
        await until(lambda: storage.run(at_once).summary.state == "done")
        later = [run for run in storage.runs() if run.id != at_once]
        assert [run.state for run in later] == ["ready", "ready"]
        assert all(abs(run.due_at - now - HOUR) < timedelta(minutes=1) for run in later)
        await storage.wake(client)
        await until(lambda: outcomes(storage, "a").count("done") == 2)  # that at a moment isn't moved


async def test_a_delayed_run_is_kept_over_a_restart(make_client: MakeClient, storage: Storage) -> None:
    client = make_client()
    client.function("a", on="app/e")(nothing)
    async with client:
        await client.send("app/e", delay=HOUR)
    assert outcomes(storage, "a") == ["ready"]
    client = make_client()
    client.function("a", on="app/e")(nothing)
    async with client:
        assert outcomes(storage, "a") == ["ready"]
    await storage.let_time_pass()
    client = make_client()
    client.function("a", on="app/e")(nothing)
    async with client:
        await until(lambda: outcomes(storage, "a") == ["done"])


async def nothing(ctx: Context) -> None: ...


async def test_an_event_that_nothing_takes_is_refused(client: Client) -> None:
    client.function("a", on="app/e")(nothing)
    async with client:
        with pytest.raises(NotRegistered, match='"app/x", and no waiting step takes it; there are: app/e'):
            await client.send("app/x")
        with pytest.raises(NotRegistered):
            client.send_sync("app/x", id="k")


# -- send_event -------------------------------------------------------------------------------------------


async def test_a_step_sends_once_however_often_it_is_tried(client: Client, storage: Storage) -> None:
    seen: list[list[str]] = []

    @client.function("a", on="app/a", retries=5)
    async def a(ctx: Context) -> None:
        ids = await ctx.step.send_event("s", "app/b", {"n": ctx.attempt})
        ids += await ctx.step.send_event("s", "app/b", {"n": 10 + ctx.attempt})
        seen.append(ids)
        if len(seen) < 3:
            raise RuntimeError

    @client.function("b", on="app/b")
    async def b(ctx: Context) -> Any:
        return ctx.event.data["n"]

    async with client:
        await client.send("app/a")
        await until(lambda: outcomes(storage, "a") == ["done"])
        await until(lambda: outcomes(storage, "b") == ["done", "done"])
    assert seen == [seen[0]] * 3
    assert seen[0] == [run.id for run in storage.runs(function="b")]
    steps = storage.run(storage.runs(function="a")[0].id).steps
    assert [(step.id, step.kind, step.topic, step.state) for step in steps] == [
        ("s", "step.send_event", "app/b", "done"),
        ("s:1", "step.send_event", "app/b", "done"),
    ]


async def test_a_step_that_sends_what_nothing_takes_fails(client: Client) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> str:
        with contextlib.suppress(NotRegistered):
            await ctx.step.send_event("s", "app/x")
            return "sent"
        (run_id,) = await ctx.step.send_event("t", "app/b", id="k", delay=HOUR)
        assert await ctx.step.send_event("u", "app/b", id="k") == [run_id]
        return "refused"

    client.function("b", on="app/b")(nothing)
    async with client:
        assert await client.run(a) == "refused"


async def test_a_thread_sends_waits_and_invokes_too(client: Client, waiting: Waiting) -> None:
    @client.function("child")
    def child(ctx: ContextSync) -> int:
        return int(ctx.event.data["n"]) + 1

    @client.function("a", on="app/a")
    def a(ctx: ContextSync) -> list[Any]:
        (run_id,) = ctx.step.send_event("s", "app/b", {})
        came = ctx.step.wait_for_event("w", event="app/go", timeout=HOUR)
        late = ctx.step.wait_for_event("x", event="app/go", timeout=timedelta(0))
        n = ctx.step.invoke("i", function=child, data={"n": 6})
        assert came is not None
        return [bool(run_id), came.data["x"], late, n]

    client.function("b", on="app/b")(nothing)
    async with client:
        run = asyncio.ensure_future(client.run(a))
        await waiting()
        assert await client.send("app/go", {"x": 5}) == []
        assert await run == [True, 5, None, 7]


# -- wait_for_event ---------------------------------------------------------------------------------------


async def test_a_step_gets_the_event_it_waits_for(client: Client, waiting: Waiting) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> list[Any]:
        event = await ctx.step.wait_for_event(
            "w", event="order/paid", timeout=HOUR, match={"orderId": ctx.event.data["orderId"]}
        )
        assert event is not None
        return [event.name, event.data]

    async with client:
        one = asyncio.ensure_future(client.run(a, {"orderId": "o1"}))
        two = asyncio.ensure_future(client.run(a, {"orderId": "o2"}))
        await waiting(count=2)
        with pytest.raises(NotRegistered):
            await client.send("order/paid", {"orderId": "o3"})
        assert await client.send("order/paid", {"orderId": "o2", "n": 2}) == []
        assert await two == ["order/paid", {"orderId": "o2", "n": 2}]
        assert client.send_sync("order/paid", {"orderId": "o1"}) == []
        assert await one == ["order/paid", {"orderId": "o1"}]


async def test_an_expression_tells_which_event(client: Client, waiting: Waiting) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> Any:
        event = await ctx.step.wait_for_event(
            "w",
            event="order/paid",
            timeout=HOUR,
            if_exp="event.data.limit < async.data.total",
        )
        return None if event is None else event.data["total"]

    async with client:
        run = asyncio.ensure_future(client.run(a, {"limit": 10}))
        await waiting()
        with pytest.raises(NotRegistered):
            await client.send("order/paid", {"total": 5})
        await client.send("order/paid", {"total": 11})
        assert await run == 11


async def test_the_time_of_a_wait_ends(client: Client, storage: Storage) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> Any:
        return await ctx.step.wait_for_event("w", event="app/x", timeout=timedelta(milliseconds=20))

    async with client:
        assert await client.run(a) is None
    (run,) = storage.runs()
    (step,) = storage.run(run.id).steps
    assert (step.kind, step.state, step.topic) == ("step.wait_for_event", "done", "app/x")


async def test_waits_side_by_side(client: Client, waiting: Waiting) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> list[Any]:
        wait = ctx.step.wait_for_event
        came = await asyncio.gather(
            wait("one", event="app/one", timeout=HOUR),
            wait("two", event="app/two", timeout=HOUR),
            wait("three", event="app/three", timeout=timedelta(milliseconds=1)),
            ctx.step.sleep("nap", timedelta(milliseconds=1)),
        )
        return [each and each.data["n"] for each in came]

    async with client:
        run = asyncio.ensure_future(client.run(a))
        await waiting(count=3)
        await client.send("app/two", {"n": 2})
        await client.send("app/one", {"n": 1})
        assert await run == [1, 2, None, None]


async def test_a_run_that_waits_for_long_leaves_memory_and_is_woken(
    client: Client, storage: Storage, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam._engine.step_rules.LINGER", 0.0)
    begun = 0

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> Any:
        nonlocal begun
        begun += 1
        event = await ctx.step.wait_for_event("w", event="app/go", timeout=LONG)
        return event and event.data

    async with client:
        (run_id,) = await client.send("app/a")
        await waiting(LeaveMemory)
        await until(lambda: run_id not in storage.double.resident)
        assert storage.run(run_id).summary.state == "sleeping"
        await client.send("app/go", {"n": 1})
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert begun == 2


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_wait_goes_on_over_a_restart(
    make_client: MakeClient, storage: Storage, waiting: Waiting, kind: str
) -> None:
    def registered() -> Client:
        client = make_client()
        if kind == "async":

            @client.function("a", on="app/a")
            async def a(ctx: Context) -> Any:
                event = await ctx.step.wait_for_event("w", event="app/go", timeout=LONG)
                return event and event.data
        else:

            @client.function("a", on="app/a")
            def b(ctx: ContextSync) -> Any:
                event = ctx.step.wait_for_event("w", event="app/go", timeout=LONG)
                return event and event.data

        return client

    client = registered()
    async with client:
        (run_id,) = await client.send("app/a")
        await waiting()
    assert storage.run(run_id).summary.state == "sleeping"
    client = registered()
    async with client:
        await client.send("app/go", {"n": 1})
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert storage.run(run_id).summary.attempts == 1


async def test_an_event_that_comes_while_the_wait_is_stored_is_taken(
    client: Client, storage: Storage
) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> Any:
        event = await ctx.step.wait_for_event("w", event="app/go", timeout=LONG)
        return event and event.data

    async with client:
        async with storage.double.held((BeginWait, SendEvent)) as held:
            run = asyncio.ensure_future(client.run(a))
            await until(lambda: len(held.waiting) == 1)
            sent = asyncio.ensure_future(client.send("app/go", {"n": 1}))
            await until(lambda: len(held.waiting) == 2)
        assert await sent == []
        assert await run == {"n": 1}


async def test_what_a_handler_gave_up_waiting_for_is_there_at_the_next_try(
    client: Client, waiting: Waiting
) -> None:
    tries = 0

    @client.function("a", on="app/a", retries=5)
    async def a(ctx: Context) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await ctx.step.wait_for_event("w", event="app/go", timeout=HOUR)
            await client.send("app/go", {"n": 1})
            raise RuntimeError
        event = await ctx.step.wait_for_event("w", event="app/go", timeout=HOUR)
        return event and event.data

    async with client:
        assert await client.run(a) == {"n": 1}
    assert tries == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"event": "app/x", "timeout": 5}, "timedelta, not int"),
        ({"event": "app/x", "timeout": timedelta(seconds=-1)}, "from no time"),
        ({"event": "app/x", "timeout": timedelta.max}, "3650 days"),
        ({"event": "app/x", "timeout": HOUR, "match": {}}, "mapping"),
        ({"event": "app/x", "timeout": HOUR, "if_exp": "a =="}, "CEL"),
    ],
)
async def test_what_no_step_can_wait_for_is_refused(
    client: Client, arguments: dict[str, Any], says: str
) -> None:
    @client.function("a", on="app/a")
    async def a(ctx: Context) -> str:
        try:
            await ctx.step.wait_for_event("w", **arguments)
        except StepMisuse as error:
            return str(error)
        return ""

    async with client:
        assert says in await client.run(a)


async def test_another_event_under_a_known_step_parks_the_run(
    make_client: MakeClient, storage: Storage, waiting: Waiting
) -> None:
    def registered(event: str) -> Client:
        client = make_client()

        @client.function("a", on="app/a")
        async def a(ctx: Context) -> None:
            await ctx.step.wait_for_event("w", event=event, timeout=HOUR)

        return client

    client = registered("app/x")
    async with client:
        (run_id,) = await client.send("app/a")
        await waiting()
    client = registered("app/y")
    async with client:
        await storage.wake(client)
        await until(lambda: storage.run(run_id).summary.state == "parked")
    assert storage.run(run_id).summary.error_text == (
        'step "w" was step.wait_for_event of "app/x" before, and is step.wait_for_event of "app/y" now'
    )


# -- invoke -----------------------------------------------------------------------------------------------


async def test_a_function_is_invoked_once_with_a_typed_result(client: Client, storage: Storage) -> None:
    @client.function("child")
    async def child(ctx: Context) -> tuple[int, str]:
        return ctx.event.data["n"], "x"

    tries = 0

    @client.function("a", on="app/a", retries=5)
    async def a(ctx: Context) -> list[Any]:
        nonlocal tries
        tries += 1
        found = await ctx.step.invoke("i", function=child, data={"n": 5})
        if tries < 3:
            raise RuntimeError
        return [isinstance(found, tuple), *found]

    async with client:
        assert await client.run(a) == [True, 5, "x"]
    assert outcomes(storage, "child") == ["done"]
    parent = storage.runs(function="a")[0]
    (step,) = storage.run(parent.id).steps
    assert (step.kind, step.topic, step.state) == ("step.invoke", "child", "done")


async def test_a_failed_function_is_an_error_that_a_handler_can_catch(client: Client) -> None:
    @client.function("child", retries=1)
    async def child(ctx: Context) -> None:
        raise KeyError("k")

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> list[str]:
        try:
            await ctx.step.invoke("i", function=child)
        except StepError as error:
            return [error.step_id, error.error_type, error.error_text]
        return []

    @client.function("b", on="app/b")
    async def b(ctx: Context) -> None:
        await ctx.step.invoke("i", function=child)

    async with client:
        assert await client.run(a) == ["i", "KeyError", "'k'"]
        with pytest.raises(StepError, match='Step "i" failed: KeyError'):
            await client.run(b)


async def test_an_invoked_run_that_takes_too_long_goes_on(client: Client, storage: Storage) -> None:
    go = asyncio.Event()

    @client.function("child")
    async def child(ctx: Context) -> None:
        await go.wait()

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> str:
        try:
            await ctx.step.invoke("i", function=child, timeout=timedelta(milliseconds=10))
        except StepError as error:
            return error.error_type
        return ""

    async with client:
        assert await client.run(a) == "StepTimeout"
        go.set()
        await until(lambda: outcomes(storage, "child") == ["done"])


async def test_a_parent_may_leave_memory_and_the_process(
    make_client: MakeClient, storage: Storage, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tightbeam._engine.step_rules.LINGER", 0.0)
    go: list[bool] = []

    def registered() -> Client:
        client = make_client(shutdown_timeout=timedelta(0))

        @client.function("child")
        async def child(ctx: Context) -> int:
            if not go:
                await asyncio.Event().wait()
            return 7

        @client.function("a", on="app/a")
        async def a(ctx: Context) -> int:
            return await ctx.step.invoke("i", function=child)

        return client

    client = registered()
    async with client:
        (run_id,) = await client.send("app/a")
        await waiting(LeaveMemory)
        await until(lambda: run_id not in storage.double.resident)
    await storage.closed()
    go.append(True)
    client = registered()
    async with client:
        await until(lambda: storage.run(run_id).summary.state == "done")
    assert [run.attempts for run in storage.runs()] == [1, 1]


async def test_functions_of_one_slot_invoke_themselves_to_a_bound(client: Client, storage: Storage) -> None:
    functions: list[Any] = []

    @client.function("a", on="app/a", concurrency=1)
    async def a(ctx: Context) -> int:
        if ctx.event.data["n"] == 0:
            return 0
        return 1 + await ctx.step.invoke("i", function=functions[0], data={"n": ctx.event.data["n"] - 1})

    functions.append(a)
    async with client:
        assert await client.run(a, {"n": 5}) == 5


async def test_only_functions_of_the_client_are_invoked(client: Client, make_client: MakeClient) -> None:
    other = make_client().function("other")(nothing)

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> None:
        await ctx.step.invoke("i", function=other)

    async with client:
        with pytest.raises(NotRegistered, match=r"step\.invoke takes"):
            await client.run(a)


async def test_cancelling_the_child_fails_the_step_and_cancelling_the_parent_nothing(
    client: Client, storage: Storage
) -> None:
    go = asyncio.Event()

    @client.function("child")
    async def child(ctx: Context) -> None:
        await go.wait()

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> str:
        try:
            await ctx.step.invoke("i", function=child)
        except StepError as error:
            return error.error_type
        return ""

    async with client:
        run = asyncio.ensure_future(client.run(a))
        await until(lambda: outcomes(storage, "child") == ["running"])
        await client.runs.cancel(storage.runs(function="child")[0].id)
        assert await run == "RunCancelled"
        (run_id,) = await client.send("app/a")
        await until(lambda: outcomes(storage, "child") == ["cancelled", "running"])
        await client.runs.cancel(run_id)
        go.set()
        await until(lambda: outcomes(storage, "child") == ["cancelled", "done"])
    assert storage.run(run_id).summary.state == "cancelled"


async def test_a_retried_run_invokes_anew_what_has_failed(client: Client, storage: Storage) -> None:
    broken = [True]

    @client.function("child", retries=0)
    async def child(ctx: Context) -> int:
        if broken:
            raise KeyError("k")
        return 7

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> list[Any]:
        sent = await ctx.step.send_event("s", "app/b")
        return [sent, await ctx.step.invoke("i", function=child)]

    client.function("b", on="app/b")(nothing)
    async with client:
        (run_id,) = await client.send("app/a")
        await until(lambda: storage.run(run_id).summary.state == "failed")
        broken.clear()
        await client.runs.retry(run_id)
        sent, result = await client.runs.wait(run_id)
    assert (result, sent) == (7, [run.id for run in storage.runs(function="b")])
    assert outcomes(storage, "child") == ["failed", "done"]


@pytest.mark.slow
async def test_a_full_disk_delays_what_starts_and_waits(client: Client, storage: Storage) -> None:
    @client.function("child")
    async def child(ctx: Context) -> int:
        return 7

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> list[Any]:
        await ctx.step.send_event("s", "app/b")
        late = await ctx.step.wait_for_event("w", event="app/go", timeout=timedelta(milliseconds=1))
        return [late, await ctx.step.invoke("i", function=child)]

    client.function("b", on="app/b")(nothing)
    async with client:
        for kind in (BeginWait, EndWait, BeginInvoke, MemoizeSend):
            storage.double.fail(kind, times=1)
        assert await client.run(a) == [None, 7]
    assert (outcomes(storage, "b"), outcomes(storage, "child")) == (["done"], ["done"])
    assert storage.runs(function="a")[0].attempts == 1


async def test_steps_inside_steps_and_after_the_end_are_refused(client: Client) -> None:
    kept: list[Any] = []

    @client.function("a", on="app/a")
    async def a(ctx: Context) -> list[str]:
        kept.append(ctx.step)

        async def inside() -> str:
            said = []
            for call in (
                ctx.step.send_event("s", "app/b"),
                ctx.step.wait_for_event("w", event="app/go", timeout=HOUR),
                ctx.step.invoke("i", function=a),
            ):
                try:
                    await call
                except StepMisuse as error:
                    said.append(str(error))
            return "; ".join(said)

        return [await ctx.step.run("outer", inside)]

    async with client:
        (said,) = await client.run(a)
        assert said.count("steps can't be nested") == 3
        with pytest.raises(StepMisuse, match="has ended"):
            await kept[0].wait_for_event("w", event="app/go", timeout=HOUR)
