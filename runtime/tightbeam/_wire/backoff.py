"""Pauses between attempts to connect."""

from __future__ import annotations

import random

__all__ = ["Backoff"]

_LASTED = 5.0
"""Seconds after which the end of a connection is no reason to pause longer before the next one."""


class Backoff:
    """Pauses that double from attempt to attempt; a connection that lasted starts them over.

    Each is shortened at random by up to a half, so that not every client comes at once to a new server.
    """

    def __init__(self, first: float, longest: float, *, pauses_always: bool) -> None:
        """Begin without a pause.

        Args:
            first: seconds of the first pause.
            longest: seconds that no pause exceeds, unless the server asks for more.
            pauses_always: whether to pause after a connection that lasted, too.
        """
        self._first = first
        self._longest = longest
        self._pauses_always = pauses_always
        self._attempts = 0
        self._due = 0.0
        self._opened: float | None = None

    def failed(self, now: float, retry_after: float | None = None) -> float:
        """Record an attempt that failed, and return the seconds until the next one."""
        pause = min(self._longest, self._first * 2.0 ** min(self._attempts, 10))
        pause *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        self._attempts += 1
        if retry_after is not None and retry_after > pause:
            pause = retry_after
        self._due = now + pause
        return pause

    def opened(self, now: float) -> None:
        """Record that an attempt made a connection."""
        self._opened = now

    def ended(self, now: float) -> float | None:
        """Record the end of the connection, and return the pause; None to connect again at once."""
        opened, self._opened = self._opened, None
        if opened is not None and now - opened >= _LASTED:
            self._attempts, self._due = 0, now
            if not self._pauses_always:
                return None
        return self.failed(now)

    def remaining(self, now: float) -> float:
        """Return the seconds that are left of the pause."""
        return max(self._due - now, 0.0)
