"""What a request is carried out with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from psycopg import Connection, Cursor

from tightbeam._engine.postgres.claims import Held
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.member import Member
from tightbeam._message import Envelope

__all__ = ["Effects", "Transaction"]

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]
Row: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class Effects:
    """What is to be done once a transaction is committed; a request that fails leaves none."""

    woken: list[str] = field(default_factory=list)
    """The runs to wake: steps that they waited for have ended."""
    ended: list[str] = field(default_factory=list)
    """The runs that have ended or were parked."""
    cancelled: list[str] = field(default_factory=list)
    """The runs whose execution in another process is over, since they were cancelled here."""
    due: set[str] = field(default_factory=set)
    """The functions that have runs which became ready."""
    claimed: dict[str, Held] = field(default_factory=dict)
    """The runs that this process executes from now on."""
    released: set[str] = field(default_factory=set)
    """The runs that it doesn't execute any more."""
    sent: list[Envelope] = field(default_factory=list)
    """The messages that were stored, in order."""
    written: int = 0
    """Bytes of data that were stored, so that retention knows when to look."""
    transaction: int = 0
    """Which one it was; 0 where nothing needs to know."""

    def add(self, other: Effects) -> None:
        """Add what another request of the transaction has done."""
        self.woken += other.woken
        self.ended += other.ended
        self.cancelled += other.cancelled
        self.due |= other.due
        for run_id in other.released:
            self.claimed.pop(run_id, None)
        self.released = (self.released | other.released) - other.claimed.keys()
        self.claimed.update(other.claimed)
        self.sent += other.sent
        self.written += other.written


class Transaction:
    """A connection inside a transaction, and what is to be done once that is committed."""

    def __init__(
        self, connection: Connection[Row], member: Member | None = None, *, again: bool = False
    ) -> None:
        """Begin with nothing to do afterwards.

        Args:
            connection: on which the transaction has begun.
            member: the store's part in the journal; None for a command, which has none.
            again: whether the same requests may have been carried out already, unheard.
        """
        self.again = again
        self._connection = connection
        self.member = member
        self.effects = Effects()
        """Those of the request at hand."""

    def execute(self, statement: str, parameters: Parameters = ()) -> Cursor[Row]:
        """Execute a statement; its rows come in binary form.

        Args:
            statement: one of ours, never made of values.
            parameters: for ``%s``; or, by name, for ``%(name)s``.
        """
        return self._connection.cursor(binary=True).execute(statement.encode(), parameters, prepare=True)

    @property
    def process(self) -> int:
        """The number of this process; 0 where it is a command's."""
        return 0 if self.member is None else self.member.number

    @property
    def claims(self) -> Mapping[str, Held]:
        """The runs that this process executes, by id; this transaction's changes aren't in it yet."""
        return {} if self.member is None else self.member.claims

    @cached_property
    def log(self) -> Log:
        """The messages, as far as they are followed here: readers get later ones from the hub."""
        if self.member is not None:
            return self.member.log
        log = Log.of(self._connection)
        log.is_followed = False
        return log

    @property
    def reserve(self) -> Callable[[str, int, Callable[[], int]], int]:
        """See `Outlet.reserve`."""
        assert self.member is not None  # noqa: S101 - a command stores no message
        return self.member.outlet.reserve

    @property
    def woken(self) -> list[str]:
        """See `Effects`."""
        return self.effects.woken

    @property
    def ended(self) -> list[str]:
        """See `Effects`."""
        return self.effects.ended

    @property
    def cancelled(self) -> list[str]:
        """See `Effects`."""
        return self.effects.cancelled

    @property
    def due(self) -> set[str]:
        """See `Effects`."""
        return self.effects.due

    @property
    def claimed(self) -> dict[str, Held]:
        """See `Effects`."""
        return self.effects.claimed

    @property
    def released(self) -> set[str]:
        """See `Effects`."""
        return self.effects.released

    @property
    def sent(self) -> list[Envelope]:
        """See `Effects`."""
        return self.effects.sent

    @property
    def written(self) -> int:
        """See `Effects`."""
        return self.effects.written

    @written.setter
    def written(self, size: int) -> None:
        self.effects.written = size
