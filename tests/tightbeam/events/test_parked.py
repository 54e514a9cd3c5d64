"""Events that were stored under other bindings: what can be read is read, the rest parks its run."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.engine.stores import STORES, Storage
from tests.tightbeam.events import older
from tests.tightbeam.events.samples import Upload, deleted_event, ping_event, restored_event, upload_event
from tightbeam import Context, ContextSync, EventRef, cron
from tightbeam._engine.details import RunSummary
from tightbeam._engine.records import NewRun, new_id
from tightbeam._engine.requests import FindRun, SendEvent
from tightbeam._events.refs import EventSpec
from tightbeam.hooks import RunInfo

BROKEN: EventRef[..., str, Any] = EventRef(EventSpec("app/upload", Upload, "tests.nowhere"))
"""Of bindings whose schemas aren't there."""
MISFIT = """event "app/upload" doesn't fit what starts the function "f" today: """


class Executed(tightbeam.Hook):
    """Tells when a run's execution has ended, and what it came to is stored."""

    def __init__(self) -> None:
        self.once = asyncio.Event()

    @contextlib.contextmanager
    def run(self, info: RunInfo) -> Iterator[None]:
        yield
        self.once.set()


class Program:
    """One program over several deployments, each with its own code."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.handled: list[tuple[str, object]] = []

    async def store(self, event: str, data: object) -> None:
        """Store a run of the function "f", as a release did that hasn't executed it."""
        client = self._storage.client()
        async with client:
            run = NewRun(new_id(), "f")
            (self._run_id,) = await client._engine.send(SendEvent((run,), event, json.dumps(data).encode()))

    async def deploy(self, on: Any, *, sync: bool = False) -> RunSummary:
        """Enter a client whose function "f" listens to that, until nothing is to be done."""
        executed = Executed()
        client = self._storage.client(hooks=[executed])

        async def handler(ctx: Context) -> None:
            self.handled.append((ctx.event.name, ctx.event.data))

        def handler_sync(ctx: ContextSync) -> None:
            self.handled.append((ctx.event.name, ctx.event.data))

        client.function("f", on=on)(handler_sync if sync else handler)
        async with client, asyncio.timeout(30):
            await executed.once.wait()
            found = await client._engine.read(FindRun(self._run_id))
        assert found is not None
        return found.summary


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(STORES["memory"](tmp_path))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_run_waits_for_bindings_that_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, store: str, *, sync: bool
) -> None:
    program = Program(STORES[store](tmp_path))
    await program.store("app/upload", {"uploadId": 5, "fileName": "secret", "size": "secret"})
    run = await program.deploy(deleted_event, sync=sync)
    assert (run.state, run.error_text) == ("parked", MISFIT + "it isn't one of its events")
    run = await program.deploy(upload_event, sync=sync)
    assert (run.state, run.attempt, run.failures) == ("parked", 0, 0)
    assert run.error_type == "EventMisfit"
    assert (
        run.error_text
        == MISFIT + "/uploadId: must be a string, not an integer; /size: must be an integer, not a string"
    )
    assert "/uploadId" in caplog.text
    assert "secret" not in caplog.text
    assert program.handled == []
    run = await program.deploy("app/upload", sync=sync)
    assert (run.state, run.error_text) == ("done", None)
    assert program.handled == [("app/upload", {"uploadId": 5, "fileName": "secret", "size": "secret"})]


@pytest.mark.parametrize(
    ("event", "data", "on", "handled"),
    [
        # An undeclared property, which a release before or after this one has.
        ("app/upload", {"uploadId": "u", "fileName": "f"}, upload_event, Upload(upload_id="u")),
        ("app/upload", {"uploadId": "u", "size": 3.0}, upload_event, Upload(upload_id="u", size=3)),
        # What breaks a bound of the schema, but loads: readers are tolerant.
        ("app/upload", {"uploadId": "u"}, older.upload_event, older.Upload(upload_id="u")),
        ("app/ping", {"n": 1}, ping_event, None),
        ("inngest/scheduled.timer", {"cron": "0 9 * * *"}, cron("0 9 * * *"), None),
        ("app/upload", {"uploadId": "u"}, upload_event | deleted_event, Upload(upload_id="u")),
    ],
)
async def test_what_is_read_tolerantly(
    program: Program, event: str, data: object, on: Any, handled: object
) -> None:
    await program.store(event, data)
    assert (await program.deploy(on)).state == "done"
    assert program.handled == [(event, handled)]


@pytest.mark.parametrize(
    ("data", "on", "name"),
    [
        ({"uploadId": "u"}, upload_event, "app/upload"),
        ({"uploadId": "u"}, upload_event | deleted_event, "app/upload"),
        ({"reason": "r"}, upload_event | deleted_event, "app/deleted"),
        ({"reason": "r", "more": 1}, upload_event | deleted_event, "app/deleted"),
        ({}, upload_event | ping_event, "app/ping"),
        ({}, cron("0 9 * * *"), "inngest/scheduled.timer"),
    ],
)
async def test_a_run_that_no_event_has_started_gets_the_one_that_its_data_fits(
    program: Program, data: object, on: Any, name: str
) -> None:
    await program.store("tightbeam/function.invoked", data)
    assert (await program.deploy(on)).state == "done"
    assert [event for event, _ in program.handled] == [name]


@pytest.mark.parametrize(
    ("data", "on", "reason"),
    [
        ({"uploadId": "u"}, upload_event | restored_event, "its data fits <EventRef 'app/upload'> and"),
        ({"n": 1}, upload_event | deleted_event, "its data fits none of its events"),
        ({"size": 2**70}, upload_event | deleted_event, "its data fits none of its events"),
        ({"n": 1}, deleted_event | BROKEN, "Run `tightbeam generate` again"),
        ({}, ping_event | cron("0 9 * * *"), "its data fits <EventRef 'app/ping'> and cron("),
    ],
)
async def test_data_that_doesnt_tell_the_event_parks_the_run(
    program: Program, data: object, on: Any, reason: str
) -> None:
    await program.store("tightbeam/function.invoked", data)
    run = await program.deploy(on)
    assert run.state == "parked"
    assert reason in str(run.error_text)


async def test_bindings_without_their_schemas_park_the_run(program: Program) -> None:
    await program.store("app/upload", {"uploadId": "u"})
    run = await program.deploy(BROKEN)
    assert run.state == "parked"
    assert "Run `tightbeam generate` again" in str(run.error_text)
    assert (await program.deploy(upload_event)).state == "done"


async def test_a_caller_that_waits_is_told() -> None:
    client = tightbeam.Client()
    function = client.function("f", on=upload_event)(ignore)
    async with client:
        raw = json.dumps({"uploadId": 5}).encode()
        with pytest.raises(tightbeam.RunParked, match="/uploadId: must be a string"):
            await client._engine.run("app/upload", raw, function.id)


async def ignore(ctx: Context) -> None: ...
