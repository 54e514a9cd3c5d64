"""``concurrency=`` with a key, and ``priority=``, on the embedded engine."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient, until
from tests.tightbeam.engine.stores import Storage
from tests.tightbeam.events.samples import upload_event
from tightbeam import Client, Context, ContextSync, EngineError
from tightbeam.testing import Clock, Faults, Started, settle

HOUR = timedelta(hours=1)
PATH = "event.data.user"


class Work:
    """Runs that wait until they are let go, and how many of each user there are at a time."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.order: list[str] = []
        self._events: dict[str, asyncio.Event] = {}

    async def __call__(self, ctx: Context) -> None:
        user = ctx.event.data["user"]
        self.now[user] += 1
        self.most[user] = max(self.most[user], self.now[user])
        self.order.append(user)
        try:
            await self._event(user).wait()
        finally:
            self.now[user] -= 1

    def let_go(self, user: str) -> None:
        self._event(user).set()

    def _event(self, user: str) -> asyncio.Event:
        return self._events.setdefault(user, asyncio.Event())


@pytest.mark.parametrize("key", [PATH, lambda event: event.data["user"]])
async def test_runs_of_one_key_share_a_limit_and_leave_the_others_alone(client: Client, key: Any) -> None:
    work = Work()

    @client.function("work", on="app/work", concurrency=(2, key))
    async def function(ctx: Context) -> None:
        await work(ctx)

    async with client, asyncio.timeout(20):
        for user in ["hot"] * 20 + ["ada", "bob"]:
            await client.send("app/work", {"user": user})
        await until(lambda: work.now == {"hot": 2, "ada": 1, "bob": 1})
        for user in ("ada", "bob", "hot"):
            work.let_go(user)
        await settle()
    assert work.most == {"hot": 2, "ada": 1, "bob": 1}
    assert Counter(work.order) == {"hot": 20, "ada": 1, "bob": 1}


async def test_a_limit_of_all_runs_beside_it(client: Client) -> None:
    work = Work()

    @client.function("work", on="app/work", concurrency=[3, (2, PATH)])
    async def function(ctx: Context) -> None:
        await work(ctx)

    async with client, asyncio.timeout(20):
        for user in ("a", "a", "a", "b", "b", "b"):
            await client.send("app/work", {"user": user})
        await until(lambda: work.now == {"a": 2, "b": 1})
        work.let_go("a")
        await until(lambda: Counter(work.order) == {"a": 3, "b": 2} and not work.now["a"])
        work.let_go("b")
        await settle()
    assert work.most == {"a": 2, "b": 2}


async def test_the_oldest_of_a_key_begins_first(client: Client) -> None:
    begun: list[int] = []

    @client.function("work", on="app/work", concurrency=(1, PATH))
    async def function(ctx: Context) -> None:
        begun.append(ctx.event.data["n"])
        await asyncio.sleep(0)

    async with client:
        for n in range(30):
            await client.send("app/work", {"user": "hot", "n": n})
        await settle()
    assert begun == list(range(30))


async def test_one_at_a_time_also_where_runs_sleep_retry_and_wake(
    client: Client, clock: Clock, faults: Faults
) -> None:
    """A sleeping run gives its slot up; nobody gets it twice when it wakes."""
    inside = 0

    async def critical() -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        for _ in range(3):
            await asyncio.sleep(0)
        inside -= 1

    @client.function("work", on="app/work", concurrency=(1, PATH))
    async def function(ctx: Context) -> None:
        await ctx.step.run("before", critical)
        await ctx.step.sleep("nap", timedelta(seconds=10))
        await ctx.step.run("after", critical)

    for _ in range(3):
        faults.after("before")
    async with client, asyncio.timeout(20):
        ids = [(await client.send("app/work", {"user": "ada"}))[0] for _ in range(10)]
        await settle()
        clock.advance(timedelta(seconds=10))
        await settle()
        for run_id in ids:
            assert await client.runs.wait(run_id) is None


async def test_plain_functions(client: Client) -> None:
    inside = threading.Lock()

    def critical() -> None:
        assert inside.acquire(blocking=False)
        inside.release()

    @client.function("work", on="app/work", concurrency=(1, PATH))
    def function(ctx: ContextSync) -> None:
        ctx.step.run("before", critical)
        ctx.step.sleep("nap", timedelta(milliseconds=1))
        ctx.step.run("after", critical)

    async with client:
        ids = [(await client.send("app/work", {"user": "ada"}))[0] for _ in range(5)]
        for run_id in ids:
            assert await client.runs.wait(run_id) is None


async def test_keys_are_kept_over_restarts(make_client: MakeClient, storage: Storage) -> None:
    """Runs that were held back are there for the next process, also if its function has no key any more."""
    works: list[Work] = []

    def define(**options: Any) -> Client:
        client = make_client(shutdown_timeout=timedelta(0))
        work = Work()
        works.append(work)

        @client.function("work", on="app/work", **options)
        async def function(ctx: Context) -> None:
            await work(ctx)

        return client

    async with define(concurrency=(1, PATH)) as client:
        for _ in range(4):
            await client.send("app/work", {"user": "ada"})
        await until(lambda: works[-1].now["ada"] == 1)
    await storage.closed()
    async with define(concurrency=(2, PATH)):
        await until(lambda: works[-1].now["ada"] == 2)
    await storage.closed()
    async with define():
        await until(lambda: works[-1].now["ada"] == 4)
        works[-1].let_go("ada")
        await settle()
    assert works[1].most["ada"] == 2
    assert {run.state for run in storage.runs()} == {"done"}


