"""The step log of one execution: which steps were called, which are in flight, what is remembered. No I/O.

Async and sync steps share it, and a sync handler may use it from several threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tightbeam._context import check_step_id, current_step
from tightbeam._engine.alarm import Alarm
from tightbeam._engine.failure import Interrupt, describe, is_retryable, leaves
from tightbeam._engine.records import Failure, Memo, Replaced, Run, StepKind
from tightbeam._forks import watch_forks
from tightbeam._hooks.hook_list import HookList
from tightbeam._message import now_us
from tightbeam.errors import StepError, StepMismatch, StepMisuse

__all__ = ["Parking", "StepCall", "StepLog", "StepOutcome"]

_MAX_BLAMED = 32

_Use = tuple[StepKind, str | None, str | None]


class StepCall(NamedTuple):
    """One call of a step by the handler."""

    base: str
    """The id as the handler gave it."""
    number: int
    """How often it was used before in this execution."""
    step_id: str
    """The id as it is stored: `id`, `id:1`, `id:2`."""
    use: _Use
    memo: Memo | None
    """What is remembered of it; None if it is to be done."""
    failed_before: bool
    """Whether it failed in an earlier execution."""
    attempt: int
    """The run's attempt when it began."""
    started_at: int


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended: the error the handler gets, if any, and the memo that is to be stored first."""

    error: BaseException | None
    memo: Memo | None = None


@dataclass(frozen=True, slots=True)
class Parking:
    """Why a run is parked."""

    step_id: str
    error_type: str
    """The class of what today's code met."""
    reason: str
    """What doesn't fit, by step and topic; never a value."""


