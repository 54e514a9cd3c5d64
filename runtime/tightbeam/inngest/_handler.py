"""Handlers of ours as the SDK calls them: with its context, and with errors that it understands."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar, overload

import inngest

from tightbeam._context import current_run
from tightbeam._function import is_async
from tightbeam.inngest._call import Call, Outcome
from tightbeam.inngest._context import Context, ContextSync, upgraded, upgraded_sync
from tightbeam.inngest._publish import Carrier

__all__ = ["on_failure", "wrapped"]

Output = TypeVar("Output")


@contextmanager
def _ended_as_the_sdk_wants(call: Call) -> Generator[None]:
    """Run a handler's body as its run; raise what the SDK is to get, also where the handler swallowed it."""
    token = current_run.set(call.run_id)
    try:
        yield
    except BaseException as error:
        ended = call.ended_by(error)
        if ended is error:
            raise
        raise ended from ended.__cause__
    finally:
        current_run.reset(token)
    if call.interrupt is not None:
        raise call.interrupt


def wrapped(
    handler: Callable[..., Any], carrier: Carrier, *, strict: bool = False, typed_result: bool = True
) -> Callable[[Any], Any]:
    """The handler as the SDK's `create_function` takes it.

    A context that was upgraded before goes through as it is: two counters would give one id to two messages.
    """
    what = f"The result of function {getattr(handler, '__name__', type(handler).__name__)}"

    def result(made: object) -> object:
        return Outcome(handler, what, strict=strict).dump(made) if typed_result else made

    if is_async(handler):

        @functools.wraps(handler)
        async def call_async(ctx: inngest.Context) -> object:
            if isinstance(ctx, Context):
                return await handler(ctx)
            call = Call(ctx.run_id, carrier, strict=strict)
            with _ended_as_the_sdk_wants(call):
                return result(await handler(upgraded(ctx, call)))

        return call_async

    @functools.wraps(handler)
    def call_sync(ctx: inngest.ContextSync) -> object:
        if isinstance(ctx, ContextSync):
            return handler(ctx)
        call = Call(ctx.run_id, carrier, strict=strict)
        with _ended_as_the_sdk_wants(call):
            return result(handler(upgraded_sync(ctx, call)))

    return call_sync


@overload
def on_failure(
    handler: Callable[[Context], Awaitable[Output]], /
) -> Callable[[inngest.Context], Coroutine[Any, Any, Output]]: ...
@overload
def on_failure(handler: Callable[[ContextSync], Output], /) -> Callable[[inngest.ContextSync], Output]: ...
def on_failure(handler: Callable[[Any], Any], /) -> Callable[[Any], Any]:
    """Make a handler of our context one for ``create_function(on_failure=…)``.

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
