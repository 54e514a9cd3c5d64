"""Check a schema by its metaschema: fast if it is valid, in words with a place if it isn't."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.json_schema.dialects import DRAFTS
from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.check.forms import Fault, name_kind
from tightbeam_codegen.suggest import did_you_mean

if TYPE_CHECKING:
    import jsonschema_rs

    from tightbeam_codegen.read.load import JsonValue, Pointer

__all__ = ["faults_by", "metaschema_faults"]


def metaschema_faults(
    schema: JsonValue, uri: str, metaschemas: Mapping[str, JsonValue], elsewhere: Sequence[Pointer] = ()
) -> Iterator[Fault]:
    """Yield the faults of a schema by its metaschema.

    Args:
        schema: the schema.
        uri: of the metaschema: a draft's, or one of `metaschemas`.
        metaschemas: the project's own metaschemas.
        elsewhere: pointers below which nothing is reported, since another dialect begins there.
    """
    if (draft := DRAFTS.get(uri)) is not None:
        if _known(uri).is_valid(schema):
            return
        faults = faults_by({"$schema": draft.metaschema, "$ref": draft.metaschema}, schema, {})
    else:
        import jsonschema_rs

        try:
            if _own(uri, metaschemas).is_valid(schema):
                return
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
            message = f"the metaschema {quoted(uri)} can't be used"
            yield Fault((), message, "Correct it, or what it refers to.")
            return
        faults = faults_by({"$ref": uri}, schema, metaschemas)
    for fault in faults:
        # Draft 4 requires one name at least; validators accept an empty list, which demands nothing.
        requires_nothing = fault.rule == "minItems" and fault.where[-1:] == ("required",)
        if not requires_nothing and not any(fault.where[: len(apart)] == apart for apart in elsewhere):
            yield fault


@lru_cache(maxsize=8)
def _known(uri: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    return jsonschema_rs.validator_for({"$schema": uri, "$ref": uri}, offline=True)


def _own(uri: str, metaschemas: Mapping[str, JsonValue]) -> jsonschema_rs.Validator:
    import jsonschema_rs

    registry = jsonschema_rs.Registry([(other, value) for other, value in metaschemas.items()])
    own: Any = metaschemas[uri]
    # The metaschema itself, not a `$ref` to it: behind a reference the vocabularies of 2019-09 aren't found.
    return jsonschema_rs.validator_for(own, registry=registry, offline=True)


def faults_by(
    metaschema: dict[str, JsonValue], value: JsonValue, resources: Mapping[str, JsonValue]
) -> Iterator[Fault]:
    """Yield every fault of a value by a metaschema, in words; slow, for values that are known to be wrong.

    Args:
        metaschema: the metaschema.
        value: the value.
        resources: what the metaschema may refer to, by URI, besides the drafts' own.
    """
    from jsonschema import validators
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no py.typed
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012, SchemaRegistry, specification_with

    registry: SchemaRegistry = Registry()
    for uri, document in resources.items():
        own: Any = document
        stated = own.get("$schema") if isinstance(own, dict) else None
        specification = (
            specification_with(stated, default=DRAFT202012) if isinstance(stated, str) else DRAFT202012
        )
        registry = registry.with_resource(uri, specification.create_resource(own))
    kind: Any = validators.validator_for(metaschema, default=validators.Draft202012Validator)
    # The metaschemas of the drafts are available besides `resources`; nothing is fetched.
    validator = kind(metaschema, registry=REGISTRY.combine(registry))
    for error in validator.iter_errors(value):
        yield from _in_words(error)


def _in_words(error: Any) -> Iterator[Fault]:
    where: Pointer = tuple(error.absolute_path)
    value: JsonValue = error.instance
    rule: Any = error.validator_value
    keyword = error.validator
    if keyword in ("anyOf", "oneOf") and error.context:
        # The branch that fits deepest in the value was most likely meant.
        deepest = max(error.context, key=lambda inner: len(inner.absolute_path))
        if len(deepest.absolute_path) > len(error.absolute_path):
            yield from _in_words(deepest)
            return
    name = quoted(str(where[-1])) if where else "the value"
    if keyword == "additionalProperties" and isinstance(value, dict):
        yield from _unknown_keys(where, value, error.schema)
    elif keyword == "required" and isinstance(value, dict):
        for key in rule:
            if key not in value:
                yield Fault(where, f"{quoted(key)} is missing", _described(error.schema, key))
    elif keyword == "type":
        kinds: list[str] = [rule] if isinstance(rule, str) else list(rule)
        expected = " or ".join(_KINDS.get(kind, f"a {kind}") for kind in kinds)
        yield Fault(where, f"{name} must be {expected}, not {name_kind(value)}", "")
    elif keyword == "enum":
        remedy = (
            did_you_mean(value, [x for x in rule if isinstance(x, str)]) if isinstance(value, str) else ""
        )
        choices = ", ".join(map(str, rule))
        yield Fault(where, f"{name} must be one of {choices}", remedy)
    elif keyword in _SAYINGS:
        yield Fault(where, f"{name} {_SAYINGS[keyword].format(rule)}", "", rule=keyword)
    else:
        yield Fault(where, f"{name} isn't what the metaschema allows ({keyword})", "")


def _unknown_keys(where: Pointer, value: dict[str, JsonValue], schema: Mapping[str, Any]) -> Iterator[Fault]:
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for key in value:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            remedy = did_you_mean(key, known) or f"Known here: {', '.join(sorted(known))}."
            yield Fault((*where, key), f"unknown key {quoted(key)}", remedy, at_key=True)


_KINDS = {"array": "an array", "object": "an object", "integer": "a whole number", "null": "null"}
_SAYINGS = {
    "minProperties": "must have at least {} entry",
    "maxProperties": "must have at most {} entries",
    "minItems": "must have at least {} entry",
    "minLength": "must not be empty",
    "maxLength": "must have at most {} characters",
    "pattern": "must match the pattern {}",
    "minimum": "must be {} or more",
    "exclusiveMinimum": "must be above {}",
    "maximum": "must be {} or less",
    "exclusiveMaximum": "must be below {}",
    "multipleOf": "must be a multiple of {}",
    "uniqueItems": "has an entry twice",
    "format": "must be a valid {}",
}


def _described(schema: Mapping[str, Any], key: str) -> str:
    properties = schema.get("properties", {})
    description = properties.get(key, {}).get("description", "") if isinstance(properties, dict) else ""
    return f"Add it: {description}" if description else "Add it."
