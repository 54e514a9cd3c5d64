"""Problems of schemas: open types, impossible schemas, names that can't be, budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.names import field_names, is_event_type
from tightbeam_codegen.problems import Place, Problem, Problems, quoted
from tightbeam_codegen.read.normalise.flatten import Flattener, Part
from tightbeam_codegen.read.normalise.places import OVERRIDE, is_override
from tightbeam_codegen.read.normalise.unions import MAX_BRANCHES
from tightbeam_codegen.read.payload_pointers import is_event
from tightbeam_codegen.read.resolve import Node, SchemaStore

__all__ = ["SAY_ITS_TYPE", "Notices"]

SAY_ITS_TYPE = 'Say its "type", or write `true` if anything may stand here.'


class Notices:
    """Reports problems at the places of schemas.

    Args:
        store: has the places of schemas.
        flattener: follows references.
        problems: takes the problems.
    """

    def __init__(self, store: SchemaStore, flattener: Flattener, problems: Problems) -> None:
        self._store = store
        self._flattener = flattener
        self._problems = problems
        self._foreign = store.documents.paths_of_apis()
        self._explained: set[int | bool] = set()
        """Schemas whose type is left open by something that was reported in other words."""

    # -- types -----------------------------------------------------------------------------------------------

    def check_open(self, node: Node) -> None:
        """Warn of an object that demands nothing, or a reference to one; `true` says so on purpose."""
        target = self._flattener.through(node)
        if isinstance(target.schema, dict) and not Part(target).asserts:
            self.left_open(node, SAY_ITS_TYPE)

    def left_open(self, node: Node, remedy: str, then: str = "Python's will be Any") -> None:
        """Warn that a schema leaves the type open.

        Args:
            node: the schema.
            remedy: what to add to it.
            then: what comes of it as it is.
        """
        if self._flattener.is_broken(node) or self._is_official(node) or node.key in self._explained:
            return
        cause = self._store.place(self._flattener.through(node).schema)
        self._warn(self._store.place(node.schema), f"the type is left open here, so {then}", remedy, cause)

    def _warn(self, place: Place | None, message: str, remedy: str, cause: Place | None = None) -> None:
        """Report what a schema lacks; that of a document for other tools fails no run.

        Args:
            place: where it is lacking.
            message: what is lacking.
            remedy: what to do about it.
            cause: the place of the schema that a reference at `place` leads to.
        """
        lacking = cause or place
        is_foreign = lacking is not None and lacking.path in self._foreign
        self._problems.add(Problem(place, "notice" if is_foreign else "warning", message, remedy))

    def _is_official(self, node: Node) -> bool:
        document = self._store.document(node.schema)
        return document is not None and is_official(document.uri)

    def impossible(self, node: Node, otherwise: Place | None = None) -> None:
        """Warn of a schema that nothing can fit.

        Args:
            node: the schema.
            otherwise: its place if it is `false`, which has no identity.
        """
        place = self._store.place(self._flattener.through(node).schema) or otherwise
        self._warn(place, "nothing can fit this schema", "Check what contradicts what in it.")

    def too_many_values(self, node: Node, most: int) -> None:
        """Warn of an enum that is too long for a type.

        Args:
            node: the schema.
            most: how many values a type names at most.
        """
        message = f"more than {most} values: Python's type will not name them"
        self._warn(self._store.place(node.schema), message, "Use a pattern.")

    def union_too_large(
        self, whole: Node, node: Node, keyword: str, count: int, *, partly: bool = False
    ) -> None:
        """Warn of a union that has too many branches for a type.

        Args:
            whole: the schema that the union is a part of, whose type may be left open by this.
            node: the schema that has the keyword.
            keyword: `anyOf` or `oneOf`.
            count: how many branches it has.
            partly: whether some of them are in the type; those of unions inside them were counted, too.
        """
        self._explained.add(whole.key)
        others = "" if count > MAX_BRANCHES else ", those of the unions around it included"
        out = "which leaves out some of it" if partly else "which leaves it out"
        self._warn(
            self._store.place(node.schema, keyword),
            f"this union of {count} branches is too large for a type, {out}:"
            f" {MAX_BRANCHES} branches are the limit{others}",
            "Make several topics of it, one for each kind of message.",
        )

    # -- names -----------------------------------------------------------------------------------------------

    def attributes(self, names: Sequence[str], nodes_of: Mapping[str, list[Node]]) -> dict[str, str]:
        """Return the attribute of each property: by `x-tightbeam-name`, else made from its name.

        Args:
            names: of the properties.
            nodes_of: the schemas of each property.
        """
        chosen: dict[str, str] = {}
        for name in names:
            for node in nodes_of[name]:
                override = self.override(node)
                if name in chosen or override is None or override[0].isupper():
                    continue
                if override in chosen.values():
                    message = f"two properties of one object are both called {quoted(override)} in Python"
                    place = self._store.place(node.schema, OVERRIDE)
                    self._problems.error(place, message, "Choose another name for one of them.")
                chosen[name] = override
        return field_names(names, chosen)

    def override(self, node: Node) -> str | None:
        """Return the name that a schema asks for; None without one, or for what can't be a name."""
        override = node.keywords.get(OVERRIDE)
        if override is None:
            return None
        if isinstance(override, str) and is_override(override):
            document = self._store.document(node.schema)
            if document is None or not is_event(document) or not is_event_type(override):
                return override
            message = f"x-tightbeam-name {quoted(override)} ends in Event, as the event's own type does"
            self._problems.error(self._store.place(node.schema, OVERRIDE), message, "Choose another ending.")
            return None
        message = f"x-tightbeam-name {quoted(str(override))} can be neither a class's name nor a property's"
        remedy = (
            "A class's is in CamelCase (not ending in Message, Dict or Channel), a property's in lower case."
        )
        self._problems.error(self._store.place(node.schema, OVERRIDE), message, remedy)
        return None

    # -- budgets ---------------------------------------------------------------------------------------------

    def too_deep(self, node: Node, most: int) -> None:
        """Report that schemas are nested too deep."""
        self._problems.error(
            self._store.place(node.schema),
            f"schemas are nested more than {most} levels deep, those that they refer to included",
            "Flatten them, or write `true` where the rest of a chain begins.",
        )

    def too_much(self, node: Node, growth: int) -> None:
        """Report that schemas expand to too many shapes."""
        self._problems.error(
            self._store.place(node.schema),
            f"the definitions expand to more than {growth} times their own size",
            "Combine fewer of them in one place: `allOf` and `$ref` multiply here.",
        )
