"""The requests that an engine has for its store: a frozen value for each verb, generic in its answer.

All times are microseconds since 1970. What a store promises for every request stands at `Store`.
"""

from __future__ import annotations

from tightbeam._engine.requests.counting import CountRuns, ReadLag
from tightbeam._engine.requests.inspection import (
    FindRun,
    ListFunctions,
    ListRuns,
    ListTopics,
    ReadMessage,
    ReadPart,
    RecentMessages,
)
from tightbeam._engine.requests.messages import (
    PAGE_BYTES,
    PAGE_MESSAGES,
    FindLatest,
    FindOutcome,
    FindStart,
    ReadPage,
    ReadPlaces,
    SeenUntil,
    TimeOf,
)
from tightbeam._engine.requests.operating import (
    CancelRun,
    FindSettled,
    IsExecuted,
    ReadRun,
    RetryFrom,
    ScanRuns,
    Unpark,
)
from tightbeam._engine.requests.schedules import KeepSchedules, Tick
from tightbeam._engine.requests.scheduling import (
    MAX_DEATHS,
    AddRuns,
    Awaken,
    Claim,
    EndRun,
    LeaveMemory,
    ParkRun,
    PullBack,
    PutBack,
    PutBackAll,
    Recover,
    RetryRun,
)
from tightbeam._engine.requests.starts import MemoizeSend, SendEvent
from tightbeam._engine.requests.steps import (
    BeginSleep,
    EndSleep,
    MarkAwake,
    MemoizePublish,
    MemoizeStep,
    Rest,
)
from tightbeam._engine.requests.waits import MAX_DEPTH, BeginInvoke, BeginWait, EndWait

__all__ = [
    "MAX_DEATHS",
    "MAX_DEPTH",
    "PAGE_BYTES",
    "PAGE_MESSAGES",
    "AddRuns",
    "Awaken",
    "BeginInvoke",
    "BeginSleep",
    "BeginWait",
    "CancelRun",
    "Claim",
    "CountRuns",
    "EndRun",
    "EndSleep",
    "EndWait",
    "FindLatest",
    "FindOutcome",
    "FindRun",
    "FindSettled",
    "FindStart",
    "IsExecuted",
    "KeepSchedules",
    "LeaveMemory",
    "ListFunctions",
    "ListRuns",
    "ListTopics",
    "MarkAwake",
    "MemoizePublish",
    "MemoizeSend",
    "MemoizeStep",
    "ParkRun",
    "PullBack",
    "PutBack",
    "PutBackAll",
    "ReadLag",
    "ReadMessage",
    "ReadPage",
    "ReadPart",
    "ReadPlaces",
    "ReadRun",
    "RecentMessages",
    "Recover",
    "Rest",
    "RetryFrom",
    "RetryRun",
    "ScanRuns",
    "SeenUntil",
    "SendEvent",
    "Tick",
    "TimeOf",
    "Unpark",
]
