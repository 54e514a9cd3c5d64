"""Typed realtime channels: publish and subscribe with payloads checked at the call and at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tightbeam._channels.refs import Channel, Message, TopicRef, channel_from_name, channel_params
from tightbeam._client import Client
from tightbeam._connect import connect
from tightbeam._context import Context, ContextSync
from tightbeam._engine.details import RunState, RunSummary
from tightbeam._engine.protocol import SubscriptionToken
from tightbeam._events.cron import CronEvent, cron
from tightbeam._events.failure import FailedRun, FailureEvent
from tightbeam._events.refs import Event, EventRef, Sendable, Trigger
from tightbeam._function import Function
from tightbeam._hooks.hook import Hook
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._payload import model as _model  # noqa: F401  # pyright: ignore[reportUnusedImport]  # for its imports
from tightbeam._runs.run import Run
from tightbeam._runs.runs import Runs
from tightbeam._step import Step, StepSync
from tightbeam._subscription import Subscription
from tightbeam.errors import (
    EngineError,
    GatewayRefused,
    InvalidParam,
    InvalidPayload,
    Issue,
    JournalFailed,
    JournalRefused,
    NoGateway,
    NonRetriableError,
    NoSuchRun,
    NotEntered,
    NotJson,
    NotRegistered,
    NotStorable,
    OutdatedBindings,
    PayloadTooLarge,
    PositionLost,
    PublishFailed,
    RequestFailed,
    RetryAfterError,
    RunCancelled,
    RunFailed,
    RunParked,
    RunStateError,
    RunTimeout,
    SendFailed,
    SigningKeyError,
    StepError,
    StepMismatch,
    StepMisuse,
    StepTimeout,
    SubscribeFailed,
    SubscriberTooSlow,
    TightbeamError,
)

__all__ = [
    "Channel",
    "Client",
    "Context",
    "ContextSync",
    "CronEvent",
    "EngineError",
    "Event",
    "EventRef",
    "FailedRun",
    "FailureEvent",
    "Function",
    "GatewayRefused",
    "Hook",
    "InvalidParam",
    "InvalidPayload",
    "Issue",
    "JournalFailed",
    "JournalRefused",
    "Message",
    "NoGateway",
    "NoSuchRun",
    "NonRetriableError",
    "NotEntered",
    "NotJson",
    "NotRegistered",
    "NotStorable",
    "OnInvalidMessage",
    "OutdatedBindings",
    "PayloadTooLarge",
    "PositionLost",
    "PublishFailed",
    "RequestFailed",
    "RetryAfterError",
    "Run",
    "RunCancelled",
    "RunFailed",
    "RunParked",
    "RunState",
    "RunStateError",
    "RunSummary",
    "RunTimeout",
    "Runs",
    "SendFailed",
    "Sendable",
    "SigningKeyError",
    "Step",
    "StepError",
    "StepMismatch",
    "StepMisuse",
    "StepSync",
    "StepTimeout",
    "SubscribeFailed",
    "SubscriberTooSlow",
    "Subscription",
    "SubscriptionToken",
    "TightbeamError",
    "TopicRef",
    "Trigger",
    "channel_from_name",
    "channel_params",
    "connect",
    "cron",
]

if TYPE_CHECKING:
    __version__: str
    """The version of the installed distribution."""
else:

    def __getattr__(name: str) -> str:
        # Not at import: reading the distribution's metadata takes longer than all that is imported here.
        if name == "__version__":
            from importlib.metadata import version

            return version("tightbeam")
        raise AttributeError(f"module 'tightbeam' has no attribute '{name}'")
