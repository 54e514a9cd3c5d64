"""Names that both ends of a connection use."""

from __future__ import annotations

from tightbeam.errors import (
    EngineError,
    JournalFailed,
    NonRetriableError,
    NotEntered,
    NotJson,
    NotRegistered,
    NotStorable,
)

__all__ = ["ERROR_TYPES", "LOOPBACK_NAMES", "SEND_STATUSES"]

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

ERROR_TYPES = {kind.__name__: kind for kind in SEND_STATUSES}
"""The error that a remote client raises, by the ``type`` in a gateway's answer."""
