"""How long to wait before something is stored again that couldn't be."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["delays"]

_FIRST = 0.1
_LONGEST = 5.0


def delays() -> Iterator[float]:
    """Give the seconds to wait before each further try: they double up to five, without end."""
    delay = _FIRST
    while True:
        yield delay
        delay = min(delay * 2, _LONGEST)
