"""Find a value that fits some schemas and doesn't fit others, or prove that there is none.

That is how containment is decided: what a writer says and a reader doesn't take. A goal is a set of
literals. For each type of JSON they become a formula, whose alternatives are tried one by one; those that
contradict what is demanded already are left out first. What stands inside of arrays and objects is a goal of
its own.

A goal that comes up again inside of itself has no value there: the value around it would not be the smallest
one. So schemas may refer to themselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from tightbeam_codegen.compare.containment.alternatives import Conjunction
from tightbeam_codegen.compare.containment.arrays import find_array
from tightbeam_codegen.compare.containment.evaluation import classes_said, evaluate
from tightbeam_codegen.compare.containment.formulas import FALSE, Formula, Literal
from tightbeam_codegen.compare.containment.nodes import NodeTable
from tightbeam_codegen.compare.containment.numbers import find_number
from tightbeam_codegen.compare.containment.objects import ObjectDemands, find_object
from tightbeam_codegen.compare.containment.outcomes import NOTHING, Found, Nothing, Outcome, Unknown
from tightbeam_codegen.compare.containment.publishing import SAID
from tightbeam_codegen.compare.containment.texts import find_text
from tightbeam_codegen.compare.containment.translate import Translator
from tightbeam_codegen.compare.containment.values import KINDS, kind_of, value_of
from tightbeam_codegen.read.load import JsonValue

__all__ = ["TOO_DEEP", "OutOfStepsError", "Solver"]

TOO_DEEP = "schemas are nested too deep to be compared"
_ENDLESS = 1 << 30
_FEW = {"null": ["null"], "boolean": ["false", "true"]}
"""The texts of the values of types that have few."""


class OutOfStepsError(Exception):
    """The search ended before it was complete."""


class Solver:
    """Solves goals.

    Args:
        table: makes nodes.
        steps: how much may be tried.
        depth: how deep arrays and objects may be nested.
    """

    def __init__(self, table: NodeTable, steps: int, depth: int) -> None:
        self._table = table
        self._steps = steps
        self._depth = depth
        self._translator = Translator(self._are_disjoint, self.spend)
        self._known: dict[frozenset[Literal], Outcome] = {}
        self._texts: dict[frozenset[Formula], Outcome] = {}
        self._active: dict[frozenset[Literal], int] = {}
        self._lowest = _ENDLESS
        """The depth of the outermost active goal that was met again."""
        self._comparing: set[frozenset[Literal]] = set()

    def spend(self, steps: int = 1) -> None:
        """Count what is tried. Raises `OutOfStepsError` when it was enough."""
        self._steps -= steps
        if self._steps < 0:
            raise OutOfStepsError

    def solve(self, goal: frozenset[Literal]) -> Outcome:
        """Find a value that all literals of a goal hold of."""
        if (known := self._known.get(goal)) is not None:
            return known
        if _is_contradictory(goal):
            return NOTHING
        if (depth := self._active.get(goal)) is not None:
            self._lowest = min(self._lowest, depth)
            return NOTHING
        self.spend()
        depth = len(self._active)
        if depth >= self._depth:
            return Unknown(TOO_DEEP)
        around, self._lowest = self._lowest, _ENDLESS
        self._active[goal] = depth
        try:
            outcome = self._solve(goal)
        finally:
            del self._active[goal]
            lowest, self._lowest = self._lowest, min(around, self._lowest)
        if lowest >= depth:
            self._lowest = around  # it depends on nothing but itself
            self._known[goal] = outcome
        elif isinstance(outcome, Found):
            self._known[goal] = outcome
        return outcome

    def _solve(self, goal: frozenset[Literal]) -> Outcome:
        doubtful: Outcome = NOTHING
        literals = sorted(goal, key=_order)
        for kind in KINDS:
            formulas: list[Formula] = []
            for literal in literals:
                formulas.append(self._translator.formula(literal, kind))
                if formulas[-1] == FALSE:
                    break
            else:
                outcome = self._search(formulas, kind)
                if isinstance(outcome, Found) and not outcome.doubt:
                    return outcome
                doubtful = _more_useful(doubtful, outcome)
        return doubtful

    def _search(self, formulas: Iterable[Formula], kind: str) -> Outcome:
        doubtful: Outcome = NOTHING
        for atoms in Conjunction(kind, self).leaves(formulas):
            outcome = self._leaf(atoms, kind)
            if isinstance(outcome, Found) and not outcome.doubt:
                return outcome
            doubtful = _more_useful(doubtful, outcome)
        return doubtful

    def _leaf(self, found: Conjunction, kind: str) -> Outcome:
        """Find a value of a type of which all atoms of a conjunction hold."""
        self.spend()
        outcome = self._value(kind, found.atoms, found.values, found.objects)
        if found.doubt and isinstance(outcome, Found) and not outcome.doubt:
            return Found(outcome.value, found.doubt)
        return outcome

    def _value(
        self, kind: str, atoms: list[Formula], texts: list[str] | None, objects: ObjectDemands
    ) -> Outcome:
        if texts is None and kind in _FEW:
            texts = _FEW[kind]
        if texts is not None:
            return self._among(texts, atoms)
        match kind:
            case "number":
                return find_number(atoms)
            case "string":
                return self._text(atoms)
            case "array":
                return find_array(atoms, self)
            case _:
                return find_object(objects, self)

    def _among(self, texts: Iterable[str], atoms: list[Formula]) -> Outcome:
        """Find one of some values of which all atoms hold."""
        unsure: Outcome = NOTHING
        for value in _spelt(map(value_of, texts), atoms):
            results = [evaluate(atom, value, self.holds) for atom in atoms]
            if False not in results and self._is_said(value, atoms):
                if None not in results:
                    return Found(value)
                unsure = Found(value, "an enumeration's value can't be judged")
        return unsure

    @staticmethod
    def _is_said(value: Any, atoms: list[Formula]) -> bool:
        """Return whether a publisher's class declares all properties of an object."""
        if not isinstance(value, dict) or ("open",) in atoms:
            return True
        declared = [atom[1] for atom in atoms if atom[0] == "declares"]
        return not declared or value.keys() <= frozenset[str]().union(*declared)

    def find_string(self, atoms: list[Formula], literals: list[Literal]) -> Outcome:
        """Find a string of which some atoms and literals hold."""
        if not literals:
            return self._text(atoms)
        formulas = [self._translator.formula(literal, "string") for literal in literals]
        return self._search([*atoms, *formulas], "string")

    def _text(self, atoms: list[Formula]) -> Outcome:
        key = frozenset(atoms)
        if (known := self._texts.get(key)) is None:
            known = self._texts[key] = find_text(atoms, self.spend)
        return known

    def holds(self, literal: Literal, value: Any) -> bool | None:
        """Return whether a literal holds of a value; None if that isn't known."""
        self.spend()
        kind = kind_of(value)
        formula = self._translator.formula(literal, kind)
        if literal.view is not SAID or kind != "object":
            return evaluate(formula, value, self.holds)
        classes = classes_said(formula, value, self.holds)
        return None if classes is None else any(each is None or value.keys() <= each for each in classes)

    def none_of(self, texts: frozenset[str]) -> Literal:
        """Return the literal that a value isn't one of some (`values.text_of`)."""
        return Literal(self._table.of_texts(texts), is_positive=False)

    def is_impossible(self, goal: frozenset[Literal]) -> bool:
        """Return whether it is proven that a goal has no value."""
        return isinstance(self.solve(goal), Nothing)

    def has_no_value(self, kind: str, atoms: list[Formula], texts: list[str] | None) -> bool:
        """Return whether it is proven that no value of a type, or none of some, fits all atoms."""
        return isinstance(self._value(kind, atoms, texts, ObjectDemands()), Nothing)

    def _are_disjoint(self, first: Literal, second: Literal) -> bool:
        goal = frozenset([first, second])
        if goal in self._comparing or len(self._comparing) > 3:
            return False
        with self._aside(goal):
            return self.is_impossible(goal)

    @contextlib.contextmanager
    def _aside(self, goal: frozenset[Literal]) -> Generator[None]:
        """Solve a goal for itself, whatever is being solved."""
        active, lowest = self._active, self._lowest
        self._active, self._lowest = {}, _ENDLESS
        self._comparing.add(goal)
        try:
            yield
        finally:
            self._comparing.discard(goal)
            self._active, self._lowest = active, lowest


