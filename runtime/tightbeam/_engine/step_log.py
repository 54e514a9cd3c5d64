"""The step log of one execution: which steps were called, which are in flight, what is remembered.

It does no I/O. Async and sync steps share it, and a sync handler may use it from several threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tightbeam._context import PublishRight, current_step
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import Interrupt, describe, is_retryable, leaves
from tightbeam._engine.records import Failure, Memo, Replaced, Run, StepKind, run_is_over
from tightbeam._engine.signals import Signal
from tightbeam._forks import watch_forks
from tightbeam._hooks.hook_list import HookList
from tightbeam._message import now_us
from tightbeam._step_checks import check_step_id
from tightbeam._step_timeouts import step_error
from tightbeam.errors import StepMismatch, StepMisuse

__all__ = ["Parking", "StepCall", "StepLog", "StepOutcome"]

_MAX_ORIGINS = 32
"""Errors whose steps are remembered, for the log."""

PASSIVE: frozenset[StepKind] = frozenset({"step.sleep", "step.wait_for_event", "step.invoke"})
"""Kinds of steps in which a run waits and does nothing."""
IsWoken = Callable[[], bool]
"""Returns whether a step was woken, which it may not have noticed yet."""
_Use = tuple[StepKind, str | None, str | None]
"""What an id stands for: the kind of step, and channel and topic of a publish, or the event or function."""


class StepCall(NamedTuple):
    """One call of a step by the handler."""

    base: str
    """The id as the handler gave it."""
    number: int
    """How often the id was used before in this execution."""
    step_id: str
    """The id as it is stored: `id`, `id:1`, `id:2`."""
    use: _Use
    memo: Memo | None
    """What is remembered of the step; None if it is still to be done."""
    failed_before: bool
    """Whether the step failed in an earlier execution."""
    attempt: int
    """The attempt of the run at the time of the call."""
    started_at: int


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended: the error the handler gets, if any, and the memo that is to be stored first."""

    error: BaseException | None
    memo: Memo | None = None


@dataclass(frozen=True, slots=True)
class Parking:
    """Why a run is parked."""

    step_id: str | None
    """The step that doesn't fit; None if it is the run's event."""
    error_type: str
    """The class of the error."""
    reason: str
    """What doesn't fit today's code, by step and topic, or by event; never a value."""


