"""Build Pydantic's schemas of classes that refer to each other, without recursion from class to class.

Pydantic builds the class of a field while it builds the field, which takes about twelve frames a class: a
chain of eighty classes ends in a RecursionError. Here a class inside another one is only referred to first,
and is built when the outer one is done. Long chains are kept flat as well: at every few classes one stays a
definition of its own, since functions that walk over a core schema recurse from node to node.

Two things that this takes aren't public in Pydantic: which builder is at work (`_builder_of`), and what it
calls a class in references (`_ref`). Where one of them has changed, Pydantic builds class inside class, which
takes longer and ends at a chain of several hundred.

Lists and maps inside one another do recurse, up to the generator's limit of 100 levels. The recursion limit
is raised for them: frames of Python code take no room on the stack.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from tightbeam._forks import fork_safe_lock

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["build_schema", "deep_recursion", "own_adapter", "rebuild"]

_INLINE = 8
"""How many classes stand inside one another in one core schema; at most twice as many do."""

_HEIGHT = "__tightbeam_height__"
"""Attribute of a class that was built: how many classes stand inside one another in its core schema."""

_FRAMES = 10_000
"""Frames that nesting up to the limit may take, those of the caller apart."""

_lock = fork_safe_lock()
_raised: list[None] = []
"""An entry for each thread that has asked for deep recursion."""


@contextlib.contextmanager
def deep_recursion() -> Generator[None]:
    """Raise the recursion limit, which is one for all threads; several threads may ask for it at a time."""
    with _lock:
        _raised.append(None)
        if len(_raised) == 1:
            sys.setrecursionlimit(sys.getrecursionlimit() + _FRAMES)
    try:
        yield
    finally:
        with _lock:
            _raised.pop()
            if not _raised:
                sys.setrecursionlimit(max(sys.getrecursionlimit() - _FRAMES, 1_000))


@dataclass(slots=True, eq=False)
class _Build:
    """The classes that one builder of Pydantic's has still to build."""

    builder: object
    current: type[BaseModel]
    """The class whose fields are being built."""
    levels: dict[type[BaseModel], int]
    """How many classes each class is away from the outermost one."""
    wanted: type[BaseModel] | None = None
    """The class that is to be built when it is asked for next, and not only referred to."""
    pending: list[type[BaseModel]] = field(default_factory=list)
    height: int = 0

    def refer_to(self, cls: type[BaseModel]) -> CoreSchema:
        """Return a reference to a class, which is built later."""
        schema: dict[str, Any] = {"type": "definition-ref", "schema_ref": _ref(cls)}
        if cls not in self.levels:
            self.pending.append(cls)
            self.levels[cls] = self.levels[self.current] + 1
            inside = self.levels[cls] % _INLINE + getattr(cls, _HEIGHT, 0)
            if inside == 0 or inside >= _INLINE:
                # Pydantic puts the class in the reference's place, unless that says more than where to look.
                schema["metadata"] = {"tightbeam": "definition"}
            else:
                self.height = max(self.height, inside)
        return cast("CoreSchema", schema)


class _Builds(threading.local):
    def __init__(self) -> None:
        self.stack: list[_Build] = []
        self.rebuilt: list[type[BaseModel]] = []
        """The classes that are being built for themselves, the innermost last."""
        self.is_own = False
        """Whether what is being built is an adapter of ours, which brings no names along."""


_builds = _Builds()


def build_schema(
    cls: type[BaseModel],
    source: Any,
    handler: GetCoreSchemaHandler,
    finish: Callable[[CoreSchema], CoreSchema],
) -> CoreSchema:
    """Return the core schema of a class, or a reference to it inside of another one that is being built.

    Args:
        cls: the class.
        source: the type that Pydantic asks for.
        handler: builds by Pydantic's own rules.
        finish: applied to the class's own schema.
    """
    if source is not cls:
        return finish(handler(source))
    builder = _builder_of(handler)
    if builder is None or not _refs_are_known():
        with deep_recursion():
            return finish(handler(source))
    # A builder makes one schema with one set of definitions; there may be other ones further out.
    build = _builds.stack[-1] if _builds.stack else None
    if build is None or build.builder is not builder:
        if not (cls.__pydantic_complete__ or _builds.is_own or cls in _builds.rebuilt):
            # Inside of a class or adapter of the user's, Pydantic would look for names among the user's.
            cls.model_rebuild(raise_errors=False)
        return _build_all(_Build(builder, cls, {cls: 0}), source, handler, finish)
    if build.wanted is not cls:
        return build.refer_to(cls)
    build.wanted = None
    return finish(handler(source))


@contextlib.contextmanager
def own_adapter() -> Generator[None]:
    """Build an adapter of several classes in one go.

    Each class built for itself would bring its own copy of the classes that it shares with others.
    """
    before, _builds.is_own = _builds.is_own, True
    try:
        yield
    finally:
        _builds.is_own = before


def rebuild(cls: type[BaseModel], build: Callable[[], bool | None]) -> bool | None:
    """Build a class for itself, and return what Pydantic's `model_rebuild` returns.

    Args:
        cls: the class.
        build: calls Pydantic's method.
    """
    _builds.rebuilt.append(cls)
    try:
        return build()
    finally:
        _builds.rebuilt.pop()


def _build_all(
    build: _Build, source: Any, handler: GetCoreSchemaHandler, finish: Callable[[CoreSchema], CoreSchema]
) -> CoreSchema:
    """Build a class, and then one by one all classes that it refers to."""
    outermost = build.current
    _builds.stack.append(build)
    try:
        with deep_recursion():
            schema = finish(handler(source))
            while build.pending:
                build.current = build.wanted = build.pending.pop()
                handler.generate_schema(build.current)
    finally:
        _builds.stack.pop()
    setattr(outermost, _HEIGHT, 1 + build.height)
    return schema


def _builder_of(handler: GetCoreSchemaHandler) -> object | None:
    """Return what identifies the schema that is being built; None where Pydantic doesn't show it."""
    return getattr(handler, "_generate_schema", None)


def _ref(cls: type[BaseModel]) -> str:
    """Return Pydantic's name for a class in references."""
    return f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"


@functools.cache
def _refs_are_known() -> bool:
    """Return whether `_ref` is right."""

    class Probe(BaseModel):
        pass

    return Probe.__pydantic_core_schema__.get("ref") == _ref(Probe)
