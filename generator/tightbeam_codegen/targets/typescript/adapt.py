"""Rewrites bundled schemas so that Ajv reads them the way the Python side does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from tightbeam._payload.formats import FORMATS
from tightbeam._payload.subschemas import HOLDERS, Way, inside
from tightbeam_codegen.json_schema.keywords import KEYWORDS, NOTES, REFERENCES
from tightbeam_codegen.problems import quoted
from tightbeam_codegen.targets.typescript.patterns import Pattern, javascript_pattern

__all__ = ["Adapter", "Difference", "references"]

_Path: TypeAlias = tuple[str, ...]
_Step: TypeAlias = "tuple[Any, bool, tuple[_Path, ...], int]"
"""A value, whether it is a schema, the paths to it, and the draft around it."""

_AJVS_OWN = frozenset({"$async", "nullable"})
"""Keywords that Ajv adds to JSON Schema, where they mean nothing."""

_SAY_MORE = "It was checked where the message was published; a `pattern` beside it is checked here too."

_PROTO = "__proto__"
_LARGEST = 2**53
"""Beyond it JavaScript reads several integers as one, up to the 64 bits of those that Python sends."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that Ajv decides otherwise than the Python side, and that no rewriting mends."""

    path: tuple[str, ...]
    """The path to it in its resource."""
    message: str
    remedy: str


