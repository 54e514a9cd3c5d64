"""The shape of schemas that must all hold, kind by kind; what is inside of them is left to the normaliser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

from tightbeam_codegen.read.normalise import objects, scalars
from tightbeam_codegen.read.normalise.arrays import exact_list
from tightbeam_codegen.read.normalise.context import Context
from tightbeam_codegen.read.normalise.docs import class_doc, field_doc
from tightbeam_codegen.read.normalise.flatten import Part
from tightbeam_codegen.read.normalise.named_shapes import NamedShapes
from tightbeam_codegen.read.normalise.notices import SAY_ITS_TYPE
from tightbeam_codegen.read.normalise.places import NamePlace
from tightbeam_codegen.read.normalise.rules import is_deprecated, unchecked_rules
from tightbeam_codegen.read.normalise.shapes import (
    ANY,
    NULL,
    Boolean,
    Field,
    List,
    Map,
    Never,
    ObjectShape,
    Rules,
    Shape,
    Union,
    union,
)
from tightbeam_codegen.read.normalise.unions import MAX_BRANCHES, Group, distribute, within_limit
from tightbeam_codegen.read.resolve import Node

__all__ = ["Builder", "Nested"]


class Nested(Protocol):
    """Gives the shapes of other schemas."""

    def shape(self, wanted: Iterable[Part], place: NamePlace, budget: int = MAX_BRANCHES) -> Shape:
        """Return the shape of a branch of a union."""
        ...

    def inside(self, nodes: Iterable[Node], place: NamePlace, *, of_class: bool = False) -> Shape:
        """Return the shape of something inside an object or array."""
        ...


class Builder:
    """Builds shapes.

    Args:
        context: what shapes are made of.
        named: takes classes.
        nested: gives the shapes of other schemas.
    """

    def __init__(self, context: Context, named: NamedShapes, nested: Nested) -> None:
        self._context = context
        self._store, self._notices, self._exact = context.store, context.notices, context.exact
        self._named = named
        self._nested = nested

    def build(self, parts: list[Part], place: NamePlace, budget: int) -> Shape:
        """Return the shape of what fits several schemas.

        Args:
            parts: the schemas.
            place: names the shape.
            budget: how many branches a union may have.
        """
        flat = self._context.flattener.flatten(parts)
        if flat is None:
            return Never()
        values = scalars.fixed_values(flat)
        if values is not None:
            if len(values) > scalars.MAX_LITERALS:
                self._notices.too_many_values(flat[0].node, scalars.MAX_LITERALS)
            shape_of = scalars.exact_shape_of_values if self._exact else scalars.shape_of_values
            return shape_of(values, scalars.allowed_types(flat))
        too_large = partial(self._notices.union_too_large, parts[0].node)
        group = distribute(self._store, self._context.flattener, flat, budget, too_large)
        return self._union(group, place, budget) if group else self.build_flat(flat, place, budget)

    def build_flat(self, flat: Sequence[Part], place: NamePlace, _budget: int) -> Shape:
        """Return the shape of flattened schemas that have neither fixed values nor branches."""
        types = scalars.allowed_types(flat)
        if types == scalars.TYPES:
            return self._untyped(flat, place)
        return self._of_kinds(flat, _in_order(flat, types), place)

    def _union(self, group: Group, place: NamePlace, budget: int) -> Shape:
        share = max(1, budget // len(group.branches))
        shapes = [self._nested.shape(each.parts, place.inside(each.suffix), share) for each in group.branches]
        total = sum(map(self._named.width, shapes))
        if total > MAX_BRANCHES:
            self._notices.union_too_large(group.node, group.node, group.keyword, total, partly=True)
            shapes = within_limit(shapes, self._named.width)
        return union(shapes)

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
                    shapes.append(scalars.string(flat, self._context.asserts_formats(flat[0].node)))
                case "array":
                    shapes.append(self._array(flat, place))
                case _:
                    shapes.append(self._object(flat, place))
        return shapes[0] if len(shapes) == 1 else union(shapes)

    def _untyped(self, flat: Sequence[Part], place: NamePlace) -> Shape:
        """Return the shape of schemas without a type: they describe objects or arrays and accept all else."""
        kinds = [kind for kind in ("object", "array") if any(objects.describes(part, kind) for part in flat)]
        if not kinds:
            for part in flat[:1]:
                self._notices.left_open(part.node, SAY_ITS_TYPE)
            return ANY
        is_object = kinds == ["object"] and any(part.get("properties") for part in flat)
        if self._context.assume_objects and is_object:
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
        is_open = isinstance(whole, Union) and {Map(ANY), List(ANY)} <= set(whole.branches)
        return ANY if is_open else whole

    # -- objects ---------------------------------------------------------------------------------------------

    def _object(self, flat: Sequence[Part], place: NamePlace, *, is_assumed: bool = False) -> Shape:
        names = objects.property_names(flat)
        closed = objects.is_closed(flat)
        if not names and not closed:
            return self._map(flat, place)
        required = objects.required_names(flat)
        nodes_of = {name: objects.property_nodes(self._store, flat, name) for name in names}
        shapes = {
            name: self._nested.inside(nodes, place.inside(name), of_class=True)
            for name, nodes in nodes_of.items()
        }
        if any(isinstance(shapes[name], Never) for name in required):
            return Never()
        possible = [name for name in names if not isinstance(shapes[name], Never)]
        for name in names:
            # With the schema `false` the author says that the property is not to be used.
            if name not in possible and all(node.schema is not False for node in nodes_of[name]):
                self._notices.impossible(nodes_of[name][0])
        if self._exact and not closed:
            possible = names  # An exact shape of an open object says which properties can't exist.
        attributes = self._notices.attributes(possible, nodes_of)
        fields = tuple(
            self._field(name, attributes[name], shapes[name], nodes_of[name], required=name in required)
            for name in possible
        )
        called = self._context.names.of(place)
        docs = (class_doc(part.node.schema, [called.name, place.parts[-1]]) for part in flat)
        doc = next(filter(None, docs), "")
        order = self._context.order(flat, place)
        rules: Rules = (("deprecated", True),) if self._exact and is_deprecated([flat[0].node]) else ()
        shape = ObjectShape(called, fields, closed, doc, is_assumed, order, rules)
        return self._named.add_class(shape, flat, place)

    def _field(self, name: str, attribute: str, shape: Shape, nodes: list[Node], *, required: bool) -> Field:
        flattener = self._context.flattener
        doc = field_doc([node.schema for node in nodes], name, deprecation=not self._exact)
        is_null = not required and objects.default_is_null(flattener, nodes)
        rules = self._context.rules(nodes, shape) if self._exact else unchecked_rules(flattener, nodes, shape)
        return Field(name, attribute, shape, required, doc, is_null, rules)

    def _map(self, flat: Sequence[Part], place: NamePlace) -> Shape:
        alternatives = objects.map_value_nodes(self._store, flat)
        if alternatives is None:
            self._notices.left_open(
                flat[0].node,
                'Declare its "properties", or say with "additionalProperties" what its values are.',
            )
            return Map(ANY)
        values = union([self._nested.inside(nodes, place.inside("Value")) for nodes in alternatives])
        return Map(ANY if isinstance(values, Never) else values)

    # -- arrays ----------------------------------------------------------------------------------------------

    def _array(self, flat: Sequence[Part], place: NamePlace) -> Shape:
        if self._exact and (exact := self._tuple(flat, place)) is not None:
            return exact
        elements = objects.element_nodes(self._store, flat)
        if elements is None:
            self._notices.left_open(flat[0].node, 'Say with "items" what its elements are.')
            return List(ANY)
        item = union([self._nested.inside(nodes, place.inside(part)) for part, nodes in elements])
        return List(ANY if isinstance(item, Never) else item)

    def _tuple(self, flat: Sequence[Part], place: NamePlace) -> Shape | None:
        """Return an array with first elements unlike the others; None where all elements are alike."""
        elements = objects.prefix_nodes(self._store, flat)
        if elements is None:
            return None
        nodes, rest = elements
        prefix = [
            self._nested.inside([node], place.inside(f"Item{index}")) for index, node in enumerate(nodes)
        ]
        item = ANY if rest is None else self._nested.inside([rest], place.inside("Item"))
        return exact_list(flat, prefix, item)


def _in_order(flat: Sequence[Part], types: frozenset[str]) -> list[str]:
    """Return the admitted types as the schema lists them, so that the generated union reads like it."""
    declared = [part.get("type") for part in flat]
    listed = [name for names in declared if names for name in ([names] if isinstance(names, str) else names)]
    listed += ["integer"] if "integer" in types else []
    return [name for name in dict.fromkeys(listed) if name in types]
