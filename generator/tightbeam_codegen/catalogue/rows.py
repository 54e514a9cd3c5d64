"""The properties of a payload, one row each: what is nested comes below it, what is shared is a link."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from tightbeam_codegen.catalogue.places import ITEMS, VALUES, Own, Spots, anchor
from tightbeam_codegen.catalogue.wording import (
    Words,
    is_deprecated,
    opened,
    rule_words,
    type_words,
    value_words,
    without_null,
)
from tightbeam_codegen.read.normalise.shapes import (
    Field,
    List,
    Literals,
    Map,
    Name,
    ObjectShape,
    Ref,
    Rules,
    Shape,
    Union,
)

__all__ = ["Row", "rows_of"]

_MOST_ROWS = 2_000
"""Of one payload: references into each other's insides can multiply them without end."""


@dataclass(frozen=True, slots=True)
class Row:
    """One property, or the head of a branch."""

    anchor: str
    depth: int
    way: str
    """From the payload: `customer.email`, `lines[].sku`."""
    name: str
    """Of the property; for a branch what tells it from others."""
    type: Words = ()
    rules: tuple[str, ...] = ()
    doc: str = ""
    is_required: bool = False
    is_deprecated: bool = False
    is_branch: bool = False
    class_name: str = ""
    """Of the object inside, or of the branch."""
    py_name: str = ""
    """In Python, where it is another one."""


def rows_of(shape: Shape, rules: Rules, way: Sequence[str], spots: Spots) -> tuple[list[Row], bool]:
    """Return the rows of a payload or of a shared type, a bounded number of them, and whether these are all.

    Args:
        shape: what it is.
        rules: what it demands beside its type.
        way: to it, on its page.
        spots: knows which types have a place of their own.
    """
    walk = _Walk(spots)
    shape, aliases = walk.root(shape)
    here = _Here(tuple(way), "", 0, aliases)
    found = walk.inside(shape, here)
    rows = _with_own_anchors(islice(found, _MOST_ROWS))
    is_whole = next(found, None) is None
    if not _is_object(shape, spots):
        words = tuple(rule_words(rules))
        deeper = [replace(row, depth=row.depth + 1) for row in rows]
        rows = [Row("", 0, "", "", type_words(shape, spots), words, is_required=True), *deeper]
    return rows, is_whole


def _with_own_anchors(rows: Iterable[Row]) -> list[Row]:
    """Return rows of which no two have one anchor, as properties of branches without a name do."""
    known: set[str] = set()
    found: list[Row] = []
    for row in rows:
        number, text = 1, row.anchor
        while text in known:
            number += 1
            text = f"{row.anchor}~{number}"
        known.add(text)
        found.append(replace(row, anchor=text))
    return found


def _is_object(shape: Shape, spots: Spots) -> bool:
    if not isinstance(shape, Ref):
        branches = without_null(shape)
        return (
            len(branches) > 1
            and all(_is_class(branch, spots) for branch in branches)
            and len(branches) == len(shape.branches if isinstance(shape, Union) else ())
        )
    return _is_class(shape, spots)


def _is_class(shape: Shape, spots: Spots) -> bool:
    return isinstance(shape, Ref) and isinstance(spots.shapes.named[shape.target], ObjectShape)


@dataclass(frozen=True, slots=True)
class _Here:
    """A place in a payload."""

    anchors: tuple[str, ...]
    way: str
    depth: int
    around: frozenset[Name]
    """The types that it is inside of, by all of their names."""

    def property(self, name: str) -> _Here:
        way = f"{self.way}.{name}" if self.way else name
        return replace(self, anchors=(*self.anchors, name), way=way)

    def part(self, part: str, sign: str) -> _Here:
        return replace(self, anchors=(*self.anchors, part), way=self.way + sign)


