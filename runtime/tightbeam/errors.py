"""Everything Tightbeam raises, one tree:

    TightbeamError
    ├── InvalidPayload         the data breaks the topic's schema, or isn't JSON at all
    ├── PayloadTooLarge        the encoded payload is over the limit
    ├── InvalidParam           a value that can't be part of a channel name, or a name that fits no channel
    ├── OutdatedBindings       the generated package is incomplete or of another version: generate again
    ├── PublishFailed          the server didn't take the message (status; retryable or not)
    ├── NonRetriableError      raised by a handler: fail the run at once
    ├── StepMismatch           a step id was used for something else before
    ├── PositionLost           the position to resume from is no longer retained
    ├── SubscriberTooSlow      the reader fell behind and was closed (position: where to resume)
    └── EngineError            the engine can't do what was asked

Whether trying again can help is a property of the error: ``error.retryable``. No text here holds payload values, tokens
or keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

__all__ = [
    "EngineError",
    "InvalidParam",
    "InvalidPayload",
    "Issue",
    "NonRetriableError",
    "OutdatedBindings",
    "PayloadTooLarge",
    "PositionLost",
    "PublishFailed",
    "StepMismatch",
    "SubscriberTooSlow",
    "TightbeamError",
]

_E = TypeVar("_E", bound="TightbeamError")


def _restore(cls: type[_E], args: tuple[object, ...], state: dict[str, object]) -> _E:
    """Rebuild a pickled error without calling ``__init__``, whose arguments differ from class to class."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class TightbeamError(Exception):
    """Base of every error of this library.

    Constructors call ``super().__init__(message)`` with one string, so that a subclass can derive from another
    exception class as well.
    """

    retryable: bool = False
    """Whether the same call may succeed when it is made again later."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a payload."""

    pointer: str
    """JSON pointer into the payload; ``""`` is the payload itself, ``*`` stands for a key the schema doesn't declare."""

    reason: str
    """The rule that was broken, in words; never the value."""

    def __str__(self) -> str:
        return f"{self.pointer or '(payload)'}: {self.reason}"


class InvalidPayload(TightbeamError):
    """The data can't be published on this topic; nothing was sent. Never retried: the same data would fail again.

    Neither the text nor the attributes hold a value of the payload.
    """

    def __init__(self, topic: str, issues: Iterable[Issue], *, channel: str = "", more: int = 0) -> None:
        self.topic = topic
        """The topic's name as on the wire."""
        self.channel = channel
        """The channel's name."""
        self.issues: tuple[Issue, ...] = tuple(issues)
        """What is wrong, in the order of the payload; at most about ten."""
        self.more = more
        """How many further issues were left out."""
        place = f' on channel "{channel}"' if channel else ""
        lines = [f'Schema validation failed for topic "{topic}"{place}', *(f"  {issue}" for issue in self.issues)]
        if more:
            lines.append(f"  … and {more} more")
        super().__init__("\n".join(lines))


class PayloadTooLarge(TightbeamError):
    """The encoded payload is over the limit; nothing was sent."""

    def __init__(self, topic: str, size: int, limit: int, *, channel: str = "") -> None:
        self.topic = topic
        self.channel = channel
        self.size = size
        self.limit = limit
        place = f' on channel "{channel}"' if channel else ""
        super().__init__(f'Payload for topic "{topic}"{place} is {size:,} bytes; the limit is {limit:,}')


class InvalidParam(TightbeamError):
    """A channel parameter has a value that can't be part of the name, or a name doesn't fit the channel's template."""


class OutdatedBindings(TightbeamError):
    """The generated package is incomplete, or was made by a version this runtime doesn't understand."""


class PublishFailed(TightbeamError):
    """The server did not take the message.

    ``status`` is the HTTP status, or None when there was no answer; ``retryable`` says whether trying again can help.
    """

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = False) -> None:
        self.status = status
        self.retryable = retryable
        super().__init__(message)


class NonRetriableError(TightbeamError):
    """Raise it in a handler or a step to fail the run at once, whatever attempts are left."""


class StepMismatch(TightbeamError):
    """A step id was used for another kind of step, another channel or another topic before."""


class PositionLost(TightbeamError):
    """The position given as ``after=`` is no longer retained, so that messages in between can't be delivered."""


class SubscriberTooSlow(TightbeamError):
    """The subscription was closed because its reader fell behind; others didn't notice."""

    retryable = True

    def __init__(self, position: str | None = None, message: str = "") -> None:
        self.position = position
        """Where to resume (``after=``); None when no durable message was delivered yet."""
        super().__init__(message or "The subscription was closed: its reader was too slow and its buffer is full")


class EngineError(TightbeamError):
    """The engine can't do what was asked, or its storage failed; nothing was memoized and nothing was sent."""

    retryable = True
