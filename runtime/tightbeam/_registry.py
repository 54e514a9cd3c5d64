"""Register handlers as functions, by id and by event."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Generic, Protocol, TypeAlias, overload

from typing_extensions import TypeVar

from tightbeam._context import Context, ContextSync
from tightbeam._events.accepted import On
from tightbeam._events.failure import FAILED_EVENT, AcceptsFailure, FailureEvent, failure_id
from tightbeam._events.refs import Event, Payload
from tightbeam._function import Accepts, Function, Result
from tightbeam._function_options import FunctionOptions
from tightbeam._step_checks import is_unicode
from tightbeam.errors import EngineError

__all__ = [
    "AsyncFunction",
    "FailureHandler",
    "Register",
    "Registry",
    "SyncFunction",
    "check_function_id",
    "id_taken",
    "is_async",
]

Output = TypeVar("Output")
Given = TypeVar("Given", bound=Event[str, Any], default=Event[str, Any])


FailureHandler: TypeAlias = (
    Callable[[Context[FailureEvent]], Awaitable[object]] | Callable[[ContextSync[FailureEvent]], object]
)
"""A handler that ``on_failure`` takes."""


def check_function_id(id: object) -> None:
    """Check that the id of a function is text: without parentheses, `@client.function` gets the handler.

    Raises:
        EngineError: it isn't.
    """
    if not isinstance(id, str):
        raise EngineError('client.function takes the function\'s id: `@client.function("…")`')


def id_taken(id: str) -> EngineError:
    """Return the error for an id that another function of the client has."""
    return EngineError(f'there is already a function "{id}"; ids are unique in a client')


class AsyncFunction(Function[Result, Accepts], Generic[Result, Accepts, Given]):
    """A registered async handler."""

    def __call__(self, ctx: Context[Given], /) -> Coroutine[Any, Any, Result]:
        """Call the handler itself; nothing is remembered."""
        coroutine: Coroutine[Any, Any, Result] = self.__wrapped__(ctx)
        return coroutine


class SyncFunction(Function[Result, Accepts], Generic[Result, Accepts, Given]):
    """A registered sync handler; its runs execute on threads."""

    def __call__(self, ctx: ContextSync[Given], /) -> Result:
        """Call the handler itself; nothing is remembered."""
        result: Result = self.__wrapped__(ctx)
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


class Registry:
    """The functions of one client, by id and by event."""

    def __init__(self) -> None:
        self._by_id: dict[str, Function[Any]] = {}

    def add(
        self,
        handler: Callable[..., Any],
        id: str,
        *,
        on: On,
        options: FunctionOptions,
        may_replace: bool = False,
    ) -> Function[Any]:
        """Register a handler.

        Args:
            handler: the async or plain function.
            id: names the function in the journal.
            on: what starts it.
            options: all else that the client's `function` takes.
            may_replace: whether the function of that id may be replaced by one that is defined in the same
                place: the cell of a notebook that is executed again, a module that is reloaded.

        Raises:
            EngineError: the id is taken, or the handler can't be one.
        """
        if not _is_text(id):
            raise EngineError("a function needs an id: a string that stays the same from release to release")
        if not is_unicode(id):
            raise EngineError(
                "a function's id and event are Unicode text; one holds half of a surrogate pair"
            )
        taken = self._by_id.get(id)
        if taken is not None and not (may_replace and _is_defined_anew(taken.__wrapped__, handler)):
            raise id_taken(id)
        options.check(id)
        function = _wrap(handler, id, on=on, options=options)
        failure = None if options.on_failure is None else self._failure_handler(function, options, taken)
        if taken is not None and taken.options.on_failure is not None:
            del self._by_id[failure_id(id)]
        self._by_id[id] = function
        if failure is not None:
            self._by_id[failure.id] = failure
        return function

    def _failure_handler(
        self, function: Function[Any], options: FunctionOptions, before: Function[Any] | None
    ) -> Function[Any]:
        """Return the function that handles the failures of another one.

        Args:
            function: whose failures.
            options: of that function.
            before: the function that is replaced by it, with its own handler of failures.

        Raises:
            EngineError: its id is taken, the handler can't be one, or only one of the two is async.
        """
        name, handler = failure_id(function.id), options.on_failure
        own = before is not None and before.options.on_failure is not None
        if name in self._by_id and not own:
            raise id_taken(name)
        assert handler is not None  # noqa: S101 - or there would be nothing to do
        failure = _wrap(handler, name, on=None, options=FunctionOptions(options.retries))
        if isinstance(failure, AsyncFunction) is not isinstance(function, AsyncFunction):
            raise EngineError(
                f'function "{function.id}": it and its on_failure handler are both async, or both are not'
            )
        failure.accepts, failure.handles_failures = AcceptsFailure(name), True
        return failure

    def on_failure(self, id: str) -> tuple[str, ...]:
        """Return the ids of the functions that the failure of a run starts.

        Args:
            id: of the run's function.
        """
        listening = tuple(function.id for function in self.listening(FAILED_EVENT) if function.id != id)
        own = failure_id(id)
        return (own, *listening) if self._has_handler(id) else listening

    def _has_handler(self, id: str) -> bool:
        function = self._by_id.get(id)
        return function is not None and function.options.on_failure is not None

    def __iter__(self) -> Iterator[Function[Any]]:
        return iter(tuple(self._by_id.values()))

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all functions, those that handle failures included."""
        return frozenset(self._by_id)

    def find(self, id: str) -> Function[Any] | None:
        """Return the function with an id, or None."""
        return self._by_id.get(id)

    def listening(self, event: str) -> list[Function[Any]]:
        """Return the functions that an event starts."""
        return [function for function in self._by_id.values() if event in function.accepts.names]

    def nothing_listens(self, event: str) -> str:
        """Return the words for an event that starts no function."""
        known = sorted({name for function in self._by_id.values() for name in function.accepts.names})
        return f'no function listens to the event "{event}", and no waiting step takes it; ' + (
            f"there are: {', '.join(known)}" if known else "no function listens to any"
        )


def _is_defined_anew(before: object, now: object) -> bool:
    """Return whether a handler is another one defined again: of the same module and name, with new code."""

    def place(handler: object) -> tuple[object, object]:
        return getattr(handler, "__module__", None), getattr(handler, "__qualname__", None)

    codes = [getattr(each, "__code__", None) for each in (before, now)]
    # Closures of one function share their code: they are two handlers, and one id for both is a mistake.
    return place(before) == place(now) and None not in codes and codes[0] is not codes[1]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def is_async(handler: Callable[..., Any]) -> bool:
    """Return whether calling a handler gives a coroutine."""
    call = handler.func if isinstance(handler, functools.partial) else handler
    method = getattr(type(call), "__call__", None)  # noqa: B004 - an object's method may be the coroutine function
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(method)


def _wrap(handler: Callable[..., Any], id: str, *, on: On, options: FunctionOptions) -> Function[Any]:
    given: object = handler
    if isinstance(given, Function):
        handler = given.__wrapped__  # a function of another client, or with another id
    call = handler.func if isinstance(handler, functools.partial) else handler
    if not callable(call):
        raise EngineError(f'function "{id}": the handler is a function, not {type(handler).__name__}')
    if inspect.isasyncgenfunction(call) or inspect.isgeneratorfunction(call):
        raise EngineError(f'function "{id}": a handler returns its result; it can\'t be a generator')
    if is_async(handler):
        return AsyncFunction(handler, id, on=on, options=options)
    return SyncFunction(handler, id, on=on, options=options)
