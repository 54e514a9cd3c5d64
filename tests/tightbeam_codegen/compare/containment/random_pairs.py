"""Random pairs of schemas, most of them a schema and a changed copy of it, and values near their edges."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["DIALECTS", "Pair", "random_pair", "samples"]

DIALECTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
_NAMES = ("a", "b", "c", "kind", "x-1")
_PATTERNS = ("^[a-c]+$", "^x-", "a|^b", "^[a-z]{2,4}$", r"^\d+$", "[^a]", "^(foo|bar)?$", r"^\S+@\S+$", "c$")
_FORMATS = ("date", "uri", "email", "ipv4", "uuid", "date-time", "hostname")
_CONTENTS = ("contentEncoding", "contentMediaType")
_TEXTS = ("", "a", "YQ==", "{}", "ab", "abc", "foo", "1", "x-1", "2026-01-31", "a@b.co", "1.2.3.4", "é")
_NUMBERS = (0, 1, -1, 2, 3, 5, 10, 0.5, 1.5, 7, 100)


@dataclass(frozen=True)
class Pair:
    """Two schemas of one dialect."""

    year: int
    reader: Any
    writer: Any

    @property
    def dialect(self) -> str:
        """The URI of the dialect."""
        return DIALECTS[self.year]


def random_pair(number: int) -> Pair:
    """Return the pair of a number, always the same one."""
    rng = random.Random(number)
    year = rng.choice(list(DIALECTS))
    maker = _Maker(rng, year)
    first = maker.document()
    second = maker.document() if rng.random() < 0.15 else maker.changed(first)
    return Pair(year, first, second) if rng.random() < 0.5 else Pair(year, second, first)


class _Maker:
    def __init__(self, rng: random.Random, year: int) -> None:
        self._rng = rng
        self._year = year

    def document(self) -> Any:
        """Return a schema, which may have definitions that refer to each other."""
        schema = self.schema(3)
        if isinstance(schema, dict) and self._rng.random() < 0.25:
            keyword = "definitions" if self._year <= 7 else "$defs"
            schema[keyword] = {"n": self._node(), "m": self.schema(1)}
            schema = self._referring(schema, keyword)
        return schema

    def _node(self) -> Any:
        return {
            "type": "object",
            "properties": {"a": self.schema(1), "next": {"$ref": "#n"}},
            **({"required": ["a"]} if self._rng.random() < 0.5 else {}),
            **({"additionalProperties": False} if self._rng.random() < 0.5 else {}),
        }

    def _referring(self, schema: Any, keyword: str) -> Any:
        target = f"#/{keyword}/n"
        schema[keyword]["n"]["properties"]["next"] = {"$ref": target}
        if isinstance(schema.get("properties"), dict) and schema["properties"]:
            schema["properties"][self._rng.choice(list(schema["properties"]))] = {"$ref": target}
        elif "items" in schema:
            schema["items"] = {"$ref": f"#/{keyword}/{self._rng.choice('nm')}"}
        else:
            schema = {"allOf": [{"$ref": target}], keyword: schema[keyword]}
        return schema

    def schema(self, depth: int) -> Any:
        rng = self._rng
        if depth <= 0 or rng.random() < 0.3:
            return self._scalar()
        kind = rng.choices(
            ["object", "array", "anyOf", "oneOf", "allOf", "not", "if", "several", "true"],
            [10, 4, 2, 2, 1, 1, 1, 1, 0.3],
        )[0]
        match kind:
            case "object":
                return self._object(depth)
            case "array":
                return self._array(depth)
            case "anyOf" | "oneOf":
                return {kind: [self.schema(depth - 1) for _ in range(rng.randint(1, 3))]}
            case "allOf":
                return {"allOf": [self.schema(depth - 1), self.schema(depth - 1)]}
            case "not":
                return {**self._typed(depth), "not": self.schema(depth - 1)}
            case "if" if self._year >= 7:
                return {
                    **self._typed(depth),
                    "if": self.schema(depth - 1),
                    "then": self.schema(depth - 1),
                    "else": self.schema(depth - 1),
                }
            case "several":
                return {"type": rng.sample(["string", "integer", "null", "object", "array", "boolean"], 2)}
            case _:
                return {}

    def _typed(self, depth: int) -> dict[str, Any]:
        schema = self._object(depth) if self._rng.random() < 0.7 else self._scalar()
        return schema if isinstance(schema, dict) else {}

    def _scalar(self) -> Any:
        rng = self._rng
        match rng.choice(["string", "string", "integer", "number", "boolean", "null", "enum", "const"]):
            case "string":
                return {"type": "string", **self._text_rules()}
            case "integer":
                return {"type": "integer", **self._number_rules()}
            case "number":
                return {"type": "number", **self._number_rules()}
            case "boolean":
                return {"type": "boolean"}
            case "null":
                return {"type": "null"}
            case "const" if self._year >= 6:
                return {"const": self._value()}
            case _:
                return {"enum": [self._value() for _ in range(rng.randint(1, 4))]}

    def _value(self) -> Any:
        values = [*_TEXTS[:6], *_NUMBERS[:8], True, False, None, 1.0, {"a": 1}, {}, [1], []]
        return self._rng.choice(values)

    def _text_rules(self) -> dict[str, Any]:
        rng, rules = self._rng, dict[str, Any]()
        if rng.random() < 0.25:
            rules["minLength"] = rng.randint(0, 3)
        if rng.random() < 0.25:
            rules["maxLength"] = rng.randint(1, 5)
        if rng.random() < 0.2:
            rules["pattern"] = rng.choice(_PATTERNS)
        if rng.random() < 0.1:
            rules["format"] = rng.choice(_FORMATS)
        if rng.random() < 0.05:  # judged in drafts 6 and 7 only
            rules[rng.choice(_CONTENTS)] = rng.choice(["base64", "application/json"])
        return rules

    def _number_rules(self) -> dict[str, Any]:
        rng, rules = self._rng, dict[str, Any]()
        for keyword, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if rng.random() < 0.3:
                rules[keyword] = rng.choice(_NUMBERS)
            if rng.random() < 0.15:
                if self._year > 4:
                    rules[exclusive] = rng.choice(_NUMBERS)
                elif keyword in rules:
                    rules[exclusive] = True
        if rng.random() < 0.15:
            rules["multipleOf"] = rng.choice([1, 2, 3, 5, 0.5, 1.5])
        return rules

    def _object(self, depth: int) -> dict[str, Any]:
        rng = self._rng
        names = rng.sample(_NAMES, rng.randint(0, 3))
        schema: dict[str, Any] = {"type": "object"} if rng.random() < 0.85 else {}
        schema["properties"] = {name: self.schema(depth - 1) for name in names}
        if rng.random() < 0.5:
            schema["required"] = rng.sample(_NAMES, rng.randint(1, 2))
        if rng.random() < 0.6:
            schema["additionalProperties"] = False if rng.random() < 0.7 else self.schema(depth - 1)
        if rng.random() < 0.1:
            schema["patternProperties"] = {rng.choice(_PATTERNS): self.schema(depth - 1)}
        for keyword, chance in (("minProperties", 0.07), ("maxProperties", 0.07)):
            if rng.random() < chance:
                schema[keyword] = rng.randint(1, 3)
        if rng.random() < 0.05 and self._year >= 6:
            schema["propertyNames"] = {"type": "string", **self._text_rules()}
        if rng.random() < 0.08:
            self._depend(schema, depth)
        if rng.random() < 0.08 and self._year >= 2019:
            schema.pop("additionalProperties", None)
            schema["unevaluatedProperties"] = False if rng.random() < 0.7 else self.schema(depth - 1)
            schema[rng.choice(["allOf", "anyOf", "oneOf"])] = [self._object(depth - 1) for _ in range(2)]
        return schema

    def _depend(self, schema: dict[str, Any], depth: int) -> None:
        rng = self._rng
        name = rng.choice(_NAMES)
        needed = [rng.choice(_NAMES)]
        if self._year < 2019 or rng.random() < 0.2:  # the validator knows the old keyword in later drafts
            schema["dependencies"] = {name: needed if rng.random() < 0.5 else self._object(depth - 1)}
        elif rng.random() < 0.5:
            schema["dependentRequired"] = {name: needed}
        else:
            schema["dependentSchemas"] = {name: self._object(depth - 1)}

    def _array(self, depth: int) -> dict[str, Any]:
        rng = self._rng
        schema: dict[str, Any] = {"type": "array"}
        if rng.random() < 0.8:
            schema["items"] = self.schema(depth - 1)
        if rng.random() < 0.2:
            prefix = [self.schema(depth - 1) for _ in range(rng.randint(1, 2))]
            if self._year >= 2020:
                schema["prefixItems"] = prefix
            else:
                rest = schema.pop("items", None)
                schema["items"] = prefix
                if rest is not None:
                    schema["additionalItems"] = rest if rng.random() < 0.6 else False
        for keyword, chance in (("minItems", 0.25), ("maxItems", 0.25)):
            if rng.random() < chance:
                schema[keyword] = rng.randint(0, 3)
        if rng.random() < 0.12:
            schema["uniqueItems"] = True
        if rng.random() < 0.12 and self._year >= 6:
            schema["contains"] = self.schema(depth - 1)
            if self._year >= 2019 and rng.random() < 0.5:
                schema[rng.choice(["minContains", "maxContains"])] = rng.randint(0, 2)
        if rng.random() < 0.06 and self._year >= 2019:
            schema.pop("items", None)
            schema.pop("additionalItems", None)
            schema["unevaluatedItems"] = False if rng.random() < 0.6 else self.schema(depth - 1)
        return schema

    # -- changes -------------------------------------------------------------------------------------------

    def changed(self, schema: Any) -> Any:
        """Return a copy with one to three changes."""
        schema = copy.deepcopy(schema)
        for _ in range(self._rng.choice([1, 1, 1, 2, 3])):
            places = [place for place in _schemas(schema) if isinstance(place, dict)]
            if not places:
                return self.schema(2)
            self._change(self._rng.choice(places))
        return schema

    def _change(self, schema: dict[str, Any]) -> None:
        rng = self._rng
        keyword = rng.choice([each for each in schema if each not in ("$defs", "definitions")] or ["type"])
        value = schema.get(keyword)
        if rng.random() < 0.25:
            schema.update(
                self._object(1) if rng.random() < 0.3 else self._text_rules() | self._number_rules()
            )
        elif rng.random() < 0.2 and keyword != "$ref":
            schema.pop(keyword, None)
            if keyword == "minimum" or keyword == "maximum":
                schema.pop("exclusive" + keyword.capitalize(), None) if self._year == 4 else None
        elif isinstance(value, bool):
            schema[keyword] = not value if keyword != "additionalProperties" or rng.random() < 0.7 else {}
        elif isinstance(value, int | float):
            schema[keyword] = max(value + rng.choice([-1, 1, 0.5]), 0.5) if keyword == "multipleOf" else value
            if keyword != "multipleOf":
                step = rng.choice([-1, 1])
                schema[keyword] = max(0, value + step) if keyword.startswith(("min", "max")) else value + step
                if keyword in ("minimum", "maximum"):
                    schema[keyword] = value + step
        elif keyword == "required" and isinstance(value, list):
            schema["required"] = rng.sample(_NAMES, rng.randint(1, 2))
        elif keyword == "enum" and isinstance(value, list):
            schema["enum"] = [*value, self._value()] if rng.random() < 0.5 or len(value) < 2 else value[1:]
        elif keyword == "properties" and isinstance(value, dict):
            name = rng.choice(_NAMES)
            if name in value and rng.random() < 0.6:
                del value[name]
            else:
                value[name] = self.schema(1)
        elif keyword in ("anyOf", "oneOf") and isinstance(value, list):
            if len(value) > 1 and rng.random() < 0.5:
                value.pop(rng.randrange(len(value)))
            else:
                value.append(self.schema(1))
        elif keyword == "type" and isinstance(value, str):
            schema["type"] = [value, "null"] if value != "null" else "string"
        elif keyword == "pattern":
            schema["pattern"] = rng.choice(_PATTERNS)
        elif keyword == "format":
            schema["format"] = rng.choice(_FORMATS)


_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_DATA = ("enum", "const", "required", "dependentRequired")


def _schemas(schema: Any) -> Iterator[Any]:
    yield schema
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in _DATA:
            continue
        inner = (
            value.values()
            if keyword in _MAPS and isinstance(value, dict)
            else value
            if isinstance(value, list)
            else [value]
        )
        for each in inner:
            if isinstance(each, dict):
                yield from _schemas(each)


# -- values --------------------------------------------------------------------------------------------------


def samples(pair: Pair, count: int, seed: int) -> Iterator[Any]:
    """Yield values that are near the edges of both schemas, or not."""
    rng = random.Random(seed)
    numbers, texts, names, consts = set(_NUMBERS), set(_TEXTS), set(_NAMES) | {"next", "zz"}, list[Any]()
    for side in (pair.reader, pair.writer):
        for schema in _schemas(side):
            if not isinstance(schema, dict):
                continue
            for keyword, value in schema.items():
                if keyword in ("enum", "const"):
                    consts += value if keyword == "enum" else [value]
                elif isinstance(value, int | float) and not isinstance(value, bool):
                    numbers |= {value, value + 1, value - 1, value + 0.5, value - 0.5}
                    if keyword in ("minLength", "maxLength") and value >= 0:
                        texts |= {"a" * int(value), "a" * int(value + 1), "b" * max(0, int(value - 1))}
    ordered = sorted(numbers), sorted(texts)
    sampler = _Sampler(rng, ordered[0], ordered[1], sorted(names), consts)
    documents = (pair.reader, pair.writer)
    for index in range(count):
        yield sampler.value(documents[index % 2], documents[index % 2], 4)


class _Sampler:
    def __init__(
        self, rng: random.Random, numbers: list[float], texts: list[str], names: list[str], consts: list[Any]
    ) -> None:
        self._rng, self._numbers, self._texts, self._names, self._consts = rng, numbers, texts, names, consts

    def value(self, schema: Any, root: Any, depth: int) -> Any:
        """Return a value that may fit a schema."""
        rng = self._rng
        if rng.random() < 0.06 or not isinstance(schema, dict):
            return self._any(depth)
        if rng.random() < 0.04 and self._consts:
            return rng.choice(self._consts)
        if "$ref" in schema and depth > 0:
            target = root
            for token in schema["$ref"].split("/")[1:]:
                target = target[token]
            return self.value(target, root, depth - 1)
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in schema and rng.random() < 0.7:
                own = {key: value for key, value in schema.items() if key != keyword}
                chosen = rng.choice(schema[keyword])
                if not isinstance(chosen, dict):
                    return self._any(depth)
                return self.value(_together(own, chosen), root, depth)
        if "then" in schema and rng.random() < 0.6:
            arm = schema.get(rng.choice(["if", "then", "else"]))
            if isinstance(arm, dict):
                return self.value(
                    _together({k: v for k, v in schema.items() if k not in ("if", "then", "else")}, arm),
                    root,
                    depth,
                )
        if schema.get("enum"):
            return rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kinds = schema.get("type") or ("object" if "properties" in schema else "any")
        kind = kinds if isinstance(kinds, str) else rng.choice(kinds)
        match kind:
            case "object" if depth > 0:
                return self._object(schema, root, depth)
            case "array" if depth > 0:
                return self._array(schema, root, depth)
            case "string":
                return rng.choice(self._texts)
            case "integer":
                return int(rng.choice(self._numbers)) if rng.random() < 0.95 else 1.0
            case "number":
                return rng.choice(self._numbers)
            case "boolean":
                return rng.random() < 0.5
            case "null":
                return None
            case _:
                return self._any(depth)

    def _object(self, schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
        rng, value = self._rng, dict[str, Any]()
        for name, inner in schema.get("properties", {}).items():
            if name in schema.get("required", ()) or rng.random() < 0.6:
                value[name] = self.value(inner, root, depth - 1)
        for name in schema.get("required", ()):
            if name not in value and rng.random() < 0.9:
                value[name] = self.value(schema.get("additionalProperties", {}), root, depth - 1)
        if rng.random() < 0.25:
            value[rng.choice(self._names)] = self.value(
                schema.get("additionalProperties", {}), root, depth - 1
            )
        if rng.random() < 0.1 and value:
            del value[rng.choice(list(value))]
        return value

    def _array(self, schema: dict[str, Any], root: Any, depth: int) -> list[Any]:
        length = self._rng.choice([0, 1, 1, 2, 2, 3, schema.get("minItems", 1), schema.get("maxItems", 1)])
        items = schema.get("items", {})
        prefix = schema.get("prefixItems", items if isinstance(items, list) else [])
        rest = schema.get("additionalItems", {}) if isinstance(items, list) else items
        contains = schema.get("contains", rest)
        values = []
        for index in range(min(int(length), 5)):
            inner = prefix[index] if index < len(prefix) else contains if self._rng.random() < 0.3 else rest
            values.append(self.value(inner, root, depth - 1))
        return values

    def _any(self, depth: int) -> Any:
        rng = self._rng
        match rng.randrange(8):
            case 0:
                return None
            case 1:
                return rng.random() < 0.5
            case 2 | 3:
                return rng.choice(self._numbers)
            case 4 | 5:
                return rng.choice(self._texts)
            case 6 if depth > 0:
                return [self._any(depth - 1) for _ in range(rng.randrange(3))]
            case _ if depth > 0:
                return {rng.choice(self._names): self._any(depth - 1) for _ in range(rng.randrange(3))}
            case _:
                return 0


def _together(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    joined = {**first, **second}
    if "properties" in first and "properties" in second:
        joined["properties"] = {**first["properties"], **second["properties"]}
    return joined
