"""Instances for a schema: mostly valid ones, and such with one thing changed."""

from __future__ import annotations

import copy
from random import Random
from typing import Any
from urllib.parse import unquote

from tests.suite.property.schemas import NAMES, VALUES

__all__ = ["InstanceMaker", "mutated"]

_STRINGS = [value for value in VALUES if isinstance(value, str)]
_NUMBERS = [value for value in VALUES if isinstance(value, int | float) and not isinstance(value, bool)]


class InstanceMaker:
    """Makes instances of one schema document.

    They follow every keyword that says what to build; what only forbids (`not`, bounds) they meet by luck.
    """

    def __init__(self, random: Random, document: Any) -> None:
        self.random = random
        self.document = document

    def instance(self) -> Any:
        """One instance, likely valid."""
        return self._of(self.document, 4)

    def _of(self, schema: Any, depth: int) -> Any:
        random = self.random
        if not isinstance(schema, dict):
            return random.choice(VALUES)
        if "const" in schema:
            return copy.deepcopy(schema["const"])
        if "enum" in schema:
            return copy.deepcopy(random.choice(schema["enum"]))
        wanted = [schema[keyword] for keyword in ("if", "then", "else") if keyword in schema][:2]
        if "$ref" in schema:
            wanted.append(self._target(schema["$ref"]))
        wanted += schema.get("allOf", [])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                wanted.append(random.choice(schema[keyword]))
        made = [self._plain(schema, depth)] if _says_type(schema) or not wanted else []
        made += [self._of(part, depth - 1) for part in wanted if depth > 0]
        objects = [value for value in made if isinstance(value, dict)]
        if len(objects) == len(made) > 1:
            return {key: value for one in objects for key, value in one.items()}
        return random.choice(made) if made else random.choice(VALUES)

    def _target(self, reference: str) -> Any:
        found = self.document
        for token in reference.removeprefix("#").split("/")[1:]:
            found = found[unquote(token)]
        return found

    def _plain(self, schema: dict[str, Any], depth: int) -> Any:
        random = self.random
        types = schema.get("type")
        kind = random.choice(types) if isinstance(types, list) else types
        if kind is None:
            is_array = any(word in schema for word in ("items", "prefixItems", "contains", "minItems"))
            kind = (
                "array"
                if is_array
                else "object"
                if "properties" in schema or random.random() < 0.7
                else "any"
            )
        match kind:
            case "null":
                return None
            case "boolean":
                return random.random() < 0.5
            case "integer":
                return random.choice([value for value in _NUMBERS if value == value // 1])
            case "number":
                return random.choice([*_NUMBERS, schema.get("minimum", 0), schema.get("maximum", 1)])
            case "string":
                return random.choice(_STRINGS)
            case "array":
                return self._array(schema, depth)
            case "object":
                return self._object(schema, depth)
        return random.choice(VALUES)

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        random = self.random
        items = schema.get("items", True)
        prefix = schema.get("prefixItems", items if isinstance(items, list) else [])
        rest = schema.get("additionalItems", True) if isinstance(items, list) else items
        low = schema.get("minItems", 0)
        count = random.choice(
            [low, low, min(low + 1, schema.get("maxItems", 9)), len(prefix), len(prefix) + 1]
        )
        if depth <= 0:
            count = low
        schemas = [prefix[index] if index < len(prefix) else rest for index in range(count)]
        made = [self._of(one, depth - 1) for one in schemas if one is not False]
        if "contains" in schema and depth > 0:
            made.append(self._of(schema["contains"], depth - 1))
        return made

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        random = self.random
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        made: dict[str, Any] = {}
        for name, inner in properties.items():
            if inner is not False and (name in required or (depth > 0 and random.random() < 0.6)):
                made[name] = self._of(inner, depth - 1)
        extra = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
        for name in required:
            made.setdefault(name, self._of(extra, depth - 1))
        if extra is not False and depth > 0:
            for _ in range(random.choice([0, 0, 1, 2])):
                made.setdefault(random.choice(NAMES), self._of(extra, depth - 1))
        return made


def _says_type(schema: dict[str, Any]) -> bool:
    return any(
        word in schema
        for word in ("type", "properties", "items", "prefixItems", "required", "additionalProperties")
    )


def mutated(random: Random, instance: Any) -> Any:
    """The instance with one thing changed somewhere in it."""
    made = copy.deepcopy(instance)
    places: list[tuple[Any, Any]] = []
    stack = [made]
    while stack:
        value = stack.pop()
        keys = (
            list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
        )
        for key in keys:
            places.append((value, key))
            stack.append(value[key])
    if not places or random.random() < 0.1:
        if isinstance(made, dict):
            return {**made, random.choice(NAMES): copy.deepcopy(random.choice(VALUES))}
        return copy.deepcopy(random.choice(VALUES))
    holder, key = random.choice(places)
    match random.randrange(5):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            # Under the name that Python might know it by.
            holder[random.choice([*NAMES, f"{key}_", str(key).lower().replace("-", "_")])] = holder[key]
        case 2:
            holder[key] = None
        case 3:
            holder[key] = _respelt(holder[key])
        case _:
            holder[key] = copy.deepcopy(random.choice(VALUES))
    return made


def _respelt(value: Any) -> Any:
    """The same number in another type of JSON or Python, or nearly the same."""
    match value:
        case bool():
            return int(value)
        case int():
            return float(value) if abs(value) < 2**53 else value
        case float():
            return int(value) if value.is_integer() and abs(value) < 2**53 else bool(value)
        case str():
            return [value]
        case _:
            return value
