"""Places and positions of messages: the transaction that wrote a message, and its number.

A place is one integer, ``xid << 64 | seq``, which grows in the order of the log. Identity values alone don't:
a transaction takes them before it commits, so that a lower one may appear after a higher one was read.
"""

from __future__ import annotations

__all__ = ["Halves", "halves", "place_at", "place_of", "position"]

Halves = tuple[str, int]
"""A place as parameters of a query: the transaction's id as text, for ``%s::xid8``, and the number."""

_BITS = 64
_MASK = (1 << _BITS) - 1
_MAX_DIGITS = 19


def place_at(xid: int, seq: int) -> int:
    """Return the place of the message with a number that a transaction wrote."""
    return xid << _BITS | seq


def halves(place: int) -> Halves:
    """Return a place as the two parameters of a query."""
    return str(place >> _BITS), place & _MASK


def transaction_of(place: int) -> int:
    """Return the id of the transaction that has stored the message at a place."""
    return place >> _BITS


def position(journal: str, place: int) -> str:
    """Return the position at which a reader resumes after a place.

    Args:
        journal: the id of the journal.
        place: of a message, or one before all of them.
    """
    return f"{journal}.{place >> _BITS}.{place & _MASK}"


def place_of(journal: str, text: str) -> int | None:
    """Return the place of a position; None if it can't be one of this journal.

    Args:
        journal: the id of the journal.
        text: the position.
    """
    name, *digits = text.split(".")
    if name != journal or len(digits) != 2:
        return None
    if not all(each.isascii() and each.isdigit() and len(each) <= _MAX_DIGITS for each in digits):
        return None
    xid, seq = map(int, digits)
    return place_at(xid, seq) if max(xid, seq) < 1 << 63 else None
