"""All that one client keeps in memory: runs and messages, changed by one request at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, cast

from tightbeam._engine import requests
from tightbeam._engine.memory.counting import count_runs
from tightbeam._engine.memory.listing import Listing
from tightbeam._engine.memory.messages import Messages
from tightbeam._engine.memory.operating import Operating
from tightbeam._engine.memory.runs import Runs
from tightbeam._engine.memory.schedules import Schedules
from tightbeam._engine.memory.stored import StoredStep
from tightbeam._engine.memory.waits import Waits
from tightbeam._engine.requests import MemoizePublish
from tightbeam._engine.store import Answer, Request
from tightbeam._message import Envelope, now_us

__all__ = ["Journal"]

Reserve = Callable[[str, int, Callable[[], int]], int]


class Journal:
    """Runs, their steps and messages."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held while a request is carried out."""
        self.runs = Runs()
        self.messages = Messages(os.urandom(6).hex())
        self.doubted_since = 0
        """Since when the clock is doubted; see `Doubt.since`."""
        runs, messages, listing = self.runs, self.messages, Listing(self.runs, self.messages)
        operating = Operating(self.runs)
        waits, schedules = Waits(runs), Schedules(runs)
        self._answers: dict[type[Request[Any]], Callable[[Any], Any]] = {
            requests.AddRuns: runs.add_runs,
            requests.Recover: runs.recover,
            requests.Claim: runs.claim,
            requests.EndRun: runs.end_run,
            requests.RetryRun: runs.retry_run,
            requests.ParkRun: runs.park_run,
            requests.LeaveMemory: runs.leave_memory,
            requests.PutBack: runs.put_back,
            requests.PutBackAll: runs.put_back_all,
            requests.PullBack: runs.pull_back,
            requests.CancelRun: operating.cancel_run,
            requests.RetryFrom: operating.retry_from,
            requests.Unpark: operating.unpark,
            requests.ReadRun: listing.read_run,
            requests.FindSettled: listing.find_settled,
            requests.IsExecuted: listing.is_executed,
            requests.ScanRuns: listing.scan_runs,
            requests.MemoizeStep: runs.memoize_step,
            requests.BeginSleep: runs.begin_sleep,
            requests.EndSleep: runs.end_sleep,
            requests.MarkAwake: runs.mark_awake,
            requests.Rest: runs.rest,
            requests.SendEvent: waits.send_event,
            requests.MemoizeSend: waits.memoize_send,
            requests.BeginWait: waits.begin_wait,
            requests.BeginInvoke: waits.begin_invoke,
            requests.EndWait: waits.end_wait,
            requests.KeepSchedules: schedules.keep_schedules,
            requests.Tick: schedules.tick,
            requests.FindStart: messages.find_start,
            requests.ReadPage: messages.read_page,
            requests.FindLatest: messages.find_latest,
            requests.ReadPlaces: messages.read_places,
            requests.TimeOf: messages.time_of,
            requests.SeenUntil: messages.seen_until,
            requests.RecentMessages: messages.recent_messages,
            requests.FindOutcome: listing.find_outcome,
            requests.CountRuns: lambda _: count_runs(runs.unfinished),
            requests.ReadLag: lambda _: None,
            requests.ListRuns: listing.list_runs,
            requests.ListFunctions: listing.list_functions,
            requests.ListTopics: messages.list_topics,
            requests.FindRun: listing.find_run,
            requests.ReadMessage: listing.read_message,
            requests.ReadPart: listing.read_part,
        }
        """What carries out each request, but for `MemoizePublish`."""

    def answer(self, request: Request[Answer]) -> Answer:
        """Carry out a request that publishes nothing."""
        carry_out = self._answers.get(type(request))
        if carry_out is None:
            raise TypeError(f"this store answers no {type(request).__name__}")
        return cast("Answer", carry_out(request))

    def publish(self, request: MemoizePublish, reserve: Reserve) -> Envelope:
        """Store a message with the memo of its step.

        Args:
            request: what to store.
            reserve: gives the message its time; see `Outlet.reserve`.

        Returns:
            The message, for its readers.

        Raises:
            MemoizedAlready: the step has its memo.
            StepMisuse: the run has ended.
        """
        _, run_id, name, number, channel, topic, data, started_at, metadata = request.publish
        self.runs.refuse_if_over(run_id)
        run = self.runs.memoizable(run_id, request.step_id, request.replaced)
        created = reserve(channel, started_at, lambda: self.messages.last_time(channel))
        place = self.messages.last + 1
        message_id = f"{run_id}:{name}:{number}"
        message = Envelope(channel, topic, data, run_id, message_id, created, place, metadata)
        self.messages.append(message)
        step = StoredStep(
            "step.realtime.publish",
            channel,
            topic,
            "done",
            started_at,
            now_us(),
            result=data,
            place=place,
        )
        self.runs.forget_failure(run, request.step_id)  # a message that is the memo too counts no attempts
        self.runs.put_step(run, request.step_id, step, request.replaced)
        return message

    def take_woken(self) -> list[str]:
        """Return the runs to wake after a request, once."""
        woken, self.runs.woken = self.runs.woken, []
        return woken

    # -- retention: see `Trimmable` and `Stored` -------------------------------------------------------------

    @property
    def last(self) -> int:
        """Return the place of the last message."""
        return self.messages.last

    @property
    def trimmed(self) -> int:
        """Return the place of the last message that was dropped."""
        return self.messages.trimmed

    def size(self) -> int:
        """Return about how many bytes everything takes."""
        return self.runs.size + self.messages.size

    def older_than(self, time_us: int, most: int, /) -> int:
        """Return the place of the last of the oldest messages that are older; see `Trimmable`."""
        return self.messages.older_than(time_us, most)

    def begun_before(self, place: int, /) -> int:
        """Return when the run began that published the first message after a place."""
        message = self.messages.by_place[place + 1]
        run = self.runs.by_id.get(message.run_id or "")
        return message.created_us if run is None else run.created_at

    def drop_messages(self, upto: int, /) -> None:
        """Drop the messages up to a place; memos of runs that may still be executed stay."""
        for message in self.messages.drop(upto):
            run_id, _, name = (message.id or "").partition(":")
            self.runs.message_dropped(run_id, name.removesuffix(":0"))

    def drop_runs(self, before: int, most: int, /) -> int:
        """Drop the runs that ended first; see `Trimmable`."""
        return self.runs.drop_ended(before, most)

    def oldest(self) -> int | None:
        """Return when the oldest thing was stored that is kept for its time; None if there is none."""
        first = self.messages.by_place.get(self.messages.trimmed + 1)
        times = [self.runs.first_end, None if first is None else first.created_us]
        return min((time for time in times if time is not None), default=None)

    def newest(self) -> int:
        """Return when something was stored last."""
        last = self.messages.by_place.get(self.messages.last)
        return max(self.runs.last_end, 0 if last is None else last.created_us)
