"""Which function carries out which request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tightbeam._engine import requests
from tightbeam._engine.sqlite import (
    claiming,
    counting,
    details,
    messages,
    operating,
    runs,
    schedules,
    starts,
    steps,
    waits,
)
from tightbeam._engine.sqlite.transaction import Transaction
from tightbeam._engine.store import Answer, Request

__all__ = ["ANSWERS", "answer"]


class _Answers(dict[type[Request[Any]], Callable[[Transaction, Any], Any]]):
    """The functions by the class of their requests."""

    def __missing__(self, kind: type[Request[Any]]) -> Callable[[Transaction, Any], Any]:
        raise TypeError(f"this store answers no {kind.__name__}")


ANSWERS = _Answers(
    {
        requests.AddRuns: runs.add_runs,
        requests.Recover: runs.recover,
        requests.Claim: claiming.claim,
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
        requests.ReadRun: details.read_run,
        requests.FindSettled: details.find_settled,
        requests.IsExecuted: operating.is_executed,
        requests.ScanRuns: details.scan_runs,
        requests.MemoizeStep: steps.memoize_step,
        requests.MemoizePublish: steps.memoize_publish,
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
        requests.FindStart: messages.find_start,
        requests.ReadPage: messages.read_page,
        requests.FindLatest: messages.find_latest,
        requests.ReadPlaces: messages.read_places,
        requests.TimeOf: messages.time_of,
        requests.SeenUntil: messages.seen_until,
        requests.FindOutcome: messages.find_outcome,
        requests.CountRuns: counting.count_runs,
        requests.ReadLag: counting.read_lag,
        requests.ListRuns: details.list_runs,
        requests.ListFunctions: details.list_functions,
        requests.ListTopics: messages.list_topics,
        requests.FindRun: details.find_run,
        requests.ReadMessage: details.read_message,
        requests.ReadPart: details.read_part,
        requests.RecentMessages: details.recent_messages,
    }
)
"""The SQL of each request; a request is carried out inside the transaction of its batch."""


def answer(tx: Transaction, request: Request[Answer]) -> Answer:
    """Carry out one request in a transaction."""
    carried_out: Answer = ANSWERS[type(request)](tx, request)
    return carried_out
