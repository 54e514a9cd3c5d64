"""The client: the SDK's own, with channels."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Concatenate, NoReturn, ParamSpec, Protocol, Self, TypeVar, cast, overload
from weakref import WeakKeyDictionary

import inngest

from tightbeam._client import event_data
from tightbeam._context import Context as AnyContext
from tightbeam._context import ContextSync as AnyContextSync
from tightbeam._function import Registry, is_async
from tightbeam._results import from_json
from tightbeam.errors import EngineError, NotJson
from tightbeam.inngest._context import Context, ContextSync
from tightbeam.inngest._handler import wrapped
from tightbeam.inngest._memo import MAX_INTEGER, is_changed
from tightbeam.inngest._realtime import Realtime, carrier_of, realtime

__all__ = ["AsyncFunction", "Client", "Create", "Register", "SyncFunction", "create_function"]

P = ParamSpec("P")
Output = TypeVar("Output")


class AsyncFunction(inngest.Function[Output]):
    """An async function as `Client.function` returns it: calling it calls the handler, without an engine."""

    __wrapped__: Callable[..., Any]

    def __call__(self, ctx: AnyContext, /) -> Coroutine[Any, Any, Output]:
        """Call the handler itself; nothing is remembered."""
        made: Coroutine[Any, Any, Output] = self.__wrapped__(ctx)
        return made


class SyncFunction(inngest.Function[Output]):
    """A sync function as `Client.function` returns it: calling it calls the handler, without an engine."""

    __wrapped__: Callable[..., Any]

    def __call__(self, ctx: AnyContextSync, /) -> Output:
        """Call the handler itself; nothing is remembered."""
        made: Output = self.__wrapped__(ctx)
        return made


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
    """The same for a method of a subclass."""
    return lambda function: function


_functions: WeakKeyDictionary[inngest.Inngest, list[inngest.Function[Any]]] = WeakKeyDictionary()


def _created(client: inngest.Inngest, options: dict[str, Any]) -> Create:
    carrier = carrier_of(client)
    if (on_failure := options.get("on_failure")) is not None:
        options["on_failure"] = wrapped(on_failure, carrier)
    make: Callable[..., Any] = inngest.Inngest.create_function

    def create(handler: Callable[..., Any], /) -> inngest.Function[Any]:
        made: inngest.Function[Any] = make(client, **options)(
            wrapped(handler, carrier, typed_result="output_type" not in options)
        )
        _functions.setdefault(client, []).append(made)
        return made

    return create


@_for_clients(inngest.Inngest.create_function)
def create_function(client: inngest.Inngest, /, **options: Any) -> Create:
    """What the client's own ``create_function`` does, for handlers of `Context` and `ContextSync`.

    It takes the same keywords, and works with a plain `inngest.Inngest`.
    """
    return _created(client, options)


class Client(inngest.Inngest):
    """An `inngest.Inngest`, and its channels; takes the same arguments, and whatever takes one takes this.

    Functions are made as the SDK's users do (`create_function`), or as on the embedded engine (`function`).
    The SDK's adapters serve them: ``inngest.fast_api.serve(app, client, client.functions)``.
    """

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
        """The SDK's ``create_function``, for handlers of `Context` and `ContextSync` too."""
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
            concurrency: how many of its steps execute at a time; the account's limit if not given.

        Raises:
            EngineError: the id is taken, or the handler can't be one.
        """

        def register(handler: Any, /) -> Any:
            checked = Registry()
            checked.add(
                handler, id, on=on, retries=retries, concurrency=1 if concurrency is None else concurrency
            )
            if any(one.local_id == id for one in self.functions):
                raise EngineError(f'there is already a function "{id}"; ids are unique in a client')
            made = inngest.Inngest.create_function(
                self,
                fn_id=id,
                retries=retries,
                concurrency=None if concurrency is None else [inngest.Concurrency(limit=concurrency)],
                trigger=[] if on is None else inngest.TriggerEvent(event=on),
            )(wrapped(handler, carrier_of(self), strict=True))
            kind: Any = AsyncFunction if is_async(handler) else SyncFunction
            callable_one = object.__new__(kind)
            callable_one.__dict__.update(made.__dict__)
            functools.update_wrapper(callable_one, handler)
            callable_one.__wrapped__ = handler
            _functions.setdefault(self, []).append(callable_one)
            return callable_one

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
        data: Mapping[str, Any] | None = None,
        *,
        skip_middleware: bool = False,
    ) -> list[str]:
        """Send events, as the SDK does; or one by its name and data, as on the embedded engine.

        Returns the events' ids (the embedded engine returns the runs').

        Raises:
            NotJson: the data isn't a JSON object, or holds an integer that Inngest would change.
        """
        if isinstance(events, str):
            plain = from_json(event_data(events, data))
            if is_changed(plain):
                raise NotJson(
                    f'the data of event "{events}" holds an integer beyond ±{MAX_INTEGER}, which Inngest '
                    "would change: it keeps numbers as 64-bit floats; send it as a string"
                )
            events = inngest.Event(name=events, data=plain)
        return await super().send(events, skip_middleware=skip_middleware)

    async def run(self, _function: object, _data: Mapping[str, Any] | None = None, /) -> NoReturn:
        """Not here: runs are the server's.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            "run waits for a function's result, which only the embedded engine (tightbeam.Client) can: "
            "here send an event, or call step.invoke in another function"
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.realtime.close()

    @asynccontextmanager
    async def lifespan(self, _app: object = None, /) -> AsyncGenerator[None]:
        """The client's life as an ASGI app's: ``FastAPI(lifespan=client.lifespan)``; closes connections."""
        async with self:
            yield
