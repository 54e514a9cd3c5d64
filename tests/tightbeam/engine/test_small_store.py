"""A third store, of about a hundred lines and nowhere registered, runs the demo's two functions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter
from typing import Any, NoReturn, cast

import pytest

from examples.demo import running
from tests.tightbeam.engine.conftest import let_stores_close
from tightbeam._client import client_over
from tightbeam._engine.pending import Pending
from tightbeam._engine.records import Claimed, Memo, MemoizedAlready, Publish, Recovered, Run
from tightbeam._engine.requests import (
    AddRuns,
    Claim,
    EndRun,
    KeepSchedules,
    MemoizePublish,
    MemoizeStep,
    PutBack,
    Recover,
    RetryRun,
)
from tightbeam._engine.store import After, Answer, Outlet, Request
from tightbeam._message import Envelope, now_us
from tightbeam.errors import NotEntered


class SmallBackend:
    """A list of runs, for as long as a client is entered."""

    name = "a list"
    is_shared = False

    def open(self, outlet: Outlet, /) -> SmallStore:
        return SmallStore(outlet)

    def unheard(self, *, forked: bool) -> str | None:
        return None


class SmallStore:
    """A `Store` for runs that don't sleep, of readers that don't replay, on one event loop."""

    last_place = 0
    trimmed_us = 0
    is_lost = False
    carries_live = False

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._runs: dict[str, Run] = {}
        self._ready: dict[str, int] = {}
        """When each run is due that is ready."""
        self._place = 0
        self._closed = False

    def doubted(self, _run_id: str) -> None: ...

    def position_of(self, place: int, /) -> str:
        return f"small:{place}"

    def publish_live(self, envelope: Envelope, /, *, relayed: bool = False) -> NoReturn:
        raise NotImplementedError

    def published_before(self) -> None: ...

    def listen(self) -> None: ...

    async def close(self, within: float, /) -> None:
        self._closed = True

    def close_at_exit(self, within: float, /) -> None:
        self._closed = True

    def submit(self, request: Request[Answer], /, *, after: After | None = None) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        pending = Pending(request, loop, after)
        try:
            pending.result = self.call(request)
        except NotEntered:
            raise
        except Exception as error:  # noqa: BLE001 - raised where the answer is awaited
            pending.error = error
        loop.call_soon(pending.settle)
        return cast("asyncio.Future[Answer]", pending.future)

    def call(self, request: Request[Answer], /) -> Answer:
        if self._closed:
            raise NotEntered("the client has been left")
        return cast("Answer", self._answer(request))

    def _answer(self, request: Request[Any]) -> object:
        match request:
            case AddRuns(runs, event, data):
                for new in runs:
                    number, now = len(self._runs), now_us()
                    self._runs[new.id] = Run(number, new.id, new.function, event, data, 0, 0, {}, now, now)
                    self._ready[new.id] = now
                return tuple(new.id for new in runs)
            case Recover():
                return Recovered([], {})
            case KeepSchedules(schedules=()):
                return ()
            case Claim(functions=functions):
                return self._claim({limit.function: limit.runs for limit in functions})
            case EndRun(run_id):
                del self._runs[run_id]
            case RetryRun(run_id, attempt, due_at):
                self._runs[run_id] = replace(self._runs[run_id], attempt=attempt)
                self._ready[run_id] = due_at
            case PutBack(runs):
                self._ready |= dict.fromkeys(self._runs.keys() & set(runs), 0)
            case MemoizeStep(run_id, step_id, memo):
                self._memoize(run_id, step_id, memo)
            case MemoizePublish(publish, step_id):
                self._publish(publish, step_id)
            case _:
                raise TypeError(f"this store answers no {type(request).__name__}")
        return None

    def _claim(self, limits: dict[str, int]) -> Claimed:
        claimed: list[Run] = []
        for run_id, due_at in sorted(self._ready.items(), key=itemgetter(1)):
            run = self._runs[run_id]
            if due_at > now_us():
                return Claimed(claimed, due_at)
            if limits.get(run.function, 0) > 0:
                limits[run.function] -= 1
                del self._ready[run_id]
                claimed.append(replace(run, memos=dict(run.memos)))
        return Claimed(claimed, None)

    def _memoize(self, run_id: str, step_id: str, memo: Memo) -> None:
        run = self._runs[run_id]
        if step_id in run.memos:
            raise MemoizedAlready(run_id, step_id)
        run.memos[step_id] = memo
        self._runs[run_id] = replace(run, attempt=0)

    def _publish(self, publish: Publish, step_id: str) -> None:
        _, run_id, name, number, channel, topic, data, started_at, _ = publish
        memo = Memo("step.realtime.publish", channel, topic, "done", None, data, None, None)
        self._memoize(run_id, step_id, memo)
        self._place += 1
        created = self._outlet.reserve(channel, started_at, int)
        message_id = f"{run_id}:{name}:{number}"
        self._outlet.fan_out([Envelope(channel, topic, data, run_id, message_id, created, self._place)])
        self._outlet.release()


async def test_the_demos_functions_run_on_it(caplog: pytest.LogCaptureFixture) -> None:
    let_stores_close()
    caplog.clear()  # of what earlier tests have left
    client = client_over(SmallBackend(), retry_delay=timedelta(milliseconds=1))
    upload, question = await running.run(client)
    assert [len(trial.injection.failures) for trial in (upload, question)] == [3, 4]
    for trial, topic, publish in (
        (upload, "result", "publish-result"),
        (question, "status", "publish-done"),
    ):
        durable = [message for message in trial.received if message.position is not None]
        assert [message.topic for message in durable] == [topic]
        assert durable[0].id == f"{trial.run_id}:{publish}:0"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
