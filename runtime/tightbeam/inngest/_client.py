"""The client: the SDK's own, with channels."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Concatenate, NoReturn, ParamSpec, Protocol, Self, TypeVar, cast, overload
from weakref import WeakKeyDictionary

import inngest

from tightbeam._client import ENTERED_ALREADY, NOT_COPIED, event_data, event_name
from tightbeam._context import Context as AnyContext
from tightbeam._context import ContextSync as AnyContextSync
from tightbeam._function import Registry, check_function_id, id_taken, is_async
from tightbeam._function_options import FunctionOptions
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import Around
from tightbeam._hooks.info import SendInfo
from tightbeam._invalid_messages import OnInvalidMessage
from tightbeam._results import from_json
from tightbeam.errors import EngineError, NotJson
from tightbeam.inngest._context import Context, ContextSync
from tightbeam.inngest._handler import wrapped
from tightbeam.inngest._memo import MAX_INTEGER, is_changed
from tightbeam.inngest._realtime import Realtime, carrier_of, realtime

__all__ = ["AsyncFunction", "Client", "Create", "Register", "SyncFunction", "create_function"]

P = ParamSpec("P")
Output = TypeVar("Output")
_Middleware = Callable[[inngest.Inngest, object], inngest.Middleware | inngest.MiddlewareSync]


class AsyncFunction(inngest.Function[Output]):
    """An async function as `Client.function` returns it: calling it calls the handler, without an engine."""

    __wrapped__: Callable[..., Any]

    def __call__(self, ctx: AnyContext, /) -> Coroutine[Any, Any, Output]:
        """Call the handler itself; nothing is remembered."""
        coroutine: Coroutine[Any, Any, Output] = self.__wrapped__(ctx)
        return coroutine


class SyncFunction(inngest.Function[Output]):
    """A sync function as `Client.function` returns it: calling it calls the handler, without an engine."""

    __wrapped__: Callable[..., Any]

    def __call__(self, ctx: AnyContextSync, /) -> Output:
        """Call the handler itself; nothing is remembered."""
        result: Output = self.__wrapped__(ctx)
        return result


class Register(Protocol):
    """The decorator that `Client.function` returns."""

    @overload
    def __call__(self, handler: Callable[[Context], Awaitable[Output]], /) -> AsyncFunction[Output]: ...
    @overload
    def __call__(self, handler: Callable[[ContextSync], Output], /) -> SyncFunction[Output]: ...


class Create(Protocol):
    """The decorator that `create_function` returns: for handlers of our contexts, and of the SDK's own."""

    def __call__(
        self, handler: Callable[[Context], Awaitable[Output]] | Callable[[ContextSync], Output], /
    ) -> inngest.Function[Output]:
        """Make the handler a function of the client."""
        ...


def _for_clients(
    method: Callable[Concatenate[inngest.Inngest, P], object],  # noqa: ARG001 - its keywords are what is wanted
) -> Callable[[Callable[..., Any]], Callable[Concatenate[inngest.Inngest, P], Create]]:
    """Give a function the keywords of the SDK's method, as the installed SDK has them."""
    return lambda function: function


def _for_itself(
    method: Callable[Concatenate[inngest.Inngest, P], object],  # noqa: ARG001 - as above
) -> Callable[[Callable[..., Any]], Callable[Concatenate[Any, P], Create]]:
    """Give a method of a subclass the keywords of the SDK's method."""
    return lambda function: function


_functions: WeakKeyDictionary[inngest.Inngest, list[inngest.Function[Any]]] = WeakKeyDictionary()


def _created(client: inngest.Inngest, options: dict[str, Any]) -> Create:
    carrier = carrier_of(client)
    if (on_failure := options.get("on_failure")) is not None:
        options["on_failure"] = wrapped(on_failure, carrier, f"{options.get('fn_id')}-failure")
    make: Callable[..., Any] = inngest.Inngest.create_function

    def create(handler: Callable[..., Any], /) -> inngest.Function[Any]:
        adapted = wrapped(
            handler, carrier, str(options.get("fn_id")), typed_result="output_type" not in options
        )
        function: inngest.Function[Any] = make(client, **options)(adapted)
        _functions.setdefault(client, []).append(function)
        return function

    return create


