"""Judge payloads as the run time does: by the validators of both sides, which decide in the end."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any, TypeAlias

import jsonschema_rs

from tightbeam._payload.formats import TYPED_FORMATS
from tightbeam._payload.schema_index import SchemaLocation
from tightbeam._payload.schemas import Bundle
from tightbeam_codegen.compare.containment.answers import Refused, SchemaPlace
from tightbeam_codegen.compare.containment.formulas import Literal
from tightbeam_codegen.compare.containment.nodes import Node, UnsupportedError
from tightbeam_codegen.compare.containment.publishing import SAID
from tightbeam_codegen.compare.containment.reading import Place, pruned
from tightbeam_codegen.compare.containment.solver import Solver
from tightbeam_codegen.json_schema.uris import pointer_key
from tightbeam_codegen.read.load import JsonValue, Pointer

__all__ = ["Judge"]

_MAX_UNIONS = 20
_MAX_SEEN = 500
_FORMATS = {typed.pattern: name for name, typed in TYPED_FORMATS.items() if typed.pattern is not None}
_UNIONS = (jsonschema_rs.ValidationErrorKind.AnyOf, jsonschema_rs.ValidationErrorKind.OneOfNotValid)
_Branch: TypeAlias = list[jsonschema_rs.ValidationError]
"""The errors of a value in one branch of a union."""


class Judge:
    """Judges payloads.

    Args:
        reader: the validator of the reader's schema, and where tolerant readers begin.
        writer: the validator of the writer's schema, and its node if only what bindings let say counts.
        solver: tells what bindings let say.
    """

    def __init__(
        self,
        reader: tuple[jsonschema_rs.Validator, tuple[Place, ...]],
        writer: tuple[jsonschema_rs.Validator, Node | None],
        solver: Solver,
    ) -> None:
        self._reader, self._readings = reader
        self._writer, self._said = writer
        self._solver = solver

    def shows(self, payload: Any) -> bool:
        """Return whether a payload shows that the reader refuses something that the writer says."""
        return self._writer.is_valid(payload) and not self._takes(payload) and self._is_said(payload)

    def _takes(self, payload: Any) -> bool:
        if self._reader.is_valid(payload):
            return True
        value = payload
        for place in self._readings:
            try:
                read = pruned(value, place)
            except UnsupportedError:
                return True  # nothing is to be called refused that a reader may take
            if read is not value and self._reader.is_valid(read):
                return True
            value = read
        return False

    def _is_said(self, payload: Any) -> bool:
        return self._said is None or self._solver.holds(Literal(self._said, True, SAID), payload) is True

    def refusal(self, payload: JsonValue, writer: tuple[str, Bundle], bundle: Bundle) -> Refused:
        """Describe a payload that the reader refuses.

        Args:
            payload: the payload.
            writer: a reference to the writer's schema, and its bundle.
            bundle: the reader's.
        """
        value: Any = payload
        for place in self._readings:
            value = pruned(value, place)
        errors = list(self._reader.iter_errors(value))
        error, path = _innermost(max(errors, key=lambda each: len(each.instance_path)))
        is_of_union = isinstance(error.kind, _UNIONS)
        keywords = [each for each in error.schema_path if isinstance(each, str)]
        reason, keyword = error.message, keywords[-1] if keywords else ""
        at = _place(error.absolute_keyword_location, bundle)
        if (name := _format_of_pattern(error)) is not None:
            reason, keyword = f'{json.dumps(error.instance, ensure_ascii=False)} is not a "{name}"', "format"
            at = _beside(at, keyword)
        return Refused(
            payload,
            "".join(f"/{str(token).replace('~', '~0').replace('/', '~1')}" for token in path),
            "no branch of the union has this value" if is_of_union else reason,
            keyword,
            at,
            _written(writer[1].index.find(writer[0]), value, path, writer[1]),
        )


def _innermost(error: jsonschema_rs.ValidationError) -> tuple[jsonschema_rs.ValidationError, Pointer]:
    """Return the error that says most of a value that fits no branch of a union, and the path to the part.

    That is an error of the one branch that the value is meant for, by its type and its tag. Where a tag is of
    no branch at all, it is the union's own error, about the tag.
    """
    path: Pointer = tuple(error.instance_path)
    for _ in range(_MAX_UNIONS):
        if not isinstance(error.kind, _UNIONS):
            break
        branches = [branch for branch in error.kind.context if branch]
        typed = [branch for branch in branches if not _fails(branch, ("type",), path)]
        meant = [branch for branch in typed if _tag(branch, path) is None]
        if len(meant) == 1:
            error = max(meant[0], key=lambda each: len(each.instance_path))
            path = tuple(error.instance_path)
            continue
        tags = {_tag(branch, path) for branch in typed}
        if not meant and len(tags) == 1:
            path = tags.pop() or path
            break
        nearest = _nearest(typed)
        if nearest is None:
            break
        error = max(nearest, key=lambda each: len(each.instance_path))
        path = tuple(error.instance_path)
    return error, path


def _nearest(branches: list[_Branch]) -> _Branch | None:
    """Return the branch with the fewest errors; None if several have as few."""
    ordered = sorted(branches, key=len)
    is_alone = len(ordered) == 1 or (len(ordered) > 1 and len(ordered[0]) < len(ordered[1]))
    return ordered[0] if is_alone else None


def _fails(branch: _Branch, keywords: Container[object], path: Pointer) -> bool:
    return any(
        tuple(each.instance_path) == path and each.schema_path and each.schema_path[-1] in keywords
        for each in branch
    )


def _tag(branch: _Branch, path: Pointer) -> Pointer | None:
    """Return the path to a property that has another value in a branch than the one that it must have."""
    for each in branch:
        inner: Pointer = tuple(each.instance_path)
        if len(inner) == len(path) + 1 and each.schema_path and each.schema_path[-1] in ("const", "enum"):
            return inner
    return None


def _place(location: str | None, bundle: Bundle) -> SchemaPlace | None:
    if location is None:
        return None
    found = bundle.index.find(location)
    if found is not None:
        return SchemaPlace(found.document, found.tokens)
    uri, _, fragment = location.partition("#")
    return SchemaPlace(uri, tuple(map(pointer_key, fragment.split("/")[1:])))


def _format_of_pattern(error: jsonschema_rs.ValidationError) -> str | None:
    """Return the format that a pattern was put into the schema for (`narrow_formats`); None for any other."""
    kind = error.kind
    return _FORMATS.get(kind.pattern) if isinstance(kind, jsonschema_rs.ValidationErrorKind.Pattern) else None


def _beside(place: SchemaPlace | None, keyword: str) -> SchemaPlace | None:
    """Return the place of a keyword beside another one, which may be in an `allOf` of its own."""
    if place is None:
        return None
    around = place.pointer[:-3] if place.pointer[-3:-2] == ("allOf",) else place.pointer[:-1]
    return SchemaPlace(place.uri, (*around, keyword))


def _written(at: SchemaLocation | None, value: Any, path: Pointer, bundle: Bundle) -> SchemaPlace | None:
    """Return the place of a writer's schema for a part of a payload, as far as it is easily found."""
    if at is None:
        return None
    for token in path:
        inner = _below(at, value, token, bundle)
        if inner is None:
            break
        at, value = inner, value[token]
    return SchemaPlace(at.document, at.tokens)


