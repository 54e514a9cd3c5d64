"""Typed realtime channels: publish and subscribe with payloads checked at the call and at run time."""

from __future__ import annotations

from tightbeam._channels.refs import Channel, Message, TopicRef, channel_from_name, channel_params
from tightbeam.errors import (
    EngineError,
    InvalidParam,
    InvalidPayload,
    Issue,
    NonRetriableError,
    OutdatedBindings,
    PayloadTooLarge,
    PositionLost,
    PublishFailed,
    StepMismatch,
    SubscriberTooSlow,
    TightbeamError,
)

__all__ = [
    "Channel",
    "EngineError",
    "InvalidParam",
    "InvalidPayload",
    "Issue",
    "Message",
    "NonRetriableError",
    "OutdatedBindings",
    "PayloadTooLarge",
    "PositionLost",
    "PublishFailed",
    "StepMismatch",
    "SubscriberTooSlow",
    "TightbeamError",
    "TopicRef",
    "channel_from_name",
    "channel_params",
]
