"""The options of a send call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

__all__ = ["SendOptions"]


@dataclass(frozen=True, slots=True)
class SendOptions:
    """What a send call may say besides the event and its data."""

    id: str | None = None
    """An idempotency key: for each function, the runs that it starts are started once."""
    delay: timedelta | None = None
    """How long the runs wait before they start."""
    at: datetime | None = None
    """When the runs start."""

    _KINDS: ClassVar[Mapping[str, type]] = {"id": str, "delay": timedelta, "at": datetime}

    @classmethod
    def of(cls, given: Mapping[str, Any], /) -> Self:
        """Return the options that the keywords of a call give.

        Args:
            given: the keywords.

        Raises:
            TypeError: there is no such option, or it is of another type.
            ValueError: a value isn't allowed, or two exclude each other.
        """
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise TypeError(f"send has no option {name!r}; there are: {', '.join(known)}")
            kind = cls._KINDS[name]
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"send's {name} is a {kind.__name__}, not {type(value).__name__}")
        options = cls(**given)
        if options.id == "":
            raise ValueError("send's id is a text that isn't empty")
        if options.delay is not None and options.at is not None:
            raise ValueError("send takes delay or at, not both")
        if options.delay is not None and options.delay < timedelta(0):
            raise ValueError("send's delay can't be negative")
        if options.at is not None and options.at.utcoffset() is None:
            raise ValueError("send's at is an aware datetime: one with a time zone")
        return options
