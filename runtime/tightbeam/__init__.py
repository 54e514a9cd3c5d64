"""Typed realtime channels: publish and subscribe with payloads checked at the call and at run time."""

from __future__ import annotations

from tightbeam._channels.refs import Channel, Message, TopicRef, channel_from_name, channel_params
from tightbeam._client import Client
from tightbeam._context import Context, ContextSync, Event, Step, StepSync
from tightbeam._function import Function
from tightbeam._subscription import Subscription
from tightbeam.errors import (
    EngineError,
    InvalidParam,
    InvalidPayload,
    Issue,
    JournalFailed,
    JournalRefused,
    NonRetriableError,
    NotEntered,
    NotJson,
    NotRegistered,
    OutdatedBindings,
    PayloadTooLarge,
    PositionLost,
    PublishFailed,
    RunFailed,
    SigningKeyError,
    StepError,
    StepMismatch,
    StepMisuse,
    SubscribeFailed,
    SubscriberTooSlow,
    TightbeamError,
)

__all__ = [
    "Channel",
    "Client",
    "Context",
    "ContextSync",
    "EngineError",
    "Event",
    "Function",
    "InvalidParam",
    "InvalidPayload",
    "Issue",
    "JournalFailed",
    "JournalRefused",
    "Message",
    "NonRetriableError",
    "NotEntered",
    "NotJson",
    "NotRegistered",
    "OutdatedBindings",
    "PayloadTooLarge",
    "PositionLost",
    "PublishFailed",
    "RunFailed",
    "SigningKeyError",
    "Step",
    "StepError",
    "StepMismatch",
    "StepMisuse",
    "StepSync",
    "SubscribeFailed",
    "SubscriberTooSlow",
    "Subscription",
    "TightbeamError",
    "TopicRef",
    "channel_from_name",
    "channel_params",
]