async def test_a_cancelled_run_frees_its_key_and_a_held_one_can_be_cancelled(
    client: Client, storage: Storage
) -> None:
    work = Work()

    @client.function("work", on="app/work", concurrency=(1, PATH))
    async def function(ctx: Context) -> None:
        await work(ctx)

    async with client, asyncio.timeout(20):
        ids = [(await client.send("app/work", {"user": "ada"}))[0] for _ in range(4)]
        await until(lambda: work.now["ada"] == 1)
        await client.runs.cancel(ids[1])
        await client.runs.cancel(ids[0])
        await until(lambda: len(work.order) == 2)
        await client.runs.retry(ids[1])
        work.let_go("ada")
        await settle()
    assert [storage.run(run_id).summary.state for run_id in ids] == ["cancelled", "done", "done", "done"]


async def test_typed_events_and_keys_of_all_kinds(client: Client, started: Started) -> None:
    keys = iter(["a", 1, 1.5, None, True, ("x", 2), {"b": 1}, "long" * 100])

    @client.function("work", on=upload_event, concurrency=(1, lambda event: (event.data.size, next(keys))[1]))
    async def function(ctx: Any) -> None: ...

    async with client:
        for _ in range(8):
            await client.send(upload_event, {"uploadId": "u", "size": 1})
        await settle()
    assert [run.state for run in started.runs] == ["done"] * 8


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (lambda event: event.data["nothing"], 'made of the event "app/work": KeyError'),
        (lambda event: object(), "text or a number, not object"),
    ],
)
async def test_a_key_that_cannot_be_made_starts_nothing(
    client: Client, storage: Storage, key: Callable[[Any], object], message: str
) -> None:
    @client.function("other", on="app/work")
    async def other(ctx: Context) -> None: ...

    @client.function("work", on="app/work", concurrency=(1, key))
    async def function(ctx: Context) -> None: ...

    async with client:
        with pytest.raises(EngineError, match=f'function "work": .*{message}') as caught:
            await client.send("app/work", {"secret": "s3cr3t"})
        assert "s3cr3t" not in str(caught.value)
        assert storage.runs() == []


async def test_a_path_that_leads_nowhere_is_a_key_of_its_own(client: Client) -> None:
    work = Work()

    @client.function("work", on="app/work", concurrency=(1, "event.data.team.id"))
    async def function(ctx: Context) -> None:
        await work(ctx)

    async with client, asyncio.timeout(20):
        for data in ({"user": "a"}, {"user": "a", "team": 5}, {"user": "a", "team": {"id": None}}):
            await client.send("app/work", data)
        await until(lambda: work.now["a"] == 1)
        work.let_go("a")
        await settle()
    assert work.most["a"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        0,
        True,
        "2",
        (2, 5),
        (2, None),
        (0, PATH),
        (2, PATH, PATH),
        [],
        [3, 4],
        [(1, PATH), (2, PATH)],
        [3, (1, PATH), (2, PATH)],
        (2, "user"),
        (2, "event.data"),
        (2, "event.data.user + 1"),
        (2, "event.data.user\n"),
    ],
)
def test_what_is_no_limit(client: Client, wrong: Any) -> None:
    async def work(ctx: Context) -> None: ...

    with pytest.raises(EngineError, match=r'^function "work": (a )?concurrency '):
        client.function("work", concurrency=wrong)(work)
    assert client.functions == []


@pytest.mark.parametrize(
    "priority",
    ["event.data.urgency", lambda event: event.data["urgency"], lambda event: event.data["urgency"] * 1.0],
)
async def test_an_urgent_run_goes_ahead_of_those_that_wait(client: Client, priority: Any) -> None:
    begun: list[int] = []
    held, release = asyncio.Event(), asyncio.Event()

    @client.function("work", on="app/work", concurrency=1, priority=priority)
    async def function(ctx: Context) -> None:
        held.set()
        await release.wait()
        begun.append(ctx.event.data["urgency"])

    async with client:
        await client.send("app/work", {"urgency": 1})
        await held.wait()
        for urgency in (0, 60, 600, 10_000, -3, 300):  # seconds: nothing holds up the next one so long
            await client.send("app/work", {"urgency": urgency})
        release.set()
        await settle()
    assert begun == [1, 600, 10_000, 300, 60, 0, -3]


@pytest.mark.parametrize("wrong", [5, "urgent", "event.data", [1]])
def test_what_is_no_priority(client: Client, wrong: Any) -> None:
    async def work(ctx: Context) -> None: ...

    with pytest.raises(EngineError, match='function "work": priority is a path'):
        client.function("work", priority=wrong)(work)


async def test_a_priority_that_is_no_number_starts_nothing(client: Client, storage: Storage) -> None:
    @client.function("work", on="app/work", priority="event.data.urgency")
    async def function(ctx: Context) -> None: ...

    async with client:
        with pytest.raises(EngineError, match="priority is a number of seconds, not str"):
            await client.send("app/work", {"urgency": "high"})
        assert storage.runs() == []
        await client.send("app/work")  # none is no hurry
        await settle()
        assert [run.state for run in storage.runs()] == ["done"]
