"""Find the branch of a union that a value was meant for, when it fits none of them.

The schemas alone rule most branches out: by the type of the value, then by a tag, a property that the
branches pin to values of their own. Only what is left is tried, so a union of hundreds of classes costs what
one class does.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from tightbeam._payload.explain.reasons import one_of, type_reason
from tightbeam._payload.explain.tester import SchemaTester, Union
from tightbeam._payload.plain import pointer_token
from tightbeam._payload.schema_index import SchemaLocation
from tightbeam._payload.schemas import Bundle
from tightbeam.errors import Issue

__all__ = ["SEVERAL", "Branch", "closest", "likeliest", "narrow"]

SEVERAL = "must fit exactly one of the allowed forms, and fits several"
_MAX_TRIED = 6
_MAX_PARTS = 50
_TRANSPARENT = frozenset({"$comment", "$defs", "definitions", "description", "discriminator", "title"})
"""Keywords that leave a union inside a union what it is."""


class Branch:
    """One branch of a union, with all schemas that describe the value itself."""

    __slots__ = ("_pins", "location", "parts")

    def __init__(self, location: SchemaLocation, parts: list[SchemaLocation]) -> None:
        self.location = location
        self.parts = parts
        """The branch itself and what it refers to or combines with `allOf`, in order."""
        self._pins: dict[str, list[object]] | None = None

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The parts' schemas."""
        return [part.schema for part in self.parts]

    def pins(self, tester: SchemaTester) -> dict[str, list[object]]:
        """Return the properties that this branch pins to values, with these values."""
        if self._pins is None:
            # Noted before it is complete, so that a branch that contains itself comes to an end.
            pins = self._pins = {}
            for part in self.parts:
                for name, schema in _properties(part.schema).items():
                    literals = _literals(schema)
                    if not literals and isinstance(schema, dict) and ("$ref" in schema or "allOf" in schema):
                        pinning = _parts(tester, part.child("properties", name))
                        literals = next(filter(None, (_literals(each.schema) for each in pinning)), [])
                    if literals:
                        pins.setdefault(name, literals)
            for part in self.parts:
                for keyword in ("anyOf", "oneOf"):
                    if keyword in part.schema:
                        every = [branch.pins(tester) for branch in _branches(tester, Union(part, keyword))]
                        for name in every[0] if every else ():
                            if name not in pins and all(name in each for each in every):
                                pins[name] = _distinct([each[name] for each in every])
        return self._pins

    def requires(self, name: str) -> bool:
        """Return whether a value of this branch has to have a property."""
        return any(isinstance(r := s.get("required"), list) and name in r for s in self.schemas)


_branch_lists: WeakKeyDictionary[Bundle, dict[tuple[str, str], list[Branch]]] = WeakKeyDictionary()


def narrow(
    tester: SchemaTester, union: Union, value: object, pointer: str
) -> tuple[list[Branch], Issue | None]:
    """Rule branches out that a value can't fit, by its type and its tags.

    Args:
        tester: tests values.
        union: the branches.
        value: what is to fit one of them.
        pointer: where the value is.

    Returns:
        The branches that are left; if none is, the issue that tells why.
    """
    branches = _branches(tester, union)
    left = [branch for branch in branches if _has_type(tester, branch, value)]
    if not left:
        return [], Issue(pointer, _type_reason(branches, value))
    if not isinstance(value, dict):
        literals = [[x for s in branch.schemas for x in _literals(s)] for branch in left]
        if len(left) > 1 and all(literals):
            fitting = [b for b, own in zip(left, literals, strict=True) if any(_same(value, x) for x in own)]
            return fitting, None if fitting else Issue(pointer, one_of(_distinct(literals)))
        return left, None
    tried: set[str] = set()
    while len(left) > 1 and (tag := _tag(tester, left, tried)) is not None:
        name, pinned = tag
        tried.add(name)
        if name in value:
            own = [not p or any(_same(value[name], x) for x in p) for p in pinned]
            reason = one_of(_distinct(pinned))
        else:
            own = [not (p and b.requires(name)) for p, b in zip(pinned, left, strict=True)]
            reason = f"is required ({one_of(_distinct(pinned))})"
        left = [branch for branch, may in zip(left, own, strict=True) if may]
        if not left:
            return [], Issue(f"{pointer}/{pointer_token(name)}", reason)
    return left, None


def likeliest(branches: list[Branch], value: object) -> list[Branch]:
    """Return the branches that are worth being tried: few, those first that declare what an object has."""
    if len(branches) > _MAX_TRIED and isinstance(value, dict):
        branches = sorted(branches, key=lambda branch: -_known_properties(branch, value))
    return branches[:_MAX_TRIED]


