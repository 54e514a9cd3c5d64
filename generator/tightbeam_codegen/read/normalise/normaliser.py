"""Schemas to shapes, following the rules in docs/design.md ("From schema to shape")."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tightbeam_codegen.json_schema.keywords import NAMELESS
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.builder import Builder
from tightbeam_codegen.read.normalise.context import Context, Key, key_of
from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.named_shapes import NamedShapes
from tightbeam_codegen.read.normalise.naming import Names
from tightbeam_codegen.read.normalise.notices import Notices
from tightbeam_codegen.read.normalise.places import NamePlace, is_definition
from tightbeam_codegen.read.normalise.shapes import (
    ANY,
    List,
    Literals,
    Name,
    Never,
    Ref,
    Rules,
    Shape,
    Union,
    children,
    names_in,
)
from tightbeam_codegen.read.normalise.unions import MAX_BRANCHES
from tightbeam_codegen.read.payload_pointers import Schema
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["Normaliser", "TooMuch"]

MAX_DEPTH = 100
"""Lists and maps inside one another, in one type: a class in between begins anew."""
MAX_CHAIN = 5_000
"""Classes, lists and maps inside one another, those that are referred to included."""
_GROWTH = 8
"""Shapes for each object and array of the documents: where `allOf` multiplies schemas there are many."""
_FREE_SHAPES = 2_000


class TooMuch(Exception):
    """The definitions are more than there is a budget for; the problem was reported."""


class Normaliser:
    """Turns schemas into shapes; every class and alias on the way is kept in :attr:`named`.

    Args:
        store: resolves references.
        problems: takes open types and unsatisfiable schemas (warnings), and dangling references (errors).
        asserts_formats: says whether `format` is law for a schema, given the node it stands in.
        names: what classes are called.
        assume_objects: whether a schema with `properties` and without `type` is taken for an object.
        exact: whether shapes say what Python's types can't.
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
        flattener = Flattener(store, problems)
        notices = Notices(store, flattener, problems)
        context = Context(store, flattener, notices, names, asserts_formats, assume_objects, exact)
        self._context = context
        self._store, self._flattener, self._notices, self._names = store, flattener, notices, names
        self.named = NamedShapes(context)
        self._builder = Builder(context, self.named, self)
        self._memo: dict[Key, Shape] = {}
        self._active: dict[Key, tuple[int, Name]] = {}
        """Schemas that are being built, each with the depth at which it stands and the name of its class."""
        self._recursive: set[Key] = set()
        self._assumed: dict[Key, Shape] = {}
        self._depth = 0
        self._nested = 0
        """The depth counted in lists and maps alone."""
        self._home: Document | None = None
        self.foreign: dict[int, Schema] = {}
        """The schemas of other documents that the latest topics led into."""

    def topic(self, node: Node, place: NamePlace, home: Document) -> Shape:
        """Return the shape of a topic's payload.

        Args:
            node: the schema of the topic.
            place: the place of the topic.
            home: the definition file.

        Raises:
            TooMuch: the definitions are larger than the budget.
        """
        self._home = home
        self._notices.check_open(node)
        shape = self.shape([Part(node)], place)
        if not isinstance(shape, Never):
            return shape
        self._notices.impossible(node, place.spot)
        return ANY

    def shared(self, node: Node, home: Document) -> None:
        """Define the classes of a schema that other documents refer to. Raises TooMuch.

        Args:
            node: the schema.
            home: its document.
        """
        self._home = home
        self.shape([Part(node)], self._context.place_of(home, node))

    def doc(self, node: Node, *names: str) -> str:
        """Return the description of a schema; see :meth:`Context.doc`."""
        return self._context.doc(node, *names)

    def describe(self, place: NamePlace, doc: str) -> None:
        """Describe the class or alias that a topic's schema became, unless the schema does so itself."""
        self.named.describe(self._names.of(place), doc)

    def rules(self, nodes: list[Node], shape: Shape) -> Rules:
        """Return what schemas demand beside their shape; see :meth:`Context.rules`."""
        return self._context.rules(nodes, shape)

    # -- one schema ------------------------------------------------------------------------------------------

    def shape(self, wanted: Iterable[Part], place: NamePlace, budget: int = MAX_BRANCHES) -> Shape:
        """Return the shape of what fits several schemas.

        Args:
            wanted: the schemas.
            place: names the shape where the schemas have no place of their own.
            budget: how many branches a union may have.
        """
        parts = [part if part.without else Part(self._flattener.through(part.node)) for part in wanted]
        parts = list({part.key: part for part in parts if part.node.schema is False or part.asserts}.values())
        if not parts:
            return ANY
        key = key_of(parts)
        single = parts[0].node if len(parts) == 1 and not parts[0].without else None
        document = self._store.document(single.schema) if single else None
        if single is not None and document is not None and document is not self._home:
            self.foreign[id(single.schema)] = single.schema
        if key in self._memo:
            return self._memo[key]
        if len(parts) == 1 and _is_plain(parts[0]):
            # Most are such: they have no name, nothing to open, no fixed value and no branch.
            is_flat = parts[0].node.dialect.validates
            build = self._builder.build_flat if is_flat else self._builder.build
            shape = self._memo[key] = build(parts, place, budget)
            return shape
        if single is not None:
            # The shape of a schema may not depend on the union that it was first met in.
            budget = MAX_BRANCHES
            if document is not None:
                self._notices.override(single)
                place = self._context.place_of(document, single)
        if key in self._active:
            return self._reference_back(key)
        if not self._is_within_budget(parts[0].node):
            return ANY
        shape = self._recursive_shape(parts, key, place, budget)
        is_shared = document is not None and single is not None and self._is_definition(single)
        shape = self._memo[key] = self._named_shape(shape, parts, place, is_shared=is_shared)
        return shape

    def inside(self, nodes: Iterable[Node], place: NamePlace, *, of_class: bool = False) -> Shape:
        """Return the shape of something inside an object or array.

        Args:
            nodes: the schemas that it must fit.
            place: names it.
            of_class: whether it is a property of a class, where the depth of types begins anew.
        """
        depth, nested = self._depth, self._nested
        self._depth, self._nested = depth + 1, 1 if of_class else nested + 1
        try:
            nodes = list(nodes)
            for node in nodes:
                self._notices.check_open(node)
            return self.shape([Part(node) for node in nodes], place)
        finally:
            self._depth, self._nested = depth, nested

    def _is_definition(self, node: Node) -> bool:
        return is_definition(self._store.pointer(node.schema))

    def _is_within_budget(self, node: Node) -> bool:
        if self._nested > MAX_DEPTH or self._depth > MAX_CHAIN:
            self._notices.too_deep(node, MAX_DEPTH if self._nested > MAX_DEPTH else MAX_CHAIN)
            return False
        if len(self._memo) > len(self._store.origins) * _GROWTH + _FREE_SHAPES:
            self._notices.too_much(node, _GROWTH)
            raise TooMuch
        return True

    # -- schemas that contain themselves ---------------------------------------------------------------------

    def _reference_back(self, key: Key) -> Shape:
        """Return the shape of a schema that is being built, for a reference inside of it."""
        depth, name = self._active[key]
        if depth == self._depth:
            return ANY  # A reference that comes back without passing an object or array describes nothing.
        self._recursive.add(key)
        return self._assumed.get(key, Ref(name))

    def _recursive_shape(self, parts: list[Part], key: Key, place: NamePlace, budget: int) -> Shape:
        """Return the shape of schemas, which may contain themselves."""
        known = len(self._memo), len(self.named)
        name = self._names.of(place)
        shape = self._built(parts, key, place, budget)
        if key in self._recursive and isinstance(shape, Union) and Ref(name) in shape.branches:
            self._forget_since(*known)
            return self._rebuilt(shape, parts, key, place, budget)
        if key in self._recursive and shape in (ANY, Never(), List(Ref(name))):
            # It contains nothing but itself, or is anything or nothing in any case: that needs no name.
            self._forget_since(*known)
            self._assumed[key] = ANY if isinstance(shape, List) else shape
            shape = self._built(parts, key, place, budget)
            self._recursive.discard(key)
        return shape

    def _built(self, parts: list[Part], key: Key, place: NamePlace, budget: int) -> Shape:
        self._active[key] = (self._depth, self._names.of(place))
        try:
            return self._builder.build(parts, place, budget)
        finally:
            del self._active[key]

    def _rebuilt(self, shape: Shape, parts: list[Part], key: Key, place: NamePlace, budget: int) -> Shape:
        """Return the shape of a union that its own class contains: the class or null, say.

        The first time a reference back was taken for the class alone. Now it is known what the reference
        means: the union as it is, or an alias for it, where the union has lists or maps of itself in turn.
        """
        name = self._names.of(place)
        is_endless = any(name in names_in(inner) for inner in children(shape) if inner != Ref(name))
        whole = Name(name.module, name.name + "Value")
        self._assumed[key] = Ref(whole) if is_endless else shape
        self._recursive.discard(key)
        shape = self._built(parts, key, place, budget)
        self._recursive.discard(key)
        if not is_endless:
            return shape
        return self.named.add_alias(whole, shape, parts, place, recursive=True)

    def _forget_since(self, shapes: int, named: int) -> None:
        """Remove all memoized shapes and all names but the first ones."""
        for key in list(self._memo)[shapes:]:
            del self._memo[key]
        self.named.forget_since(named)

    def _named_shape(self, shape: Shape, parts: list[Part], place: NamePlace, *, is_shared: bool) -> Shape:
        """Return a reference to an alias for a shared enum or union, and for whatever contains itself."""
        is_recursive, name = key_of(parts) in self._recursive, self._names.of(place)
        if isinstance(shape, Ref) and shape.target == name:
            return shape
        is_alias = (
            is_shared
            and isinstance(shape, Literals | Union)
            and not (isinstance(shape, Union) and ANY in shape.branches)
            # An object or null, say: the name is the class's, and the union is written out.
            and name not in names_in(shape)
        )
        if not is_recursive and not is_alias:
            return shape
        return self.named.add_alias(name, shape, parts, place, recursive=is_recursive)


def _is_plain(part: Part) -> bool:
    """Return whether a schema describes a string, a number, a boolean or null and nothing else."""
    kinds = part.get("type")
    if kinds is None or not part.asserts <= NAMELESS:
        return False
    return {"object", "array"}.isdisjoint([kinds] if isinstance(kinds, str) else kinds)