class StepLog:
    """The step log of one execution of a run."""

    def __init__(self, run: Run, retries: int, hooks: HookList) -> None:
        """Begin with what is remembered of the run.

        Args:
            run: the run.
            retries: how often a failing step is tried again.
            hooks: of the client.
        """
        self.hooks = hooks
        """What is told of the run's steps."""
        self.function = run.function
        self.run_id = run.id
        self.publish_right = PublishRight(run.id)
        """Of the handler, to publish live messages by its context and by the client."""
        self.event = run.event
        self.event_data = run.data
        self.run_number = run.number
        self.retries = retries
        self.attempt = run.attempt
        """Failures since the last newly memoized step."""
        self.failures: list[Failure] = []
        """Steps that failed without being memoized, for people who look at the run."""
        self.cause: BaseException | None = None
        """The error of a step for which the execution was interrupted first."""
        self.parking: Parking | None = None
        """Why the run is to be parked, if it is; the handler may have swallowed the `Interrupt`."""
        self.leaving: frozenset[str] | None = None
        """The sleeps during which the run isn't to be in memory, once it leaves it."""
        self.stopping = False
        """Whether the client is being left: the execution ends, and the run resumes another time."""
        self.is_cut_short = False
        """Whether the execution ends for good before its handler does: the run was cancelled, say."""
        self.interrupted = False
        """Whether an `Interrupt` was raised: the handler may have swallowed it and stopped half-way."""
        self.over = Signal()
        """Set when no further step may begin: interrupted, stopping or ended."""
        self.halted = threading.Event()
        """Set when a step gives up storing its outcome: stopping or ended."""
        self.asleep = False
        """Whether the run is stored as sleeping: a death of the process isn't counted then."""
        self._sleeping: dict[str, tuple[Alarm, IsWoken | None]] = {}
        self._deaths = run.deaths
        self._memos = run.memos
        self._lock = threading.Lock()
        self._uses: dict[str, _Use] = {}
        self._counts: dict[str, int] = {}
        self._in_flight: dict[str, StepCall] = {}
        self._origins: list[tuple[StepCall, BaseException]] = []
        self._ended = False
        self._when_idle: Callable[[], None] | None = None
        watch_forks(self)

    def begin(
        self, kind: StepKind, id: str, channel: str | None = None, topic: str | None = None
    ) -> StepCall:
        """Call a step; unless it is remembered, it is in flight until `release`.

        Args:
            kind: of the step.
            id: as the handler gives it.
            channel: of a publish.
            topic: of a publish; of a step that names an event or a function, that.

        Raises:
            StepMisuse: the call is nested, the id isn't allowed or in flight already, or the run has ended.
            Interrupt: the execution is to end, or the id was used for something else and the run is parked.
        """
        check_step_id(id)
        try:
            return self._begin(id, (kind, channel, topic))
        except StepMismatch as error:
            raise self.park(id, error, str(error)) from error

    def _begin(self, id: str, use: _Use) -> StepCall:
        inside = current_step.get()
        with self._lock:
            self.refuse_if_ended()
            if inside is not None and inside.run_id == self.run_id:
                raise StepMisuse(f'step "{id}" inside step "{inside.step_id}": steps can\'t be nested')
            if self.over.is_set():
                raise self.interrupt()
            if id in self._in_flight:
                raise StepMisuse(
                    f'step "{id}" is used again while its first use is in flight: which of them is "{id}:1" '
                    "would depend on scheduling; give each its own id"
                )
            number = self._counts.get(id, 0)
            self._counts[id] = number + 1
            step_id = f"{id}:{number}" if number else id
            memo = self._memos.get(step_id)
            failed_before = memo is not None and memo.state == "failing"
            if failed_before:
                memo = None
            _refuse_mismatch(id, self._uses.setdefault(id, use), use)
            if memo is not None:
                _refuse_mismatch(step_id, (memo.kind, memo.channel, memo.topic), use)
            call = StepCall(id, number, step_id, use, memo, failed_before, self.attempt, now_us())
            if memo is None or memo.state in ("sleeping", "waiting"):
                self._in_flight[id] = call
            return call

    def refuse_if_ended(self) -> None:
        """Refuse to be used after the end of the execution.

        Raises:
            StepMisuse: the execution has ended.
        """
        if self._ended:
            raise run_is_over(self.run_id)

    def refuse_if_revoked(self) -> None:
        """Refuse to publish after the end of the execution, or of the run.

        Raises:
            StepMisuse: one of them has ended.
        """
        self.refuse_if_ended()
        self.publish_right.check()

    def replaced(self, call: StepCall) -> Replaced:
        """Return what the memo of this step takes the place of.

        By the time it is stored another memo may have set the run's numbers to 0: setting them once more does
        no harm.
        """
        return Replaced(call.failed_before, self.attempt > 0 or self._deaths > 0)

    def under_way(self) -> list[StepCall]:
        """Return the calls of the steps in flight; on any thread."""
        with self._lock:
            return list(self._in_flight.values())

    def record_extras(self, step: str | None = None, attempt: int | None = None) -> dict[str, object]:
        """Return what a record about the run has as extras, for the log.

        Args:
            step: that the record is about, if it is about one.
            attempt: that it is about; None for the one that is under way.
        """
        attempt = self.attempt if attempt is None else attempt
        return {"run_id": self.run_id, "function": self.function, "step": step, "attempt": attempt}

    @property
    def only_sleeping(self) -> bool:
        """Whether the run waits for nothing but time."""
        with self._lock:
            return all(call.use[0] in PASSIVE for call in self._in_flight.values())

    def fall_asleep(self, call: StepCall, alarm: Alarm, is_woken: IsWoken | None = None) -> None:
        """Note that a step sleeps from now on: until its time, or until it is woken if it can be."""
        with self._lock:
            self._sleeping[call.step_id] = alarm, is_woken

    def wake_up(self, call: StepCall) -> None:
        """Note that a step sleeps no longer."""
        with self._lock:
            self._sleeping.pop(call.step_id, None)

    @property
    def is_at_rest(self) -> bool:
        """Whether all steps in flight sleep, at least one, and none of them is over or woken."""
        return self.sleeps_longer_than(0)

    def sleeps_longer_than(self, seconds: float) -> bool:
        """Return whether all steps in flight sleep, at least one, and none wakes within so many seconds."""
        with self._lock:
            return (
                not self.over.is_set()
                and 0 < len(self._sleeping) == len(self._in_flight)
                and all(call.use[0] in PASSIVE for call in self._in_flight.values())
                and all(alarm.left() > seconds for alarm, _ in self._sleeping.values())
                and not any(is_woken is not None and is_woken() for _, is_woken in self._sleeping.values())
            )

    def leave_memory(self, over: StepCall | None = None) -> Interrupt:
        """Have the run leave memory until the first of its sleeps is over; return what is to be raised.

        Args:
            over: a sleep that is over, if one is: the run is due at once.
        """
        ended = [] if over is None else [over.step_id]
        with self._lock:
            self.leaving = self.leaving or frozenset([*self._sleeping, *ended])
        self.over.set()
        return self.interrupt()

    def begin_rest(self) -> bool:
        """Return whether the run only sleeps and isn't stored as sleeping yet, which is to be done then."""
        if self.asleep or self.over.is_set() or not self.only_sleeping:
            return False
        self.asleep = True
        return True

    def restart_attempts(self) -> None:
        """Count attempts from 0 again, since a step was newly memoized."""
        with self._lock:
            self.attempt = self._deaths = 0

    def release(self, call: StepCall, stored: bool = False) -> None:
        """Note that a step is no longer in flight, if it was.

        Args:
            call: of the step.
            stored: whether a new memo was stored, so that attempts start over.
        """
        with self._lock:
            if stored:
                self.attempt = self._deaths = 0
            self._in_flight.pop(call.base, None)
            if self._when_idle is None or self._busy():
                return
            when_idle, self._when_idle = self._when_idle, None
        when_idle()

    def _busy(self) -> bool:
        # Sleeps don't count: when they end is stored, and the next execution goes on sleeping.
        return any(call.use[0] not in PASSIVE for call in self._in_flight.values())

    def fail(self, call: StepCall, error: BaseException) -> StepOutcome:
        """Note that a step's function raised an error, and return how the step ends.

        With attempts left the execution is interrupted; without one the step is memoized as failed. An error
        that can't be retried reaches the handler as it is.

        Args:
            call: of the step.
            error: what the function raised.
        """
        kind, channel, topic = call.use
        error_type, error_text = describe(error)
        if is_retryable(error) and call.attempt >= self.retries:
            failed = step_error(call.step_id, error_type, error_text)
            failed.__cause__ = error
            self.note_origin(call, failed)
            return StepOutcome(
                failed, Memo(kind, channel, topic, "failed", None, None, error_type, error_text)
            )
        failure = Failure(
            call.step_id, kind, channel, topic, call.started_at, now_us(), error_type, error_text
        )
        self.note_origin(call, error)
        with self._lock:
            self.failures.append(failure)
            if not is_retryable(error):
                return StepOutcome(error)
            self.cause = self.cause or error
        self.over.set()
        return StepOutcome(self.interrupt())

    def park(self, step_id: str | None, error: BaseException, reason: str) -> Interrupt:
        """Have the run parked, since what it remembers doesn't fit today's code; return what is to be raised.

        Args:
            step_id: of the step that doesn't fit; None if it is the run's event.
            error: how that showed.
            reason: what doesn't fit, for people.
        """
        with self._lock:
            self.parking = self.parking or Parking(step_id, type(error).__name__, reason)
        self.over.set()
        return self.interrupt()

    def note_origin(self, call: StepCall, error: BaseException) -> None:
        """Note that an error comes from a step, for the log."""
        with self._lock:
            self._origins.append((call, error))
            del self._origins[:-_MAX_ORIGINS]

    def origin_of(self, error: BaseException) -> StepCall | None:
        """Return the call of a step that an error, or one in a group, comes from; None if none is known."""
        with self._lock:
            calls = {id(origin): call for call, origin in self._origins}
        return next((calls[id(leaf)] for leaf in leaves(error) if id(leaf) in calls), None)

    def error_of(self, call: StepCall) -> BaseException | None:
        """Return the last error that this call of a step has failed with; None if it hasn't."""
        with self._lock:
            return next((error for origin, error in reversed(self._origins) if origin is call), None)

    def interrupt(self, kind: type[Interrupt] = Interrupt) -> Interrupt:
        """Return what ends the execution once it is raised; swallowing it makes the run no success."""
        self.interrupted = True
        return kind()

    async def wait_until_idle(self) -> None:
        """Wait until no step is in flight but sleeps, so that what is being done is remembered."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()

        def wake() -> None:
            loop.call_soon_threadsafe(settle)

        def settle() -> None:
            if not waiter.done():
                waiter.set_result(None)

        with self._lock:
            if not self._busy():
                return
            self._when_idle = wake
        await waiter

    def end(self) -> None:
        """Have the run's context refuse to be used from now on."""
        with self._lock:
            self._ended = True
        self.over.set()
        self.halted.set()

    def after_fork(self) -> None:
        """Refuse to be used in a forked child: the run is the parent's."""
        self._lock = threading.Lock()  # another thread, which doesn't exist here, may have held it
        self._ended = True

    def cut_short(self) -> None:
        """Have the next step end the execution, or the end of the one that a plain function is in."""
        self.is_cut_short = True
        self.over.set()

    def stop(self) -> None:
        """Have the next step end the execution: the client is being left."""
        self.stopping = True
        self.over.set()
        self.halted.set()


def _refuse_mismatch(step_id: str, before: tuple[str, str | None, str | None], now: _Use) -> None:
    if before != now:
        was, is_now = _describe_use(before), _describe_use(now)
        raise StepMismatch(f'step "{step_id}" was {was} before, and is {is_now} now')


def _describe_use(use: tuple[str, str | None, str | None]) -> str:
    kind, channel, topic = use
    if channel is None:
        return kind if topic is None else f'{kind} of "{topic}"'
    return f'{kind} of topic "{topic}" on channel "{channel}"'
