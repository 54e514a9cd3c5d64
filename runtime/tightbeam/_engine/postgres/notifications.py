"""What processes tell each other by NOTIFY: the name of the channel, and the texts that go over it.

A notice is a JSON object, a batch of live messages a JSON array. Keys that a process doesn't know are passed
over, so that versions may run beside each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from tightbeam._message import Envelope

__all__ = ["ANY", "LIMIT", "LiveBatch", "Notice", "channel_of", "encoded", "live_batch", "notices", "parsed"]

LIMIT = 7_900
"""Bytes of one text; the server takes 7,999."""
ANY = "*"
"""Among the functions of due runs: runs of any function may be due."""
_MOST_RUNS = 64
"""Runs that one notice names of a kind; their ids are short, but for those that a test has made up."""
_LONGEST_NAME = 63


def channel_of(schema: str) -> str:
    """Return the name under which the processes of a journal listen.

    Args:
        schema: that the journal's tables are in.
    """
    name = f"tightbeam {schema}"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"tightbeam {blake2b(schema.encode(), digest_size=16).hexdigest()}"


@dataclass(slots=True)
class Notice:
    """What transactions of one process have done that concerns others."""

    origin: int = 0
    """The number by which the process knows its own notices; 0 for a transaction of none."""
    upto: int = 0
    """The id of the last transaction that has stored a message; 0 if none has, or that isn't known."""
    woken: list[str] = field(default_factory=list)
    """Runs that are to go on."""
    ended: list[str] = field(default_factory=list)
    """Runs that have ended, or are parked."""
    cancelled: list[str] = field(default_factory=list)
    """Runs that were cancelled while another process executed them."""
    due: set[str] = field(default_factory=set)
    """Functions that have runs which are due."""
    sent: bool = False
    """Whether a user's own transaction has left events for steps that wait."""

    def add(self, other: Notice) -> None:
        """Add what a later transaction has done."""
        self.upto = max(self.upto, other.upto)
        self.woken += other.woken
        self.ended += other.ended
        self.cancelled += other.cancelled
        self.due |= other.due
        self.sent |= other.sent


class LiveBatch(NamedTuple):
    """Live messages of one process, in order."""

    origin: int
    """See `Notice`."""
    after: int
    """The last transaction with a message that the process had committed before."""
    messages: list[Envelope]
    row: int | None = None
    """Where the messages are instead, since they are too large."""
    relayed: bool = False
    """See `Outlet.live`."""


def notices(notice: Notice) -> Iterator[str]:
    """Yield the texts of a notice: one, unless it names many runs."""
    woken, ended, cancelled = (list(_parts(ids)) for ids in (notice.woken, notice.ended, notice.cancelled))
    due = list(_parts(sorted(notice.due)))
    for number in range(max(len(woken), len(ended), len(cancelled), len(due), 1)):
        named = {
            name: parts[number]
            for name, parts in (("woken", woken), ("ended", ended), ("cancelled", cancelled), ("due", due))
            if number < len(parts)
        }
        sent = {"sent": True} if notice.sent and number == 0 else {}
        yield orjson.dumps({"origin": notice.origin, "upto": notice.upto, **named, **sent}).decode()


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    """Divide names so that four lists of them fit into one text."""
    part: list[str] = []
    size = 0
    for name in names:
        length = 6 * len(name) + 3  # however it is escaped
        if part and (len(part) == _MOST_RUNS or size + length > LIMIT // 5):
            yield part
            part, size = [], 0
        part.append(name)
        size += length
    if part:
        yield part


def encoded(envelope: Envelope) -> bytes:
    """Return a live message as it stands in a batch."""
    channel, topic, data, run_id, _, created_us, _, metadata = envelope
    fields: tuple[object, ...] = (channel, topic, data.decode(), created_us)
    if metadata is not None:
        fields = (*fields, run_id, metadata.decode())
    elif run_id is not None:
        fields = (*fields, run_id)
    return orjson.dumps(fields)


def live_batch(batch: LiveBatch, number: int, messages: bytes) -> str:
    """Return the text of a batch of live messages.

    Args:
        batch: whose messages it is.
        number: of the batch; the server delivers equal texts of one transaction only once.
        messages: the messages, joined by commas; none if they are in a row.
    """
    what = str(batch.row) if batch.row is not None else f"[{messages.decode()}]"
    return f"[{batch.origin},{number},{batch.after},{what}{',1' if batch.relayed else ''}]"


def parsed(text: str | bytes) -> Notice | LiveBatch | None:
    """Return what a text says; None if it isn't one of ours."""
    try:
        said = orjson.loads(text)
        if isinstance(said, dict):
            woken, ended, cancelled, due = (
                [str(name) for name in said.get(kind, ())] for kind in ("woken", "ended", "cancelled", "due")
            )
            origin, upto = int(said.get("origin", 0)), int(said.get("upto", 0))
            sent = said.get("sent") is True
            return Notice(origin, upto, woken, ended, cancelled, set(due), sent)
        origin, _, after, messages, *more = said
        relayed = bool(more and more[0])
        if isinstance(messages, int):
            return LiveBatch(origin, after, [], messages, relayed)
        return LiveBatch(origin, after, decoded(messages), None, relayed)
    except (ValueError, TypeError, AttributeError):
        return None


def decoded(messages: Iterable[Any]) -> list[Envelope]:
    """Return the live messages of a batch."""
    return [_envelope(*fields) for fields in messages]


def _envelope(
    channel: str,
    topic: str,
    data: str,
    created_us: int,
    run_id: str | None = None,
    metadata: str | None = None,
) -> Envelope:
    beside = None if metadata is None else metadata.encode()
    return Envelope(channel, topic, data.encode(), run_id, None, created_us, None, beside)
