"""The latest durable message of each topic: its place in the journal, and its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tightbeam._engine.sqlite.messages import PAGE_BYTES, PAGE_MESSAGES, bounds
from tightbeam._engine.sqlite.writer import Transaction
from tightbeam._message import Address, Envelope

__all__ = ["latest_places", "read_places"]

# A single look into the index by channel, topic and place, however many messages there are.
_LATEST = "SELECT max(seq) FROM message WHERE channel = ? AND topic = ?"
_MESSAGE = "SELECT channel, topic, data, run_id, id, created_at, seq FROM message WHERE seq = ?"


def latest_places(tx: Transaction, addresses: Iterable[Address]) -> tuple[list[int], int]:
    """Find the latest message of each address.

    Returns:
        The places of these messages, in order, and the last place of the journal.
    """
    places = (tx.execute(_LATEST, address).fetchone()[0] for address in addresses)
    return sorted(place for place in places if place is not None), bounds(tx).last


def read_places(tx: Transaction, places: Sequence[int]) -> tuple[list[Envelope], int]:
    """Read the messages at the first of these places, as many as fit a page.

    Returns:
        The messages that are still retained, and the number of places that were read.
    """
    page: list[Envelope] = []
    count, size = 0, 0
    for count, place in enumerate(places[:PAGE_MESSAGES], 1):  # noqa: B007 - returned
        row = tx.execute(_MESSAGE, (place,)).fetchone()
        if row is not None:
            page.append(Envelope(*row))
            size += len(row[2])
            if size >= PAGE_BYTES:
                break
    return page, count
