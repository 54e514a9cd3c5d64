"""Which branch of a union a value was meant for, when it fits none of them.

The schemas alone rule most branches out: by the type of the value, then by a tag, a property that the
branches pin to values of their own. Only what is left is tried, so a union of hundreds of classes costs what
one class does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tightbeam._payload.places import Place
from tightbeam._payload.plain import pointer_token
from tightbeam._payload.reasons import one_of, type_reason
from tightbeam.errors import Issue

if TYPE_CHECKING:
    from tightbeam._payload.explain import Explanation

__all__ = ["Branch", "union_issues"]

_MAX_TRIED = 6
_MAX_PARTS = 50
_SEVERAL = "must fit exactly one of the allowed forms, and fits several"
_TRANSPARENT = frozenset({"$comment", "$defs", "definitions", "description", "discriminator", "title"})
"""Keywords that leave a union inside a union what it is."""


class Branch:
    """One branch of a union, with all schemas that describe the value itself."""

    __slots__ = ("_pins", "parts", "place")

    def __init__(self, place: Place, parts: list[Place]) -> None:
        self.place = place
        self.parts = parts
        """The branch itself and what it refers to or combines with `allOf`, in order."""
        self._pins: dict[str, list[object]] | None = None

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The parts' schemas."""
        return [part.schema for part in self.parts]

    def pins(self, walk: Explanation) -> dict[str, list[object]]:
        """Return the properties that this branch pins to values, with these values."""
        if self._pins is None:
            # Noted before it is complete, so that a branch that contains itself comes to an end.
            found = self._pins = {}
            for part in self.parts:
                for name, schema in _properties(part.schema).items():
                    literals = _literals(schema)
                    if not literals and isinstance(schema, dict) and ("$ref" in schema or "allOf" in schema):
                        pinning = _parts(walk, part.child("properties", name))
                        literals = next(filter(None, (_literals(each.schema) for each in pinning)), [])
                    if literals:
                        found.setdefault(name, literals)
            for part in self.parts:
                for keyword in ("anyOf", "oneOf"):
                    if keyword in part.schema:
                        every = [branch.pins(walk) for branch in _branches(walk, part, keyword)]
                        for name in every[0] if every else ():
                            if name not in found and all(name in each for each in every):
                                found[name] = _distinct([each[name] for each in every])
        return self._pins

    def requires(self, name: str) -> bool:
        """Whether a value of this branch has to have a property."""
        return any(isinstance(r := s.get("required"), list) and name in r for s in self.schemas)


def union_issues(
    walk: Explanation, place: Place, keyword: str, value: object, pointer: str, depth: int
) -> list[Issue]:
    """Return why a value breaks `anyOf` or `oneOf` at a place, as far as the walk hasn't noted it itself.

    Args:
        walk: the walk over the payload.
        place: the schema with the union.
        keyword: `anyOf` or `oneOf`.
        value: what is held against it.
        pointer: where the value is.
        depth: how deep the walk is.
    """
    left, issue = _narrowed(walk, _branches(walk, place, keyword), value, pointer)
    if issue is not None:
        return [issue]
    if len(left) == 1:
        if not walk.fits(left[0].place, value):
            walk.visit(left[0].place, value, pointer, depth + 1)
        return []
    # One validator for the whole union: one for each branch would compile what they share again and again.
    forms = [{"$ref": place.child(keyword, i).ref} for i in range(len(place.schema[keyword]))]
    if walk.asks(walk.part(place, keyword, {keyword: forms}), value):
        return []
    if keyword == "oneOf" and walk.asks(walk.part(place, "any of oneOf", {"anyOf": forms}), value):
        return [Issue(pointer, _SEVERAL)]
    return _closest(walk, left, value, pointer, depth)


def _branches(walk: Explanation, place: Place, keyword: str) -> list[Branch]:
    """Return the branches of a union; those of a union that is nothing but a branch stand in its place."""
    if (known := walk.unions.get((place.ref, keyword))) is not None:
        return known
    found = walk.unions[place.ref, keyword] = []
    stack = [place.child(keyword, i) for i in reversed(range(len(place.schema[keyword])))]
    seen: set[str] = set()
    while stack:
        branch = Branch(stack[-1], _parts(walk, stack.pop()))
        inner = _only_union(branch)
        if inner is not None and inner[0].ref not in seen:
            union, kind = inner
            seen.add(union.ref)
            stack.extend(union.child(kind, i) for i in reversed(range(len(union.schema[kind]))))
        else:
            found.append(branch)
    return found


