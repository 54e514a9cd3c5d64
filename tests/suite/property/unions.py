"""Random unions of objects: which branch a message loads as, and whether it fits that branch's own schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Literal

import jsonschema_rs

from tests.suite.property.instances import InstanceMaker, mutated
from tests.suite.property.schemas import SchemaMaker
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

__all__ = ["Kind", "family", "recursive", "wrong_branches"]

Kind = Literal["tagged", "untagged", "alike"]
"""What tells branches apart: a tag; rules that models hold too; rules that only schemas hold."""

_NAMES = ["a", "b", "c", "kind", "giftFor", "list"]


def family(random: Random, kind: Kind) -> dict[str, Any]:
    """An `anyOf` or `oneOf` of objects with names in common; each has its title.

    Tagged ones have a `kind` of their own and any properties besides. The others have mostly scalars, with
    rules that a model holds too. Those that are alike have the same properties besides, and differ in rules
    of which a model knows nothing.
    """
    branches = []
    tagged = kind == "tagged"
    alike = {name: _scalar(random) for name in random.sample(_NAMES, random.randrange(1, 4))}
    for index in range(random.randrange(2, 5)):
        if kind == "alike":
            branches.append({"type": "object", "title": f"Branch{index}", **_alike(random, alike)})
            continue
        maker = SchemaMaker(random, plain=True)
        maker.left = 12
        names = random.sample(_NAMES, random.randrange(1, 4))
        properties: dict[str, Any] = {name: maker.schema(1) if tagged else _scalar(random) for name in names}
        branch: dict[str, Any] = {"type": "object", "title": f"Branch{index}", "properties": properties}
        branch["required"] = [name for name in names if random.random() < 0.7]
        if random.random() < 0.5:
            branch["additionalProperties"] = False
        if tagged:
            properties["kind"] = {"const": f"branch{index}"}
            branch["required"] = sorted({*branch["required"], "kind"})
        branches.append(branch)
    return {random.choice(["anyOf", "oneOf"]): branches}


def recursive(random: Random, schema: dict[str, Any]) -> dict[str, Any]:
    """A union of objects with properties that hold the union again, mostly alike in all of its branches."""
    ((keyword, objects),) = schema.items()
    whole = {"$ref": "#"}
    forms: list[dict[str, Any]] = [
        whole,
        {"anyOf": [whole, {"type": "null"}]},
        {"type": "array", "items": whole},
        {"type": "object", "additionalProperties": whole},
        {"anyOf": [whole, {"type": "string"}, {"type": "array", "items": whole}]},
        {"type": "array", "items": {"anyOf": [whole, {"type": "integer"}]}},
    ]
    shared = {
        name: random.choice(forms) for name in random.sample(["inner", "more", "by"], random.randrange(1, 4))
    }
    for branch in objects:
        for name, form in shared.items():
            if random.random() < 0.8:
                branch.setdefault("properties", {})[name] = (
                    form if random.random() < 0.8 else random.choice(forms)
                )
                if random.random() < 0.15:
                    branch["required"] = [*branch.get("required", []), name]
        if random.random() < 0.3:
            branch["additionalProperties"] = False
    if random.random() < 0.3:
        objects = [*objects, {"type": random.choice(["null", "string", "array", "integer"])}]
    if random.random() < 0.3:
        return {"$defs": {"part": {keyword: objects[:-1]}}, keyword: [{"$ref": "#/$defs/part"}, objects[-1]]}
    return {keyword: objects}


def _alike(random: Random, properties: dict[str, Any]) -> dict[str, Any]:
    """An object with these properties, and a rule or two that only the validator holds."""
    name = random.choice(list(properties))
    rules: list[dict[str, Any]] = [
        {"not": {"required": [name]}},
        {"required": [name], "not": {"properties": {name: _scalar(random)}}},
        {"if": {"required": [name]}, "then": {"minProperties": 2}},
        {"if": {"properties": {name: _scalar(random)}}, "else": {"required": [name]}},
        {"properties": {**properties, name: {"type": "string", "pattern": "^(?!a)"}}},
        {"properties": {**properties, name: {"type": "string", "not": {"enum": ["a", "abc"]}}}},
        {"properties": {**properties, name: {"type": "integer", "multipleOf": 2}}},
        {"properties": {**properties, name: {"type": "integer", "not": {"multipleOf": 2}}}},
        {"properties": {**properties, name: {"type": "array", "items": {"minimum": 1}}}},
        {"properties": {**properties, name: {"type": "array", "uniqueItems": True}}},
        {"properties": {**properties, name: {"type": "array", "items": {"type": "integer"}, "minItems": 1}}},
        {"propertyNames": {"maxLength": random.randrange(1, 5)}},
        {"minProperties": random.randrange(3)},
        {"maxProperties": random.randrange(3)},
        {"dependentRequired": {name: [random.choice(_NAMES)]}},
        {"dependentSchemas": {name: {"maxProperties": 2}}},
        {"patternProperties": {"^[a-z]$": {"type": ["string", "integer"]}}},
        {"additionalProperties": {"type": "string"}},
    ]
    return {"properties": properties} | random.choice(rules) | random.choice([{}, random.choice(rules)])


def _scalar(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {"type": "string"},
            {"type": ["string", "null"]},
            {"type": "string", "minLength": 2},
            {"type": "string", "maxLength": 3},
            {"type": "string", "pattern": "^[a-z]+$"},
            {"enum": ["a", "abc", None]},
            {"const": "A"},
            {"enum": [1, 2]},
            {"type": "boolean"},
            {"type": "integer"},
            {"type": "integer", "minimum": 1},
            {"type": "number", "exclusiveMaximum": 1.5},
            {"type": ["integer", "boolean"]},
            {"type": "array", "items": {"type": "integer"}},
            {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
        ]
    )


def wrong_branches(
    ref: TopicRef[..., str, Any], schema: dict[str, Any], random: Random
) -> Iterator[str | None]:
    """For each accepted instance None, or what is wrong: it loads as a branch that it doesn't fit."""
    (branches,) = schema.values()
    fits: list[Callable[[Any], bool]] = [
        jsonschema_rs.validator_for(branch, validate_formats=False).is_valid for branch in branches
    ]
    maker = InstanceMaker(random, schema)
    made = [maker.instance() for _ in range(20)]
    for instance in [*made, *(mutated(random, one) for one in made)]:
        try:
            loaded = load(ref, encode(ref, instance))
        except InvalidPayload:
            continue
        index = int(type(loaded).__name__[-1])
        yield None if fits[index](instance) else f"{instance!r} loads as {loaded!r}"