def _spelt(values: Iterable[JsonValue], atoms: list[Formula]) -> Iterator[JsonValue]:
    """Yield values; whole numbers as 1.0 too where an atom makes a difference, as in draft 4."""
    for value in values:
        yield value
        if isinstance(value, int) and not isinstance(value, bool) and ("notspelt",) in atoms:
            with contextlib.suppress(OverflowError):
                yield float(value)


def _is_contradictory(goal: frozenset[Literal]) -> bool:
    """Return whether a goal asks for a value that fits a schema and doesn't fit it.

    What fits a schema has nothing that a tolerant reader of the schema passes over.
    """
    if len(goal) < 2:
        return False
    taken = {literal.node: literal.view for literal in goal if literal.is_positive}
    for literal in goal:
        if not literal.is_positive and literal.node in taken:
            view = taken[literal.node]
            if view is literal.view or (view in (None, SAID) and _spares_open(literal.view)):
                return True
    return False


def _order(literal: Literal) -> tuple[bool, int, bool]:
    """Sort literals: those first that most types contradict, and equal goals alike."""
    return not literal.is_positive, literal.node.number, literal.view is None or _spares_open(literal.view)


def _spares_open(view: Any) -> bool:
    return view in (None, SAID) or view.places.spares_open


def _more_useful(first: Outcome, second: Outcome) -> Outcome:
    """Return a doubtful value rather than none, and none that isn't proven rather than a proof."""
    for kind in (Found, Unknown):
        for outcome in (first, second):
            if isinstance(outcome, kind):
                return outcome
    return NOTHING
