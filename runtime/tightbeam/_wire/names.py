"""Names that both ends of a connection use."""

from __future__ import annotations

from typing import Final

from tightbeam.errors import (
    EngineError,
    JournalFailed,
    NonRetriableError,
    NoSuchRun,
    NotEntered,
    NotJson,
    NotRegistered,
    NotStorable,
    RunStateError,
)

__all__ = ["ERROR_TYPES", "LOOPBACK_NAMES", "RUN_ERROR_TYPES", "RUN_STATUSES", "SEND_STATUSES"]

RUNS_PATH: Final = "/v1/realtime/runs"
"""Where a gateway answers about runs."""
RUNS_A_PAGE: Final = 500
"""Runs that one answer has at most."""
RUN_STEPS: Final = 1_000
"""Steps, and messages, of a run that one answer has at most: the latest."""
RUN_TEXT: Final = 200
"""Characters of the words that runs are searched for: a search runs between two commits."""
RUN_DATA_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a run's data that a gateway gives in one answer."""
RUN_DATA_SIZE: Final = "Tightbeam-Size"
"""The header with the size of the whole data, of which an answer may hold only the beginning."""
RUN_WAIT_SECONDS: Final = 20
"""How long one request may wait for the end of a run."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
"""Names and addresses of this machine, as a URL or a `Host` header has them."""

SEND_STATUSES: dict[type[EngineError | NonRetriableError], int] = {
    NotRegistered: 404,
    NotJson: 422,
    NotStorable: 422,
    NotEntered: 503,
    JournalFailed: 503,
}
"""The HTTP status with which a gateway refuses an event, by the error that refused it."""

RUN_STATUSES: dict[type[EngineError], int] = {
    NoSuchRun: 404,
    RunStateError: 409,
    NotRegistered: 409,
    NotEntered: 503,
    JournalFailed: 503,
}
"""The HTTP status with which a gateway refuses a request about a run."""

ERROR_TYPES = {kind.__name__: kind for kind in SEND_STATUSES}
"""The error that a remote client raises where it sent an event, by the ``type`` in a gateway's answer."""
RUN_ERROR_TYPES = {kind.__name__: kind for kind in RUN_STATUSES}
"""The error that a remote client raises where it asked about a run."""