class _Walk:
    def __init__(self, spots: Spots) -> None:
        self._spots = spots
        self._named = spots.shapes.named

    def root(self, shape: Shape) -> tuple[Shape, frozenset[Name]]:
        """Return a payload's shape, with what an alias stands for in place of its name, and these names."""
        aliases: set[Name] = set()
        while isinstance(shape, Ref) and shape.target not in aliases:
            named = self._named[shape.target]
            if isinstance(named, ObjectShape):
                break
            aliases.add(shape.target)
            shape = named.shape
        return shape, frozenset(aliases)

    def inside(self, shape: Shape, here: _Here, *, is_root: bool = True) -> Iterator[Row]:
        """Yield the rows of what is inside of a value.

        Args:
            shape: of the value.
            here: its place.
            is_root: whether it is a payload, or a branch of one: that is described here even if it is shared.
        """
        if not is_root:
            shape, aliases = opened(shape, self._spots)
            if not aliases.isdisjoint(here.around):
                return  # a list or a map inside of itself
            here = replace(here, around=here.around | aliases)
        match shape:
            case Ref(target):
                named = self._named[target]
                is_elsewhere = not is_root and self._spots.of_type(target) is not None
                if isinstance(named, ObjectShape) and not is_elsewhere and target not in here.around:
                    yield from self._fields(named, here)
            case List(item, prefix):
                for index, each in enumerate(prefix):
                    yield from self.inside(each, here.part(Own(f"~item{index}"), f"[{index}]"), is_root=False)
                yield from self.inside(item, here.part(ITEMS, "[]"), is_root=False)
            case Map(value):
                yield from self.inside(value, here.part(VALUES, ".*"), is_root=False)
            case Union():
                yield from self._branches(shape, here, is_root=is_root)
            case _:
                return

    def _fields(self, named: ObjectShape, here: _Here) -> Iterator[Row]:
        inner = replace(here, around=here.around | {named.name})
        for field in named.fields:
            place = inner.property(field.wire_name)
            yield self._row(field, place)
            yield from self.inside(field.shape, replace(place, depth=place.depth + 1), is_root=False)

    def _row(self, field: Field, place: _Here) -> Row:
        inner = _only_class(field.shape, self._spots)
        return Row(
            anchor(place.anchors),
            place.depth,
            place.way,
            field.wire_name,
            type_words(field.shape, self._spots),
            tuple(rule_words(field.unchecked)),
            field.doc,
            is_required=field.required,
            is_deprecated=is_deprecated(field.unchecked),
            class_name=inner.name if inner is not None else "",
            py_name=field.py_name if field.py_name != field.wire_name else "",
        )

    def _branches(self, union: Union, here: _Here, *, is_root: bool) -> Iterator[Row]:
        """Yield a head and the properties for each branch that is an object; for the only one no head."""
        branches = without_null(union)
        if len(branches) == 1:
            yield from self.inside(branches[0], here, is_root=is_root)
            return
        tag = self._tag(branches)
        for branch in branches:
            branch, aliases = opened(branch, self._spots) if not is_root else self.root(branch)
            if not isinstance(branch, Ref):
                if aliases.isdisjoint(here.around):
                    inner = replace(here, around=here.around | aliases)
                    yield from self.inside(branch, inner, is_root=False)
                continue
            named = self._named[branch.target]
            is_elsewhere = self._spots.of_type(branch.target) is not None
            place = here.part(Own(f"~{branch.target.name}"), "")
            label = named.name.name
            if isinstance(named, ObjectShape) and tag:
                label = f"{tag}: {_tag_value(named, tag)}"
            yield Row(
                anchor(place.anchors),
                here.depth,
                here.way,
                label,
                type_words(branch, self._spots) if is_elsewhere else (),
                doc=named.doc,
                is_branch=True,
                is_deprecated=is_deprecated(named.rules),
                class_name=named.name.name,
            )
            if isinstance(named, ObjectShape) and not is_elsewhere and branch.target not in here.around:
                yield from self._fields(named, replace(place, depth=here.depth + 1))

    def _tag(self, branches: Sequence[Shape]) -> str:
        """Return the property that has another fixed value in each branch; empty where there is none."""
        named = [self._named[each.target] for each in branches if isinstance(each, Ref)]
        objects = [each for each in named if isinstance(each, ObjectShape)]
        if len(objects) != len(branches):
            return ""
        for field in objects[0].fields:
            values = [_tag_value(each, field.wire_name) for each in objects]
            if all(values) and len(set(values)) == len(values):
                return field.wire_name
        return ""


def _tag_value(named: ObjectShape, tag: str) -> str:
    for field in named.fields:
        if field.wire_name == tag and isinstance(field.shape, Literals) and len(field.shape.values) == 1:
            return value_words(field.shape.values[0])
    return ""


def _only_class(shape: Shape, spots: Spots, around: frozenset[Name] = frozenset()) -> Name | None:
    """Return the class that a value is, or that its elements are, if it stands in no place of its own.

    Args:
        shape: of the value.
        spots: knows which types have a place of their own.
        around: the aliases that it is inside of.
    """
    shape, aliases = opened(shape, spots)
    if not aliases.isdisjoint(around):
        return None
    around |= aliases
    if isinstance(shape, List):
        return _only_class(shape.item, spots, around) if not shape.prefix else None
    if isinstance(shape, Map):
        return _only_class(shape.value, spots, around)
    if isinstance(shape, Union):
        branches = without_null(shape)
        return _only_class(branches[0], spots, around) if len(branches) == 1 else None
    is_own = isinstance(shape, Ref) and spots.of_type(shape.target) is None
    return shape.target if is_own and isinstance(shape, Ref) and _is_class(shape, spots) else None
