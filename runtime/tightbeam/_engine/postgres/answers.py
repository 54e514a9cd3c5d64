"""Which function carries out which request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tightbeam._engine import requests
from tightbeam._engine.postgres import (
    appending,
    claiming,
    counting,
    fencing,
    inspection,
    limits,
    messages,
    operating,
    processes,
    runs,
    schedules,
    sent,
    settled,
    starts,
    steps,
    waits,
)
from tightbeam._engine.postgres.chores import Leave, Rejoin
from tightbeam._engine.postgres.transaction import Transaction
from tightbeam._engine.store import Request

__all__ = ["ANSWERS", "TOGETHER"]


class _Answers(dict[type[Request[Any]], Callable[[Transaction, Any], Any]]):
    """The functions by the class of their requests."""

    def __missing__(self, kind: type[Request[Any]]) -> Callable[[Transaction, Any], Any]:
        raise TypeError(f"this store answers no {kind.__name__}")


ANSWERS = _Answers(
    {
        fencing.Confirm: fencing.confirm,
        requests.IsExecuted: fencing.is_executed,
        Leave: lambda tx, request: processes.leave(tx),  # noqa: ARG005 - it says nothing more
        sent.HandOverSent: sent.hand_over_sent,
        Rejoin: lambda tx, request: None,  # noqa: ARG005 - what is done comes before
        requests.AddRuns: runs.add_runs,
        requests.Recover: runs.recover,
        requests.Claim: claiming.claim,
        requests.Awaken: limits.awaken,
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
        requests.MemoizeStep: steps.memoize_step,
        requests.BeginSleep: steps.begin_sleep,
        requests.EndSleep: steps.end_sleep,
        requests.MarkAwake: steps.mark_awake,
        requests.Rest: steps.rest,
        requests.SendEvent: starts.send_event,
        requests.MemoizeSend: starts.memoize_send,
        requests.BeginWait: waits.begin_wait,
        requests.BeginInvoke: waits.begin_invoke,
        requests.EndWait: waits.end_wait,
        requests.KeepSchedules: schedules.keep_schedules,
        requests.Tick: schedules.tick,
        requests.MemoizePublish: appending.memoize_publish,
        requests.FindStart: messages.find_start,
        requests.ReadPage: messages.read_page,
        requests.FindLatest: messages.find_latest,
        requests.ReadPlaces: messages.read_places,
        requests.TimeOf: messages.time_of,
        requests.SeenUntil: messages.seen_until,
        requests.FindOutcome: messages.find_outcome,
        requests.CountRuns: counting.count_runs,
        requests.ReadLag: counting.read_lag,
        requests.ListRuns: inspection.list_runs,
        requests.ScanRuns: inspection.scan_runs,
        requests.ListFunctions: inspection.list_functions,
        requests.ListTopics: inspection.list_topics,
        requests.FindRun: inspection.find_run,
        requests.ReadRun: inspection.read_run,
        requests.FindSettled: settled.find_settled,
        requests.ReadMessage: inspection.read_message,
        requests.ReadPart: inspection.read_part,
        requests.RecentMessages: inspection.recent_messages,
    }
)
"""The SQL of each request; a request is carried out inside the transaction of its batch."""

TOGETHER: dict[type[Request[Any]], Callable[[Transaction, Sequence[Any]], Sequence[BaseException | None]]] = {
    requests.MemoizePublish: appending.append,
}
"""Requests of which many are one statement: an error for each that is refused, of which nothing is stored."""
