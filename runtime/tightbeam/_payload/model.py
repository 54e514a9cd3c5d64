"""The base class of generated payload models, and loading one from JSON."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from tightbeam._channels.refs import TopicRef

Data = TypeVar("Data")


def load(ref: TopicRef[..., str, Data], raw: bytes) -> Data:
    """JSON text as the topic's Python type."""
    raise NotImplementedError


class Payload(BaseModel):
    """Base class of generated payload models."""


def is_absent(value: object) -> bool:
    """Whether an optional, not nullable field is absent (``exclude_if`` of such fields)."""
    return value is None
