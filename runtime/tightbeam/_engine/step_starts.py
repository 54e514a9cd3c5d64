"""Steps that start something or wait for it: sent events, awaited events, runs of other functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import of_kind
from tightbeam._engine.new_runs import new_run
from tightbeam._engine.records import Memo, Parent
from tightbeam._engine.requests import BeginInvoke, BeginWait, EndWait, MarkAwake, MemoizeSend
from tightbeam._engine.sending import FOREVER_US, event_to_send, registered
from tightbeam._engine.step_hooks import Surrounded, notify_after, notify_before
from tightbeam._engine.step_log import StepCall, StepLog
from tightbeam._engine.step_rules import memo_result
from tightbeam._engine.steps import StepIo, Steps
from tightbeam._engine.store import Request
from tightbeam._events.accepted import StartedEvent
from tightbeam._events.data import load_event
from tightbeam._events.refs import EventRef
from tightbeam._events.sending import SendCall, event_name
from tightbeam._function import Function
from tightbeam._hooks.hook_list import Around, metadata_of
from tightbeam._hooks.info import SendInfo
from tightbeam._registry import Registry
from tightbeam._results import ReturnType, return_type
from tightbeam._starting.matching import check_condition, condition_of
from tightbeam._step import StepKind
from tightbeam._step_checks import check_wait
from tightbeam.errors import InvalidPayload, NotJson, OutdatedBindings

__all__ = ["Starts"]


class Starts:
    """The steps of one execution that start something or wait for it."""

    def __init__(self, steps: Steps, log: StepLog, io: StepIo, registry: Registry, limit: int) -> None:
        """Prepare.

        Args:
            steps: the other steps of the execution.
            log: of the execution.
            io: what its steps wait for.
            registry: the functions of the client.
            limit: how many bytes the data of an event may have.
        """
        self._steps = steps
        self._log = log
        self._io = io
        self._registry = registry
        self._limit = limit

    # -- sending ---------------------------------------------------------------------------------------------

    async def send_event(
        self, id: str, event: object, data: tuple[object, ...], options: Mapping[str, Any]
    ) -> list[str]:
        """Send an event as a step: see `tightbeam.Step`."""
        self._io.check()
        log = self._log
        sent = SendCall(event, data, options)
        call = self._begin("step.send_event", id, sent.name)
        if call.memo is not None:
            ids: list[str] = json.loads(call.memo.result or b"[]")
        else:
            info = SendInfo((sent.name,))
            with Surrounded(log, call), Around(log.hooks.send, info):
                with self._released(call, only_failed=True):
                    send = event_to_send(self._registry, sent, self._limit, metadata_of(info))
                request = MemoizeSend(log.run_id, call.step_id, call.started_at, log.replaced(call), send)
                info.ids = (await self._steps.store(call, request)).ids
                ids = list(info.ids)
        notify_after(log, call)
        return ids

    # -- waiting ---------------------------------------------------------------------------------------------

    async def wait_for_event(
        self,
        id: str,
        event: object,
        timeout: timedelta,
        match: Mapping[str, Any] | None,
        if_exp: str | None,
    ) -> StartedEvent | None:
        """Wait for an event as a step: see `tightbeam.Step`."""
        self._io.check()
        log = self._log
        ref = event if isinstance(event, EventRef) else None
        name = event_name(event, "step.wait_for_event") if ref is None else ref.name
        check_wait(id, timeout)
        check_condition(id, match, if_exp)
        call = self._begin("step.wait_for_event", id, name)
        with self._released(call):
            condition = condition_of(id, match, if_exp, self._own_event()) if call.memo is None else None
            wake_at = call.started_at + timeout // timedelta(microseconds=1)
            times = (wake_at, call.started_at, log.replaced(call))
            begin = partial(BeginWait, log.run_id, call.step_id, name, condition, *times)
            memo = await self._outcome(call, begin, wake_at)
        came = self._event_of(call, ref, memo)
        notify_after(log, call)
        return came

    async def invoke(self, id: str, function: object, data: object, timeout: timedelta | None) -> Any:
        """Run another function as a step: see `tightbeam.Step`."""
        self._io.check()
        log = self._log
        invoked = registered(self._registry, function, "step.invoke")
        if timeout is not None:
            check_wait(id, timeout)
        call = self._begin("step.invoke", id, invoked.id)
        with self._released(call):
            result = self._result_type(call, invoked)
            if call.memo is None:
                wait = FOREVER_US if timeout is None else timeout // timedelta(microseconds=1)
                wake_at = call.started_at + wait
                name, raw = invoked.accepts.invoked(invoked.accepts.arguments(data), self._limit)
                info = SendInfo((name,))
                child = new_run(invoked, name, raw, parent=Parent(log.run_id, call.step_id))
                info.ids = (child.id,)
                times = (wake_at, call.started_at, log.replaced(call))
                begin = partial(BeginInvoke, log.run_id, call.step_id, child, name, raw, *times)
                memo = await self._outcome(call, begin, wake_at, info)
            else:
                memo = await self._outcome(call, None, call.memo.wake_at or 0)
        value = memo_result(log, call, memo, result)
        notify_after(log, call)
        return value

    def _result_type(self, call: StepCall, function: Function[Any]) -> ReturnType:
        """Return the type of an invoked function's result.

        Raises:
            Interrupt: a result is remembered, and no JSON can be of its type of today; the run is parked.
            NotJson: no JSON can be of that type.
        """
        try:
            return return_type(function.__wrapped__, f'The result of step "{call.step_id}"')
        except NotJson as error:
            if call.memo is None:
                raise
            raise self._log.park(call.step_id, error, str(error)) from error

    def _own_event(self) -> dict[str, Any]:
        """Return the event of the run, as JSON has it."""
        return {"name": self._log.event, "data": json.loads(self._log.event_data)}

    def _event_of(
        self, call: StepCall, ref: EventRef[..., str, Any] | None, memo: Memo
    ) -> StartedEvent | None:
        """Return the event that a step has got; None if its time was over before.

        Raises:
            Interrupt: the event doesn't fit its type of today; the run is parked.
        """
        came = json.loads(memo.result or b"null")
        if came is None:
            return None
        if ref is None:
            return StartedEvent(came["name"], came["data"])
        try:
            raw = json.dumps(came["data"], separators=(",", ":"), ensure_ascii=False).encode()
            return StartedEvent(ref.name, load_event(ref, raw))
        except (InvalidPayload, OutdatedBindings) as error:
            issues = "; ".join(map(str, error.issues)) if isinstance(error, InvalidPayload) else str(error)
            reason = f'the event "{ref.name}" that step "{call.step_id}" got doesn\'t load: {issues}'
            raise self._log.park(call.step_id, error, reason) from error

    # -- what they have in common ----------------------------------------------------------------------------

    def _begin(self, kind: StepKind, id: str, name: str) -> StepCall:
        """Call a step that names an event or a function."""
        log = self._log
        call = log.begin(kind, id, None, name)
        with self._released(call, only_failed=True):
            notify_before(log, call)
        return call

    @contextmanager
    def _released(self, call: StepCall, *, only_failed: bool = False) -> Generator[None]:
        """Have a step be in flight no longer when the context is left, and note what it failed with."""
        try:
            yield
        except BaseException as error:
            if of_kind(error, Exception):
                self._log.note_origin(call, error)
            self._log.release(call)
            raise
        if not only_failed:
            self._log.release(call)

    async def _outcome(
        self,
        call: StepCall,
        begin: Callable[[bool], Request[None]] | None,
        wake_at: int,
        sending: SendInfo | None = None,
    ) -> Memo:
        """Return the memo of a step that waits, once it has one.

        Args:
            call: of the step.
            begin: makes the request that begins it; its argument is whether the run does nothing else.
            wake_at: the end of its time.
            sending: what hooks are told of the run that it starts, if it starts one.
        """
        memo = call.memo
        if memo is not None and memo.state != "waiting":
            return memo
        with Surrounded(self._log, call):
            try:
                return await self._wait(call, begin if memo is None else None, wake_at, sending)
            except asyncio.CancelledError:
                if not self._log.over.is_set():  # a timeout of the handler's own: it goes on
                    self._log.asleep = False
                    self._io.submit(MarkAwake(self._log.run_id))
                raise

    async def _wait(
        self,
        call: StepCall,
        begin: Callable[[bool], Request[None]] | None,
        wake_at: int,
        sending: SendInfo | None,
    ) -> Memo:
        log, io = self._log, self._io
        if call.memo is not None:
            wake_at = call.memo.wake_at or 0
        alarm = Alarm(wake_at)  # before anything waits: the clock may be set back meanwhile
        expected = io.expect()  # before the store knows of it, so that nothing comes unnoticed
        try:
            if begin is not None:
                await self._store_begin(call, begin, sending)
                await io.sleep(call, alarm, expected)
            while True:
                io.forget(expected)
                expected = io.expect()
                end = EndWait(log.run_id, call.step_id, timed_out=not alarm.left())
                memo = await self._steps.surely(call, partial(io.submit, end))
                if memo.state != "waiting":
                    log.asleep = False
                    return memo
                await io.sleep(call, alarm, expected)
        finally:
            io.forget(expected)

    async def _store_begin(
        self, call: StepCall, begin: Callable[[bool], Request[None]], sending: SendInfo | None
    ) -> None:
        log, io = self._log, self._io
        alone = log.only_sleeping
        log.asleep = log.asleep or alone
        request = begin(alone)
        with nullcontext() if sending is None else Around(log.hooks.send, sending):
            if isinstance(request, BeginInvoke) and sending is not None:
                child = replace(request.child, metadata=metadata_of(sending))
                request = replace(request, child=child)
            await self._steps.surely(call, partial(io.submit, request))
        log.restart_attempts()
        if alone and not log.only_sleeping:  # another step has begun while that was stored
            log.asleep = False
            await self._steps.surely(call, partial(io.submit, MarkAwake(log.run_id)))
