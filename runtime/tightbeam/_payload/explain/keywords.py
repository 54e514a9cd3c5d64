"""Find what breaks a schema, keyword by keyword: each function knows the keywords of one family.

The functions take what tests values, the location of the schema, the value, and the pointer to the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tightbeam._payload.explain.reasons import LEAVES, leaf_reason, undeclared_reason
from tightbeam._payload.explain.tester import Finding, Keys, Nested, SchemaTester, Union
from tightbeam._payload.plain import pointer_token
from tightbeam._payload.schema_index import SchemaLocation
from tightbeam.errors import Issue

__all__ = ["array_findings", "combined_findings", "leaf_issues", "object_findings", "undeclared_issues"]

_MAX_UNDECLARED = 3


def leaf_issues(
    tester: SchemaTester, location: SchemaLocation, value: object, pointer: str
) -> Iterator[Issue]:
    """Test the keywords that look at the value alone. Of a wrong type nothing else is said."""
    schema = location.schema
    for keyword in LEAVES:
        if keyword in schema and not tester.obeys(location, keyword, value):
            yield Issue(pointer, leaf_reason(keyword, schema, value))
            if keyword in ("type", "enum", "const"):
                return


def object_findings(
    tester: SchemaTester, location: SchemaLocation, value: dict[str, Any], pointer: str
) -> Iterator[Finding]:
    """Test the keywords of objects."""
    schema = location.schema
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    for name in required if isinstance(required, list) else ():
        if name not in value:
            yield Issue(f"{pointer}/{pointer_token(name)}", "is required")
    yield from _dependent_findings(location, value, pointer)
    for name in properties:
        if name in value:
            below = f"{pointer}/{pointer_token(name)}"
            yield Nested(location.child("properties", name), [(value[name], below)])
    others = {key: item for key, item in value.items() if key not in properties}
    patterns = schema.get("patternProperties", {})
    for pattern in patterns:
        child = location.child("patternProperties", pattern)
        key_fits = tester.part_validator(location, f"patternProperties {pattern}", {"pattern": pattern})
        for key in [key for key in value if tester.is_valid(key_fits, key)]:
            others.pop(key, None)
            token = pointer_token(key) if key in properties else "*"
            yield Nested(child, [(value[key], f"{pointer}/{token}")])
    if "propertyNames" in schema:
        yield Keys(location.child("propertyNames"), value, pointer)
    if others and schema.get("additionalProperties") is False:
        yield from undeclared_issues(list(others), list(properties), pointer, hidden=bool(patterns))
    elif "additionalProperties" in schema:
        items = ((item, f"{pointer}/*") for item in others.values())
        yield Nested(location.child("additionalProperties"), items)


def undeclared_issues(keys: list[str], declared: list[str], pointer: str, *, hidden: bool) -> Iterator[Issue]:
    """Name undeclared keys of an object, and count the rest.

    Args:
        keys: the undeclared keys.
        declared: names that one of them may be a misspelling of.
        pointer: where the object is.
        hidden: name none: the object is a map too, whose keys are data.
    """
    shown = [] if hidden else keys[:_MAX_UNDECLARED]
    for key in shown:
        yield Issue(f"{pointer}/*", undeclared_reason(key, declared))
    if more := len(keys) - len(shown):
        noun = "key that isn't" if more == 1 else "keys that aren't"
        yield Issue(f"{pointer}/*", f"has {more} {'more ' if shown else ''}{noun} declared")


def _dependent_findings(location: SchemaLocation, value: dict[str, Any], pointer: str) -> Iterator[Finding]:
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, asked in location.schema.get(keyword, {}).items():
            if name not in value:
                continue
            if not isinstance(asked, list):
                yield Nested(location.child(keyword, name), [(value, pointer)])
                continue
            for other in asked:
                if other not in value:
                    yield Issue(f"{pointer}/{pointer_token(other)}", f"is required beside {name!r}")


def array_findings(
    tester: SchemaTester, location: SchemaLocation, value: Sequence[Any], pointer: str
) -> Iterator[Finding]:
    """Test the keywords of arrays."""
    schema = location.schema
    first = "prefixItems" if "prefixItems" in schema else "items"
    heads = schema.get(first) if isinstance(schema.get(first), list) else []
    rest = "additionalItems" if isinstance(schema.get("items"), list) else "items"
    for i, item in enumerate(value[: len(heads)]):
        yield Nested(location.child(first, i), [(item, f"{pointer}/{i}")])
    if rest in schema and not isinstance(schema[rest], list):
        items = ((item, f"{pointer}/{i}") for i, item in enumerate(value) if i >= len(heads))
        yield Nested(location.child(rest), items)
    if "contains" in schema:
        wanted = location.child("contains")
        count = sum(tester.fits(wanted, item) for item in value)
        least, most = schema.get("minContains", 1), schema.get("maxContains")
        if count < least:
            yield Issue(pointer, f"must have at least {least:g} item(s) that fit its `contains`")
        elif most is not None and count > most:
            yield Issue(pointer, f"must have at most {most:g} item(s) that fit its `contains`")


def combined_findings(
    tester: SchemaTester, location: SchemaLocation, value: object, pointer: str
) -> Iterator[Finding]:
    """Test the keywords that apply other schemas to the same value."""
    schema = location.schema
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        if keyword in schema and (target := tester.index.find(schema[keyword], location.base)) is not None:
            yield Nested(target, [(value, pointer)])
    for i in range(len(schema.get("allOf", ()))):
        yield Nested(location.child("allOf", i), [(value, pointer)])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            yield Union(location, keyword)
    if "not" in schema and tester.fits(location.child("not"), value):
        yield Issue(pointer, "must not fit what its `not` describes")
    if "if" in schema:
        taken = "then" if tester.fits(location.child("if"), value) else "else"
        if taken in schema:
            yield Nested(location.child(taken), [(value, pointer)])
