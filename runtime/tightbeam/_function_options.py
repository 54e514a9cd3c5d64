"""What `Client.function` takes besides a function's id and what starts it."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam.errors import EngineError

__all__ = ["FunctionOptions"]


@dataclass(frozen=True, slots=True)
class FunctionOptions:
    """The options of a function."""

    retries: int = 3
    """How often a failing step, or the code between two steps, is tried again."""
    concurrency: int | None = None
    """How many of its runs execute at a time; None for the engine's default."""

    def check(self, function: str) -> None:
        """Check the options.

        Args:
            function: the id of the function that they are of.

        Raises:
            EngineError: one isn't allowed.
        """
        if not _is_count(self.retries, 0):
            raise EngineError(f'function "{function}": retries is a number of at least 0')
        if self.concurrency is not None and not _is_count(self.concurrency, 1):
            raise EngineError(f'function "{function}": concurrency is a number of at least 1')


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and value >= least
