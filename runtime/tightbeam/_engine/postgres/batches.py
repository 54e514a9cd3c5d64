"""Carrying out a batch of requests in one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import psycopg
from psycopg import Connection, errors

from tightbeam._engine.pending import Pending
from tightbeam._engine.postgres.answers import ANSWERS, TOGETHER
from tightbeam._engine.postgres.connecting import ELSEWHERE, IN_THE_WAY, failure_of
from tightbeam._engine.postgres.member import Member
from tightbeam._engine.postgres.processes import LOCK_SPACE
from tightbeam._engine.postgres.transaction import Effects, Transaction
from tightbeam._engine.requests import MemoizePublish

__all__ = ["Attempt", "DeclaredDead", "carry_out", "is_committed"]

_BEGIN = (
    "BEGIN; "  # noqa: S608 - of a constant
    f"SELECT pg_advisory_xact_lock_shared({LOCK_SPACE}, {{number}}); "
    "SELECT EXISTS (SELECT FROM process WHERE number = {number})"
)
"""One round trip. What follows sees whether this process is dead: who declares that has the lock alone."""
_MARK = (
    "UPDATE process SET batch = %s WHERE number = %s AND pg_current_xact_id_if_assigned() IS NOT NULL "
    "RETURNING pg_current_xact_id()::text"
)
"""Tells whether the batch was committed, if its end is cut off; none that has written nothing."""
_MARKED = "SELECT batch FROM process WHERE number = %s FOR UPDATE"
"""Waits for the end of the transaction that holds the row."""
_LAST = "SELECT value FROM meta WHERE name = 'batch:' || %s::bigint"
_STATUS = "SELECT pg_xact_status(%s::text::xid8)"
_POLL = 0.05


class DeclaredDead(Exception):
    """Raised where this process' row is gone: it writes nothing before it has registered anew."""


@dataclass(slots=True)
class Attempt:
    """One transaction, as far as it has come: what is known of it if the connection breaks."""

    again: bool = False
    """Whether an earlier one may have been committed."""
    batch: int = 0
    """Names it among those of the process."""
    number: int = 0
    """Of the process."""
    effects: Effects = field(default_factory=Effects)
    xid: int | None = None
    """Of the transaction, once something was written."""
    is_committing: bool = False
    """Whether the server may have been told to commit."""


def carry_out(
    connection: Connection[tuple[Any, ...]], member: Member, batch: Sequence[Pending[Any]], attempt: Attempt
) -> None:
    """Carry out a batch and commit it; each request gets its result or its error.

    Args:
        connection: of the writer, outside a transaction.
        member: the store's part in the journal.
        batch: the requests, in their order.
        attempt: gets what is known of the transaction, step by step.

    Raises:
        DeclaredDead: this process has to register anew; nothing was stored.
        psycopg.Error: nothing was stored; or that isn't known, if the connection is broken and
            ``attempt.is_committing``.
    """
    if _is_one_statement(batch):
        try:
            _all_at_once(connection, member, batch, attempt)
        except (psycopg.DataError, psycopg.IntegrityError, UnicodeEncodeError, OverflowError):
            attempt.is_committing = False  # one of them is at fault: nothing was stored
        else:
            return
    elif _one_after_the_other(connection, member, batch, attempt, isolated=False):
        _commit(connection, member, attempt)
        return
    member.outlet.release()
    # One of them failed, which is rare: once more, each behind a savepoint of its own.
    _one_after_the_other(connection, member, batch, attempt, isolated=True)
    _commit(connection, member, attempt)


def _is_one_statement(batch: Sequence[Pending[Any]]) -> bool:
    return all(
        isinstance(pending.request, MemoizePublish) and not any(pending.request.replaced) for pending in batch
    )


def _all_at_once(
    connection: Connection[tuple[Any, ...]], member: Member, batch: Sequence[Pending[Any]], attempt: Attempt
) -> None:
    """Carry out publishes by one statement, which is a transaction: a single round trip."""
    tx = Transaction(connection, member, again=attempt.again)
    attempt.is_committing = True
    _answer(tx, batch)
    attempt.effects = tx.effects


