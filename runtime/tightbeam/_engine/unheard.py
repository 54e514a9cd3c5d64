"""Warning about publishes that no reader can hear, of a client that isn't entered or is one of several.

Messages travel within a process. A task queue's worker, a script or a second web worker that publishes on a
client of its own, beside the process that has the journal open, would do so into nothing, without an error.
"""

from __future__ import annotations

import logging
import math
import time

from tightbeam._engine.store import Backend

__all__ = ["WAY_OUT", "UnheardWarning"]

WAY_OUT = (
    "let one process serve (`tightbeam serve`), and publish and subscribe from the others by "
    "`tightbeam.connect`"
)
"""What to do about it."""

_log = logging.getLogger("tightbeam")
_SECONDS = 5.0


class UnheardWarning:
    """The warning of one client; it is logged once in a process."""

    def __init__(self, backend: Backend, *, forked: bool = False) -> None:
        """Begin without having looked.

        Args:
            backend: of the client.
            forked: this process is the child of one in which the client was entered, or had readers.
        """
        self._backend = backend
        self._forked = forked
        self._next = 0.0

    def check(self) -> bool:
        """Log that no reader can hear what is published; called at each publish, it looks now and then.

        Returns:
            Whether there is nothing more to look for.
        """
        now = time.monotonic()
        if now >= self._next:
            reason = self.reason()
            # Another process may open a shared journal at any time; what is known of another one stays.
            self._next = now + _SECONDS if reason is None and self._backend.is_shared else math.inf
            if reason is not None:
                _log.warning("%s", reason)
        return self._next == math.inf

    def entering(self) -> None:
        """Log that the readers of a client that is entered don't hear its siblings."""
        if self._backend.is_shared or self._next == math.inf:
            return
        reason = self._backend.unheard(forked=False)
        if reason is not None:
            self._next = math.inf
            _log.warning("%s", reason)

    def reason(self) -> str | None:
        """Return why no reader can hear what is published, and the way out; None if that isn't known."""
        return self._backend.unheard(forked=self._forked)