@_for_clients(inngest.Inngest.create_function)
def create_function(client: inngest.Inngest, /, **options: Any) -> Create:
    """Create a function as the client's own method does, for handlers of `Context` and `ContextSync`.

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
        middleware: list[_Middleware] | None = None,
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
    def functions(self) -> list[inngest.Function[Any]]:
        """The functions of this client: what ``serve`` takes."""
        return list(_functions.get(self, ()))

    @_for_itself(inngest.Inngest.create_function)
    def create_function(self, **options: Any) -> Create:
        """Create a function as the SDK does, for handlers of `Context` and `ContextSync` too."""
        return _created(self, options)

    def function(
        self, id: str, *, on: str | None = None, retries: int = 3, concurrency: int | None = None
    ) -> Register:
        """Register the decorated handler, async with a `Context` or sync with a `ContextSync`.

        The arguments are those of the embedded engine's client. What comes back is an `inngest.Function`, and
        can still be called as the handler it was.

        Args:
            id: names the function in the app; keep it from release to release.
            on: the event that starts it; None if only ``step.invoke`` does.
            retries: how often a failing step, or the code between two steps, is tried again.
            concurrency: how many of its steps execute at a time; by default the account's limit.

        Raises:
            EngineError: there is no id, it is taken, or the handler can't be one. A handler that is defined
                anew in the same place (a notebook's cell that is executed again, a module that is reloaded)
                replaces the one before, as long as the client isn't entered.
        """
        check_function_id(id)

        def register(handler: Any, /) -> Any:
            registry = self._tightbeam_registry
            if registry.find(id) is None and any(each.local_id == id for each in self.functions):
                raise id_taken(id)
            checked = registry.add(
                handler,
                id,
                on=on,
                options=FunctionOptions(retries, concurrency),
                may_replace=self._tightbeam_pid != os.getpid(),
            )
            handler = checked.__wrapped__
            created = inngest.Inngest.create_function(
                self,
                fn_id=id,
                retries=retries,
                concurrency=None if concurrency is None else [inngest.Concurrency(limit=concurrency)],
                trigger=[] if on is None else inngest.TriggerEvent(event=on),
            )(wrapped(handler, carrier_of(self), id, strict=True))
            kind: Any = AsyncFunction if is_async(handler) else SyncFunction
            function = object.__new__(kind)
            function.__dict__.update(created.__dict__)
            functools.update_wrapper(function, handler)
            function.__wrapped__ = handler
            others = [each for each in self.functions if each.local_id != id]
            _functions[self] = [*others, function]
            return function

        return cast("Register", register)

    @overload
    async def send(
        self, events: inngest.Event | list[inngest.Event], /, *, skip_middleware: bool = False
    ) -> list[str]: ...
    @overload
    async def send(self, events: str, data: Mapping[str, Any] | None = None, /) -> list[str]: ...
    async def send(
        self,
        events: inngest.Event | list[inngest.Event] | str,
        _data: Mapping[str, Any] | None = None,
        *,
        skip_middleware: bool = False,
    ) -> list[str]:
        """Send events, as the SDK does; or one by its name and data, as on the embedded engine.

        Args:
            events: an event of the SDK, several, or the name of one.
            _data: a JSON object; only with a name.
            skip_middleware: whether the SDK's middleware is left out.

        Returns:
            The events' ids (the embedded engine returns the runs').

        Raises:
            TypeError: it is no name, and no event of the SDK.
            NotJson: the data isn't a JSON object, or holds an integer that Inngest would change.
            Exception: whatever the SDK raises when the server doesn't take them.
        """
        info = SendInfo(_event_names(events))
        with Around(carrier_of(self).hooks.send, info):
            ids = await super().send(_events(events, _data), skip_middleware=skip_middleware)
            info.ids = tuple(ids)
            return ids

    @overload
    def send_sync(
        self, events: inngest.Event | list[inngest.Event], /, *, skip_middleware: bool = False
    ) -> list[str]: ...
    @overload
    def send_sync(self, events: str, data: Mapping[str, Any] | None = None, /) -> list[str]: ...
    def send_sync(
        self,
        events: inngest.Event | list[inngest.Event] | str,
        _data: Mapping[str, Any] | None = None,
        *,
        skip_middleware: bool = False,
    ) -> list[str]:
        """Send events without ``await``, from any thread. See `send`."""
        info = SendInfo(_event_names(events))
        with Around(carrier_of(self).hooks.send, info):
            ids = super().send_sync(_events(events, _data), skip_middleware=skip_middleware)
            info.ids = tuple(ids)
            return ids

    async def run(self, function: object, data: Mapping[str, Any] | None = None, /) -> NoReturn:  # noqa: ARG002 - as on the embedded engine
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


def _event_names(events: object) -> tuple[str, ...]:
    several = events if isinstance(events, list) else [events]
    return tuple(event if isinstance(event, str) else str(getattr(event, "name", "")) for event in several)


def _events(events: object, data: object) -> inngest.Event | list[inngest.Event]:
    """Return what the SDK sends: its own events, or one made of a name and data.

    Raises:
        TypeError: it is no name, and no event of the SDK.
        NotJson: the data isn't a JSON object, or holds an integer that Inngest would change.
    """
    if isinstance(events, inngest.Event):
        return events
    if isinstance(events, list) and all(isinstance(event, inngest.Event) for event in events):
        return events
    events = event_name(events)
    plain = from_json(event_data(events, data))
    if is_changed(plain):
        raise NotJson(
            f'the data of event "{events}" holds an integer beyond ±{MAX_INTEGER}, which Inngest '
            "would change: it keeps numbers as 64-bit floats; send it as a string"
        )
    return inngest.Event(name=events, data=plain)
