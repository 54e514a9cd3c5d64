"""Finding one's way in a document of AsyncAPI: values with their places, and references between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.json_schema.uris import parses, pointer_key
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, quoted
from tightbeam_codegen.read.load import Document, JsonValue, Pointer
from tightbeam_codegen.read.resolve.references import absolute

if TYPE_CHECKING:
    from tightbeam_codegen.imports import Source

__all__ = ["Located", "Refused", "Way", "entries", "text_of"]

_MAX_STEPS = 100
"""References that lead to references."""


class Refused(Exception):
    """A part of a document can't be taken.

    Args:
        place: where it is.
        message: what is wrong.
        remedy: what to do about it.
    """

    def __init__(self, place: Place, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, "warning", message, remedy)

    def of(self, what: str) -> Refused:
        """Return the same refusal, which says what is left out for it."""
        problem = self.problem
        refused = Refused(problem.place or Place("", 1, 1), problem.message, problem.remedy)
        refused.problem = replace(problem, message=f"{what} is left out: {problem.message}")
        return refused


@dataclass(frozen=True, slots=True)
class Located:
    """A value where it stands."""

    value: JsonValue
    document: Document
    pointer: Pointer

    @property
    def place(self) -> Place:
        """Line and column of its key, or of itself where it has none."""
        return self.document.place(self.pointer, key=isinstance(self.pointer[-1] if self.pointer else 0, str))

    @property
    def name(self) -> str:
        """The key that it stands under."""
        return str(self.pointer[-1]) if self.pointer else ""

    @property
    def object(self) -> dict[str, JsonValue]:
        """The value as an object; empty if it is none."""
        return self.value if isinstance(self.value, dict) else {}

    def inside(self, *keys: str | int) -> Located:
        """Return a value inside this one; null where there is none."""
        value: Any = self.value
        for key in keys:
            try:
                value = value[key]
            except (LookupError, TypeError):
                value = None
        return Located(value, self.document, (*self.pointer, *keys))

    def __contains__(self, key: str) -> bool:
        """Return whether this is an object with a key."""
        return key in self.object


class Way:
    """Follows the references of documents.

    Args:
        source: has the document, and the files that it refers to.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def follow(self, located: Located) -> Located:
        """Return what a value stands for: what its `$ref` leads to, over other references, or itself.

        Raises:
            Refused: a reference leads nowhere, or out of what may be read.
        """
        for _ in range(_MAX_STEPS):
            reference = located.object.get("$ref")
            if not isinstance(reference, str):
                return located
            located = self._step(located, reference)
        raise Refused(located.place, "this reference leads to itself", "Let it lead to what is meant.")

    def _step(self, located: Located, reference: str) -> Located:
        place = located.inside("$ref").place
        uri, _, fragment = reference.partition("#")
        document = located.document
        if uri:
            document = self._document(document, uri, place, reference)
        value: Any = document.value
        pointer: list[str | int] = []
        tokens = fragment.split("/")
        if tokens.pop(0):
            # An anchor: AsyncAPI's references are pointers.
            raise Refused(place, f"$ref {quoted(reference)} leads nowhere", "Correct it.")
        for token in tokens:
            key = pointer_key(token)
            try:
                value, step = _step_into(value, key)
            except (LookupError, TypeError):
                message = f"$ref {quoted(reference)} leads nowhere"
                raise Refused(place, message, "Correct it.") from None
            pointer.append(step)
        return Located(value, document, tuple(pointer))

    def _document(self, document: Document, uri: str, place: Place, reference: str) -> Document:
        message = f"$ref {quoted(reference)} leads out of the files that may be read"
        remedy = (
            "Nothing is fetched: put a copy beside the document, or map its address in [tool.tightbeam.refs]."
        )
        if not parses(uri):
            raise Refused(place, f"$ref {quoted(reference)} is no reference", "Correct it.")
        try:
            found = self._source.find(absolute(document.uri, uri)[0])
        except DefinitionErrors as errors:
            cause = errors.problems[0].message
            raise Refused(
                place, f"$ref {quoted(reference)} leads to a file that can't be read: {cause}", ""
            ) from None
        if found is None:
            raise Refused(place, message, remedy)
        return found


def _step_into(value: Any, key: str) -> tuple[Any, str | int]:
    """Return what stands under a key, and the key: in an array it is a number."""
    if isinstance(value, list):
        is_index = key.isascii() and key.isdecimal() and len(key) < 10
        index = int(key) if is_index else len(value)
        return value[index], index
    return value[key], key


def entries(located: Located) -> Iterator[Located]:
    """Yield what stands in an object or an array, in its order."""
    value = located.value
    if isinstance(value, dict):
        yield from (located.inside(key) for key in value)
    elif isinstance(value, list):
        yield from (located.inside(index) for index in range(len(value)))


def text_of(*values: JsonValue) -> str:
    """Return the first of some values that is a text and not empty."""
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")