def _narrowed(
    walk: Explanation, branches: list[Branch], value: object, pointer: str
) -> tuple[list[Branch], Issue | None]:
    """Rule branches out that the value can't fit, by its type and its tags.

    Returns:
        The branches that are left; if none is, the issue that tells why.
    """
    left = [branch for branch in branches if _has_type(walk, branch, value)]
    if not left:
        return [], Issue(pointer, _type_reason(branches, value))
    if not isinstance(value, dict):
        literals = [[x for s in branch.schemas for x in _literals(s)] for branch in left]
        if len(left) > 1 and all(literals):
            fitting = [b for b, own in zip(left, literals, strict=True) if any(_same(value, x) for x in own)]
            return fitting, None if fitting else Issue(pointer, one_of(_distinct(literals)))
        return left, None
    tried: set[str] = set()
    while len(left) > 1 and (tag := _tag(walk, left, tried)) is not None:
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


def _closest(
    walk: Explanation, branches: list[Branch], value: object, pointer: str, depth: int
) -> list[Issue]:
    """Return the issues of the branch that comes closest: by how few issues it has, few of them its own."""
    if len(branches) > _MAX_TRIED and isinstance(value, dict):
        branches = sorted(branches, key=lambda branch: -_known(branch, value))
    tried = [walk.branch(branch.place, value, pointer, depth) for branch in branches[:_MAX_TRIED]]
    # An issue inside the value says that this branch took it for one of its own.
    return min(
        filter(None, tried),
        key=lambda issues: (any(issue.pointer == pointer for issue in issues), len(issues)),
        default=[Issue(pointer, "must fit one of the allowed forms")],
    )


def _parts(walk: Explanation, branch: Place) -> list[Place]:
    """List the schemas that describe the value itself: through references and `allOf`."""
    found: list[Place] = []
    stack, seen = [branch], set[str]()
    while stack and len(seen) < _MAX_PARTS:
        place = stack.pop()
        schema = place.schema
        if place.ref in seen or not isinstance(schema, dict):
            continue
        seen.add(place.ref)
        is_hidden = "$ref" in schema and walk.hides_siblings(place)
        if not is_hidden:
            found.append(place)
            stack.extend(place.child("allOf", i) for i in reversed(range(len(schema.get("allOf", ())))))
        if "$ref" in schema and (target := walk.places.find(schema["$ref"], place.base)) is not None:
            stack.append(target)
    return found


def _only_union(branch: Branch) -> tuple[Place, str] | None:
    """The union that a branch is, if it says nothing else of a value."""
    said = [
        (part, keyword)
        for part in branch.parts
        for keyword in part.schema
        if keyword not in _TRANSPARENT and keyword not in ("$ref", "allOf", "$id", "id", "$schema", "$anchor")
    ]
    return said[0] if len(said) == 1 and said[0][1] in ("anyOf", "oneOf") else None


def _has_type(walk: Explanation, branch: Branch, value: object) -> bool:
    return all("type" not in part.schema or walk.keyword_fits(part, "type", value) for part in branch.parts)


def _type_reason(branches: list[Branch], value: object) -> str:
    types: dict[str, None] = {}
    for branch in branches:
        stated = next(schema["type"] for schema in branch.schemas if "type" in schema)
        types.update(dict.fromkeys([stated] if isinstance(stated, str) else stated))
    return type_reason(types, value)


def _tag(walk: Explanation, branches: list[Branch], tried: set[str]) -> tuple[str, list[list[object]]] | None:
    """Find the property that most branches pin to values of their own or of their group's, with these."""
    pins = [branch.pins(walk) for branch in branches]
    found, most = None, 1
    for name in {name: None for own in pins for name in own if name not in tried}:
        pinned = [own.get(name, []) for own in pins]
        count = sum(map(bool, pinned))
        groups = {frozenset(map(repr, literals)) for literals in pinned if literals}
        if count > most and len(groups) > 1 and sum(map(len, groups)) == len(frozenset().union(*groups)):
            found, most = (name, pinned), count
    return found


def _known(branch: Branch, value: dict[str, Any]) -> int:
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
