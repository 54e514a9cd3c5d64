"""Schemas to shapes, following the rules in docs/design.md ("From schema to shape")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from tightbeam_codegen.json_schema.keywords import NAMELESS
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise import objects, scalars
from tightbeam_codegen.read.normalise.arrays import exact_list
from tightbeam_codegen.read.normalise.docs import class_doc, field_doc
from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.naming import Names, Origin
from tightbeam_codegen.read.normalise.notices import SAY_ITS_TYPE, Notices
from tightbeam_codegen.read.normalise.places import NamePlace, is_definition, place_of
from tightbeam_codegen.read.normalise.shapes import (
    ANY,
    NULL,
    AliasShape,
    Boolean,
    Field,
    List,
    Literals,
    Map,
    Name,
    NamedShape,
    Never,
    ObjectShape,
    Order,
    Ref,
    Rules,
    Shape,
    Union,
    children,
    names_in,
    union,
)
from tightbeam_codegen.read.normalise.stated import is_deprecated, stated_rules
from tightbeam_codegen.read.normalise.unchecked import unchecked_rules
from tightbeam_codegen.read.normalise.unions import MAX_BRANCHES, Group, distribute, within_limit
from tightbeam_codegen.read.resolve import Node, SchemaStore
from tightbeam_codegen.read.resolve.references import Schema

__all__ = ["Normaliser", "TooMuch"]

MAX_DEPTH = 100
"""Lists and maps inside one another, in one type: a class in between begins anew."""
MAX_CHAIN = 5_000
"""Classes, lists and maps inside one another, those that are referred to included."""
_GROWTH = 8
"""Shapes for each object and array of the documents: where `allOf` multiplies schemas there are many."""
_FREE_SHAPES = 2_000
_Key: TypeAlias = tuple[tuple[int | bool, frozenset[str]], ...]


class TooMuch(Exception):
    """The definitions are more than there is a budget for; that was noted."""


class Normaliser:
    """Turns schemas into shapes; every class and alias on the way lands in :attr:`definitions`.

    Args:
        store: resolves references.
        problems: takes open types and unsatisfiable schemas (warnings), and dangling references (errors).
        asserts_formats: whether `format` is law for a schema, given the node it stands in.
        names: what classes are called.
        assume_objects: whether a schema with `properties` and without `type` is taken for an object.
        exact: whether shapes say what Python's types can't: the first elements of an array each by itself,
            and values of any kind side by side.
    """

    def __init__(
        self,
        store: SchemaStore,
        problems: Problems,
        asserts_formats: Callable[[Node], bool],
        names: Names,
        *,
        assume_objects: bool = False,
        exact: bool = False,
    ) -> None:
        self._store = store
        self._asserts_formats = asserts_formats
        self._assume_objects = assume_objects
        self._exact = exact
        self._flattener = Flattener(store, problems)
        self._notices = Notices(store, self._flattener, problems)
        self._memo: dict[_Key, Shape] = {}
        self._active: dict[_Key, tuple[int, Name]] = {}
        self._recursive: set[_Key] = set()
        self._assumed: dict[_Key, Shape] = {}
        self._names = names
        self._widths: dict[Name, int] = {}
        """How many branches there are in an alias."""
        self._depth = 0
        self._nested = 0
        """How deep it is inside of lists and maps alone."""
        self._home: Document | None = None
        self.definitions: dict[Name, NamedShape] = {}
        self.origins: dict[Name, list[Origin]] = {}
        """What each of them is made of; several where different classes came to one name."""
        self.nodes: dict[Name, tuple[Node, ...]] = {}
        """The schemas that each class is made of; all must hold."""
        self.foreign: dict[int, Schema] = {}
        """The schemas of other documents that the topics asked for so far led into."""

    @property
    def owners(self) -> dict[Name, Document]:
        """The file that each class and alias is called after."""
        return {name: origins[0].place.document for name, origins in self.origins.items()}

    @property
    def files(self) -> dict[tuple[str, ...], Document]:
        """The file of each module with classes; of several that are one module, the first by name."""
        owners = sorted(self.owners.items(), key=lambda item: item[1].uri, reverse=True)
        return {name.module: document for name, document in owners}

    def topic(self, node: Node, place: NamePlace, home: Document) -> Shape:
        """The shape of a payload of a topic in the definition file `home`. Raises TooMuch."""
        self._home = home
        self._notices.check_open(node)
        shape = self._shape([Part(node)], place)
        if not isinstance(shape, Never):
            return shape
        self._notices.impossible(node, place.spot)
        return ANY

    def shared(self, node: Node, home: Document) -> None:
        """Define what a schema comes to that is referred to from elsewhere."""
        self._home = home
        self._shape([Part(node)], self._place_of(home, node))

    def doc(self, node: Node, *names: str) -> str:
        """The description of a schema, or of the one it is a reference to."""
        target = self._flattener.through(node)
        return class_doc(node.schema, names) or class_doc(target.schema, names)

    def describe(self, place: NamePlace, doc: str) -> None:
        """Describe the class or alias that a topic's schema became, unless the schema does so itself."""
        name = self._names.of(place)
        definition = self.definitions.get(name)
        if definition is not None and not definition.doc:
            self.definitions[name] = replace(definition, doc=doc)

    def rules(self, nodes: Sequence[Node], shape: Shape) -> Rules:
        """Return what schemas say of values beside their shape, where shapes are exact."""
        return stated_rules(self._flattener, self._store, nodes, shape) if self._exact else ()

    def _place_of(self, document: Document, node: Node) -> NamePlace:
        return place_of(document, self._store.pointer(node.schema), self._names.chosen)

    def _order(self, parts: Sequence[Part], place: NamePlace) -> Order:
        """Where it is in the file that names it, though it be made of another one's schemas."""
        schemas = (part.node.schema for part in parts)
        own = (schema for schema in schemas if self._store.document(schema) is place.document)
        return place.document.uri, self._store.origins.order(next(own, place.schema))

    # -- one schema ------------------------------------------------------------------------------------------

    def _shape(self, wanted: Iterable[Part], place: NamePlace, budget: int = MAX_BRANCHES) -> Shape:
        """The shape of what fits all of `wanted`; `place` names it where it has no place of its own."""
        parts = [part if part.without else Part(self._flattener.through(part.node)) for part in wanted]
        parts = list({part.key: part for part in parts if part.node.schema is False or part.asserts}.values())
        key = _key_of(parts)
        if not parts:
            return ANY
        single = parts[0].node if len(parts) == 1 and not parts[0].without else None
        document = self._store.document(single.schema) if single else None
        if single is not None and document is not None and document is not self._home:
            self.foreign[id(single.schema)] = single.schema
        if key in self._memo:
            return self._memo[key]
        if len(parts) == 1 and parts[0].asserts <= NAMELESS and not _contains(parts[0].get("type")):
            if parts[0].node.dialect.validates:
                # Most are such: there is nothing to open, no fixed value and no branch.
                shape = self._plain(parts, scalars.allowed_types(parts), place)
            else:
                shape = self._build(parts, place, budget)
            self._memo[key] = shape
            return shape
        if single is not None and document is not None:
            self._notices.override(single)
            place = self._place_of(document, single)
        if key in self._active:
            depth, name = self._active[key]
            if depth == self._depth:
                return (
                    ANY  # A reference that comes back without passing an object or array describes nothing.
                )
            self._recursive.add(key)
            return self._assumed.get(key, Ref(name))
        if not self._within_budget(parts[0].node):
            return ANY
        if single is not None:
            # What it comes to may not depend on the union that it was first met in.
            budget = MAX_BRANCHES
        learnt = len(self._memo), len(self.definitions)
        shape = self._built(parts, key, place, budget)
        name = self._names.of(place)
        if key in self._recursive and _is_part_of(name, shape):
            self._forget(learnt)
            shape = self._rebuilt(shape, parts, key, place, budget)
        elif key in self._recursive and shape in (ANY, Never(), List(Ref(name))):
            # It holds nothing but itself, or is anything or nothing anyhow: that needs no name.
            self._forget(learnt)
            self._assumed[key] = ANY if isinstance(shape, List) else shape
            shape = self._built(parts, key, place, budget)
            self._recursive.discard(key)
        shared = (
            single is not None and document is not None and is_definition(self._store.pointer(single.schema))
        )
        shape = self._named(shape, parts, place, shared=shared)
        self._memo[key] = shape
        return shape

    def _built(self, parts: list[Part], key: _Key, place: NamePlace, budget: int) -> Shape:
        self._active[key] = (self._depth, self._names.of(place))
        try:
            return self._build(parts, place, budget)
        finally:
            del self._active[key]

    def _rebuilt(self, shape: Shape, parts: list[Part], key: _Key, place: NamePlace, budget: int) -> Shape:
        """The shape of a class that contains itself as one of several things: itself or null, say.

        While it was first built a reference back was taken for the class alone. Now it is known what it
        stands for: the union as it is, or, where that has lists or maps of itself in turn, an alias for it.
        """
        name = self._names.of(place)
        endless = any(name in names_in(inner) for inner in children(shape) if inner != Ref(name))
        whole = Name(name.module, name.name + "Value")
        self._assumed[key] = Ref(whole) if endless else shape
        self._recursive.discard(key)
        shape = self._built(parts, key, place, budget)
        self._recursive.discard(key)
        if not endless:
            return shape
        self._define_alias(whole, shape, parts, place, recursive=True)
        return Ref(whole)

    def _forget(self, learnt: tuple[int, int]) -> None:
        """Unlearn what was memoized and defined since."""
        shapes, definitions = learnt
        for key in list(self._memo)[shapes:]:
            del self._memo[key]
        for name in list(self.definitions)[definitions:]:
            del self.definitions[name], self.origins[name]

    def _within_budget(self, node: Node) -> bool:
        if self._nested > MAX_DEPTH or self._depth > MAX_CHAIN:
            self._notices.too_deep(node, MAX_DEPTH if self._nested > MAX_DEPTH else MAX_CHAIN)
            return False
        if len(self._memo) > len(self._store.origins) * _GROWTH + _FREE_SHAPES:
            self._notices.too_much(node, _GROWTH)
            raise TooMuch
        return True

    def _named(self, shape: Shape, parts: Sequence[Part], place: NamePlace, *, shared: bool) -> Shape:
        """A shared enum or union, and whatever contains itself, goes by a name of its own."""
        recursive, name = _key_of(parts) in self._recursive, self._names.of(place)
        if isinstance(shape, Ref) and shape.target == name:
            return shape
        aliased = (
            shared
            and isinstance(shape, Literals | Union)
            and not (isinstance(shape, Union) and ANY in shape.branches)
            # An object or null, say: the name is the class's, and the union is written out.
            and name not in names_in(shape)
        )
        if not recursive and not aliased:
            return shape
        self._define_alias(name, shape, parts, place, recursive=recursive)
        return Ref(name)

    def _define_alias(
        self, name: Name, shape: Shape, parts: Sequence[Part], place: NamePlace, *, recursive: bool
    ) -> None:
        doc, order = self.doc(parts[0].node, name.name, place.parts[-1]), self._order(parts, place)
        origin = Origin(_key_of(parts), place)
        self._widths[name] = self._width(shape)
        rules = self.rules([part.node for part in parts], shape)
        self._define(AliasShape(name, shape, recursive, doc, order, rules), origin)

    def _define(self, definition: NamedShape, origin: Origin) -> None:
        known = self.origins.setdefault(definition.name, [])
        if all(origin.key != other.key for other in known):
            known.append(origin)
        self.definitions[definition.name] = definition

    def _build(self, parts: list[Part], place: NamePlace, budget: int) -> Shape:
        flat = self._flattener.flatten(parts)
        if flat is None:
            return Never()
        types = scalars.allowed_types(flat)
        values = scalars.fixed_values(flat)
        if values is not None:
            if len(values) > scalars.MAX_LITERALS:
                self._notices.too_many_values(flat[0].node, scalars.MAX_LITERALS)
            shape_of = scalars.exact_shape_of_values if self._exact else scalars.shape_of_values
            return shape_of(values, types)
        too_large = partial(self._notices.union_too_large, parts[0].node)
        group = distribute(self._store, self._flattener, flat, budget, too_large)
        if group:
            return self._union(group, place, budget)
        return self._plain(flat, types, place)

    def _union(self, group: Group, place: NamePlace, budget: int) -> Shape:
        share = max(1, budget // len(group.branches))
        shapes = [self._shape(each.parts, place.inside(each.suffix), share) for each in group.branches]
        total = sum(map(self._width, shapes))
        if total > MAX_BRANCHES:
            self._notices.union_too_large(group.node, group.node, group.keyword, total, partly=True)
            shapes = within_limit(shapes, self._width)
        return union(shapes)

    def _width(self, shape: Shape) -> int:
        """How many branches a union gets from a shape."""
        if isinstance(shape, Union):
            return sum(map(self._width, shape.branches))
        return self._widths.get(shape.target, 1) if isinstance(shape, Ref) else 1

    def _plain(self, flat: Sequence[Part], types: frozenset[str], place: NamePlace) -> Shape:
        if types == scalars.TYPES:
            return self._untyped(flat, place)
        return self._of_kinds(flat, _in_order(flat, types), place)

    def _of_kinds(self, flat: Sequence[Part], kinds: Iterable[str], place: NamePlace) -> Shape:
        shapes: list[Shape] = []
        for kind in kinds:
            match kind:
                case "null":
                    shapes.append(NULL)
                case "boolean":
                    shapes.append(Boolean())
                case "integer":
                    shapes.append(scalars.integer(flat))
                case "number":
                    shapes.append(scalars.number(flat))
                case "string":
                    shapes.append(scalars.string(flat, self._asserts_formats(flat[0].node)))
                case "array":
                    shapes.append(self._array(flat, place))
                case _:
                    shapes.append(self._object(flat, place))
        return shapes[0] if len(shapes) == 1 else union(shapes)

    def _untyped(self, flat: Sequence[Part], place: NamePlace) -> Shape:
        """Without a type a schema speaks of objects, or arrays, and lets everything else pass."""
        kinds = [kind for kind in ("object", "array") if any(objects.speaks_of(part, kind) for part in flat)]
        if not kinds:
            for part in flat[:1]:
                self._notices.left_open(part.node, SAY_ITS_TYPE)
            return ANY
        if self._assume_objects and kinds == ["object"] and any(part.get("properties") for part in flat):
            return self._object(flat, place, is_assumed=True)
        self._notices.left_open(
            flat[0].node, f'Add `"type": "{kinds[0]}"`.', "anything but what is meant fits too"
        )
        shapes = [self._of_kinds(flat, kinds, place)]
        if "object" not in kinds:
            shapes.append(Map(ANY))
        if "array" not in kinds:
            shapes.append(List(ANY))
        shapes.append(self._of_kinds(flat, ("string", "number", "boolean", "null"), place))
        whole = union(shapes)
        open_ended = isinstance(whole, Union) and {Map(ANY), List(ANY)} <= set(whole.branches)
        return ANY if open_ended else whole

    # -- containers ------------------------------------------------------------------------------------------

    def _inner(self, nodes: Iterable[Node], place: NamePlace) -> Shape:
        """The shape of something inside an object or array."""
        self._depth += 1
        self._nested += 1
        try:
            for node in nodes:
                self._notices.check_open(node)
            return self._shape([Part(node) for node in nodes], place)
        finally:
            self._depth -= 1
            self._nested -= 1

    def _object(self, flat: Sequence[Part], place: NamePlace, *, is_assumed: bool = False) -> Shape:
        names = objects.property_names(flat)
        closed = objects.is_closed(flat)
        if not names and not closed:
            return self._map(flat, place)
        required = objects.required_names(flat)
        fields: list[Field] = []
        nodes_of = {name: objects.property_nodes(self._store, flat, name) for name in names}
        nested, self._nested = self._nested, 0
        shapes = {name: self._inner(nodes, place.inside(name)) for name, nodes in nodes_of.items()}
        self._nested = nested
        if any(isinstance(shapes[name], Never) for name in required):
            return Never()
        possible = [name for name in names if not isinstance(shapes[name], Never)]
        for name in names:
            # `false` says so on purpose: the property is not to be used.
            if name not in possible and all(node.schema is not False for node in nodes_of[name]):
                self._notices.impossible(nodes_of[name][0])
        if self._exact and not closed:
            possible = names  # Of an open object it has to be said which properties can't be there.
        attributes = self._notices.attributes(possible, nodes_of)
        for name in possible:
            nodes = nodes_of[name]
            doc = field_doc([node.schema for node in nodes], name, deprecation=not self._exact)
            null = name not in required and objects.default_is_null(self._flattener, nodes)
            rules = self.rules(nodes, shapes[name])
            if not self._exact:
                rules = unchecked_rules(self._flattener, nodes, shapes[name])
            fields.append(Field(name, attributes[name], shapes[name], name in required, doc, null, rules))
        called = self._names.of(place)
        words = (class_doc(part.node.schema, [called.name, place.parts[-1]]) for part in flat)
        doc = next(filter(None, words), "")
        definition = ObjectShape(
            called,
            tuple(fields),
            closed,
            doc,
            is_assumed,
            self._order(flat, place),
            (("deprecated", True),) if self._exact and is_deprecated([flat[0].node]) else (),
        )
        self._define(definition, Origin(_key_of(flat), place))
        self.nodes[called] = tuple(part.node for part in flat)
        return Ref(called)

    def _map(self, flat: Sequence[Part], place: NamePlace) -> Shape:
        alternatives = objects.map_value_nodes(self._store, flat)
        if alternatives is None:
            self._notices.left_open(
                flat[0].node,
                'Declare its "properties", or say with "additionalProperties" what its values are.',
            )
            return Map(ANY)
        values = union([self._inner(nodes, place.inside("Value")) for nodes in alternatives])
        return Map(ANY if isinstance(values, Never) else values)

    def _tuple(self, flat: Sequence[Part], place: NamePlace) -> Shape | None:
        """An array whose first elements are told from the others; None for one that has none such."""
        found = objects.prefix_nodes(self._store, flat)
        if found is None:
            return None
        nodes, rest = found
        prefix = [self._inner([node], place.inside(f"Item{index}")) for index, node in enumerate(nodes)]
        return exact_list(flat, prefix, ANY if rest is None else self._inner([rest], place.inside("Item")))

    def _array(self, flat: Sequence[Part], place: NamePlace) -> Shape:
        if self._exact and (exact := self._tuple(flat, place)) is not None:
            return exact
        elements = objects.element_nodes(self._store, flat)
        if elements is None:
            self._notices.left_open(flat[0].node, 'Say with "items" what its elements are.')
            return List(ANY)
        item = union([self._inner(nodes, place.inside(part)) for part, nodes in elements])
        return List(ANY if isinstance(item, Never) else item)


def _key_of(parts: Sequence[Part]) -> _Key:
    """What is equal for the same demands."""
    return tuple(part.key for part in parts)


def _contains(types: Any) -> bool:
    """Whether something else may be inside: no type at all, or one of the containers."""
    return types is None or not {"object", "array"}.isdisjoint([types] if isinstance(types, str) else types)


def _is_part_of(name: Name, shape: Shape) -> bool:
    """Whether the class of this name is one of several things in a union."""
    return isinstance(shape, Union) and Ref(name) in shape.branches


def _in_order(flat: Sequence[Part], types: frozenset[str]) -> list[str]:
    """The admitted types as the schema lists them, so that the generated union reads like it."""
    declared = [part.get("type") for part in flat]
    listed = [name for names in declared if names for name in ([names] if isinstance(names, str) else names)]
    listed += ["integer"] if "integer" in types else []
    return [name for name in dict.fromkeys(listed) if name in types]
