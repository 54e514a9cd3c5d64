"""How a tolerant reader reads objects: it passes over what no class at a place declares.

This is what the generated validators for TypeScript do, by the schema alone; models in Python take the same.
A place is what schemas apply to a value; its classes are the branches of unions there, each with all schemas
around it. Undeclared properties are passed over where a class is closed. Where an open class stands beside
a closed one, that is the last of a reader's readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tightbeam_codegen.compare.containment.formulas import Formula, Literal, Visible
from tightbeam_codegen.compare.containment.matching import matches
from tightbeam_codegen.compare.containment.nodes import Node, NodeTable, UnsupportedError
from tightbeam_codegen.compare.containment.values import text_of

__all__ = ["Case", "Place", "Places", "pruned", "tags_of"]

_MAX_CLASSES = 200
_MAX_PARTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Some of the classes at a place, which the value of a tag leaves."""

    place: Place
    classes: tuple[Class, ...]
    conditions: tuple[Formula, ...]
    visible: Visible | None
    """The keys that aren't passed over; None if all count."""

    def is_visible(self, name: str) -> bool:
        """Return whether a property isn't passed over."""
        visible = self.visible
        return (
            visible is None or name in visible.names or any(matches(each, name) for each in visible.patterns)
        )

    @property
    def names(self) -> frozenset[str]:
        """The properties that its classes declare."""
        return frozenset[str]().union(*(each.names for each in self.classes))

    def inner(self, name: str) -> list[Node]:
        """Return the schemas that apply to the value of a property."""
        return [node for each in self.classes for part in each.parts for node in _property_nodes(part, name)]

    def below(self, name: str) -> Place | None:
        """Return the place of a property's value; None where nothing is passed over in it."""
        return self.place.places.place(self.inner(name))

    def below_others(self) -> Place | None:
        """Return the place of the values of properties that aren't named."""
        nodes = [node for each in self.classes for part in each.parts for node in _other_nodes(part)]
        place = self.place.places.place(nodes)
        return place if place is None or len(place.nodes) == 1 else self.place.places.unsure


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """What a value at a place may be: all these schemas apply to it."""

    parts: tuple[Node, ...]

    @property
    def is_closed(self) -> bool:
        """Whether undeclared properties are passed over."""
        others = [part.keywords.get("additionalProperties") for part in self.parts]
        if any(each is False for each in others):
            return True
        is_evaluated = any(each is not None for each in others)
        return not is_evaluated and any(
            part.keywords.get("unevaluatedProperties") is False for part in self.parts
        )

    @property
    def may_be_object(self) -> bool:
        """Whether no schema asks for another type."""
        return all(_may_be_object(part.keywords) for part in self.parts)

    @property
    def names(self) -> frozenset[str]:
        """The properties that it declares."""
        return frozenset(name for part in self.parts for name in part.keywords.get("properties", ()))

    def pinned(self, name: str) -> frozenset[str] | None:
        """Return the texts of the values that a property must have; None if it isn't pinned."""
        found: frozenset[str] | None = None
        for part in self.parts:
            if name in part.keywords.get("properties", {}):
                values = _fixed_values(part.child("properties", name))
                if values is not None:
                    found = values if found is None else found & values
        return found or None


class Places:
    """All places of a reader's schemas.

    Args:
        table: makes nodes.
        spares_open: whether properties stay that an open class beside a closed one may have.
    """

    def __init__(self, table: NodeTable, *, spares_open: bool) -> None:
        self.table = table
        self.spares_open = spares_open
        self._known: dict[tuple[Node, ...], Place] = {}
        self.unsure = Place(self, (), is_sure=False)

    def place(self, nodes: Iterable[Node]) -> Place | None:
        """Return the place where some schemas apply; None where none does."""
        key = tuple(dict.fromkeys(nodes))
        if not key:
            return None
        if key not in self._known:
            self._known[key] = Place(self, key)
        return self._known[key]


