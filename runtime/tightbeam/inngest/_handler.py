"""Handlers of our contexts, adapted to the SDK, which calls them with its own and knows its own errors."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar, overload

import inngest

from tightbeam._context import current_run
from tightbeam._events.accepted import Accepted
from tightbeam._exception_groups import of_kind
from tightbeam._hooks.hook_list import Around
from tightbeam._hooks.info import RunInfo, RunOutcome
from tightbeam._registry import is_async
from tightbeam._results import to_json
from tightbeam.errors import NotJson
from tightbeam.inngest._call import NO_INTERRUPT, Call, ResultCodec
from tightbeam.inngest._context import Context, ContextSync, upgraded, upgraded_sync
from tightbeam.inngest._publish import InngestCarrier
from tightbeam.inngest._run_metadata import metadata_in, without_metadata

__all__ = ["on_failure", "wrapped"]

Output = TypeVar("Output")
AnyContext = TypeVar("AnyContext", Context[Any], ContextSync[Any])


class _Execution:
    """A context in which a handler is executed: its run is the current one, and hooks surround it.

    Leaving it raises what the SDK is to get, also where the handler has swallowed that.
    """

    def __init__(self, call: Call, run: RunInfo) -> None:
        self._call = call
        self._run = run
        self._hooks = Around(call.hooks.run, run)

    def __enter__(self) -> None:
        self._token = current_run.set(self._call.run_id)
        self._hooks.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        ended = self._call.interrupt if error is None else self._call.ended_by(error)
        if ended is not None:
            self._run.end(_outcome(ended))
        self._hooks.leave(ended if ended is not None and of_kind(ended, Exception) else None)
        current_run.reset(self._token)
        if ended is not None and ended is not error:
            raise ended from ended.__cause__


def _outcome(ended: BaseException) -> RunOutcome:
    """Return the outcome of an execution that ended in an exception."""
    if of_kind(ended, Exception):
        final = issubclass(type(ended), (inngest.NonRetriableError, inngest.StepError))
        return "failed" if final else "retrying"
    return "stopped" if issubclass(type(ended), NO_INTERRUPT) else "continued"


def wrapped(
    handler: Callable[..., Any],
    carrier: InngestCarrier,
    function: str,
    *,
    accepts: Accepted | None = None,
    strict: bool = False,
    typed_result: bool = True,
) -> Callable[[Any], Any]:
    """Adapt a handler to the SDK's `create_function`.

    A context that was upgraded before goes through as it is: two counters would give one id to two messages.

    Args:
        handler: the handler of one of our contexts.
        carrier: takes messages to the server.
        function: the id of its function.
        accepts: what starts the function, if there are definitions of its events.
        strict: whether results must fit their annotations.
        typed_result: whether the handler's result becomes JSON by its annotation; else the SDK does it.
    """
    what = f"The result of function {getattr(handler, '__name__', type(handler).__name__)}"

    def result(returned: object, run: RunInfo) -> object:
        value = ResultCodec(handler, what, strict=strict).dump(returned) if typed_result else returned
        run.end("completed", _json_of(value) if carrier.hooks.run else None)
        return value

    if is_async(handler):

        @functools.wraps(handler)
        async def call_async(ctx: inngest.Context) -> object:
            if isinstance(ctx, Context):
                return await handler(ctx)
            call = _call(ctx, function, carrier, strict=strict)
            run = _info(ctx, call)
            with _Execution(call, run):
                return result(await handler(_with_event(upgraded(ctx, call), accepts)), run)

        return call_async

    @functools.wraps(handler)
    def call_sync(ctx: inngest.ContextSync) -> object:
        if isinstance(ctx, ContextSync):
            return handler(ctx)
        call = _call(ctx, function, carrier, strict=strict)
        run = _info(ctx, call)
        with _Execution(call, run):
            return result(handler(_with_event(upgraded_sync(ctx, call), accepts)), run)

    return call_sync


def _call(
    ctx: inngest.Context | inngest.ContextSync, function: str, carrier: InngestCarrier, *, strict: bool
) -> Call:
    metadata = metadata_in(ctx.event)
    return Call(ctx.run_id, function, ctx.attempt, carrier, strict=strict, metadata=metadata)


def _info(ctx: inngest.Context | inngest.ContextSync, call: Call) -> RunInfo:
    """Return what hooks get to know of an execution."""
    run = call.run_id, call.function, ctx.event.name, call.attempt
    return RunInfo(*run, metadata=call.metadata, in_request=True)


def _with_event(context: AnyContext, accepts: Accepted | None) -> AnyContext:
    """Put the event in place of the SDK's, without metadata of hooks, and loaded where it has a definition.

    Raises:
        EventMisfit: the event isn't one that starts the function, or its data doesn't load.
    """
    without_metadata(context)
    if accepts is not None and accepts.is_typed:
        event: Any = context.event
        context.event = accepts.started(event.name, to_json(dict(event.data), "The event's data"))
    return context


def _json_of(value: object) -> bytes | None:
    """Encode a result for hooks; None where the SDK's serializer has to do that."""
    try:
        return to_json(value, "The result")
    except NotJson:
        return None


@overload
def on_failure(
    handler: Callable[[Context], Awaitable[Output]], /
) -> Callable[[inngest.Context], Coroutine[Any, Any, Output]]: ...
@overload
def on_failure(handler: Callable[[ContextSync], Output], /) -> Callable[[inngest.ContextSync], Output]: ...
def on_failure(handler: Callable[[Any], Any], /) -> Callable[[Any], Any]:
    """Adapt a handler of our context to ``create_function(on_failure=…)``.

    The SDK's keyword is typed for its own context only. Use it with `tightbeam.inngest.Client`, or with
    `tightbeam.inngest.create_function`: a plain client's own ``create_function`` gives no such context.
    """
    if is_async(handler):

        @functools.wraps(handler)
        async def handle_async(ctx: inngest.Context) -> object:
            return await handler(_ours(ctx, Context))

        return handle_async

    @functools.wraps(handler)
    def handle_sync(ctx: inngest.ContextSync) -> object:
        return handler(_ours(ctx, ContextSync))

    return handle_sync


def _ours(ctx: object, kind: type[Output]) -> Output:
    if not isinstance(ctx, kind):
        raise TypeError(
            "a handler made by tightbeam.inngest.on_failure was given to a plain client's create_function: "
            "use tightbeam.inngest.create_function(client, …)"
        )
    return ctx
