"""Say what a schema demands of a value of one type, as a formula.

Other types' keywords say nothing of it, so that most of a schema falls away at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from tightbeam_codegen.compare.containment.evaluated import EvaluatedCase, evaluated_cases
from tightbeam_codegen.compare.containment.formulas import (
    EVERY_KEY,
    FALSE,
    TRUE,
    Formula,
    KeySet,
    Literal,
    all_of,
    any_of,
    negation,
    unknown,
)
from tightbeam_codegen.compare.containment.nodes import Node, UnsupportedError, elements
from tightbeam_codegen.compare.containment.objects import has_key
from tightbeam_codegen.compare.containment.publishing import SAID, marks
from tightbeam_codegen.compare.containment.reading import Case, Place, tags_of
from tightbeam_codegen.compare.containment.scalars import among, number, string

__all__ = ["Translator"]

_MAX_DEPTH = 60
_MAX_ENUM = 3_000
_MAX_SIZE = 20_000


class Translator:
    """Translates schemas.

    Args:
        are_disjoint: tells whether no value fits two literals, if that is easily found out.
        spend: counts what is done.
    """

    def __init__(
        self, are_disjoint: Callable[[Literal, Literal], bool], spend: Callable[[int], None]
    ) -> None:
        self._are_disjoint = are_disjoint
        self._spend = spend
        self._known: dict[tuple[Literal, str], Formula] = {}
        self._plain: dict[tuple[Node, str, Any, Case | None], Formula] = {}
        self._sizes: dict[int, tuple[int, Formula]] = {}
        self._negations: dict[int, tuple[Formula, Formula]] = {}
        self._tags: dict[Node, dict[str, frozenset[str]]] = {}
        self._active: set[tuple[Node, str, Any, Case | None]] = set()

    def formula(self, literal: Literal, kind: str) -> Formula:
        """Return what a literal demands of a value of a type."""
        key = (literal, kind)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._translate(literal, kind)
        return known

    def _translate(self, literal: Literal, kind: str) -> Formula:
        node, is_positive, view = literal
        if view is SAID and not is_positive:
            view = None
        if kind != "object" or not isinstance(view, Place):
            formula = self._of(node, kind, view, None)
            return formula if is_positive else self.negated(formula)
        try:
            cases = view.cases()
        except UnsupportedError as error:
            return unknown(str(error))
        options: list[Formula] = []
        for case in cases:
            formula = self._of(node, kind, view, case)
            options.append(all_of([*case.conditions, formula if is_positive else self.negated(formula)]))
        return any_of(options)

    def _of(self, node: Node, kind: str, view: Any, case: Case | None) -> Formula:
        """Return what a node demands; in place, so with the same view, of what it is made of."""
        if _is_of_another_type(node, kind):
            return FALSE
        key = (node, kind, view, case)
        if (known := self._plain.get(key)) is not None:
            return known
        if key in self._active or len(self._active) > _MAX_DEPTH:
            return unknown("a reference leads back to itself without passing an object or array")
        self._spend(1)
        self._active.add(key)
        try:
            formula = _Schema(self, node, kind, view, case).formula()
        except UnsupportedError as error:
            formula = unknown(str(error))
        finally:
            self._active.discard(key)
        size = self._size(formula)
        self._spend(size // 100)
        if size > _MAX_SIZE:
            formula = unknown("the schemas are too large to be compared")
        if not self._active or formula[0] != "unknown":
            self._plain[key] = formula
        return formula

    def _size(self, formula: Formula) -> int:
        """Return how many atoms a formula has, those that stand in it several times counted each time."""
        if formula[0] not in ("and", "or"):
            return 1
        if (known := self._sizes.get(id(formula))) is None:
            size = 1 + sum(map(self._size, formula[1]))
            known = self._sizes[id(formula)] = (size, formula)  # so that its id stays its own
        return known[0]

    def negated(self, formula: Formula) -> Formula:
        """Return the negation of a formula, worked out once."""
        if (known := self._negations.get(id(formula))) is None:
            known = self._negations[id(formula)] = (negation(formula), formula)
        return known[0]

    def of(self, node: Node, kind: str, view: Any, case: Case | None) -> Formula:
        """Return what a node demands in the place of another one."""
        return self._of(node, kind, view, case)

    def are_disjoint(self, first: Literal, second: Literal, kind: str) -> bool:
        """Return whether no value of a type fits two literals, if that is easily found out."""
        if kind == "object" and self._are_tagged_apart(first.node, second.node):
            return True
        self._spend(1)
        return self._are_disjoint(first, second)

    def spend(self, steps: int) -> None:
        """Count what is done."""
        self._spend(steps)

    def _are_tagged_apart(self, first: Node, second: Node) -> bool:
        """Return whether a property that both demand has no value in common, which needs no search."""
        tags, others = (self._tags_of(node) for node in (first, second))
        return any(texts.isdisjoint(others[name]) for name, texts in tags.items() if name in others)

    def _tags_of(self, node: Node) -> dict[str, frozenset[str]]:
        if (known := self._tags.get(node)) is None:
            known = self._tags[node] = tags_of(node)
        return known


class _Schema:
    """One schema, in one view."""

    def __init__(self, translator: Translator, node: Node, kind: str, view: Any, case: Case | None) -> None:
        self.translator = translator
        self.node = node
        self.kind = kind
        self.view = view
        self.case = case
        self.keywords = node.keywords

    def formula(self) -> Formula:
        """Return what it demands."""
        schema = self.node.schema
        if isinstance(schema, bool):
            return TRUE if schema else FALSE
        parts = [*self._any_kind()]
        if FALSE in parts:
            return FALSE
        match self.kind:
            case "number":
                parts += number(self.keywords, self.node.year)
            case "string":
                parts += string(self.keywords, self.node)
            case "array":
                parts += self._array()
            case "object":
                parts += self._object()
            case _:
                pass
        parts += self._in_place()
        return all_of(parts)

    # -- in place --------------------------------------------------------------------------------------------

    def _any_kind(self) -> Iterator[Formula]:
        keywords, kind, year = self.keywords, self.kind, self.node.year
        if "type" in keywords:
            names = [keywords["type"]] if isinstance(keywords["type"], str) else keywords["type"]
            if kind == "number" and "number" not in names:
                integer: Formula = ("spelt",) if year == 4 else ("multiple", Fraction(1))
                yield integer if "integer" in names else FALSE
            elif kind not in names:
                yield FALSE
        values: list[Any] | None = keywords.get("enum")
        if values is not None:
            if len(values) > _MAX_ENUM:
                raise UnsupportedError("an enumeration is too long")
            yield among(kind, values)
        if "const" in keywords and year >= 6:
            yield among(kind, [keywords["const"]])

    def _in_place(self) -> Iterator[Formula]:
        keywords = self.keywords
        for keyword, since in (("$ref", 4), ("$dynamicRef", 2020), ("$recursiveRef", 2019)):
            if isinstance(keywords.get(keyword), str) and since <= self.node.year:
                if keyword == "$recursiveRef" and self.node.year != 2019:
                    continue
                yield self._same(self.node.target(keyword))
        for index in range(len(keywords.get("allOf", ()))):
            yield self._same(self.node.child("allOf", index))
        if "anyOf" in keywords:
            children = [self.node.child("anyOf", index) for index in range(len(keywords["anyOf"]))]
            yield any_of([self._same(child) for child in children])
        if "oneOf" in keywords:
            yield self._one_of([self.node.child("oneOf", index) for index in range(len(keywords["oneOf"]))])
        if "not" in keywords:
            yield self.translator.negated(self._plain(self.node.child("not")))
        if "if" in keywords and self.node.year >= 7:
            condition = self._plain(self.node.child("if"))
            then = self._same(self.node.child("then")) if "then" in keywords else TRUE
            otherwise = self._same(self.node.child("else")) if "else" in keywords else TRUE
            yield any_of([all_of([condition, then]), all_of([self.translator.negated(condition), otherwise])])

    def _same(self, node: Node) -> Formula:
        return self.translator.of(node, self.kind, self.view, self.case)

    def _plain(self, node: Node) -> Formula:
        """Return what a node demands that isn't what a writer says."""
        view = None if self.view is SAID else self.view
        return self.translator.of(node, self.kind, view, self.case)

    def _one_of(self, children: list[Node]) -> Formula:
        view = None if self.view is SAID else self.view
        self.translator.spend(len(children) ** 2 // 300)
        # Equal branches are one node, so that only their places tell them apart.
        plain = [
            (each, formula) for each in enumerate(children) if (formula := self._plain(each[1])) != FALSE
        ]
        options: list[Formula] = []
        for (index, child), _ in plain:
            others = [
                self.translator.negated(formula)
                for (place, other), formula in plain
                if place != index
                and not self.translator.are_disjoint(
                    Literal(child, True, view), Literal(other, True, view), self.kind
                )
            ]
            options.append(all_of([self._same(child), *others]))
        return any_of(options)

    # -- arrays and objects ----------------------------------------------------------------------------------

    def _array(self) -> Iterator[Formula]:
        keywords, node = self.keywords, self.node
        if keywords.get("minItems", 0) > 0:
            yield ("minitems", int(keywords["minItems"]))
        if "maxItems" in keywords:
            yield ("maxitems", int(keywords["maxItems"]))
        if keywords.get("uniqueItems") is True:
            yield ("unique",)
        prefix, rest = elements(node)
        for index, child in enumerate(prefix):
            yield self._items(index, index + 1, child)
        if rest is not None:
            yield self._items(len(prefix), None, rest)
        if "contains" in keywords and node.year >= 6:
            yield from self._contains(node.child("contains"))
        if "unevaluatedItems" in keywords and node.year >= 2019:
            yield self._unevaluated("unevaluatedItems")

    def _contains(self, child: Node) -> Iterator[Formula]:
        least, most = 1, None
        if self.node.year >= 2019:
            least, most = int(self.keywords.get("minContains", 1)), self.keywords.get("maxContains")
        view = self.view.any_item() if isinstance(self.view, Place) else None
        if least > 0:
            yield ("contains", Literal(child, True, view), least)
        if most is not None:
            yield ("fewer", Literal(child, True, view), int(most) + 1)

    def _items(self, start: int, end: int | None, child: Node) -> Formula:
        """Return that all items in a range fit a schema."""
        if child.schema is True:
            return TRUE
        if not isinstance(self.view, Place):
            return ("items", start, end, Literal(child, True, self.view))
        place = self.view
        apart = max(start, place.prefix)
        last = apart if end is None else min(end, apart)
        parts: list[Formula] = [
            ("items", index, index + 1, Literal(child, True, place.item(index)))
            for index in range(start, last)
        ]
        if end is None or end > apart:
            parts.append(("items", apart, end, Literal(child, True, place.item(apart))))
        return all_of(parts)

    def _object(self) -> Iterator[Formula]:
        keywords, node = self.keywords, self.node
        visible = self.case.visible if self.case is not None else None
        every = EVERY_KEY._replace(visible=visible)
        if self.view is SAID:
            yield from marks(keywords)
        required = keywords.get("required")
        for name in required if isinstance(required, list) else ():
            yield self._has(name)
        if keywords.get("minProperties", 0) > 0:
            yield ("minprops", int(keywords["minProperties"]), every)
        if "maxProperties" in keywords:
            yield ("maxprops", int(keywords["maxProperties"]), every)
        names = keywords.get("properties", {})
        for name, schema in names.items():
            if schema is not True and schema != {} and self._is_visible(name):
                yield ("property", name, Literal(node.child("properties", name), True, self._below(name)))
        patterns = tuple(keywords.get("patternProperties", ()))
        for pattern in patterns:
            yield self._all(every._replace(match=(pattern,)), node.child("patternProperties", pattern))
        if keywords.get("additionalProperties", True) is not True:
            others = every._replace(without=frozenset(names), no_match=patterns)
            yield self._all(others, node.child("additionalProperties"))
        if "propertyNames" in keywords and node.year >= 6:
            yield ("keys", every, Literal(node.child("propertyNames")))
        yield from self._dependencies()
        if "unevaluatedProperties" in keywords and node.year >= 2019:
            yield self._unevaluated("unevaluatedProperties")

    def _has(self, name: str) -> Formula:
        return ("has", name) if self._is_visible(name) else FALSE

    def _lacks(self, name: str) -> Formula:
        return ("lacks", name) if self._is_visible(name) else TRUE

    def _is_visible(self, name: str) -> bool:
        return self.case is None or self.case.is_visible(name)

    def _below(self, name: str) -> Any:
        return self.case.below(name) if self.case is not None else self.view

    def _all(self, keys: KeySet, child: Node) -> Formula:
        """Return that the values of some keys fit a schema."""
        if self.case is None:
            return ("all", keys, Literal(child, True, self.view))
        # What is passed over in the value of a property depends on all schemas that apply to it.
        names = self.case.names
        parts: list[Formula] = [
            ("property", name, Literal(child, True, self._below(name)))
            for name in sorted(names)
            if has_key(keys, name)
        ]
        others = keys._replace(without=keys.without | names)
        return all_of([*parts, ("all", others, Literal(child, True, self.case.below_others()))])

    def _dependencies(self) -> Iterator[Formula]:
        year = self.node.year
        for keyword in ("dependencies", "dependentRequired", "dependentSchemas"):
            if keyword not in self.keywords or (keyword != "dependencies" and year < 2019):
                continue
            for name, needed in self.keywords[keyword].items():
                if isinstance(needed, list):
                    then = all_of(self._has(each) for each in needed)
                else:
                    then = self._same(self.node.child(keyword, name))
                yield any_of([self._lacks(name), all_of([self._has(name), then])])

    # -- unevaluated -----------------------------------------------------------------------------------------

    def _unevaluated(self, keyword: str) -> Formula:
        child = self.node.child(keyword)
        options: list[Formula] = []
        for case in evaluated_cases(self.node, keyword):
            conditions = [
                condition if holds else self.translator.negated(condition)
                for condition, holds in ((self._plain(node), holds) for node, holds in case.conditions)
            ]
            for name, is_there in case.present:
                conditions.append(self._has(name) if is_there else self._lacks(name))
            options.append(all_of([*conditions, self._rest(case, child)]))
        return any_of(options)

    def _rest(self, case: EvaluatedCase, child: Node) -> Formula:
        """Return what an unevaluated keyword demands of what is left over."""
        if case.everything or child.schema is True:
            return TRUE
        if self.kind == "object":
            visible = self.case.visible if self.case is not None else None
            return self._all(KeySet(case.names, case.patterns, (), visible), child)
        if not case.contains:
            return self._items(case.items, None, child)
        if isinstance(self.view, Place):
            raise UnsupportedError("unevaluatedItems beside contains can't be compared")
        schemas = [child, *case.contains]
        return ("items", case.items, None, Literal(self.node.owner.any_of(self.node, schemas), True, None))


def _is_of_another_type(node: Node, kind: str) -> bool:
    """Return whether a schema asks for one type, which is another one."""
    schema = node.schema
    if not isinstance(schema, dict) or (node.year <= 7 and "$ref" in schema):
        return False
    stated = schema.get("type")
    return isinstance(stated, str) and stated != kind and (kind != "number" or stated != "integer")
