"""The JSON that runs leave behind: event data, step results, function results.

A result makes the round trip through JSON also when it is fresh, so that a first execution and a replay see
the same value. It comes back as the type its function is annotated with.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import sys
import typing
from collections.abc import Awaitable, Callable, Coroutine
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

import pydantic
from pydantic_core import PydanticSerializationError, SchemaValidator

from tightbeam.errors import NotJson

__all__ = ["ReturnType", "from_json", "return_type", "to_json"]


def to_json(value: object, what: str) -> bytes:
    """Encode plain JSON data strictly.

    Raises:
        NotJson: it holds something JSON doesn't have; the text says what, never the value.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except TypeError as error:  # its text names a type: "Object of type set is not JSON serializable"
        reason = str(error)
    except UnicodeEncodeError:
        reason = "a string with a lone surrogate"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = "it refers to itself" if "Circular" in str(error) else "a number that isn't finite"
    raise NotJson(f"{what} can't be JSON: {reason}")


def from_json(raw: bytes) -> Any:
    """Decode what `to_json` made: fresh objects each time."""
    return json.loads(raw)


class _Adapter:
    """An annotated type, made ready."""

    def __init__(self, kind: pydantic.TypeAdapter[Any]) -> None:
        self.type = kind

    @functools.cached_property
    def _validator(self) -> SchemaValidator | None:
        """Loads without trying all branches of a union, where these multiply."""
        from tightbeam._payload.unions.narrowing import Loading, narrowed  # few functions remember results

        core: Any = self.type.core_schema
        return narrowed(core, Loading(from_json=True, by_alias=True, by_name=True))

    def load(self, raw: bytes | str) -> Any:
        """Load JSON. Raises pydantic.ValidationError."""
        return (self._validator or self.type).validate_json(raw, by_alias=True, by_name=True)


class ReturnType:
    """How the results of one function become JSON and come back; ``adapter`` is None for JSON as it is."""

    __slots__ = ("_adapter", "_what")

    def __init__(self, what: str, adapter: _Adapter | None) -> None:
        self._what = what
        self._adapter = adapter

    def dump(self, value: object) -> bytes:
        """The result as JSON.

        Raises:
            NotJson: it can't be JSON, or isn't what the function is annotated with.
        """
        if self._adapter is None:
            return to_json(value, self._what)
        try:
            plain = self._adapter.type.dump_python(
                value, mode="json", by_alias=True, round_trip=True, warnings="error"
            )
        except (PydanticSerializationError, ValueError, TypeError, RecursionError):
            # Pydantic's own text holds the value.
            raise NotJson(f"{self._what} isn't of the annotated return type, or can't be JSON") from None
        return to_json(plain, self._what)

    def load(self, raw: bytes) -> Any:
        """Load the result from JSON; undeclared properties are passed over, as in messages.

        Raises:
            NotJson: it doesn't fit the annotated type (any more).
        """
        if self._adapter is None:
            return from_json(raw)
        try:
            return self._adapter.load(raw)
        except pydantic.ValidationError as error:
            raise NotJson(
                f"{self._what} doesn't fit its annotated return type after the round trip through JSON: "
                f"{_places(error, self._adapter.type)}"
            ) from None

    def recall(self, raw: bytes) -> Any:
        """Load a remembered result as `load` does, or else with undeclared properties passed over.

        Raises:
            NotJson: it doesn't fit the type that the function is annotated with today.
        """
        try:
            return self.load(raw)
        except NotJson:
            assert self._adapter is not None  # noqa: S101 - JSON as it is always loads
            from tightbeam._payload.tolerant import Shape, readings  # few results need it

            for text in readings(Shape(self._adapter.type.core_schema, by_name=True), raw):
                with contextlib.suppress(pydantic.ValidationError):
                    return self._adapter.load(text)
            raise