def closest(tried: list[list[Issue]], pointer: str) -> list[Issue]:
    """Return the issues of the branch that comes closest: by how few issues it has, few of them its own.

    Args:
        tried: the issues of each branch.
        pointer: where the value is.
    """
    # An issue inside the value says that this branch took it for one of its own.
    return min(
        filter(None, tried),
        key=lambda issues: (any(issue.pointer == pointer for issue in issues), len(issues)),
        default=[Issue(pointer, "must fit one of the allowed forms")],
    )


def _branches(tester: SchemaTester, union: Union) -> list[Branch]:
    """Return the branches of a union; those of a union that is nothing but a branch stand for it."""
    known = _branch_lists.setdefault(tester.bundle, {})
    key = (union.location.ref, union.keyword)
    if (branches := known.get(key)) is not None:
        return branches
    branches = known[key] = []
    stack = [
        union.location.child(union.keyword, i)
        for i in reversed(range(len(union.location.schema[union.keyword])))
    ]
    seen: set[str] = set()
    while stack:
        branch = Branch(stack[-1], _parts(tester, stack.pop()))
        inner = _only_union(branch)
        if inner is not None and inner.location.ref not in seen:
            location, keyword = inner
            seen.add(location.ref)
            stack.extend(location.child(keyword, i) for i in reversed(range(len(location.schema[keyword]))))
        else:
            branches.append(branch)
    return branches


def _parts(tester: SchemaTester, branch: SchemaLocation) -> list[SchemaLocation]:
    """List the schemas that describe the value itself: a branch, and what `$ref` and `allOf` in it lead to.

    Up to draft 7 a `$ref` hides the keywords beside it, so a schema that has one is no part: its target is.
    """
    parts: list[SchemaLocation] = []
    stack, seen = [branch], set[str]()
    while stack and len(seen) < _MAX_PARTS:
        location = stack.pop()
        schema = location.schema
        if location.ref in seen or not isinstance(schema, dict):
            continue
        seen.add(location.ref)
        says_nothing_else = "$ref" in schema and tester.hides_siblings(location)
        if not says_nothing_else:
            parts.append(location)
            stack.extend(location.child("allOf", i) for i in reversed(range(len(schema.get("allOf", ())))))
        if "$ref" in schema and (target := tester.index.find(schema["$ref"], location.base)) is not None:
            stack.append(target)
    return parts


def _only_union(branch: Branch) -> Union | None:
    """Return the union that a branch is, if it says nothing else of a value."""
    stated = [
        Union(part, keyword)
        for part in branch.parts
        for keyword in part.schema
        if keyword not in _TRANSPARENT and keyword not in ("$ref", "allOf", "$id", "id", "$schema", "$anchor")
    ]
    return stated[0] if len(stated) == 1 and stated[0].keyword in ("anyOf", "oneOf") else None


def _has_type(tester: SchemaTester, branch: Branch, value: object) -> bool:
    return all("type" not in part.schema or tester.obeys(part, "type", value) for part in branch.parts)


def _type_reason(branches: list[Branch], value: object) -> str:
    types: dict[str, None] = {}
    for branch in branches:
        stated = next(schema["type"] for schema in branch.schemas if "type" in schema)
        types.update(dict.fromkeys([stated] if isinstance(stated, str) else stated))
    return type_reason(types, value)


def _tag(
    tester: SchemaTester, branches: list[Branch], tried: set[str]
) -> tuple[str, list[list[object]]] | None:
    """Find the property that most branches pin to values of their own or of their group's, with these."""
    pins = [branch.pins(tester) for branch in branches]
    best, most = None, 1
    for name in {name: None for own in pins for name in own if name not in tried}:
        pinned = [own.get(name, []) for own in pins]
        count = sum(map(bool, pinned))
        groups = {frozenset(map(repr, literals)) for literals in pinned if literals}
        if count > most and len(groups) > 1 and sum(map(len, groups)) == len(frozenset().union(*groups)):
            best, most = (name, pinned), count
    return best


def _known_properties(branch: Branch, value: dict[str, Any]) -> int:
    """Count the properties of an object that a branch declares."""
    return len(value.keys() & {name for schema in branch.schemas for name in _properties(schema)})


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _literals(schema: object) -> list[object]:
    if not isinstance(schema, dict):
        return []
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else []


def _distinct(literals: list[list[object]]) -> list[object]:
    return list({repr(x): x for own in literals for x in own}.values())


def _same(value: object, literal: object) -> bool:
    return value == literal and isinstance(value, bool) == isinstance(literal, bool)
