"""Flatten a schema: list the plain schemas that must all hold, with each `allOf` and `$ref` opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tightbeam_codegen.json_schema.keywords import ASSERTING
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.resolve import Node, SchemaStore, Unresolved

__all__ = ["OPENED", "Flattener", "Part"]

_MAX_PARTS = 500

OPENED = frozenset(["allOf", "$ref"])
"""Keywords that a part of a flattened schema is without, since it would be opened again and again."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A schema that must hold, without some of its keywords: those that other parts stand for."""

    node: Node
    without: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[int | bool, frozenset[str]]:
        """Equal for the same demand."""
        return (self.node.key, self.without)

    @property
    def asserts(self) -> frozenset[str]:
        """The keywords that demand something."""
        return ASSERTING.intersection(self.node.keywords) - self.without

    def get(self, keyword: str) -> Any:
        """Return the value of a keyword; None where the part is without it."""
        return None if keyword in self.without else self.node.keywords.get(keyword)


class Flattener:
    """Opens references. A reference that leads nowhere is reported once and demands nothing.

    Args:
        store: follows references.
        problems: takes those that lead nowhere.
    """

    def __init__(self, store: SchemaStore, problems: Problems) -> None:
        self._store = store
        self._problems = problems
        self._broken: set[int | bool] = set()

    def is_broken(self, node: Node) -> bool:
        """Return whether a reference of this schema leads nowhere, as far as it was followed."""
        return node.key in self._broken

    def through(self, node: Node) -> Node:
        """Return the schema that a node is nothing but a reference to, or the node itself."""
        seen: set[int | bool] = set()
        while isinstance(node.schema, dict) and node.key not in seen:
            if "$ref" not in node.schema and "allOf" not in node.schema:
                break  # most schemas: the rest needn't be computed
            seen.add(node.key)
            asserts = ASSERTING.intersection(node.keywords)
            if "$ref" in asserts and (len(asserts) == 1 or node.dialect.ref_hides_siblings):
                target = self.follow(node)
            elif asserts == frozenset(["allOf"]) and len(node.keywords["allOf"]) == 1:
                target = self._store.child(node, node.keywords["allOf"][0])
            else:
                break
            if target is None:
                break
            node = target
        return node

    def follow(self, node: Node) -> Node | None:
        """Return the target of a node's `$ref`; None, and an error, where it leads nowhere."""
        reference = node.keywords["$ref"]
        if not isinstance(reference, str):
            return None
        try:
            return self._store.follow(node, reference)
        except Unresolved as error:
            self._report(node, "$ref", error)
            return None

    def _report(self, node: Node, keyword: str, error: Unresolved) -> None:
        self._broken.add(node.key)
        if error.message:
            self._problems.error(self._store.place(node.schema, keyword), error.message, error.remedy)

    def flatten(self, parts: Iterable[Part]) -> list[Part] | None:
        """Open every reference and `allOf` of some parts; None if one of the schemas is `false`."""
        flat: dict[tuple[int | bool, frozenset[str]], Part] = {}
        stack = list(parts)[::-1]
        seen: set[tuple[int | bool, frozenset[str]]] = set()
        while stack:
            part = stack.pop()
            node = part.node
            if node.schema is False:
                return None
            if node.schema is True or part.key in seen or len(seen) > _MAX_PARTS:
                continue
            seen.add(part.key)
            is_open = part.without >= OPENED
            opened = [] if is_open else [Part(target) for target in self._targets(node)]
            if not ("$ref" in node.keywords and node.dialect.ref_hides_siblings):
                if node.dialect.applies and not is_open:
                    opened += [
                        Part(self._store.child(node, schema)) for schema in node.keywords.get("allOf", ())
                    ]
                if node.dialect.validates:
                    part = Part(node, part.without | OPENED)
                    flat[part.key] = part
            stack.extend(reversed(opened))
        return list(flat.values())

    def _targets(self, node: Node) -> list[Node]:
        targets: list[Node | None] = []
        if "$ref" in node.keywords:
            targets.append(self.follow(node))
        elif node.dialect.year == 2019 and isinstance(node.keywords.get("$recursiveRef"), str):
            targets.append(self._static(node, "$recursiveRef", "$recursiveAnchor"))
        if node.dialect.year == 2020 and isinstance(node.keywords.get("$dynamicRef"), str):
            targets.append(self._static(node, "$dynamicRef", "$dynamicAnchor"))
        return [target for target in targets if target is not None]

    def _static(self, node: Node, keyword: str, anchor: str) -> Node | None:
        """Return the target of a dynamic reference if it isn't a dynamic anchor; else None, for anything."""
        try:
            target = self._store.follow(node, node.keywords[keyword], keyword)
        except Unresolved as error:
            self._report(node, keyword, error)
            return None
        dynamic = anchor in target.keywords
        return None if dynamic else target
