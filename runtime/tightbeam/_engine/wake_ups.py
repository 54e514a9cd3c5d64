"""From the store to the scheduler: which runs are to go on, since steps that they waited for have ended."""

from __future__ import annotations

from collections.abc import Callable, Collection

__all__ = ["WakeUps"]


class WakeUps:
    """Hands on what a store says to whichever scheduler there is."""

    def __init__(self) -> None:
        self._wake: Callable[[Collection[str]], None] | None = None

    def connect(self, wake: Callable[[Collection[str]], None] | None, /) -> None:
        """Have a scheduler called from now on, on the store's thread; None for none."""
        self._wake = wake

    def wake(self, runs: Collection[str], /) -> None:
        """See `Outlet`."""
        if (wake := self._wake) is not None:
            wake(runs)