class Adapter:
    """Adapts the resources of one bundle, in place.

    Args:
        refs: every reference in the bundle. What the JSON pointer of one leads to stays where it is.
        year_of: the draft of a dialect, by its URI.
        assert_formats: whether `format` is law.
    """

    def __init__(self, refs: Iterable[str], year_of: Callable[[str], int], *, assert_formats: bool) -> None:
        self._year_of = year_of
        self._asserts_formats = assert_formats
        self._targets: set[_Path] = set()
        for ref in refs:
            fragment = unquote(ref.partition("#")[2])
            if fragment.startswith("/"):
                tokens = fragment[1:].split("/")
                self._targets.add(tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens))
        self.patterns: dict[str, Pattern] = {}
        """The patterns that JavaScript spells otherwise."""
        self._target = 2020
        self.differences: list[Difference] = []
        """What Ajv decides otherwise in the resource that was adapted last."""
        self._ways = {target[:length] for target in self._targets for length in range(1, len(target) + 1)}

    def adapt(self, resource: Any, year: int, target: int | None = None) -> None:
        """Rewrite a schema resource, in place.

        Args:
            resource: the schema.
            year: the draft of schemas in it that name none.
            target: the draft that Ajv reads it by, where that is a later one.
        """
        self._target = target or year
        self.differences.clear()
        stack: list[_Step] = [(resource, True, ((),), year)]
        while stack:
            stack.extend(self._inner(*stack.pop()))

    def _inner(self, node: Any, is_schema: bool, paths: tuple[_Path, ...], year: int) -> Iterator[_Step]:
        """Rewrite a schema; yield the values in it that may hold others."""
        if isinstance(node, dict) and (is_schema or self._targets.intersection(paths)):
            yield from self._schema(node, paths, year)
        elif isinstance(node, dict | list):
            for key, item in node.items() if isinstance(node, dict) else enumerate(node):
                yield item, False, _below(paths, (key,)), year

    def _schema(self, schema: dict[str, Any], paths: tuple[_Path, ...], year: int) -> list[_Step]:
        if isinstance(stated := schema.get("$schema"), str):
            year = self._year_of(stated)
        keywords = KEYWORDS[year]
        is_root = () in paths
        if year <= 7 and isinstance(schema.get("$ref"), str):
            _drop_beside_reference(schema, is_root=is_root, year=year)
        for keyword in list(schema):
            if not any((*path, keyword) in self._ways for path in paths) and (
                keyword not in keywords or keyword in NOTES or keyword in _AJVS_OWN
            ):
                del schema[keyword]
        if not _checks_format(schema.get("format"), year):
            schema.pop("format", None)
        self._note_differences(schema, paths[0])
        _loosen_limits(schema)
        _take_out_proto(schema)
        _put_tags_first(schema)
        self._translate_patterns(schema, paths[0])
        identifier = schema.get("id" if year == 4 else "$id")
        if isinstance(identifier, str) and not is_root:
            paths = (*paths, ())
        steps = [
            (value, is_schema, _below(paths, way), year) for way, value, is_schema in inside(schema, keywords)
        ]
        self._carry_forward(schema, year, paths)
        return steps

    def _carry_forward(self, schema: dict[str, Any], year: int, paths: tuple[_Path, ...]) -> None:
        """Say in the words of a later draft what a schema says in those of its own."""
        if year <= 7 and self._target >= 2019:
            if isinstance(schema.get("$ref"), str):
                for keyword in schema.keys() - {"$ref", "$schema", "$id", "id"}:
                    if not any((*path, keyword) in self._ways for path in paths):
                        del schema[keyword]
            identifier = schema.pop("id" if year == 4 else "$id", None)
            if isinstance(identifier, str):
                is_anchor = identifier.startswith("#") and len(identifier) > 1
                schema["$anchor" if is_anchor else "$id"] = identifier.removeprefix("#")
        if year == 4 < self._target:
            if isinstance(identifier := schema.pop("id", None), str):
                schema["$id"] = identifier
            for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
                if schema.pop(exclusive, False) and inclusive in schema:
                    schema[exclusive] = schema.pop(inclusive)
        if year <= 2019 < self._target:
            self._carry_items_forward(schema, paths)
            if isinstance(reference := schema.pop("$recursiveRef", None), str):
                schema.setdefault("$ref", reference)

    def _carry_items_forward(self, schema: dict[str, Any], paths: tuple[_Path, ...]) -> None:
        """Say `items` and `additionalItems` in the words of 2020-12; references to them still lead there."""
        others = schema.get("additionalItems")
        if not any((*path, "additionalItems") in self._ways for path in paths):
            schema.pop("additionalItems", None)
        if isinstance(schema.get("items"), list):
            schema["prefixItems"] = schema.pop("items")
            schema |= {} if others is None else {"items": others}
            if any((*path, "items") in self._ways for path in paths):
                rest = {} if others is None else {"allOf": [others]}
                places = {str(index): place for index, place in enumerate(schema["prefixItems"])}
                schema["items"] = {**rest, **places}

    def _note_differences(self, schema: dict[str, Any], path: _Path) -> None:
        if "$recursiveRef" in schema and self._target > 2019:
            message = (
                "validators in TypeScript read $recursiveRef as $ref, since a topic is written in 2020-12"
            )
            self.differences.append(Difference((*path, "$recursiveRef"), message, "Write both in one draft."))
        name = schema.get("format")
        if self._asserts_formats and name is not None and not FORMATS[name].in_ajv:
            message = f"validators in TypeScript don't check the format {name}"
            self.differences.append(Difference((*path, "format"), message, _SAY_MORE))
        for keyword in ("const", "enum", "exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"):
            values = schema.get(keyword)
            for value in values if isinstance(values, list) and keyword == "enum" else [values]:
                if isinstance(value, int) and _is_beyond(value) and value != float(value):
                    message = (
                        f"JavaScript reads {value} as {int(float(value))}: validators there compare with that"
                    )
                    self.differences.append(Difference((*path, keyword), message, "Send it as a string."))
                    break

    def _translate_patterns(self, schema: dict[str, Any], path: _Path) -> None:
        """Note how JavaScript spells the patterns; one that it can't decides nothing."""
        if isinstance(pattern := schema.get("pattern"), str) and not self._is_usable(pattern):
            del schema["pattern"]
            self._leave_out(pattern, (*path, "pattern"))
        by_pattern = schema.get("patternProperties")
        if not isinstance(by_pattern, dict):
            return
        unusable = [pattern for pattern in by_pattern if not self._is_usable(pattern)]
        for pattern in unusable:
            del by_pattern[pattern]
            self._leave_out(pattern, (*path, "patternProperties", pattern))
        if unusable:
            # Which properties are left for these can't be said.
            for keyword in ("additionalProperties", "unevaluatedProperties"):
                schema.pop(keyword, None)

    def _leave_out(self, pattern: str, path: _Path) -> None:
        message = (
            f"JavaScript has no counterpart of the pattern {quoted(pattern)}: validators there don't check it"
        )
        remedy = "Write it without flags inside, possessive quantifiers and names of one language only."
        self.differences.append(Difference(path, message, remedy))

    def _is_usable(self, pattern: str) -> bool:
        translated = javascript_pattern(pattern)
        if translated is not None and translated != Pattern(pattern, "u"):
            self.patterns[pattern] = translated
        return translated is not None


