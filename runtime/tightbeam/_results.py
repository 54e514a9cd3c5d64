"""Turn event data, step results and function results into the JSON that a journal keeps, and back.

A fresh result makes the round trip through JSON too, so that a first execution and a replay see the same
value. It comes back as the type that its function is annotated with.
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

    Args:
        value: the data.
        what: names it in errors.

    Raises:
        NotJson: it holds something that JSON doesn't have; the text has a type or a reason, never the value.
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
    """Decode JSON that `to_json` made, to new objects each time."""
    return json.loads(raw)


class _Adapter:
    """An annotated type that Pydantic has built."""

    def __init__(self, kind: pydantic.TypeAdapter[Any]) -> None:
        self.type = kind

    @functools.cached_property
    def _validator(self) -> SchemaValidator | None:
        """Loads without trying all branches of a union, where that would multiply."""
        from tightbeam._payload.unions.narrowing import Loading, narrowed  # few functions remember results

        core: Any = self.type.core_schema
        return narrowed(core, Loading(from_json=True, by_alias=True, by_name=True))

    def load(self, raw: bytes | str) -> Any:
        """Load JSON.

        Raises:
            pydantic.ValidationError: it doesn't fit the type.
        """
        return (self._validator or self.type).validate_json(raw, by_alias=True, by_name=True)


class ReturnType:
    """Turns the results of one function into JSON and back."""

    __slots__ = ("_adapter", "_what")

    def __init__(self, what: str, adapter: _Adapter | None) -> None:
        """Set the type.

        Args:
            what: names the result in errors.
            adapter: the annotated type; None for JSON as it is.
        """
        self._what = what
        self._adapter = adapter

    def dump(self, value: object) -> bytes:
        """Encode a result.

        Raises:
            NotJson: it can't be JSON, or isn't of the annotated type.
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
        """Load a fresh result.

        Raises:
            NotJson: it doesn't fit the annotated type after the round trip.
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
        """Load a remembered result.

        One that doesn't fit is loaded without undeclared properties, as messages are.

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
    """Name the places where a result is wrong, with ``*`` for keys that its type doesn't declare."""
    declared = _declared_names(adapter.core_schema)
    places = (detail["loc"] for detail in error.errors(include_url=False, include_input=False))
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
    """Return what turns a function's results into JSON and back, by its annotation.

    Args:
        function: the function. Its type is built once.
        what: names the result in errors.

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
    """Return the annotated return type, resolved; of an `Awaitable` the type that awaiting it gives."""
    if sys.version_info >= (3, 14):
        import annotationlib

        annotations = annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    else:
        annotations = getattr(function, "__annotations__", {})
    if "return" not in annotations:
        return inspect.Signature.empty
    code = getattr(function, "__code__", None)
    closure = getattr(function, "__closure__", None) or ()
    local = {}
    if code is not None:
        local = dict(zip(code.co_freevars, closure, strict=False))

    # A function of its own, so that only this one annotation must resolve.
    def annotated() -> None: ...

    annotated.__annotations__ = {"return": annotations["return"]}
    try:
        contents = {name: cell.cell_contents for name, cell in local.items() if _filled(cell)}
        hints = typing.get_type_hints(
            annotated, getattr(function, "__globals__", {}), contents, include_extras=True
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