class StepLog:
    """The step log of one execution of a run."""

    def __init__(self, run: Run, retries: int, hooks: HookList) -> None:
        self.hooks = hooks
        """What is told of the run's steps."""
        self.function = run.function
        self.run_id = run.id
        self.run_number = run.number
        self.retries = retries
        self.attempt = run.attempt
        """Failures since the last newly memoized step."""
        self.failures: list[Failure] = []
        """Steps that failed without being memoized, for who looks at the run."""
        self.cause: BaseException | None = None
        """What the first `Interrupt` of this execution is about."""
        self.parking: Parking | None = None
        """Why the run is to be parked, if it is; whatever the handler makes of the `Interrupt`."""
        self.leaving: frozenset[str] | None = None
        """The sleeps during which the run is not to be in memory, once it is told to leave it."""
        self.stopping = False
        """Shutdown: the execution is to end, and to be resumed another time."""
        self.interrupted = False
        """Whether the handler was told to end; whatever it makes of that, it may have stopped half-way."""
        self.over = threading.Event()
        """Set when no further step may begin: interrupted, stopping or ended."""
        self.halted = threading.Event()
        """Set when nothing waits for the journal any more: stopping or ended."""
        self.asleep = False
        """Whether the journal has the run as sleeping: a death of the process isn't counted then."""
        self._sleeping: dict[str, Alarm] = {}
        self._deaths = run.deaths
        self._memos = run.memos
        self._lock = threading.Lock()
        self._uses: dict[str, _Use] = {}
        self._counts: dict[str, int] = {}
        self._in_flight: dict[str, StepKind] = {}
        self._blamed: list[tuple[StepCall, BaseException]] = []
        self._ended = False
        self._when_idle: Callable[[], None] | None = None
        watch_forks(self)

    def begin(
        self, kind: StepKind, id: str, channel: str | None = None, topic: str | None = None
    ) -> StepCall:
        """Use a step; unless it is remembered, it is in flight until `release`.

        Raises:
            StepMisuse: nested, an id that isn't allowed, in flight already, or after the end of the run.
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
            if memo is None or memo.state == "sleeping":
                self._in_flight[id] = use[0]
            return StepCall(id, number, step_id, use, memo, failed_before, self.attempt, now_us())

    def refuse_if_ended(self) -> None:
        """Raise if the run is over: its context is of no more use."""
        if self._ended:
            raise StepMisuse(
                f"run {self.run_id} has ended, or goes on elsewhere: its context can't be used any more"
            )

    def replaced(self, call: StepCall) -> Replaced:
        """Return what the memo of this step takes the place of.

        By the time it is stored another memo may have set the run's numbers to 0: setting them once more does
        no harm.
        """
        return Replaced(call.failed_before, self.attempt > 0 or self._deaths > 0)

    @property
    def only_sleeping(self) -> bool:
        """Whether the run waits for nothing but time."""
        with self._lock:
            return all(kind == "step.sleep" for kind in self._in_flight.values())

    def fall_asleep(self, call: StepCall, alarm: Alarm) -> None:
        """Note that a step sleeps from now on."""
        with self._lock:
            self._sleeping[call.step_id] = alarm

    def wake_up(self, call: StepCall) -> None:
        """Note that a step sleeps no longer."""
        with self._lock:
            self._sleeping.pop(call.step_id, None)

    def sleeps_longer_than(self, seconds: float) -> bool:
        """Whether the run has steps that sleep, no others in flight, and none that wakes within the time."""
        with self._lock:
            return (
                not self.over.is_set()
                and 0 < len(self._sleeping) == len(self._in_flight)
                and all(kind == "step.sleep" for kind in self._in_flight.values())
                and all(alarm.left() > seconds for alarm in self._sleeping.values())
            )

    def leave(self) -> Interrupt:
        """Have the run leave memory until the first of its sleeps is over. Returns what to raise."""
        with self._lock:
            self.leaving = self.leaving or frozenset(self._sleeping)
        self.over.set()
        return self.interrupt()

    def may_rest(self) -> bool:
        """Whether the run only sleeps, and the journal doesn't know; it is to be told then."""
        if self.asleep or self.over.is_set() or not self.only_sleeping:
            return False
        self.asleep = True
        return True

    def progressed(self) -> None:
        """A step was newly memoized: attempts start over."""
        with self._lock:
            self.attempt = self._deaths = 0

    def release(self, call: StepCall, stored: bool = False) -> None:
        """The step is no longer in flight, or never was; if its memo is stored, attempts start over."""
        with self._lock:
            if stored:
                self.attempt = self._deaths = 0
            self._in_flight.pop(call.base, None)
            if self._when_idle is None or self._busy():
                return
            when_idle, self._when_idle = self._when_idle, None
        when_idle()

    def _busy(self) -> bool:
        # Sleeps aren't waited for: when they end is stored, and whoever retries the run goes on sleeping.
        return any(kind != "step.sleep" for kind in self._in_flight.values())

    def judge(self, call: StepCall, error: BaseException) -> StepOutcome:
        """What becomes of a step whose function raised ``error``."""
        kind, channel, topic = call.use
        error_type, error_text = describe(error)
        if is_retryable(error) and call.attempt >= self.retries:
            failed = StepError(call.step_id, error_type, error_text)
            failed.__cause__ = error
            self.blame(call, failed)
            return StepOutcome(
                failed, Memo(kind, channel, topic, "failed", None, None, error_type, error_text)
            )
        failure = Failure(
            call.step_id, kind, channel, topic, call.started_at, now_us(), error_type, error_text
        )
        self.blame(call, error)
        with self._lock:
            self.failures.append(failure)
            if not is_retryable(error):
                return StepOutcome(error)
            self.cause = self.cause or error
        self.over.set()
        return StepOutcome(self.interrupt())

    def park(self, step_id: str, error: BaseException, reason: str) -> Interrupt:
        """Have the run parked: what it remembers isn't what today's code says. Returns what to raise."""
        with self._lock:
            self.parking = self.parking or Parking(step_id, type(error).__name__, reason)
        self.over.set()
        return self.interrupt()

    def blame(self, call: StepCall, error: BaseException) -> None:
        """Note that an error comes from a step, for the log."""
        with self._lock:
            self._blamed.append((call, error))
            del self._blamed[:-_MAX_BLAMED]

    def origin_of(self, error: BaseException) -> StepCall | None:
        """Return the use of a step that an error comes from, or one in a group; None if it isn't known."""
        with self._lock:
            blamed = {id(one): call for call, one in self._blamed}
        return next((blamed[id(leaf)] for leaf in leaves(error) if id(leaf) in blamed), None)

    def error_of(self, call: StepCall) -> BaseException | None:
        """Return the last error that this call of a step has failed with; None if it hasn't."""
        with self._lock:
            return next((error for blamed, error in reversed(self._blamed) if blamed is call), None)

    def interrupt(self) -> Interrupt:
        """What ends the execution, once raised; to be retried or resumed even if the handler swallows it."""
        self.interrupted = True
        return Interrupt()

    async def idle(self) -> None:
        """Wait until no step is in flight, so that what is being done is remembered."""
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
        """From now on the run's context refuses to be used."""
        with self._lock:
            self._ended = True
        self.over.set()
        self.halted.set()

    def after_fork(self) -> None:
        """In a forked child: the run is the parent's."""
        self._lock = threading.Lock()  # another thread, which doesn't exist here, may have held it
        self._ended = True

    def stop(self) -> None:
        """Shutdown: the next step ends the execution."""
        self.stopping = True
        self.over.set()
        self.halted.set()


def _refuse_mismatch(step_id: str, before: tuple[str, str | None, str | None], now: _Use) -> None:
    if before != now:
        raise StepMismatch(f'step "{step_id}" was {_say(before)} before, and is {_say(now)} now')


def _say(use: tuple[str, str | None, str | None]) -> str:
    kind, channel, topic = use
    return kind if channel is None else f'{kind} of topic "{topic}" on channel "{channel}"'
