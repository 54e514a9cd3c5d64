"""Functions of the SDK with typed events: what registering a handler takes and returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Generic, Protocol, TypeAlias, cast, overload

import inngest
from typing_extensions import ParamSpec, TypeVar

from tightbeam._context import Context as AnyContext
from tightbeam._context import ContextSync as AnyContextSync
from tightbeam._events.failure import FailureEvent
from tightbeam._events.refs import Event, Payload, Started, Trigger
from tightbeam._function import Accepts
from tightbeam._registry import Given
from tightbeam.inngest._context import Context, ContextSync

__all__ = [
    "AsyncFunction",
    "Create",
    "CreateFor",
    "CreateFunction",
    "FailureHandler",
    "Middlewares",
    "Register",
    "SyncFunction",
    "for_clients",
    "for_itself",
]

Keywords = ParamSpec("Keywords")
Other = TypeVar("Other")
Output = TypeVar("Output")
Chosen = TypeVar("Chosen", bound=Event[str, Any])
Middlewares = list[Callable[[inngest.Inngest, object], inngest.Middleware | inngest.MiddlewareSync]]
FailureHandler: TypeAlias = (
    Callable[[Context[FailureEvent]], Awaitable[object]] | Callable[[ContextSync[FailureEvent]], object]
)
"""A handler that ``on_failure`` of `Client.function` takes: of our contexts, or those of every engine."""
_OnFailure = Callable[[inngest.Context], Awaitable[Any]] | Callable[[inngest.ContextSync], Any]


class AsyncFunction(inngest.Function[Output], Generic[Output, Accepts, Given]):
    """An async function as `Client.function` returns it: calling it calls the handler, without an engine."""

    __wrapped__: Callable[..., Any]

    def __call__(self, ctx: AnyContext[Given], /) -> Coroutine[Any, Any, Output]:
        """Call the handler itself; nothing is remembered."""
        coroutine: Coroutine[Any, Any, Output] = self.__wrapped__(ctx)
        return coroutine


class SyncFunction(inngest.Function[Output], Generic[Output, Accepts, Given]):
    """A sync function as `Client.function` returns it: calling it calls the handler, without an engine."""

    __wrapped__: Callable[..., Any]

    def __call__(self, ctx: AnyContextSync[Given], /) -> Output:
        """Call the handler itself; nothing is remembered."""
        result: Output = self.__wrapped__(ctx)
        return result


class Register(Protocol[Payload, Given]):
    """The decorator that `Client.function` returns."""

    @overload
    def __call__(
        self, handler: Callable[[Context[Given]], Awaitable[Output]], /
    ) -> AsyncFunction[Output, Payload, Given]: ...
    @overload
    def __call__(
        self, handler: Callable[[ContextSync[Given]], Output], /
    ) -> SyncFunction[Output, Payload, Given]: ...


class Create(Protocol[Started]):
    """The decorator that `create_function` returns: for handlers of our contexts, and of the SDK's own."""

    def __call__(
        self,
        handler: Callable[[Context[Started]], Awaitable[Output]] | Callable[[ContextSync[Started]], Output],
        /,
    ) -> inngest.Function[Output]:
        """Make the handler a function of the client."""
        ...


class CreateFunction(Protocol[Keywords]):
    """`Client.create_function`: with the SDK's keywords, as it is installed, or with a typed trigger."""

    @overload
    def __call__(self, *args: Keywords.args, **options: Keywords.kwargs) -> Create[inngest.Event]: ...
    @overload
    def __call__(
        self,
        *,
        fn_id: str,
        trigger: Trigger[Payload, Other, Chosen],
        batch_events: inngest.Batch | None = None,
        cancel: list[inngest.Cancel] | None = None,
        concurrency: list[inngest.Concurrency] | None = None,
        debounce: inngest.Debounce | None = None,
        idempotency: str | None = None,
        middleware: Middlewares | None = None,
        name: str | None = None,
        on_failure: _OnFailure | None = None,
        output_type: object = ...,
        priority: inngest.Priority | None = None,
        rate_limit: inngest.RateLimit | None = None,
        retries: int | None = None,
        singleton: inngest.Singleton | None = None,
        throttle: inngest.Throttle | None = None,
        timeouts: inngest.Timeouts | None = None,
    ) -> Create[Chosen]: ...


class CreateFor(Protocol[Keywords]):
    """The module's `create_function`, whose first argument is the client. See `CreateFunction`."""

    @overload
    def __call__(
        self, client: inngest.Inngest, /, *args: Keywords.args, **options: Keywords.kwargs
    ) -> Create[inngest.Event]: ...
    @overload
    def __call__(
        self,
        client: inngest.Inngest,
        /,
        *,
        fn_id: str,
        trigger: Trigger[Payload, Other, Chosen],
        batch_events: inngest.Batch | None = None,
        cancel: list[inngest.Cancel] | None = None,
        concurrency: list[inngest.Concurrency] | None = None,
        debounce: inngest.Debounce | None = None,
        idempotency: str | None = None,
        middleware: Middlewares | None = None,
        name: str | None = None,
        on_failure: _OnFailure | None = None,
        output_type: object = ...,
        priority: inngest.Priority | None = None,
        rate_limit: inngest.RateLimit | None = None,
        retries: int | None = None,
        singleton: inngest.Singleton | None = None,
        throttle: inngest.Throttle | None = None,
        timeouts: inngest.Timeouts | None = None,
    ) -> Create[Chosen]: ...


def for_clients(
    method: Callable[Concatenate[inngest.Inngest, Keywords], object],  # noqa: ARG001 - its keywords are what is wanted
) -> Callable[[Callable[..., Any]], CreateFor[Keywords]]:
    """Give a function the keywords of the SDK's method, as the installed SDK has them."""
    return lambda function: cast("Any", function)


def for_itself(
    method: Callable[Concatenate[inngest.Inngest, Keywords], object],  # noqa: ARG001 - as above
) -> Callable[[Callable[..., Any]], CreateFunction[Keywords]]:
    """Give a method of a subclass the keywords of the SDK's method."""
    return lambda function: cast("Any", function)
