"""What holds the log back: messages aren't handed on before all older transactions have ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["Holder", "HorizonWatch", "Lag", "read_lag"]

_log = logging.getLogger("tightbeam")

LAG = """
SELECT
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - held.created_at,
    held.transaction
FROM (
    SELECT message.created_at, pg_snapshot_xmin(pg_current_snapshot())::text AS transaction FROM message
    WHERE message.xid >= pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY message.xid, message.seq LIMIT 1
) AS held
"""
"""The first message that is committed and may not be handed on; no row where there is none."""
SESSIONS = """
SELECT 'session ' || pid, datname, usename, application_name, state,
    extract(epoch FROM clock_timestamp() - coalesce(xact_start, state_change))::float8
FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
AND backend_xid = (%s::xid8)::xid
UNION ALL
SELECT 'prepared transaction ' || gid, database, owner, '', 'prepared',
    extract(epoch FROM clock_timestamp() - prepared)::float8
FROM pg_prepared_xacts WHERE transaction = (%s::xid8)::xid
LIMIT 1
"""
_MICROSECONDS = 1_000_000
_LONG = 5.0
"""Seconds for which messages are held back before that is logged."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The oldest transaction that has written and hasn't ended: the log stands still before it."""

    name: str
    """``session 4711``, by the server's process id, or a prepared transaction with its name."""
    database: str | None
    user: str | None
    application: str
    state: str | None
    """Such as ``active`` or ``idle in transaction``; None where this role may not see it."""
    seconds: float | None
    """How long it has been open."""

    def __str__(self) -> str:
        """Return what a person looks for in `pg_stat_activity`."""
        parts = [self.name, f'of user "{self.user}"', f'in database "{self.database}"']
        if self.application:
            parts.append(f'("{self.application}")')
        if self.state:
            parts.append(f"is {self.state}")
        if self.seconds is not None:
            parts.append(f"since {self.seconds:.0f} s")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Lag:
    """For how long committed messages wait to be handed on."""

    seconds: float
    """The age of the oldest one; 0.0 if none waits."""
    holder: Holder | None = None
    """What they wait for; None if it has just ended, or isn't to be seen."""


def read_lag(connection: Connection[Any]) -> Lag:
    """Return for how long committed messages have been held back, and by what."""
    row = connection.execute(LAG).fetchone()
    if row is None:
        return Lag(0.0)
    age_us, transaction = row
    found = connection.execute(SESSIONS, (transaction, transaction)).fetchone()
    return Lag(max(age_us, 0) / _MICROSECONDS, None if found is None else Holder(*found))


class HorizonWatch:
    """Logs, once, that messages are held back for long, and once that they no longer are."""

    def __init__(self) -> None:
        self.lag = Lag(0.0)
        """What was read last."""
        self._is_told = False

    def look(self, connection: Connection[Any]) -> Lag:
        """Read the lag, and log what a person has to know.

        Args:
            connection: in autocommit.
        """
        self.lag = lag = read_lag(connection)
        if lag.seconds >= _LONG and not self._is_told:
            self._is_told = True
            _log.warning(
                "messages are held back, since %.0f s: %s. Readers get them when that transaction has ended: "
                "end it (pg_terminate_backend), and keep transactions that write short",
                lag.seconds,
                lag.holder or "an older transaction hasn't ended",
            )
        elif lag.seconds < _LONG and self._is_told:
            self._is_told = False
            _log.info("messages are no longer held back by a transaction")
        return lag
