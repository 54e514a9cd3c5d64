"""Numbers and lists of names in sentences."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["counted", "listed"]


def counted(count: int, one: str, many: str = "") -> str:
    """Return so many of them: `1 topic`, `12 topics`.

    Args:
        count: how many there are.
        one: what one of them is called.
        many: what several are called, if that isn't the word with an s.
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def listed(names: Iterable[str], most: int) -> str:
    """Return the first of some names, and how many more there are: `a, b and 3 more`.

    Args:
        names: the names, as they are to be shown.
        most: how many of them are shown.
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