class Place:
    """Where some schemas apply to a value."""

    def __init__(self, places: Places, nodes: tuple[Node, ...], *, is_sure: bool = True) -> None:
        self.places = places
        self.nodes = nodes
        self._is_sure = is_sure
        self._classes: tuple[Class, ...] | None = None
        self._cases: tuple[Case, ...] | None = None

    @property
    def classes(self) -> tuple[Class, ...]:
        """The classes that a value may be of."""
        if self._classes is None:
            if not self._is_sure:
                raise UnsupportedError("properties by pattern in a tolerant reader can't be compared")
            self._classes = tuple(each for node in self.nodes for each in _classes(node, (), frozenset()))
        return self._classes

    def cases(self) -> Sequence[Case]:
        """Return the cases that the values of a tag make; exactly one of them is given."""
        if self._cases is None:
            self._cases = tuple(self._tagged())
        return self._cases

    def _case(self, classes: Sequence[Class], *conditions: Formula) -> Case:
        closed = sum(each.is_closed for each in classes)
        drops = closed > 0 and not (closed < len(classes) and self.places.spares_open)
        visible = None
        if drops:
            parts = [part for each in classes for part in each.parts]
            if not any(_declares_all(part) for part in parts):
                names = frozenset(name for each in classes for name in each.names)
                patterns = dict.fromkeys(
                    p for part in parts for p in part.keywords.get("patternProperties", ())
                )
                visible = Visible(names, tuple(patterns))
        return Case(self, tuple(classes), conditions, visible)

    def _tagged(self) -> Iterable[Case]:
        classes = [each for each in self.classes if each.may_be_object]
        tag = _tag(classes)
        if tag is None:
            yield self._case(classes)
            return
        name, pinned = tag
        table = self.places.table
        for each, texts in zip(classes, pinned, strict=True):
            literal = Literal(table.of_texts(texts))
            yield self._case([each], ("has", name), ("property", name, literal))
        others = Literal(table.of_texts(frozenset[str]().union(*pinned)), is_positive=False)
        yield self._case([], ("has", name), ("property", name, others))
        yield self._case(classes, ("lacks", name))

    @property
    def prefix(self) -> int:
        """How many first items have schemas of their own."""
        lengths = [len(_prefix(part)) for each in self.classes for part in each.parts]
        return max(lengths, default=0)

    def item(self, index: int) -> Place | None:
        """Return the place of an item."""
        nodes = [node for each in self.classes for part in each.parts for node in _item_nodes(part, index)]
        return self.places.place(nodes)

    def any_item(self) -> Place | None:
        """Return the place of each item, where all have the same."""
        return self.places.unsure if self.prefix else self.item(0)


def _tag(classes: Sequence[Class]) -> tuple[str, list[frozenset[str]]] | None:
    """Return a property by whose values the classes can be told apart, and these values."""
    if len(classes) < 2:
        return None
    for part in classes[0].parts:
        for name in part.keywords.get("properties", ()):
            pinned = [each.pinned(name) for each in classes]
            texts = [each for each in pinned if each is not None]
            if len(texts) == len(classes) and len(frozenset[str]().union(*texts)) == sum(map(len, texts)):
                return name, texts
    return None


def tags_of(node: Node) -> dict[str, frozenset[str]]:
    """Return the properties that an object must have, with the values that they may have (`values.text_of`).

    Only what always applies counts: references and `allOf`, but neither branches nor conditions.
    """
    parts: dict[Node, None] = {}
    stack = [node]
    while stack and len(parts) < _MAX_PARTS:
        part = stack.pop()
        if part in parts or isinstance(part.schema, bool):
            continue
        parts[part] = None
        stack += [part.target("$ref")] if isinstance(part.keywords.get("$ref"), str) else []
        stack += [part.child("allOf", index) for index in range(len(part.keywords.get("allOf", ())))]
    required = {name for part in parts for name in part.keywords.get("required", ())}
    tags: dict[str, frozenset[str]] = {}
    for part in parts:
        for name in required.intersection(part.keywords.get("properties", ())):
            texts = _fixed_values(part.child("properties", name))
            if texts is not None:
                tags[name] = tags[name] & texts if name in tags else texts
    return tags


