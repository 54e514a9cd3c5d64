"""What a payload belongs to, a topic of a channel or an event, and how errors name it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from tightbeam._channels.refs import TopicRef
from tightbeam.errors import InvalidPayload, Issue, PayloadTooLarge

if TYPE_CHECKING:
    from tightbeam._events.refs import EventRef

    Subject: TypeAlias = TopicRef[..., str, Any] | EventRef[..., str, Any]

__all__ = ["Subject", "refusal", "too_large"]


def refusal(subject: Subject, issues: Iterable[Issue], more: int = 0) -> InvalidPayload:
    """Return the error for a payload that doesn't fit.

    Args:
        subject: what it was to be a payload of.
        issues: what is wrong.
        more: how many further issues there are.
    """
    if isinstance(subject, TopicRef):
        return InvalidPayload(subject.topic, issues, channel=subject.channel, more=more)
    return InvalidPayload("", issues, event=subject.name, more=more)


def too_large(subject: Subject, size: int, limit: int) -> PayloadTooLarge:
    """Return the error for an encoded payload that is over the limit.

    Args:
        subject: what it is a payload of.
        size: how many bytes it has.
        limit: how many are allowed.
    """
    if isinstance(subject, TopicRef):
        return PayloadTooLarge(subject.topic, size, limit, channel=subject.channel)
    return PayloadTooLarge("", size, limit, event=subject.name)
