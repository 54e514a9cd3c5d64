"""How long to wait before something is stored again that couldn't be."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["retry_delays"]

_FIRST = 0.1
_LONGEST = 5.0


def retry_delays() -> Iterator[float]:
    """Yield the seconds to wait before each further try: they double up to five, without end."""
    delay = _FIRST
    while True:
        yield delay
        delay = min(delay * 2, _LONGEST)
