"""Every statement that the store sends is planned with an index, however large the tables are."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.postgres.opened import open_store
from tests.postgres.plans import VERBS, Statement, Statements, fill, large_reads
from tests.tightbeam.engine.stores import PostgresStorage
from tightbeam import PositionLost, RunStateError
from tightbeam._engine import postgres, requests
from tightbeam._engine.addresses import Address
from tightbeam._engine.postgres.answers import ANSWERS, TOGETHER
from tightbeam._engine.postgres.chores import Leave, Rejoin
from tightbeam._engine.postgres.connecting import Connector
from tightbeam._engine.postgres.fencing import Confirm
from tightbeam._engine.postgres.sent import HandOverSent
from tightbeam._engine.records import (
    Failure,
    FunctionLimit,
    Memo,
    MemoizedAlready,
    NewRun,
    Publish,
    Replaced,
    Run,
    RunError,
)
from tightbeam._engine.store import Request, Store
from tightbeam._message import now_us

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1) // timedelta(microseconds=1)
FUNCTIONS = ("work", "limited", "keyed", "late")
FRESH = Replaced(failed=False, counted=False)
AGAIN = Replaced(failed=True, counted=True)
FAILURE = Failure("failing", "step.run", None, None, 1, 2, "ValueError", "text")
WHOLE = {
    "checkup",  # what a person asks `tightbeam doctor` for
    "filling",  # `tightbeam move` into an empty schema
    "restoring",  # once, where a dump was restored into another cluster
}
FRAGMENTS = {"_ALL", "_MINE", "_NEW_EVENT", "_NEW_RUN", "_NEW_RUN_ALONE"}
"""Parts of statements."""
RUN = f"FILLED{100:020}"
ERROR = RunError("ValueError", "text", "trace")


class Session:
    """Carries out each request of an engine at least once, on a store that is full."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = iter(range(1_000_000))
        self.carried_out: set[type[Request[Any]]] = set()

    def do(self, request: Request[Any]) -> Any:
        """Carry out a request; a refusal is an answer."""
        self.carried_out.add(type(request))
        with contextlib.suppress(MemoizedAlready, PositionLost, RunStateError):
            return self._store.call(request)

    def new(self, function: str = "work", **more: Any) -> NewRun:
        """Return a run that is new."""
        return NewRun(f"NEW{next(self._numbers):023}", function, **more)

    def claimed(self, function: str = "work", **more: Any) -> Run:
        """Add a run, and claim it."""
        new = self.new(function, **more)
        self.do(requests.AddRuns((new,), "app/work", b"{}"))
        limit = FunctionLimit(function, 100, on_thread=False)
        if function == "limited":
            limit = limit._replace(limit=50)
        if function == "keyed":
            limit = limit._replace(key_limit=2)
        if function == "late":
            limit = limit._replace(timeout_us=HOUR)
        claim = requests.Claim(("work",), (limit,), 100, 100, frozenset())
        (run,) = (run for run in self.do(claim).runs if run.id == new.id)
        assert isinstance(run, Run)
        return run

    def publish(self, run: Run, step: str, replaced: Replaced = FRESH) -> None:
        """Publish durably."""
        publish = Publish(run.number, run.id, step, 0, "job:1", "tick", b'{"n":1}', now_us())
        self.do(requests.MemoizePublish(publish, step, replaced))

    async def publish_together(self, run: Run) -> None:
        """Publish some messages in one batch."""
        publish = Publish(run.number, run.id, "many", 0, "job:1", "tick", b'{"n":1}', now_us())
        many = (publish._replace(number=number) for number in range(50))
        again = [requests.MemoizePublish(one, f"many:{one.number}", FRESH) for one in many]
        await asyncio.gather(*(self._store.submit(each) for each in again))

    def memoize(self, run: Run, step: str, replaced: Replaced = FRESH, state: Any = "done") -> None:
        """Remember a step."""
        memo = Memo("step.run", None, None, state, None, b"1", None, None)
        self.do(requests.MemoizeStep(run.id, step, memo, now_us(), replaced))

    def execute(self) -> None:
        """Do what executions do."""
        do, now = self.do, now_us()
        run = self.claimed()
        self.publish(run, "p")
        self.publish(run, "p")
        self.memoize(run, "s")
        self.memoize(run, "failing", state="failing")
        self.memoize(run, "failing", AGAIN)
        self.publish(run, "again", AGAIN)
        asyncio.run(self.publish_together(run))
        for alone in (False, True):
            do(requests.BeginSleep(run.id, f"nap{alone}", now + HOUR, now, FRESH, alone))
            do(requests.MarkAwake(run.id))
            do(requests.Awaken(run.id, 5, 2))
            do(requests.IsExecuted(run.id))
        do(requests.Rest(run.id))
        do(Confirm(run.id))
        do(requests.EndSleep(run.id, "napTrue"))
        do(requests.BeginWait(run.id, "wait", "app/go", None, now + HOUR, now, FRESH, False))
        do(requests.SendEvent((self.new(),), "app/go", b"{}", id="once"))
        do(requests.EndWait(run.id, "wait", timed_out=False))
        do(HandOverSent())
        do(requests.BeginWait(run.id, "late", "app/never", b"true", now, now, FRESH, True))
        do(requests.EndWait(run.id, "late", timed_out=True))
        child = self.new()
        do(requests.BeginInvoke(run.id, "child", child, "app/work", b"{}", now + HOUR, now, FRESH, False))
        send = requests.SendEvent((self.new(key="k"),), "app/work", b"{}")
        do(requests.MemoizeSend(run.id, "send", now, FRESH, send))
        do(requests.LeaveMemory(run.id, frozenset({"napFalse"})))
        for function in FUNCTIONS:
            ended = self.claimed(function, concurrency_key="k" if function == "keyed" else None)
            self.memoize(ended, "s")
            do(requests.EndRun(ended.id, b"1", None, (FAILURE,)))
        failed = self.claimed()
        do(requests.RetryRun(failed.id, 1, now, ERROR, (FAILURE,)))
        failed = self.claimed()
        do(requests.EndRun(failed.id, None, ERROR, (), ("work",)))
        do(requests.RetryFrom(failed.id, frozenset(FUNCTIONS)))
        do(requests.CancelRun(failed.id))
        parked = self.claimed("limited")
        do(requests.ParkRun(parked.id, "StepMismatch", "reason", (FAILURE,)))
        do(requests.Unpark(parked.id, frozenset(FUNCTIONS)))
        asleep = self.claimed("keyed", concurrency_key="k")
        do(requests.BeginSleep(asleep.id, "nap", now + HOUR, now, FRESH, True))
        do(requests.CancelRun(asleep.id))
        do(requests.PutBack((self.claimed().id,)))
        for n in range(4):  # more of one key than may execute
            do(requests.AddRuns((self.new("keyed", concurrency_key="busy", due_at=now - n),), "e", b"{}"))
        self.claimed("keyed", concurrency_key="busy", due_at=now - 10)

    def schedule(self) -> None:
        """Do what schedules do."""
        schedule = ("work", "0 9 * * *", "UTC")
        self.do(requests.KeepSchedules(frozenset(FUNCTIONS), (schedule,), now_us() + HOUR))
        self.do(requests.Tick("0 9 * * *", "UTC", now_us() + 1, self.new(), "cron", b"{}"))

    def read(self, run: str, message: str, position: str) -> None:
        """Do what readers and people do."""
        addresses = (("job:1", "tick"), ("job:2", "token"))
        do = self.do
        for after in ("start", position):
            do(requests.FindStart(after))
            do(requests.ReadPage(addresses, after))
            do(requests.RecentMessages(after, 50))
        do(requests.RecentMessages(None, 50))
        latest = do(requests.FindLatest(addresses))
        do(requests.ReadPlaces(tuple(latest.places)))
        do(requests.TimeOf(position))
        for since in (now_us() - HOUR, now_us() - 10_000_000, now_us()):
            do(requests.SeenUntil("job:1", since // 1000))
        do(requests.FindOutcome("job:1"))
        do(requests.FindRun(run))
        do(requests.FindSettled((run,)))
        do(requests.ListTopics("job:1"))
        do(requests.ReadRun(run))
        do(requests.ListRuns(100))
        do(requests.ListRuns(100, among=1_000))
        for state in ("ready", "running", "sleeping", "parked", "failed", "cancelled", "done"):
            do(requests.ListRuns(100, state, "function-3", ("event",), 1_000))
            do(requests.ScanRuns(100, (state,)))
        do(requests.ScanRuns(100, ("failed",), "function-4", ("filled",), now_us() - HOUR, run))
        do(requests.ListFunctions(1_000))
        do(requests.CountRuns())
        do(requests.ReadLag())
        do(requests.ReadMessage(message))
        do(requests.ReadMessage(message, 10))
        for part in ("event", "result"):
            do(requests.ReadPart(run, part))
        do(requests.ReadPart(run, "step", "a", 10))


class Noted(NamedTuple):
    """What a session sent."""

    statements: Statements
    carried_out: set[type[Request[Any]]]
    connection: psycopg.Connection[Any]
    """One of a store's own, with its settings."""


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noted]:
    """Have a store on a full database carry out everything."""
    storage = PostgresStorage(tmp_path_factory.mktemp("plans"))
    open_store(storage.address).close_at_exit(10)  # makes the schema
    with connect(storage) as connection:
        fill(connection)
        statements = Statements()
        with statements.noted():
            store = open_store(storage.address)
            session = Session(store)
            session.do(requests.Recover(frozenset(FUNCTIONS), HOUR, {"work": ("late",)}))
            session.execute()
            session.schedule()
            session.read(RUN, f"{RUN}:p:0", store.position_of(store.last_place))
            session.do(requests.PullBack(1))
            session.do(requests.PutBackAll())
            session.do(Rejoin())
            session.do(Leave())
            store.close_at_exit(10)
        yield Noted(statements, session.carried_out, connection)


def connect(storage: PostgresStorage) -> psycopg.Connection[Any]:
    """Connect as a store does."""
    return Connector(Address(storage.address), "tightbeam", storage.lease).connect("plans")


def test_the_session_carries_out_each_request(noted: Noted) -> None:
    assert noted.carried_out == {*ANSWERS, *TOGETHER}


def test_no_statement_reads_a_large_part_of_a_table(noted: Noted) -> None:
    assert not (wrong := faults(noted, noted.statements.planned(), generic=False)), "\n".join(wrong)


def test_nor_does_one_that_was_planned_for_any_parameters(noted: Noted) -> None:
    assert not (wrong := faults(noted, noted.statements.planned(), generic=True)), "\n".join(wrong)


def test_nor_does_one_that_was_planned_when_there_was_nothing(noted: Noted, tmp_path: Path) -> None:
    """A plan is kept while a connection is: of a journal that was new it is still the right one later."""
    storage = PostgresStorage(tmp_path)
    open_store(storage.address).close_at_exit(10)
    with connect(storage) as connection:
        empty = noted._replace(connection=connection)
        assert not (wrong := faults(empty, noted.statements.planned(), generic=True)), "\n".join(wrong)


def faults(noted: Noted, statements: Iterable[Statement], *, generic: bool) -> list[str]:
    """Return what is wrong with which statements."""
    return [
        f"{fault}: {' '.join(statement.text.split())}"
        for statement in statements
        for fault in large_reads(noted.connection, statement, generic=generic)
    ]


def test_a_statement_without_an_index_is_found(noted: Noted) -> None:
    for text, wrong in {
        "SELECT * FROM message WHERE data = ''": "message is read without an index",
        "SELECT id FROM run ORDER BY number": "rows of run",
        "SELECT count(*) FROM message WHERE channel > ''": "rows of message",
        "SELECT id FROM run WHERE traceback = '' ORDER BY number LIMIT 1": "run_pkey",
    }.items():
        assert wrong in "".join(large_reads(noted.connection, Statement(text, ())))
    for text in (
        "SELECT id FROM run ORDER BY number LIMIT 10",
        "SELECT * FROM message WHERE channel = 'job:1' AND topic = 'tick' ORDER BY xid, seq LIMIT 10",
    ):
        assert large_reads(noted.connection, Statement(text, ())) == []


def test_the_statements_that_are_rarely_sent_are_planned_so_too(noted: Noted) -> None:
    sent = [" ".join(statement.text.split()) for statement in noted.statements.planned()]
    rare = [
        Statement(value, ())
        for module in modules()
        for name, value in vars(module).items()
        if name not in FRAGMENTS
        and isinstance(value, str)
        and value.lstrip().startswith(VERBS)
        and not any(" ".join(value.split()) in text for text in sent)
    ]
    assert not (wrong := faults(noted, rare, generic=True)), "\n".join(wrong)


def modules() -> Iterator[ModuleType]:
    """Yield the modules of the store, but for those that look at, or write, a whole journal on purpose."""
    for found in pkgutil.iter_modules(postgres.__path__):
        if found.name in WHOLE:
            continue
        yield importlib.import_module(f"{postgres.__name__}.{found.name}")
