"""Numbers and lists of names in sentences."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["counted", "counted_definitions", "listed"]


def counted(count: int, one: str, many: str = "") -> str:
    """Return so many of them: `1 topic`, `12 topics`.

    Args:
        count: how many there are.
        one: what one of them is called.
        many: what several are called, if that isn't the word with an s.
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def counted_definitions(channels: int, events: int) -> str:
    """Return how many channels and events there are: `2 channels`, `1 channel and 3 events`."""
    both = ((channels, "channel"), (events, "event"))
    return " and ".join(counted(count, one) for count, one in both if count) or counted(0, "channel")


def listed(names: Iterable[str], most: int) -> str:
    """Return the first of some names, and how many more there are: `a, b and 3 more`.

    Args:
        names: the names, as they are to be shown.
        most: how many of them are shown.
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
