"""The client: functions, events, runs, and publishing, on the embedded engine."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias, TypeVar, overload

from tightbeam._engine.addresses import is_address
from tightbeam._engine.backends import backend_for
from tightbeam._engine.engine import EmbeddedEngine
from tightbeam._engine.protocol import Engine
from tightbeam._engine.settings import OnServer, Retention, Settings
from tightbeam._engine.store import Backend
from tightbeam._events.refs import Event, Payload, Sendable, Sending, Trigger
from tightbeam._events.sending import SendCall
from tightbeam._function import Function
from tightbeam._function_options import Concurrency, FunctionOptions, Priority, RetryDelay
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import Around, HookList, metadata_of
from tightbeam._hooks.info import SendInfo
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._publishing import MAX_PAYLOAD_BYTES
from tightbeam._realtime import ClientRealtime
from tightbeam._registry import FailureHandler, Register, Registry, check_function_id
from tightbeam._results import return_type
from tightbeam._runs.runs import Runs
from tightbeam._starting.schedule import check_schedules

if TYPE_CHECKING:
    from tightbeam._engine.requests import SendEvent  # not at import: programs that only publish go without
    from tightbeam._events.refs import SendableInTransaction, SendableInTransactionSync
    from tightbeam._transactions.connections import AsyncTransaction, SyncTransaction

__all__ = ["ENTERED_ALREADY", "NOT_COPIED", "Client", "client_over", "engine_of"]

Output = TypeVar("Output")
Other = TypeVar("Other")
Given = TypeVar("Given", bound=Event[str, Any])
Json: TypeAlias = Mapping[str, Any]
ENTERED_ALREADY = "the client is entered already: leave it first"
NOT_COPIED = "a client belongs to its process: make one in each that needs one"
_LONGEST_NAME = 64
_SHORTEST_LEASE = timedelta(seconds=1)
_FOREVER = timedelta(days=36_500)
"""Longer ones, such as `timedelta.max`, are this: SQLite's integers don't hold all microseconds of those."""


class Client:
    """Functions and channels of one program, on the embedded engine.

    Constructing it touches nothing, and live publishes work at once. Entering it (``async with client:``, or
    ``client.lifespan`` in an ASGI app) opens and locks the file, resumes the runs a crash left unfinished,
    and starts to execute; leaving it finishes what is due within ``shutdown_timeout`` and puts the rest back
    for the next time.

    Args:
        path: the SQLite file of the journal, made if it isn't there; or the address of a PostgreSQL database
            (``postgresql://…``), which any number of processes share; None keeps everything in memory.
        max_payload_bytes: the largest encoded payload that may be published.
        retry_delay: before the first retry of a run; doubled with each up to five minutes, with jitter.
        shutdown_timeout: how long leaving may take; at most a second more, where it is very short.
        wait_for_file: how long entering waits for a file that another client has open, because its program is
            about to end, or for a database's server that is away; without it that is refused at once.
        retain_messages: how many durable messages are kept for ``subscribe(after=…)``.
        retain_for: how long they, and runs that have ended, are kept.
        retain_bytes: how large the journal may grow; beyond it the oldest of them go first. Unfinished runs
            stay.
        postgres_schema: the schema of the database that has our tables; made if it isn't there.
        lease: after how long without a sign of life other processes take this one for dead, on a database.
        run_functions: whether runs are executed in this process; without that it publishes, subscribes, sends
            and waits, and other processes with the same database execute, as web processes and workers do.
        on_invalid_message: what becomes of a received message that can't be loaded, unless ``subscribe`` says
            otherwise: ``"raise"``, ``"skip"`` with a warning, or a function that is called with the error.
        hooks: what watches or surrounds what this client does, the first outermost; see `tightbeam.Hook`.

    Raises:
        JournalRefused: ``path`` can't name a file; other reasons are found when it is entered.
        TypeError: an argument is of another type.
        ValueError: a number or a duration is negative, the lease is under a second, or nothing would execute
            runs.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
        retry_delay: timedelta = timedelta(seconds=1),
        shutdown_timeout: timedelta = timedelta(seconds=5),
        wait_for_file: timedelta = timedelta(0),
        retain_messages: int = 1_000_000,
        retain_for: timedelta = timedelta(days=30),
        retain_bytes: int = 1024**3,
        postgres_schema: str = "tightbeam",
        lease: timedelta = timedelta(seconds=15),
        run_functions: bool = True,
        on_invalid_message: OnInvalidMessage = "raise",
        hooks: Iterable[Hook] = (),
    ) -> None:
        for name, value in (
            ("retry_delay", retry_delay),
            ("shutdown_timeout", shutdown_timeout),
            ("wait_for_file", wait_for_file),
            ("retain_for", retain_for),
            ("lease", lease),
        ):
            given: object = value
            if not isinstance(given, timedelta):
                raise TypeError(f"{name} is a timedelta, not {type(given).__name__}")
            if value < timedelta(0):
                raise ValueError(f"{name} can't be negative")
        for name, number in (
            ("max_payload_bytes", max_payload_bytes),
            ("retain_messages", retain_messages),
            ("retain_bytes", retain_bytes),
        ):
            given = number
            if type(given) is not int:
                raise TypeError(f"{name} is an int, not {type(given).__name__}")
            if number < 0:
                raise ValueError(f"{name} can't be negative")
        settings = Settings(
            max_payload_bytes,
            min(retry_delay, _FOREVER).total_seconds(),
            min(shutdown_timeout, _FOREVER).total_seconds(),
            min(wait_for_file, _FOREVER).total_seconds(),
            run_functions,
        )
        retention = Retention(
            retain_messages, min(retain_for, _FOREVER) // timedelta(microseconds=1), retain_bytes
        )
        if lease < _SHORTEST_LEASE:
            raise ValueError(
                f"lease is at least {_SHORTEST_LEASE.total_seconds():g} s: a process that waits for its "
                "machine for so long isn't dead"
            )
        on_server = OnServer(_schema(postgres_schema), min(lease, _FOREVER).total_seconds())
        self._hooks = HookList(hooks)
        backend = backend_for(path, retention, on_server)
        _check_run_functions(run_functions, path, backend)
        self._engine: Engine = EmbeddedEngine(backend, settings, self._hooks)
        self._registry = Registry()
        self._runs = Runs(self._engine)
        self._realtime = ClientRealtime(self._engine, max_payload_bytes, on_invalid_message, self._hooks)

    @property
    def realtime(self) -> ClientRealtime:
        """Live publishes, subscriptions, and tokens for browsers."""
        return self._realtime

    @property
    def runs(self) -> Runs:
        """The runs of its functions, by id: how they are, their results; cancelling and retrying them."""
        return self._runs

    @property
    def functions(self) -> list[Function[Any]]:
        """The registered functions."""
        return [function for function in self._registry if not function.handles_failures]

    @overload
    def function(
        self,
        id: str,
        *,
        on: Trigger[Payload, Other, Given],
        retries: int = 3,
        concurrency: Concurrency[Given] | None = None,
        retry_delay: RetryDelay | None = None,
        on_failure: FailureHandler | None = None,
        timeout: timedelta | None = None,
        priority: Priority[Given] | None = None,
    ) -> Register[Payload, Given]: ...
    @overload
    def function(
        self,
        id: str,
        *,
        on: str | None = None,
        retries: int = 3,
        concurrency: Concurrency[Event] | None = None,
        retry_delay: RetryDelay | None = None,
        on_failure: FailureHandler | None = None,
        timeout: timedelta | None = None,
        priority: Priority[Event] | None = None,
    ) -> Register[[Json], Event[str, Json]]: ...
    def function(
        self,
        id: str,
        *,
        on: Any = None,
        retries: int = 3,
        concurrency: Concurrency[Any] | None = None,
        retry_delay: RetryDelay | None = None,
        on_failure: FailureHandler | None = None,
        timeout: timedelta | None = None,
        priority: Priority[Any] | None = None,
    ) -> Any:
        """Register the decorated handler, async with a `Context` or sync with a `ContextSync`.

        The result can still be called as the handler. An async handler shares the event loop with
        everything else; one that blocks is better written sync: its runs have threads of their own.

        Args:
            id: names the function in the journal; keep it from release to release.
            on: what starts it: an event (``upload_event``), a schedule (`cron`), several of them joined as a
                union is, or the name of an event that has no definition; None if only `run` does. For an
                event the handler's context is ``Context[UploadEvent]``, for several that of their union.
            retries: how often a failing step, or the code between two steps, is tried again.
            concurrency: how many of its runs execute at a time (100); those that sleep don't count. With a
                key, ``(2, "event.data.userId")`` or ``(2, lambda event: event.data.user_id)``, how many of
                those for which it is the same; ``[10, (2, …)]`` is both.
            retry_delay: how long a run waits before it is tried again, in place of the client's: a first
                delay, which doubles up to five minutes, with jitter; the delay of each attempt, of which the
                last one repeats; or a function of the attempt that failed, counted from 0.
            on_failure: a handler with a `Context` of `FailureEvent`, async as the function is or sync. It is
                called in a run of its own, of function ``ID-failure``, when a run has failed; not when it was
                cancelled. It has as many retries as the function.
            timeout: how long a run may take from its first start on, sleeps and retries included; one that
                takes longer is ended, and has failed with a `RunTimeout`.
            priority: by how many seconds, 0 to 600, a new run goes ahead of others that wait: a path such as
                ``"event.data.urgency"``, or a function of the event.

        Raises:
            EngineError: there is no id, it is taken, the handler can't be one, or an option isn't allowed. A
                handler that is defined anew in the same place (a notebook's cell that is executed again, a
                module that is reloaded) replaces the one before, as long as the client isn't entered.
        """
        check_function_id(id)
        check_schedules(id, on)
        options = FunctionOptions(retries, concurrency, retry_delay, on_failure, timeout, priority)

        def register(handler: Any, /) -> Any:
            return self._registry.add(
                handler,
                id,
                on=on,
                options=options,
                may_replace=not self._engine.is_open,
            )

        return register

    @overload
    async def send(
        self, event: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    async def send(
        self,
        event: str,
        data: Json | None = None,
        /,
        *,
        transaction: AsyncTransaction = ...,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    @overload
    async def send(
        self, event: SendableInTransaction[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    async def send(self, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """Send an event: start a run of each function that listens to it.

        When it returns the runs are stored: they survive a crash. The data is checked before: against the
        event's schema, and where only its name is given, against those of the functions that listen to it.
        With ``transaction=`` all of it is stored on that connection, and is there if and only if the
        transaction commits (a client on Postgres, which needn't be entered for that).

        Args:
            event: a reference to an event, such as ``upload_event``; or the name of one.
            data: a model or a dictionary; behind a name a JSON object.
            options: ``id``, an idempotency key; ``delay`` or ``at``, when the runs start; ``transaction``, a
                connection or session as for `ClientRealtime.publish`.

        Returns:
            The ids of the runs.

        Raises:
            NotEntered: the client isn't entered.
            TypeError: it is no event, there is more or less data than it has, or an option of another type.
            NotRegistered: no function listens to it.
            InvalidPayload: the data breaks the event's schema; nothing was stored.
            PayloadTooLarge: its encoding is over ``max_payload_bytes``; nothing was stored.
            NotJson: only a name is given, and the data isn't a JSON object.
            NotStorable: the data is larger than the journal can hold.
            JournalFailed: the runs couldn't be stored.
            EngineError: with ``transaction=``, as for `ClientRealtime.publish`.
        """
        is_inside = "transaction" in options
        transaction = options.pop("transaction", None)
        sent = SendCall(event, data, options)
        info = SendInfo((sent.name,))
        if is_inside:
            from tightbeam._transactions.calls import send_inside  # not at import: seldom

            request = partial(self._event_to_send, sent, info)
            return await send_inside(self._hooks, self._engine, transaction, info, request)
        self._engine.check_entered()  # before the rest, since other errors may follow from it
        with Around(self._hooks.send, info):
            ids = await self._engine.send(self._event_to_send(sent, info))
            info.ids = tuple(ids)
            return ids

    @overload
    def send_sync(
        self, event: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    def send_sync(
        self,
        event: str,
        data: Json | None = None,
        /,
        *,
        transaction: SyncTransaction = ...,
        id: str | None = None,
        delay: timedelta | None = None,
        at: datetime | None = None,
    ) -> list[str]: ...
    @overload
    def send_sync(
        self, event: SendableInTransactionSync[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    def send_sync(self, event: Any, /, *data: Any, **options: Any) -> list[str]:
        """Send an event without ``await``, from any thread; it waits for the disk. See `send`.

        Its ``transaction=`` takes a ``psycopg.Connection``, or a ``Connection`` or ``Session`` of SQLAlchemy.
        """
        is_inside = "transaction" in options
        transaction = options.pop("transaction", None)
        sent = SendCall(event, data, options)
        info = SendInfo((sent.name,))
        if is_inside:
            from tightbeam._transactions.calls import send_inside_sync

            request = partial(self._event_to_send, sent, info)
            return send_inside_sync(self._hooks, self._engine, transaction, info, request)
        self._engine.check_entered()
        with Around(self._hooks.send, info):
            ids = self._engine.send_sync(self._event_to_send(sent, info))
            info.ids = tuple(ids)
            return ids

    def _event_to_send(self, sent: SendCall, info: SendInfo) -> SendEvent:
        from tightbeam._engine.sending import (
            event_to_send,  # not at import: programs that only publish go without
        )

        return event_to_send(self._registry, sent, self._engine.max_payload_bytes, metadata_of(info))

    @overload
    async def run(self, function: Function[Output, [Json]], data: Json | None = None, /) -> Output: ...
    @overload
    async def run(
        self, function: Function[Output, Payload], /, *data: Payload.args, **kwargs: Payload.kwargs
    ) -> Output: ...
    async def run(self, function: Any, /, *data: Any, **kwargs: Any) -> Any:
        """Run one function and wait for its end: for tests and scripts.

        The run is retried as any run. Cancelling the wait doesn't stop it.

        Args:
            function: what `function` returned.
            data: the event's data: a model or a dictionary where an event has a definition, else a JSON
                object; none where a schedule starts it. Of several events, a model tells which it is.
            kwargs: none.

        Returns:
            The function's result.

        Raises:
            NotEntered: the client isn't entered, or is left before the run has ended.
            NotRegistered: it isn't a function of this client.
            TypeError: it takes more or less data, or the data doesn't tell which of its events it is.
            InvalidPayload: the data breaks the event's schema.
            PayloadTooLarge: its encoding is over ``max_payload_bytes``.
            NotJson: the event has no definition, and the data isn't a JSON object.
            NotStorable: the data is larger than the journal can hold.
            JournalFailed: the run couldn't be stored.
            RunParked: today's code doesn't fit what the run remembers, or its event.
            RunCancelled: the run was cancelled.
            RunFailed: the run ended without an exception that could be raised here.
            Exception: whatever the run failed with.
        """
        self._engine.check_entered()
        from tightbeam._engine.sending import registered  # not at import: as above

        registered(self._registry, function, "run")
        if kwargs:
            raise TypeError("run takes a function and the data of its event, both positional")
        name, stored = function.accepts.invoked(data, self._engine.max_payload_bytes)
        raw = await self._engine.run(name, stored, function.id)
        return return_type(function.__wrapped__, f'The result of function "{function.id}"').load(raw)

    def __reduce__(self) -> NoReturn:
        raise TypeError(NOT_COPIED)

    async def __aenter__(self) -> Self:
        await self._engine.open(self._registry)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self._engine.close()

    @asynccontextmanager
    async def lifespan(self, app: object = None, /) -> AsyncGenerator[None, None]:
        """Enter the client for the life of an ASGI app: ``FastAPI(lifespan=client.lifespan)``.

        Args:
            app: the application, whose mount of the gateway is checked.

        Raises:
            ValueError: the application has mounted the client's gateway where no reader looks for it.
        """
        if app is not None:
            self._engine.check_application(app)
        async with self:
            yield


def _schema(name: object) -> str:
    """Return the name of a database schema.

    Raises:
        TypeError: it isn't text.
        ValueError: no schema can have that name.
    """
    if not isinstance(name, str):
        raise TypeError(f"postgres_schema is a str, not {type(name).__name__}")
    if not 0 < len(name.encode(errors="replace")) < _LONGEST_NAME or "\0" in name or name.startswith("pg_"):
        raise ValueError(
            "postgres_schema is a name of 1 to 63 bytes; those that begin with pg_ are the server's own"
        )
    return name


def _check_run_functions(
    run_functions: object, path: str | os.PathLike[str] | Backend | None, backend: Backend
) -> None:
    """Refuse a client that executes no runs, of a journal that no other process can execute them of.

    Args:
        run_functions: whether it executes runs.
        path: what the client was given.
        backend: what that stands for.

    Raises:
        TypeError: it isn't a bool.
        ValueError: nothing would execute runs.
    """
    if not isinstance(run_functions, bool):
        raise TypeError(f"run_functions is a bool, not {type(run_functions).__name__}")
    if not run_functions and not isinstance(path, Backend) and not is_address(path):
        raise ValueError(
            f"run_functions=False would leave all runs undone: the journal ({backend.name}) belongs to one "
            "process; pass the address of a PostgreSQL database, and execute them in another process"
        )


def client_over(backend: Backend, **options: Any) -> Client:
    """Return a client that keeps its runs and messages elsewhere than in a file or in memory.

    Args:
        backend: opens the store.
        options: those of `Client`, but for ``path``.
    """
    path: Any = backend
    return Client(path, **options)


def engine_of(client: object) -> Engine:
    """Return the engine of a client, for what is built on it, such as a gateway. Internal.

    Raises:
        TypeError: it isn't a `Client`: Inngest's has its engine elsewhere.
    """
    if not isinstance(client, Client):
        raise TypeError(f"only a tightbeam.Client has an engine in its process, not {type(client).__name__}")
    return client._engine  # pyright: ignore[reportPrivateUsage]  # of this module
