"""Counts that are kept here and read when metrics are collected: far cheaper than an instrument's `add`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from opentelemetry.metrics import CallbackOptions, Observation

from tightbeam._forks import watch_forks

__all__ = ["MAX_SERIES", "Tally"]

Key = TypeVar("Key", bound=Hashable)
MAX_SERIES = 1_000
"""How many keys are counted apart. They come from definitions and code, so more are a program's mistake."""


class Tally(Generic[Key]):
    """Counts by key; a key stands for a set of attributes."""

    def __init__(self, attributes_of: Callable[[Key], Mapping[str, str | int | bool]], other: Key) -> None:
        """Begin at 0.

        Args:
            attributes_of: returns the attributes that a key stands for.
            other: the key of what is beyond `MAX_SERIES`.
        """
        self._attributes_of = attributes_of
        self._other = other
        self._counts: dict[Key, int] = {}
        self._lock = threading.Lock()
        watch_forks(self)

    def add(self, key: Key, number: int = 1) -> None:
        """Count, on any thread."""
        with self._lock:
            known = self._counts.get(key)
            if known is not None:
                self._counts[key] = known + number
                return
            if len(self._counts) >= MAX_SERIES:
                key = self._other
            self._counts[key] = self._counts.get(key, 0) + number

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Return the counts: the callback of an observable counter."""
        return [Observation(count, self._attributes_of(key)) for key, count in self.counts()]

    def counts(self) -> tuple[tuple[Key, int], ...]:
        """Return the counts by key."""
        with self._lock:
            return tuple(self._counts.items())

    def after_fork(self) -> None:
        """Count from 0 in a forked child, which has a process of its own to tell of."""
        self._lock = threading.Lock()
        self._counts = {}
