"""A thread's connection, which is opened again when it breaks: what is asked for waits meanwhile."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.pq import PipelineStatus

from tightbeam._engine.postgres.connecting import ELSEWHERE, Connector, text_of
from tightbeam._engine.postgres.outage import Outage
from tightbeam.errors import JournalFailed

__all__ = ["Line"]

_FIRST = 0.05
_LONGEST = 1.0
_END_OTHER = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid = %s AND application_name = %s AND datname = current_database()"
)
"""What the broken connection had begun may still hold locks, until the server notices."""


class Line:
    """One thread's connection."""

    def __init__(self, connector: Connector, outage: Outage, task: str, *, durable: bool = True) -> None:
        """Connect when the connection is asked for.

        Args:
            connector: opens connections.
            outage: what all threads of the store know of the server.
            task: what the connection is for, with the number of the process: no two connections have the
                same name, since a server that was restarted may give its processes' ids out again.
            durable: whether a commit waits for the server's disk.
        """
        self._connector = connector
        self._outage = outage
        self._task = task
        self._durable = durable
        self._connection: Connection[tuple[Any, ...]] | None = None
        self._process: int | None = None
        """The server's process of the connection before."""

    @property
    def connection(self) -> Connection[tuple[Any, ...]]:
        """The open connection; if there is none, one is opened, however long the server is away.

        Raises:
            JournalFailed: the store is being closed, and the server wasn't there in time.
        """
        if self._connection is None or self._connection.closed:
            self._connection = self._open()
        return self._connection

    def is_broken(self, error: BaseException) -> bool:
        """Return whether an error says that the connection is of no more use; close it then."""
        connection = self._connection
        if connection is None:
            return False
        if not (connection.closed or isinstance(error, ELSEWHERE) or _is_of_no_use(connection, error)):
            return False
        self.close()
        return True

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> Connection[tuple[Any, ...]]:
        delay = _FIRST
        while True:
            ends = self._outage.ends
            try:
                connection = self._connector.connect(self._task, durable=self._durable)
                self._end_other(connection)
            except psycopg.Error as error:
                reason = text_of(error, self._connector.address)
                self._outage.begin(reason, ends)
                if not self._outage.wait(delay * random.uniform(0.7, 1.0)):  # noqa: S311 - spreads the load
                    raise JournalFailed(f"the database is away: {reason}") from None
                delay = min(delay * 2, _LONGEST)
            else:
                self._process = connection.info.backend_pid
                self._outage.end()
                return connection

    def _end_other(self, connection: Connection[tuple[Any, ...]]) -> None:
        """End the server's process of the connection before, if it is still there."""
        if self._process is None:
            return
        try:
            connection.execute(_END_OTHER, (self._process, f"tightbeam {self._task}"))
        except psycopg.Error:
            connection.close()
            raise


def _is_of_no_use(connection: Connection[tuple[Any, ...]], error: BaseException) -> bool:
    """Return whether a connection that isn't closed yet can't be used any more."""
    if connection.info.pipeline_status != PipelineStatus.OFF:  # what it was told last isn't answered
        return True
    if isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized in ("FATAL", "PANIC"):
        return True  # the server closes it: its transaction stood still for too long, for instance
    # The server didn't say this, but the library: the two don't agree on what comes next.
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and error.sqlstate is None
