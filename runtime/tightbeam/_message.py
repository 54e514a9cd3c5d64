"""The message on its way: encoded once, checked before, shared by all its subscribers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import NamedTuple

__all__ = ["MILLISECOND", "Address", "Envelope", "now_us", "time_of"]

Address = tuple[str, str]
"""Channel name and topic name."""

MILLISECOND = 1_000
"""Microseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time_ns() // 1000


def time_of(microseconds: int) -> datetime:
    """Return the time that is so many microseconds after the beginning of 1970, as an aware datetime."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Envelope(NamedTuple):
    """One message on its way: encoded once, checked before."""

    channel: str
    topic: str
    data: bytes
    run_id: str | None
    id: str | None
    created_us: int
    """Microseconds since 1970, UTC."""
    seq: int | None = None
    """Place in the journal; None for live messages."""
    metadata: bytes | None = None
    """JSON that travels beside the data; only publishes over HTTP can carry it."""

    @property
    def created_at(self) -> datetime:
        """When it was published, as an aware datetime."""
        return time_of(self.created_us)