def _below(at: SchemaLocation, value: Any, token: str | int, bundle: Bundle) -> SchemaLocation | None:
    """Return the schema of a property or an item, behind references and in branches."""
    stack, seen = [at], set[tuple[str, tuple[str, ...]]]()
    while stack and len(seen) < _MAX_SEEN:
        part = stack.pop(0)
        schema: Any = part.schema
        if (part.document, part.tokens) in seen or not _may_fit(schema, value):
            continue
        seen.add((part.document, part.tokens))
        if isinstance(token, str) and token in schema.get("properties", {}):
            return part.child("properties", token)
        for keyword in ("prefixItems", "items") if isinstance(token, int) else ():
            schemas = schema.get(keyword)
            if isinstance(schemas, dict):
                return part.child(keyword)
            if isinstance(schemas, list) and isinstance(token, int) and token < len(schemas):
                return part.child(keyword, token)
        if isinstance(token, str) and isinstance(schema.get("additionalProperties"), dict):
            return part.child("additionalProperties")
        if isinstance(schema.get("$ref"), str) and (found := bundle.index.find(schema["$ref"], part.base)):
            stack.append(found)
        for keyword in ("allOf", "anyOf", "oneOf"):
            stack += [part.child(keyword, index) for index in range(len(schema.get(keyword, ())))]
    return None


def _may_fit(schema: Any, value: Any) -> bool:
    """Return whether a value has the tags that a schema asks for, if it asks for some."""
    if not isinstance(schema, dict) or not isinstance(value, dict):
        return isinstance(schema, dict)
    for name, inner in schema.get("properties", {}).items():
        if name in value and isinstance(inner, dict):
            allowed = inner.get("enum", [inner["const"]] if "const" in inner else None)
            if allowed is not None and value[name] not in allowed:
                return False
    return True