def pruned(value: Any, place: Place | None) -> Any:
    """Return a value without the properties that a reader passes over; the value itself if there are none."""
    if place is None:
        return value
    if isinstance(value, list):
        items = [pruned(item, place.item(index)) for index, item in enumerate(value)]
        return items if any(item is not old for item, old in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    case = _case_of(value, place)
    kept = {name: pruned(item, case.below(name)) for name, item in value.items() if case.is_visible(name)}
    changed = len(kept) < len(value) or any(kept[name] is not value[name] for name in kept)
    return kept if changed else value


def _case_of(value: dict[str, Any], place: Place) -> Case:
    cases = place.cases()
    if len(cases) == 1:
        return cases[0]
    for case in cases:
        if case.conditions[0][0] == "lacks":
            if case.conditions[0][1] not in value:
                return case
            continue
        _, name, literal = case.conditions[1]
        if name in value and (text_of(value[name]) in _texts(literal.node)) is literal.is_positive:
            return case
    return cases[-1]


def _texts(node: Node) -> frozenset[str]:
    return frozenset(map(text_of, node.schema["enum"]))


def _classes(node: Node, around: tuple[Node, ...], active: frozenset[Node]) -> Iterator[Class]:
    if node in active:
        return
    parts = (*around, *_parts(node))
    forms = [
        part.child(keyword, index)
        for part in _parts(node)
        for keyword in ("anyOf", "oneOf")
        for index in range(len(part.keywords.get(keyword, ())))
    ]
    count = 0
    for form in forms:
        for each in _classes(form, parts, active | {node}):
            count += 1
            if count > _MAX_CLASSES:
                raise UnsupportedError("a union has too many branches")
            yield each
    if not forms:
        yield Class(parts)


def _parts(node: Node) -> list[Node]:
    """Return the schemas that apply with one: references and `allOf` opened, conditions included."""
    parts: dict[Node, None] = {}
    stack = [node]
    while stack:
        part = stack.pop()
        if part in parts or isinstance(part.schema, bool):
            continue
        parts[part] = None
        if len(parts) > _MAX_PARTS:
            raise UnsupportedError("a schema refers to too many others")
        keywords = part.keywords
        references = ("$ref", "$dynamicRef", "$recursiveRef")
        stack += [part.target(each) for each in references if isinstance(keywords.get(each), str)]
        stack += [part.child("allOf", index) for index in range(len(keywords.get("allOf", ())))]
        stack += [
            part.child(keyword)
            for keyword in ("if", "then", "else")
            if isinstance(keywords.get(keyword), dict)
        ]
        for keyword in ("dependentSchemas", "dependencies"):
            dependent = keywords.get(keyword, {})
            stack += [part.child(keyword, name) for name, each in dependent.items() if isinstance(each, dict)]
    return list(parts)


def _may_be_object(keywords: dict[str, Any]) -> bool:
    stated = keywords.get("type", "object")
    names = [stated] if isinstance(stated, str) else stated
    values = keywords.get("enum", [keywords["const"]] if "const" in keywords else [{}])
    return "object" in names and any(isinstance(value, dict) for value in values)


def _fixed_values(node: Node) -> frozenset[str] | None:
    for _ in range(10):
        keywords = node.keywords
        if "const" in keywords and node.year >= 6:
            return frozenset([text_of(keywords["const"])])
        if "enum" in keywords:
            return frozenset(map(text_of, keywords["enum"]))
        if not isinstance(keywords.get("$ref"), str):
            return None
        node = node.target("$ref")
    return None


def _property_nodes(part: Node, name: str) -> list[Node]:
    keywords = part.keywords
    nodes = [part.child("properties", name)] if name in keywords.get("properties", {}) else []
    patterns = keywords.get("patternProperties", ())
    nodes += [part.child("patternProperties", pattern) for pattern in patterns if matches(pattern, name)]
    return nodes or _declaring(part)


def _other_nodes(part: Node) -> list[Node]:
    patterns = part.keywords.get("patternProperties", ())
    return [*(part.child("patternProperties", pattern) for pattern in patterns), *_declaring(part)]


def _declaring(part: Node) -> list[Node]:
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if isinstance(part.keywords.get(keyword), dict):
            return [part.child(keyword)]
    return []


def _declares_all(part: Node) -> bool:
    return bool(_declaring(part))


def _prefix(part: Node) -> list[Any]:
    items = part.keywords.get("prefixItems" if part.year >= 2020 else "items")
    return items if isinstance(items, list) else []


def _item_nodes(part: Node, index: int) -> list[Node]:
    keywords = part.keywords
    prefix = _prefix(part)
    if index < len(prefix):
        return [part.child("prefixItems" if part.year >= 2020 else "items", index)]
    rest = "additionalItems" if isinstance(keywords.get("items"), list) else "items"
    return [part.child(rest)] if isinstance(keywords.get(rest), dict) else []
