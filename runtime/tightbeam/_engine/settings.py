"""What a client is made with, for its engine and its store."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["OnServer", "Retention", "Settings"]


class Settings(NamedTuple):
    """What an engine is made with, besides its store; times in seconds."""

    max_payload_bytes: int
    retry_delay: float
    """Before the first retry of a run, doubled with each."""
    shutdown_timeout: float
    wait_for_file: float
    """How long opening waits for a client that has the journal open."""
    run_functions: bool = True
    """Whether runs are executed here."""


class Retention(NamedTuple):
    """How much a store keeps: messages by number; messages and ended runs by age and size."""

    messages: int
    age_us: int
    size: int
    """Bytes of everything that is stored."""


class OnServer(NamedTuple):
    """How a journal is kept on a database server."""

    schema: str = "tightbeam"
    """The database schema that has the tables."""
    lease: float = 15.0
    """Seconds without a heartbeat after which a process is taken for dead."""