def _places(error: pydantic.ValidationError, adapter: pydantic.TypeAdapter[Any]) -> str:
    """Name where a result is wrong, with ``*`` for the keys that its type doesn't declare: they are data."""
    declared = _declared_names(adapter.core_schema)
    places = (one["loc"] for one in error.errors(include_url=False, include_input=False))
    shown = (
        ".".join(str(part) if isinstance(part, int) or part in declared else "*" for part in place)
        or "(result)"
        for place in places
    )
    return ", ".join(list(dict.fromkeys(shown))[:5])


def _declared_names(schema: object) -> set[str]:
    """Collect the names of fields, and their aliases, anywhere in a core schema."""
    from tightbeam._payload.core_schema import nodes_of  # only on failure

    names = set[str]()
    for node in nodes_of(schema):
        if isinstance(fields := node.get("fields"), dict):
            names.update(fields)
        aliases = (node.get(key) for key in ("name", "validation_alias"))
        names.update(name for name in aliases if isinstance(name, str))
    return names


_known: WeakKeyDictionary[Callable[..., object], _Adapter | None] = WeakKeyDictionary()


def return_type(function: Callable[..., object], what: str) -> ReturnType:
    """How this function's results travel, by its annotation; built once for each function.

    Raises:
        NotJson: Pydantic can't build the annotated type.
    """
    plain = _underlying(function)
    try:
        return ReturnType(what, _known[plain])
    except KeyError:
        adapter = _known[plain] = _build(plain, what)
    except TypeError:  # a callable that can't be hashed, or referred to weakly
        adapter = _build(plain, what)
    return ReturnType(what, adapter)


def _underlying(function: Callable[..., object]) -> Callable[..., object]:
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = inspect.unwrap(function)
        elif not inspect.isroutine(function) and not isinstance(function, type):
            # An object with `__call__`: its class carries the annotation.
            return type(function).__call__ if hasattr(type(function), "__call__") else function  # noqa: B004 - the method, not the question
        else:
            return function


def _build(function: Callable[..., object], what: str) -> _Adapter | None:
    annotation = _annotation(function, what)
    if annotation in (inspect.Signature.empty, Any, object, typing.NoReturn, typing.Never):
        return None
    try:
        return _Adapter(pydantic.TypeAdapter(annotation))
    except pydantic.PydanticUserError as error:
        if error.code == "typed-dict-version":  # typing.TypedDict before Python 3.12
            return None
        raise _unbuildable(what, function) from error
    except (TypeError, NameError) as error:
        raise _unbuildable(what, function) from error


def _unbuildable(what: str, function: object) -> NotJson:
    name = getattr(function, "__qualname__", repr(type(function)))
    return NotJson(
        f"{what} can't be remembered: Pydantic can't build the return type {name} is annotated with; "
        "annotate what JSON can hold, or nothing"
    )


def _annotation(function: Callable[..., object], what: str) -> Any:
    """The annotated return type, resolved; of a coroutine function or an `Awaitable` the type it gives."""
    if sys.version_info >= (3, 14):
        import annotationlib

        found = annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    else:
        found = getattr(function, "__annotations__", {})
    if "return" not in found:
        return inspect.Signature.empty
    code = getattr(function, "__code__", None)
    closure = getattr(function, "__closure__", None) or ()
    local = {}
    if code is not None:
        local = dict(zip(code.co_freevars, closure, strict=False))

    # A function of its own, so that only this one annotation must resolve.
    def carrier() -> None: ...

    carrier.__annotations__ = {"return": found["return"]}
    try:
        contents = {name: cell.cell_contents for name, cell in local.items() if _filled(cell)}
        hints = typing.get_type_hints(
            carrier, getattr(function, "__globals__", {}), contents, include_extras=True
        )
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise _unbuildable(what, function) from error
    hint: Any = hints["return"]
    arguments = typing.get_args(hint)
    if not inspect.iscoroutinefunction(function) and typing.get_origin(hint) in (Awaitable, Coroutine):
        return arguments[-1] if arguments else Any
    return hint


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell says so by raising
    except ValueError:
        return False
    return True