def _checks_format(name: object, year: int) -> bool:
    """Tell whether Python's validator checks a format. Ajv checks more, and all of them in each draft."""
    row = FORMATS.get(name) if isinstance(name, str) else None
    return row is not None and 0 < row.checked_since <= year


def _below(paths: tuple[_Path, ...], way: Way) -> tuple[_Path, ...]:
    return tuple((*path, *map(str, way)) for path in paths)


def _drop_beside_reference(schema: dict[str, Any], *, is_root: bool, year: int) -> None:
    """Remove what a reference hides up to draft 7 and Ajv looks at all the same: `type`, and identifiers.

    Other assertions go too, for topics of a later draft that refer to this schema. Keywords with schemas in
    them stay for references that lead there; Ajv passes over them.
    """
    for keyword in list(schema):
        hidden_identifier = keyword in ("id", "$id") and not is_root
        asserts = keyword in KEYWORDS[year] and keyword not in HOLDERS
        if hidden_identifier or (asserts and keyword not in ("$ref", "$schema", "id", "$id")):
            del schema[keyword]


def _loosen_limits(schema: dict[str, Any]) -> None:
    """Let numbers that JavaScript reads as the limit itself pass an exclusive one: they may be beyond it."""
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        limit = schema.get(exclusive)
        if limit is True and _is_beyond(schema.get(inclusive)):
            del schema[exclusive]
        elif limit is not True and _is_beyond(limit):
            del schema[exclusive]
            schema["allOf"] = [*schema.get("allOf", ()), {inclusive: limit}]


def _is_beyond(limit: Any) -> bool:
    return isinstance(limit, int | float) and _LARGEST <= abs(limit) <= 2**64


def _take_out_proto(schema: dict[str, Any]) -> None:
    """Say what applies to a property called `__proto__` by other keywords: Ajv leaves it out of these."""
    properties = schema.get("properties")
    if isinstance(properties, dict) and _PROTO in properties:
        patterns = dict(schema.get("patternProperties", {}))
        pattern = f"^{_PROTO}$"
        while pattern in patterns:
            pattern = f"(?:{pattern})"
        schema["patternProperties"] = {**patterns, pattern: properties[_PROTO]}
    for keyword in ("dependencies", "dependentSchemas"):
        dependencies = schema.get(keyword)
        if isinstance(dependencies, dict) and _PROTO in dependencies:
            needed = dependencies[_PROTO]
            needed = {"required": needed} if isinstance(needed, list) and needed else needed or {}
            absent = {"not": {"required": [_PROTO]}}
            schema["allOf"] = [*schema.get("allOf", ()), {"anyOf": [absent, needed]}]


def _put_tags_first(schema: dict[str, Any]) -> None:
    """Put tags before other properties: Ajv, which stops at the first error, then ends early."""
    if isinstance(properties := schema.get("properties"), dict):
        tags = {key: each for key, each in properties.items() if isinstance(each, dict) and _is_fixed(each)}
        schema["properties"] = tags | properties


def _is_fixed(schema: dict[str, Any]) -> bool:
    return "const" in schema or "enum" in schema


def references(value: Any) -> Iterator[str]:
    """Find every reference in a JSON value, whether or not it stands in a schema."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            for keyword in (*REFERENCES, "ref"):
                if isinstance(ref := node.get(keyword), str):
                    yield ref
            stack.extend(node.values())
