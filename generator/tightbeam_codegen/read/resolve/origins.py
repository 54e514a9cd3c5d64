"""Where every object of the documents was read from: what names, messages and memos tell schemas apart by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.load import Document, Pointer

__all__ = ["Origins"]


class _Origin(NamedTuple):
    document: Document
    parent: int | None
    """The identity of the object or array around it; None for the whole document."""
    key: str | int
    order: int


class Origins:
    """The document and the JSON pointer of every object and array, by identity."""

    def __init__(self) -> None:
        self._known: dict[int, _Origin] = {}

    def __len__(self) -> int:
        """Return the number of objects and arrays in all documents."""
        return len(self._known)

    def add(self, document: Document) -> Iterator[dict[str, Any]]:
        """Add everything in a document, and yield its objects in the order of the text."""
        stack: list[tuple[Any, int | None, str | int]] = [(document.value, None, "")]
        while stack:
            value, parent, key = stack.pop()
            own = id(value)
            self._known[own] = _Origin(document, parent, key, len(self._known))
            if isinstance(value, dict):
                yield value
            items = list(value.items() if isinstance(value, dict) else enumerate(value))
            stack.extend(
                (inner, own, key) for key, inner in reversed(items) if isinstance(inner, dict | list)
            )

    def document(self, schema: object) -> Document | None:
        """Return the document that an object was read from; None for `true` and `false`."""
        origin = self._known.get(id(schema)) if isinstance(schema, dict) else None
        return origin.document if origin is not None else None

    def pointer(self, schema: object) -> Pointer:
        """Return the JSON pointer of an object in its document."""
        keys: list[str | int] = []
        origin = self._known.get(id(schema))
        while origin is not None and origin.parent is not None:
            keys.append(origin.key)
            origin = self._known[origin.parent]
        return tuple(reversed(keys))

    def order(self, schema: object) -> int:
        """Return a number that grows with the place of an object in its document."""
        origin = self._known.get(id(schema))
        return origin.order if origin is not None else -1

    def place(self, schema: object, *more: str | int) -> Place | None:
        """Return line and column of an object, or of a value below it; None for `true` and `false`."""
        document = self.document(schema)
        return document.place((*self.pointer(schema), *more)) if document else None
