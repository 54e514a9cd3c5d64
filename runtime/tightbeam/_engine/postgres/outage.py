"""Whether the server is away: all threads of a store know, and the log has a line when it goes and comes."""

from __future__ import annotations

import logging
import threading
import time

__all__ = ["Outage"]

_log = logging.getLogger("tightbeam")


class Outage:
    """The server's absence, as the threads of one store meet it."""

    def __init__(self, name: str) -> None:
        """Begin with a server that is there.

        Args:
            name: of the database, for the log.
        """
        self._name = name
        self._lock = threading.Lock()
        self._since: float | None = None
        self.ends = 0
        """How often a thread has noted that a connection is there."""
        self._leaving = threading.Event()
        self._deadline = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the server is away."""
        return self._since is not None

    def begin(self, reason: str, ends: int) -> None:
        """Note that the server can't be reached; the first thread that meets it logs it.

        Args:
            reason: the words of the server or of libpq, without passwords.
            ends: as it was before the attempt, which says nothing if another thread has connected since.
        """
        with self._lock:
            if self._since is not None or self.ends != ends:
                return
            self._since = time.monotonic()
            # With the lock: no other thread goes on with a connection, or says so, before this is said.
            _log.warning(
                "the database %s is away (%s): what is to be stored waits until it is back",
                self._name,
                reason,
            )

    def end(self) -> None:
        """Note that a connection is there; the first thread that has one logs it."""
        with self._lock:
            self.ends += 1
            if self._since is None:
                return
            seconds, self._since = time.monotonic() - self._since, None
            _log.warning("the database %s is back after %.1f s", self._name, seconds)

    def leave_within(self, seconds: float) -> None:
        """Have `wait` give up after a time, since the store is being closed; a later call changes nothing."""
        if self._leaving.is_set():
            return
        self._deadline = time.monotonic() + seconds
        self._leaving.set()

    def wait(self, seconds: float) -> bool:
        """Wait before the next try.

        Args:
            seconds: how long.

        Returns:
            False if the store is being closed, and its time is over.
        """
        if self._leaving.wait(seconds):
            left = self._deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(seconds, left))
        return True
