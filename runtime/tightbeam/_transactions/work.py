"""What is to be done inside a transaction, apart from how its connection does it.

`Work` is a generator: it yields one statement after the other, gets the rows of each, and returns the answer.
So what is stored is written once, for connections with and without ``await``.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from tightbeam._message import Envelope

if TYPE_CHECKING:
    from tightbeam._engine.requests import SendEvent  # not at import: programs that only publish go without

__all__ = [
    "TWO_PHASES",
    "AsyncExecutor",
    "Executor",
    "Parameter",
    "Rows",
    "Statement",
    "Transactional",
    "TransactionalBackend",
    "Work",
    "carry_out",
    "carry_out_sync",
]

Result = TypeVar("Result")

TWO_PHASES = "nothing was stored: PostgreSQL prepares no transaction that notifies readers, as this one would"
"""Why a transaction of two phases is refused."""

Parameter: TypeAlias = str | bytes | int | bool | None
Rows: TypeAlias = Sequence[Sequence[Any]]


class Statement(NamedTuple):
    """One statement: schema-qualified, with ``CAST($1 AS type)`` for each parameter."""

    sql: str
    parameters: tuple[Parameter, ...]


Work: TypeAlias = Generator[Statement, Rows, Result]
"""Statements that depend on one another, and the answer they lead to."""


class AsyncExecutor(Protocol):
    """A user's connection, for coroutines."""

    async def check(self) -> None:
        """Refuse a connection on which nothing can be stored together with what the caller does.

        Raises:
            EngineError: it is closed, its transaction has failed, or it is in no transaction.
        """
        ...

    async def execute(self, statement: Statement, /) -> Rows:
        """Execute one statement in the transaction that is open, and return its rows.

        Raises:
            Exception: what the driver raises.
        """
        ...


class Executor(Protocol):
    """A user's connection, for threads without an event loop: `AsyncExecutor` without ``await``."""

    def check(self) -> None:
        """Refuse a connection. See `AsyncExecutor.check`."""
        ...

    def execute(self, statement: Statement, /) -> Rows:
        """Execute one statement. See `AsyncExecutor.execute`."""
        ...


class Transactional(Protocol):
    """What a store writes into a transaction of somebody else."""

    def publish(self, envelope: Envelope, /) -> Work[None]:
        """Store a message, which has its id already. Its time is the server's."""
        ...

    def send(self, request: SendEvent, /) -> Work[tuple[str, ...]]:
        """Start the runs of an event and leave it for the steps that wait; the answer is the runs' ids.

        Raises:
            NotRegistered: there is a refusal, no run was to be added, and no step waits for the event.
        """
        ...

    def explain(self, sqlstate: str, /) -> str | None:
        """Return why the server refused a statement, with the way out; None for reasons of the caller's."""
        ...


@runtime_checkable
class TransactionalBackend(Protocol):
    """A `Backend` that stores into users' transactions."""

    def transactional(self) -> Transactional:
        """Return what is stored; nothing is opened."""
        ...


async def carry_out(work: Work[Result], executor: AsyncExecutor) -> Result:
    """Execute the statements of some work and return its answer.

    Args:
        work: the statements.
        executor: the connection.
    """
    rows: Rows | None = None
    while True:
        try:
            statement = next(work) if rows is None else work.send(rows)
        except StopIteration as end:
            answer: Result = end.value
            return answer
        rows = await executor.execute(statement)


def carry_out_sync(work: Work[Result], executor: Executor) -> Result:
    """Execute the statements of some work, as `carry_out` does."""
    rows: Rows | None = None
    while True:
        try:
            statement = next(work) if rows is None else work.send(rows)
        except StopIteration as end:
            answer: Result = end.value
            return answer
        rows = executor.execute(statement)