def _one_after_the_other(
    connection: Connection[tuple[Any, ...]],
    member: Member,
    batch: Sequence[Pending[Any]],
    attempt: Attempt,
    *,
    isolated: bool,
) -> bool:
    """Begin a transaction and carry out the requests in it.

    Args:
        connection: of the writer.
        member: the store's part in the journal.
        batch: the requests; neighbours of a kind may be one statement.
        attempt: gets what is to be done after the commit.
        isolated: whether one that fails leaves the others as they are.

    Returns:
        False if one has failed: nothing is stored, and the transaction is over.

    Raises:
        DeclaredDead: this process' row is gone; the transaction is over.
        psycopg.Error: the transaction can't go on.
    """
    _begin(connection, member.number)
    tx = Transaction(connection, member, again=attempt.again)
    attempt.effects = Effects()
    for part in _parts(batch, isolated):
        tx.effects = Effects()
        if isolated:
            tx.execute("SAVEPOINT request")
        try:
            _answer(tx, part)
        except BaseException as error:
            if connection.closed or isinstance(error, (*IN_THE_WAY, *ELSEWHERE)):
                raise
            if not isolated:
                connection.execute("ROLLBACK")
                return False
            tx.execute("ROLLBACK TO request")
            for pending in part:
                pending.error = failure_of(error, member.connector.address)
        else:
            attempt.effects.add(tx.effects)
        if isolated:
            tx.execute("RELEASE request")
    return True


def _parts(batch: Sequence[Pending[Any]], isolated: bool) -> list[list[Pending[Any]]]:
    """Return the requests that are carried out by one answer each."""
    parts: list[list[Pending[Any]]] = []
    for kind, group in groupby(batch, key=lambda pending: type(pending.request)):
        if kind in TOGETHER and not isolated:
            parts.append(list(group))
        else:
            parts += [[pending] for pending in group]
    return parts


def _begin(connection: Connection[tuple[Any, ...]], number: int) -> None:
    began = connection.execute(_BEGIN.format(number=number).encode(), prepare=False)
    while began.nextset():
        pass
    if began.fetchone() != (True,):
        connection.execute("ROLLBACK")
        raise DeclaredDead


def _answer(tx: Transaction, part: Sequence[Pending[Any]]) -> None:
    kind = type(part[0].request)
    together = TOGETHER.get(kind)
    if together is None:
        part[0].result = ANSWERS[kind](tx, part[0].request)
        return
    for pending, error in zip(part, together(tx, [each.request for each in part]), strict=True):
        pending.error = error


def _commit(connection: Connection[tuple[Any, ...]], member: Member, attempt: Attempt) -> None:
    attempt.number = member.number
    row = connection.execute(_MARK, (attempt.batch, attempt.number)).fetchone()
    attempt.xid = None if row is None else int(row[0])
    attempt.effects.transaction = attempt.xid or 0
    attempt.is_committing = True
    connection.execute("COMMIT")


def is_committed(connection: Connection[tuple[Any, ...]], attempt: Attempt) -> bool:
    """Ask what has become of a transaction whose commit was under way when its connection broke.

    The process' row has the answer: who had not flushed its transaction when the server crashed finds the
    batch before. The status of the transaction's id hasn't: after a crash ids are given out again, and that
    of another transaction, which was committed, would be taken for this one's. It is asked for only where
    the row was deleted by hand: who declares a process dead notes its last batch.

    Raises:
        psycopg.Error: the connection is broken, too.
    """
    if attempt.xid is None:  # it wrote nothing: carried out again, it does what it would have done
        return False
    row = connection.execute(_MARKED, (attempt.number,)).fetchone()
    row = row or connection.execute(_LAST, (attempt.number,)).fetchone()
    if row is not None:
        return str(row[0]) == str(attempt.batch)
    while True:
        try:
            status = connection.execute(_STATUS, (str(attempt.xid),)).fetchone()
        except errors.InvalidParameterValue:
            return False  # a transaction of the future: the server that took over never got it
        if status != ("in progress",):
            return status == ("committed",)
        time.sleep(_POLL)
