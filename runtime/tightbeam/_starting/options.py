"""The options of a send: an idempotency key, and when the runs start."""

from __future__ import annotations

from datetime import datetime, timedelta

from tightbeam._clock import LONGEST
from tightbeam._message import microseconds_of, now_us
from tightbeam._step_checks import is_unicode

__all__ = ["check_key", "due_time"]

_MAX_KEY = 512


def check_key(id: object) -> str | None:
    """Check an idempotency key.

    Raises:
        TypeError: it isn't text.
        ValueError: it is empty, too long or not Unicode.
    """
    if id is None:
        return None
    if not isinstance(id, str):
        raise TypeError(f"id= is text that names this event, not {type(id).__name__}")
    if not id or len(id) > _MAX_KEY or not is_unicode(id):
        raise ValueError(f"id= is text of 1 to {_MAX_KEY} characters")
    return id


def due_time(delay: object, at: object) -> int | None:
    """Return when runs start, in microseconds since 1970; None for at once.

    A moment that is past is at once: between naming it and sending, time goes on.

    Args:
        delay: how long from now, more than no time.
        at: a moment, as an aware datetime.

    Raises:
        TypeError: both are given, or one is of another type.
        ValueError: the delay is zero or negative, the moment has no time zone, or it is too far away.
    """
    if delay is not None and at is not None:
        raise TypeError("delay= and at= exclude each other: runs start after a while, or at a moment")
    if delay is not None:
        if not isinstance(delay, timedelta):
            raise TypeError(f"delay= is a timedelta, not {type(delay).__name__}")
        if delay <= timedelta(0):
            raise ValueError("delay= is more than no time; leave it out to start at once")
        if delay > LONGEST:
            raise ValueError(f"delay= is at most {LONGEST.days} days")
        return now_us() + max(1, delay // timedelta(microseconds=1))
    if at is None:
        return None
    if not isinstance(at, datetime):
        raise TypeError(f"at= is an aware datetime, not {type(at).__name__}")
    if at.utcoffset() is None:
        raise ValueError("at= needs a time zone: datetime.now(UTC) has one, datetime.now() has none")
    due = microseconds_of(at)
    if due > now_us() + LONGEST // timedelta(microseconds=1):
        raise ValueError(f"at= is at most {LONGEST.days} days from now")
    return max(due, 0)
