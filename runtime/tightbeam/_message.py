"""A message on its way, which all subscribers share, and the form of its times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tightbeam._clock import now_us

__all__ = ["MILLISECOND", "Address", "Envelope", "microseconds_of", "now_us", "time_of"]

Address = tuple[str, str]
"""Channel name and topic name."""

MILLISECOND = 1_000
"""In microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(microseconds: int) -> datetime:
    """Return microseconds since 1970 as an aware datetime."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Envelope(NamedTuple):
    """A message: where it goes, its payload as JSON, and where it comes from."""

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
    """JSON that travels beside the data."""

    @property
    def created_at(self) -> datetime:
        """When it was published, as an aware datetime."""
        return time_of(self.created_us)
