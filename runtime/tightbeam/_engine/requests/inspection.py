"""The requests of people who look at runs, and of the pages and commands that they use."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._engine.details import Part, RunDetail, RunSummary
from tightbeam._engine.records import Excerpt, Recent
from tightbeam._engine.store import Query

__all__ = [
    "FindRun",
    "ListFunctions",
    "ListRuns",
    "ListTopics",
    "ReadMessage",
    "ReadPart",
    "RecentMessages",
]


@dataclass(frozen=True, slots=True)
class ListRuns(Query[list[RunSummary]]):
    """List the latest runs, oldest first."""

    limit: int
    state: str | None = None
    """Only runs in this state, as it is shown."""
    function: str | None = None
    words: tuple[str, ...] = ()
    """Only runs that have each of these in their id, function, event or error, in any case of letters."""
    among: int | None = None
    """Look at so many of the latest runs only."""


@dataclass(frozen=True, slots=True)
class ListFunctions(Query[list[str]]):
    """List the functions that the latest runs are of, by name."""

    among: int


@dataclass(frozen=True, slots=True)
class ListTopics(Query[list[str]]):
    """List the topics of which a channel has durable messages, by name."""

    channel: str


@dataclass(frozen=True, slots=True)
class FindRun(Query[RunDetail | None]):
    """Find a run with its steps and messages."""

    id: str


@dataclass(frozen=True, slots=True)
class ReadMessage(Query[Excerpt | None]):
    """Read the data of a durable message, or its first bytes; None if it is no longer retained."""

    id: str
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ReadPart(Query[Excerpt | None]):
    """Read data that a run keeps, or its first bytes; None where there is none, or none any more."""

    run_id: str
    part: Part
    step: str = ""
    """The step's id, if it is a step's."""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class RecentMessages(Query[Recent]):
    """Read the latest messages of all channels, in order: those after a position, or whatever there is."""

    after: str | None
    limit: int
