"""Random schemas over the whole vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

__all__ = ["DRAFT_7", "LATEST", "NAMES", "VALUES", "SchemaMaker"]

Schema: TypeAlias = "dict[str, Any] | bool"

LATEST = "https://json-schema.org/draft/2020-12/schema"
DRAFT_7 = "http://json-schema.org/draft-07/schema"

NAMES = [
    *(
        "a",
        "b",
        "c",
        "kind",
        "type",
        "id",
        "name",
        "data",
        "items",
        "self",
        "cls",
        "list",
        "dict",
        "str",
        "int",
    ),
    *("giftFor", "gift_for", "gift-for", "class", "None", "True", "def", "v1", "_p", "_t", "_MISSING", "Any"),
    *("model_dump", "model_config", "model_fields", "schema", "copy", "json", "validate", "construct"),
    *("__init__", "__class__", "_private", "__pydantic_extra__", "3d-model", "naïve", "check_run$completed"),
    *(
        "ﬁx",
        "fix",
        "Ａ",
        "汉",
        "🎉",
        "",
        " ",
        "a.b",
        "a/b",
        "a~b",
        "a%b",
        "'\"\\",
        "{{ x }}",
        "\u2028",
        "T",
        "Dict",
    ),
]
"""Property names; most are awkward in some way."""

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 1.0, 0.0, 1.5, -0.5, 1e300, 2**53 + 1, -(2**53) - 1, 2**64 - 1),
    *("", "a", "b", "abc", "A", "1", "true", "null", "ä", "\x00", "\u2028", "2020-02-29", "a" * 20),
    *("2020-02-29T23:59:59Z", "2020-02-29T23:59:59.123456+05:30", "1990-12-31T23:59:60Z"),
    *("01234567-89ab-cdef-0123-456789ABCDEF", "127.0.0.1", "::1", "a@example.com", "x:y"),
    *([], [1], [None], ["a", "b"], [1, 1.0], [True, 1], [[]], {}, {"a": 1}, {"a": None}, {"kind": "a"}),
    *({"giftFor": 1}, {"gift_for": 1}, {"gift-for": 1}, {"class": 1, "class_": 1}, {"a": {"a": 1}}),
]
"""Whole instances, fixed values, and parts of instances."""

_PATTERNS = ["^a", "b$", "^[a-z]+$", "^\\d+$", "a|b", "^.{2,4}$", "\\S", "^x-", "^(?:a|b)*$", "[^a]", "ä"]
_FORMATS = ["date-time", "date", "uuid", "ipv4", "ipv6", "email", "uri", "time", "regex", "unknown"]
_TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


class SchemaMaker:
    """Makes one schema document with its shared definitions.

    Args:
        random: where choices come from.
        dialect: a metaschema's URI.
        plain: without references and tuples, which hypothesis-jsonschema can't read.
    """

    def __init__(self, random: Random, dialect: str = LATEST, *, plain: bool = False) -> None:
        self.random = random
        self.dialect = dialect
        self.plain = plain
        self.modern = dialect == LATEST
        self.shared: list[str] = []
        self.left = 0

    def document(self, size: int = 25) -> dict[str, Any]:
        """A schema of about `size` subschemas at most, its own root."""
        self.left = size
        names = ["node", "Tag", "leaf", "a-b", "v1", "list"]
        self.shared = self.random.sample(names, self.random.randrange(4)) if not self.plain else []
        keyword = "$defs" if self.modern else "definitions"
        definitions = {name: self.schema(2) for name in self.shared}
        makers = [self._object, self._object, self._array, self._union, self._mixture]
        root = self.random.choice(makers)(3)
        if not self.modern and "$ref" in root:
            root = {"allOf": [root]}
        return {"$schema": self.dialect, **root, **({keyword: definitions} if definitions else {})}

    # -- one schema --

    def schema(self, depth: int) -> Schema:
        """A schema at most `depth` levels deep."""
        random = self.random
        self.left -= 1
        if depth <= 0 or self.left <= 0:
            return self._leaf()
        if self.shared and random.random() < 0.15:
            return self.reference()
        made: Callable[[int], Schema] = random.choices(
            [self._object, self._array, self._union, self._mixture, self._nullable, lambda _: self._leaf()],
            [10, 4, 5, 3, 2, 6],
        )[0]
        return self._annotated(made(depth - 1))

    def _annotated(self, schema: Schema) -> Schema:
        if isinstance(schema, bool) or self.random.random() > 0.15:
            return schema
        notes: dict[str, Any] = {
            "title": self.random.choice(["A", "Thing", "x y", ""]),
            "description": 'What """it\\ is',
            "default": self.random.choice(VALUES),
            "examples": [self.random.choice(VALUES)],
            "deprecated": True,
        }
        name = self.random.choice(list(notes))
        return {**schema, name: notes[name]} if self.modern or name != "deprecated" else schema

    def _leaf(self) -> Schema:
        random = self.random
        choice = random.randrange(20)
        if choice == 0:
            return {} if random.random() < 0.3 else random.random() < 0.5
        if choice <= 3:
            return {"enum": self._distinct(random.choices(VALUES, k=random.randrange(1, 5)))}
        if choice == 4:
            return {"const": random.choice(VALUES)}
        if choice <= 6 and self.shared:
            return self.reference()
        if choice == 7:
            return {"type": self._some(_TYPES)}
        if choice == 8:
            return self._constraint(random.choice(_TYPES))
        kind = random.choice(["boolean", "integer", "integer", "number", "string", "string", "string"])
        schema: dict[str, Any] = {"type": kind}
        for _ in range(random.choice([0, 0, 1, 1, 2])):
            schema |= self._constraint(kind)
        return schema

    def reference(self) -> dict[str, Any]:
        """A reference to a shared definition, or now and then to the root."""
        if self.random.random() < 0.1:
            return {"$ref": "#"}
        keyword = "$defs" if self.modern else "definitions"
        return {"$ref": f"#/{keyword}/{self.random.choice(self.shared)}"}

    def _constraint(self, kind: str) -> dict[str, Any]:
        random = self.random
        small = random.randrange(4)
        match kind:
            case "integer" | "number":
                bound = random.choice([0, 1, -1, 0.5, 1.5, 2**53 + 1, 1e300, -3])
                keyword = random.choice(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
                return (
                    {"multipleOf": random.choice([1, 2, 0.5])} if random.random() < 0.2 else {keyword: bound}
                )
            case "string":
                if random.random() < 0.35:
                    return {"format": random.choice(_FORMATS)}
                if random.random() < 0.4:
                    return {"pattern": random.choice(_PATTERNS)}
                return {random.choice(["minLength", "maxLength"]): small}
            case "array":
                return random.choice([{"minItems": small}, {"maxItems": small}, {"uniqueItems": True}])
            case "object":
                return random.choice([{"minProperties": small}, {"maxProperties": small}])
        return {}

    def _nullable(self, depth: int) -> Schema:
        inner = self.schema(depth)
        if isinstance(inner, dict) and isinstance(inner.get("type"), str) and self.random.random() < 0.6:
            return {**inner, "type": [inner["type"], "null"]}
        return {self.random.choice(["anyOf", "oneOf"]): [inner, {"type": "null"}]}

    # -- containers --

    def _object(self, depth: int) -> dict[str, Any]:
        random = self.random
        names = random.sample(NAMES, random.choice([0, 1, 2, 2, 3, 4]))
        schema: dict[str, Any] = {} if random.random() < 0.15 else {"type": "object"}
        if names:
            schema["properties"] = {name: self.schema(depth) for name in names}
        if random.random() < 0.6:
            required = [name for name in names if random.random() < 0.6]
            schema["required"] = self._distinct(
                [*required, *([random.choice(NAMES)] * (random.random() < 0.1))]
            )
        if random.random() < 0.6:
            schema["additionalProperties"] = random.choice([False, False, True]) or self.schema(depth)
        for make, chance in (
            (self._pattern_properties, 0.1),
            (self._dependencies, 0.1),
            (lambda _: {"propertyNames": self._constraint("string")}, 0.05),
            (lambda _: self._constraint("object"), 0.1),
            (self._unevaluated, 0.08),
        ):
            if random.random() < chance:
                schema |= make(depth)
        return schema

    def _pattern_properties(self, depth: int) -> dict[str, Any]:
        return {"patternProperties": {self.random.choice(_PATTERNS): self.schema(depth)}}

    def _dependencies(self, depth: int) -> dict[str, Any]:
        random = self.random
        names = random.sample(NAMES, 2)
        if not self.modern:
            return {"dependencies": {names[0]: self.schema(depth), names[1]: [random.choice(NAMES)]}}
        if random.random() < 0.5:
            return {"dependentRequired": {names[0]: [names[1]]}}
        return {"dependentSchemas": {names[0]: self.schema(depth)}}

    def _unevaluated(self, depth: int) -> dict[str, Any]:
        if not self.modern:
            return {}
        keyword = self.random.choice(["unevaluatedProperties", "unevaluatedItems"])
        return {keyword: self.random.choice([False, False, True]) or self.schema(depth)}

    def _array(self, depth: int) -> dict[str, Any]:
        random = self.random
        schema: dict[str, Any] = {} if random.random() < 0.15 else {"type": "array"}
        prefix = "prefixItems" if self.modern else "items"
        rest = "items" if self.modern else "additionalItems"
        if random.random() < 0.25 and not self.plain:
            schema[prefix] = [self.schema(depth) for _ in range(random.randrange(1, 4))]
            if random.random() < 0.6:
                schema[rest] = random.choice([False, self.schema(depth)])
        elif random.random() < 0.9:
            schema["items"] = self.schema(depth)
        if random.random() < 0.1:
            schema["contains"] = self.schema(depth)
        if random.random() < 0.2:
            schema |= self._constraint("array")
        return schema

    # -- combinations --

    def _union(self, depth: int) -> dict[str, Any]:
        random = self.random
        keyword = random.choice(["anyOf", "oneOf"])
        count = random.randrange(1, 4)
        if random.random() < 0.4:
            return {keyword: [self._tagged(depth, index) for index in range(count)]}
        schema = {keyword: [self.schema(depth) for _ in range(count)]}
        return self._beside(schema, depth) if random.random() < 0.3 else schema

    def _tagged(self, depth: int, index: int) -> dict[str, Any]:
        branch = self._object(depth)
        tag: dict[str, Any] = {"const": "abc"[index]}
        branch["properties"] = {"kind": tag, **branch.get("properties", {})}
        branch["properties"]["kind"] = tag
        if self.random.random() < 0.8:
            branch["required"] = self._distinct(["kind", *branch.get("required", [])])
        return branch

    def _mixture(self, depth: int) -> dict[str, Any]:
        random = self.random
        match random.randrange(5):
            case 0 | 1:
                made: dict[str, Any] = {"allOf": [self.schema(depth) for _ in range(random.randrange(1, 4))]}
            case 2:
                made = {"not": self.schema(depth)}
            case 3:
                made = {"if": self.schema(depth), "then": self.schema(depth)}
                made |= {"else": self.schema(depth)} if random.random() < 0.5 else {}
            case _ if self.plain:
                made = {"required": [random.choice(NAMES)]}
            case _:
                made = self.reference() if self.shared else {"$ref": "#"}
                if not self.modern:
                    return made
        return self._beside(made, depth) if random.random() < 0.6 else made

    def _beside(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """With the keywords of another schema as well."""
        other = self.random.choice([self._object, self._object, self._array])(depth)
        return {**other, **schema}

    # -- choices --

    def _some(self, values: list[str]) -> list[str]:
        return self.random.sample(values, self.random.randrange(1, 4))

    def _distinct(self, values: list[Any]) -> list[Any]:
        kept: list[Any] = []
        for value in values:
            if not any(type(value) is type(other) and value == other for other in kept):
                kept.append(value)
        # 1 and 1.0 are one value to JSON Schema, and an `enum` must not have it twice.
        return [v for i, v in enumerate(kept) if not any(_equal(v, w) for w in kept[:i])]


def _equal(a: Any, b: Any) -> bool:
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)
