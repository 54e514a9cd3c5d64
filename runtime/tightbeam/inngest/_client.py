"""The client: the SDK's own, with channels."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias, TypeVar, overload
from weakref import WeakKeyDictionary

import inngest

from tightbeam._client import ENTERED_ALREADY, NOT_COPIED
from tightbeam._events.failure import AcceptsFailure, failure_id
from tightbeam._events.refs import Event, Payload, Sendable, Sending, Trigger
from tightbeam._function_options import Concurrency, FunctionOptions, Priority, RetryDelay
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import Around
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._registry import Registry, check_function_id, id_taken, is_async
from tightbeam._runs.runs import Runs
from tightbeam._starting.schedule import check_schedules
from tightbeam.errors import EngineError
from tightbeam.inngest._events import SdkSendCall, sdk_triggers, typed_trigger
from tightbeam.inngest._function import (
    AsyncFunction,
    Create,
    FailureHandler,
    Middlewares,
    Register,
    SyncFunction,
    for_clients,
    for_itself,
)
from tightbeam.inngest._handler import wrapped
from tightbeam.inngest._options import sdk_options
from tightbeam.inngest._realtime import Realtime, carrier_of, realtime
from tightbeam.inngest._runs import ServersRuns

if TYPE_CHECKING:
    from tightbeam._events.refs import SendableInTransaction, SendableInTransactionSync
    from tightbeam._transactions.connections import AsyncTransaction, SyncTransaction

__all__ = ["AsyncFunction", "Client", "Create", "Register", "SyncFunction", "create_function"]

Other = TypeVar("Other")
Given = TypeVar("Given", bound=Event[str, Any])
Json: TypeAlias = Mapping[str, Any]


_functions: WeakKeyDictionary[inngest.Inngest, list[inngest.Function[Any]]] = WeakKeyDictionary()


def _ids(id: str, on_failure: object) -> tuple[str, ...]:
    """Return the ids that a function takes: its own, and that of its handler of failures."""
    return (id,) if on_failure is None else (id, failure_id(id))


def _ids_of(function: inngest.Function[Any]) -> tuple[str, ...]:
    return _ids(function.local_id, function.on_failure_fn_id)


def _created(client: inngest.Inngest, options: dict[str, Any]) -> Any:
    carrier = carrier_of(client)
    accepts = typed_trigger(options)
    if accepts is not None:
        carrier.accepted[str(options.get("fn_id"))] = accepts
        options["trigger"] = sdk_triggers(accepts)
    if (on_failure := options.get("on_failure")) is not None:
        options["on_failure"] = wrapped(on_failure, carrier, f"{options.get('fn_id')}-failure")
    make: Callable[..., Any] = inngest.Inngest.create_function

    def create(handler: Callable[..., Any], /) -> inngest.Function[Any]:
        if isinstance(client, Client):
            client._refuse_registered(str(options.get("fn_id")), options.get("on_failure"))  # pyright: ignore[reportPrivateUsage]  # this module's own
        typed_result = "output_type" not in options
        adapted = wrapped(
            handler, carrier, str(options.get("fn_id")), accepts=accepts, typed_result=typed_result
        )
        function: inngest.Function[Any] = make(client, **options)(adapted)
        if typed_result:
            vars(function)["__wrapped__"] = handler  # whose annotation ``step.invoke`` loads the result by
        _functions.setdefault(client, []).append(function)
        return function

    return create


@for_clients(inngest.Inngest.create_function)
def create_function(client: inngest.Inngest, /, **options: Any) -> Any:
    """Create a function as the client's own method does, for handlers of `Context` and `ContextSync`.

    ``trigger`` may be a typed event, a schedule, or several of them, joined as a union is.

    It works with a plain `inngest.Inngest`.

    Args:
        client: whose function it is.
        options: the keywords of the SDK's ``create_function``.
    """
    return _created(client, options)


class Client(inngest.Inngest):
    """An `inngest.Inngest`, and its channels: wherever one is taken, this is taken too.

    Functions are made as the SDK's users do (`create_function`), or as on the embedded engine (`function`).
    The SDK's adapters serve them: ``inngest.fast_api.serve(app, client, client.functions)``.

    Args:
        on_invalid_message: what becomes of a received message that can't be loaded, unless ``subscribe`` says
            otherwise: ``"raise"``, ``"skip"`` with a warning, or a function that is called with the error.
        hooks: what watches or surrounds what this client does, the first outermost; see `tightbeam.Hook`.
            All other arguments are those of `inngest.Inngest`.

    Raises:
        ValueError: ``on_invalid_message`` is another string.
        TypeError: ``on_invalid_message`` is no function either, or ``hooks`` is no list of hooks.
    """

    def __init__(
        self,
        *,
        app_id: str,
        api_base_url: str | None = None,
        app_version: str | None = None,
        env: str | None = None,
        event_api_base_url: str | None = None,
        event_key: str | None = None,
        is_production: bool | None = None,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger] | None = None,
        middleware: Middlewares | None = None,
        request_timeout: int | timedelta | None = None,
        serializer: inngest.Serializer | None = None,
        signing_key: str | None = None,
        on_invalid_message: OnInvalidMessage = "raise",
        hooks: Iterable[Hook] = (),
    ) -> None:
        super().__init__(
            app_id=app_id,
            api_base_url=api_base_url,
            app_version=app_version,
            env=env,
            event_api_base_url=event_api_base_url,
            event_key=event_key,
            is_production=is_production,
            logger=logger,
            middleware=middleware,
            request_timeout=request_timeout,
            serializer=serializer,
            signing_key=signing_key,
        )
        self._tightbeam_registry = Registry()
        self._tightbeam_pid: int | None = None
        """The process that has entered the client."""
        realtime(self).configure(on_invalid_message=on_invalid_message, hooks=hooks)

    @property
    def realtime(self) -> Realtime:
        """Live publishes, subscriptions and tokens."""
        return realtime(self)

    @property
    def runs(self) -> Runs:
        """The runs of its functions, by id. They are the server's: each call raises `EngineError`."""
        return Runs(ServersRuns())

    @property
    def functions(self) -> list[inngest.Function[Any]]:
        """The functions of this client: what ``serve`` takes."""
        return list(_functions.get(self, ()))

    def _refuse_registered(self, id: str, on_failure: object) -> None:
        """Refuse an id for `create_function` that `function` has registered.

        Raises:
            EngineError: it has: the SDK would serve only one of them.
        """
        for name in _ids(id, on_failure):
            if self._tightbeam_registry.find(name) is not None:
                raise id_taken(name)

    @for_itself(inngest.Inngest.create_function)
    def create_function(self, **options: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # takes more
        """Create a function as the SDK does, for handlers of `Context` and `ContextSync` too.

        ``trigger`` may be a typed event, a schedule, or several of them, joined as a union is.
        """
        return _created(self, options)

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
    ) -> Register[[Json], inngest.Event]: ...
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

        The arguments are those of the embedded engine's client. What comes back is an `inngest.Function`, and
        can still be called as the handler it was.

        Args:
            id: names the function in the app; keep it from release to release.
            on: what starts it: an event (``upload_event``), a schedule (`tightbeam.cron`), several of them
                joined as a union is, or the name of an event that has no definition; None if only
                ``step.invoke`` does. For an event the handler's context is ``Context[UploadEvent]``.
            retries: how often a failing step, or the code between two steps, is tried again.
            concurrency: how many of its steps execute at a time; by default the account's limit. With a key,
                ``(2, "event.data.userId")``, how many of those for which it is the same; ``[10, (2, …)]`` is
                both. A function in place of a path is refused: the server evaluates it.
            retry_delay: refused here, since the server decides; raise a `tightbeam.RetryAfterError`.
            on_failure: a handler with a `Context` of `tightbeam.FailureEvent`, async as the function is or
                sync. The server calls it once when a run has failed.
            timeout: how long a run may take from its first start on, in whole seconds; the server cancels one
                that takes longer.
            priority: by how many seconds, 0 to 600, a run goes ahead of others that wait: a path such as
                ``"event.data.urgency"``.

        Raises:
            EngineError: there is no id, it is taken, the handler can't be one, or an option isn't allowed. A
                handler that is defined anew in the same place (a notebook's cell that is executed again, a
                module that is reloaded) replaces the one before, as long as the client isn't entered.
        """
        check_function_id(id)
        check_schedules(id, on, here=False)
        options = FunctionOptions(retries, concurrency, retry_delay, on_failure, timeout, priority)

        def register(handler: Any, /) -> Any:
            registry = self._tightbeam_registry
            theirs = [each for each in self.functions if registry.find(each.local_id) is None]
            taken = {name for each in theirs for name in _ids_of(each)}
            for name in _ids(id, on_failure):
                if name in taken:
                    raise id_taken(name)
            options.check(id)
            sdk = sdk_options(id, options)  # before anything is registered
            if on_failure is not None:
                accepts = AcceptsFailure(failure_id(id))
                sdk["on_failure"] = wrapped(
                    on_failure, carrier_of(self), failure_id(id), accepts=accepts, strict=True
                )
            checked = registry.add(
                handler,
                id,
                on=on,
                options=options,
                may_replace=self._tightbeam_pid != os.getpid(),
            )
            handler = checked.__wrapped__
            created = inngest.Inngest.create_function(
                self,
                fn_id=id,
                **sdk,
                trigger=sdk_triggers(checked.accepts),
            )(wrapped(handler, carrier_of(self), id, accepts=checked.accepts, strict=True))
            carrier_of(self).accepted[id] = checked.accepts
            kind: Any = AsyncFunction if is_async(handler) else SyncFunction
            function = object.__new__(kind)
            function.__dict__.update(created.__dict__)
            functools.update_wrapper(function, handler)
            function.__wrapped__ = handler
            others = [each for each in self.functions if each.local_id != id]
            _functions[self] = [*others, function]
            return function

        return register

    @overload
    async def send(
        self, events: inngest.Event | list[inngest.Event], *, skip_middleware: bool = False
    ) -> list[str]: ...
    @overload
    async def send(
        self, events: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    async def send(
        self,
        events: str,
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
        self, events: SendableInTransaction[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    async def send(self, events: Any, *data: Any, **options: Any) -> list[str]:  # type: ignore[misc]  # no event of ours has a keyword `events`
        """Send events, as the SDK does; or one with its data, as on the embedded engine.

        An event with a definition, or one that a function of this client has a definition of, is checked
        before it is sent. Events of the SDK are sent as they are.

        Args:
            events: an event of the SDK, or several; a reference to an event, such as ``upload_event``; or the
                name of one.
            data: behind a reference a model or a dictionary, behind a name a JSON object.
            options: ``id``, and ``delay`` or ``at``; for events of the SDK ``skip_middleware``, whether the
                SDK's middleware is left out.

        Returns:
            The events' ids (the embedded engine returns the runs').

        Raises:
            EngineError: there is a ``transaction``, in which the server takes no part.
            TypeError: it is no event, there is more or less data than it has, or an option of another type.
            InvalidPayload: the data breaks the event's schema; nothing was sent.
            PayloadTooLarge: its encoding is over the limit of payloads; nothing was sent.
            NotJson: only a name is given, and the data isn't a JSON object; or it holds an integer that
                Inngest would change.
            Exception: whatever the SDK raises when the server doesn't take them.
        """
        if "transaction" in options:
            carrier_of(self).transactional()
        carrier, call = carrier_of(self), SdkSendCall(events, data, options, self.event_api_origin)
        with Around(carrier.hooks.send, call.info):
            checked = call.events(carrier.accepted.values())
            ids = await super().send(checked, skip_middleware=call.skip_middleware)
            call.info.ids = tuple(ids)
            return ids

    @overload
    def send_sync(
        self, events: inngest.Event | list[inngest.Event], *, skip_middleware: bool = False
    ) -> list[str]: ...
    @overload
    def send_sync(
        self, events: Sendable[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    @overload
    def send_sync(
        self,
        events: str,
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
        self, events: SendableInTransactionSync[Sending], /, *data: Sending.args, **options: Sending.kwargs
    ) -> list[str]: ...
    def send_sync(self, events: Any, *data: Any, **options: Any) -> list[str]:  # type: ignore[misc]  # as above
        """Send events without ``await``, from any thread. See `send`."""
        if "transaction" in options:
            carrier_of(self).transactional()
        carrier, call = carrier_of(self), SdkSendCall(events, data, options, self.event_api_origin)
        with Around(carrier.hooks.send, call.info):
            checked = call.events(carrier.accepted.values())
            ids = super().send_sync(checked, skip_middleware=call.skip_middleware)
            call.info.ids = tuple(ids)
            return ids

    async def run(self, function: object, /, *data: object, **kwargs: object) -> NoReturn:  # noqa: ARG002 - as on the embedded engine
        """Refuse: runs are the server's.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            "run waits for a function's result, which only the embedded engine (tightbeam.Client) can: "
            "here send an event, or call step.invoke in another function"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError(NOT_COPIED)

    async def __aenter__(self) -> Self:
        if self._tightbeam_pid == os.getpid():
            raise EngineError(ENTERED_ALREADY)
        self._tightbeam_pid = os.getpid()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        try:
            await self.realtime.close()
        finally:
            self._tightbeam_pid = None

    @asynccontextmanager
    async def lifespan(self, app: object = None, /) -> AsyncGenerator[None, None]:  # noqa: ARG002 - as on the embedded engine
        """Enter the client for the life of an ASGI app: ``FastAPI(lifespan=client.lifespan)``.

        Leaving it ends the subscriptions and closes the connections.
        """
        async with self:
            yield
