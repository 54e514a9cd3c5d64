"""The requests about messages: reading on from a place, a position or a time."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.records import Latest, Page, Seen, StoredOutcome
from tightbeam._engine.store import Query
from tightbeam._message import Address, Envelope

__all__ = [
    "PAGE_BYTES",
    "PAGE_MESSAGES",
    "FindLatest",
    "FindOutcome",
    "FindStart",
    "ReadPage",
    "ReadPlaces",
    "SeenUntil",
    "TimeOf",
]

PAGE_MESSAGES = 256
PAGE_BYTES = 1024 * 1024
"""Of a page, which is read between two commits: publishers wait meanwhile."""


@dataclass(frozen=True, slots=True)
class FindStart(Query[int]):
    """Find the place that a position stands for; ``"start"`` is before the oldest message.

    Raises:
        PositionLost: it isn't one of this journal, or messages after it have been trimmed.
    """

    after: str


@dataclass(frozen=True, slots=True)
class ReadPage(Query[Page]):
    """Read the messages to some addresses after a place or a position, in order.

    Raises:
        PositionLost: as `FindStart`, or messages after that place have been trimmed.
    """

    addresses: tuple[Address, ...]
    after: int | str
    messages: int = PAGE_MESSAGES
    size: int = PAGE_BYTES


@dataclass(frozen=True, slots=True)
class FindLatest(Query[Latest]):
    """Find the latest message of each address."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ReadPlaces(Query[tuple[list[Envelope], int]]):
    """Read the messages at the first of some places, as many as fit a page.

    Answers with those that are still retained, and how many of the places were read.
    """

    places: tuple[int, ...]
    messages: int = PAGE_MESSAGES
    size: int = PAGE_BYTES


@dataclass(frozen=True, slots=True)
class TimeOf(Query[int]):
    """Find when the message at a position was published, or the last one before it that is retained; or 0.

    Raises:
        PositionLost: as `FindStart`.
    """

    position: str


@dataclass(frozen=True, slots=True)
class SeenUntil(Query[Seen]):
    """Find what a reader has seen of a channel, by the time of the last message that it saw.

    Times in a channel are at least a millisecond apart, so that cut to milliseconds they still differ.

    Raises:
        PositionLost: messages after that time may have been trimmed.
    """

    channel: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class FindOutcome(Query[StoredOutcome | None]):
    """Find how the run ended that published last on a channel; None if it goes on, or there is none."""

    channel: str
