"""Resolve the alternatives of formulas: what is left is atoms that must all hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tightbeam_codegen.compare.containment.formulas import Formula, KeySet, Literal, has_marks
from tightbeam_codegen.compare.containment.goals import Goals
from tightbeam_codegen.compare.containment.objects import ObjectDemands, find_object, has_key
from tightbeam_codegen.compare.containment.outcomes import Nothing
from tightbeam_codegen.compare.containment.texts import contradicts_text

__all__ = ["Conjunction"]


class Conjunction:
    """Atoms that must hold together, of a value of one type.

    Args:
        kind: the type.
        solver: tells what is impossible.
    """

    def __init__(self, kind: str, solver: Goals) -> None:
        self.kind = kind
        self._solver = solver
        self.atoms: list[Formula] = []
        self._set: set[Formula] = set()
        self.values: list[str] | None = None
        """The texts of the values that there are, if the atoms name them."""
        self.objects = ObjectDemands()
        self.doubt = ""
        self._pending: list[Formula] = []

    def _copy(self) -> Conjunction:
        copied = Conjunction(self.kind, self._solver)
        copied.atoms, copied._set = list(self.atoms), set(self._set)
        copied.values = None if self.values is None else list(self.values)
        copied.objects = self.objects.copy()
        copied.doubt = self.doubt
        copied._pending = list(self._pending)
        return copied

    def leaves(self, formulas: Iterable[Formula]) -> Iterator[Conjunction]:
        """Yield the conjunctions that some formulas come to, without those that contradict themselves."""
        for formula in formulas:
            if not self._add(formula):
                return
        yield from self._resolved()

    def _resolved(self) -> Iterator[Conjunction]:
        self._solver.spend()
        marked = [each for each in self._pending if self.kind == "object" and has_marks(each)]
        if not marked and not self._simplify():
            return
        if not self._pending:
            yield self
            return
        formula = min(marked or self._pending, key=lambda each: len(each[1]))
        rest = [each for each in self._pending if each is not formula]
        for option in formula[1]:
            copied = self._copy()
            copied._pending = list(rest)
            if copied._add(option):
                yield from copied._resolved()

    def _add(self, formula: Formula) -> bool:
        """Add a formula. Returns False if it contradicts those that are there."""
        if formula[0] == "and":
            return all(self._add(part) for part in formula[1])
        if formula[0] == "or":
            if not formula[1]:
                return False
            self._pending.append(formula)
            return True
        if formula in self._set:
            return True
        self._set.add(formula)
        match formula:
            case ("unknown", reason):
                self.doubt = self.doubt or reason
                return True
            case ("in", texts):
                self.values = [text for text in texts if self.values is None or text in self.values]
                return bool(self.values)
            case _:
                self.atoms.append(formula)
        if self.kind == "object":
            self.objects.add(formula)
            # Demands of some key are judged later, when it is known what a publisher's classes declare.
            return formula[0] == "some" or not self._contradicts_object([formula])
        return self.kind != "string" or not contradicts_text(self.atoms)

    def _simplify(self) -> bool:
        """Leave out alternatives that are contradicted, and those that hold anyway."""
        is_progress = True
        while is_progress:
            is_progress = False
            for formula in list(self._pending):
                if formula not in self._pending:
                    continue
                self._solver.spend()
                if any(self._holds(option) for option in formula[1]):
                    self._pending.remove(formula)
                    continue
                left = [option for option in formula[1] if not self._contradicts(option)]
                if not left:
                    return False
                if len(left) < len(formula[1]) or len(left) == 1:
                    is_progress = True
                    self._pending.remove(formula)
                    if len(left) > 1:
                        self._pending.append(("or", tuple(left)))
                    elif not self._add(left[0]):
                        return False
        return True

    # -- what contradicts, and what holds ----------------------------------------------------------------

    def _contradicts(self, option: Formula) -> bool:
        """Return whether an option contradicts the atoms, as far as that is found out with little work."""
        atoms = [option] if option[0] != "and" else [each for each in option[1] if each[0] != "or"]
        if not atoms or option[0] == "or":
            return False
        if self.kind == "object":
            return self._contradicts_object(atoms)
        if self.kind == "string":
            return contradicts_text([*self.atoms, *atoms])
        if self.values is not None or self.kind == "number":
            return self._has_no_value(atoms)
        return False

    def _has_no_value(self, atoms: list[Formula]) -> bool:
        tried = Conjunction(self.kind, self._solver)
        tried.atoms, tried.values = list(self.atoms), self.values
        tried._set = set(self._set)
        if not all(tried._add(atom) for atom in atoms):
            return True
        return not tried._pending and self._solver.has_no_value(self.kind, tried.atoms, tried.values)

    def _contradicts_object(self, atoms: list[Formula]) -> bool:
        demands = self.objects
        named: dict[str, set[Literal]] = {}
        needed: set[str] = set()
        for atom in atoms:
            match atom:
                case ("has", name):
                    if name in demands.lacks:
                        return True
                    needed.add(name)
                    named.setdefault(name, set())
                case ("lacks", name):
                    if name in demands.has or name in needed:
                        return True
                case ("property", name, literal):
                    named.setdefault(name, set()).add(literal)
                case ("somekey" | "some", keys, literal):
                    if atom[0] == "some" and self._has_no_key(keys, literal):
                        return True
                case ("all", keys, literal):
                    for name in demands.has:
                        if has_key(keys, name):
                            named.setdefault(name, set()).add(literal)
                case _:
                    pass
        return any(
            (name in needed or name in demands.has)
            and self._solver.is_impossible(demands.literals(name) | literals)
            for name, literals in named.items()
        )

    def _has_no_key(self, keys: KeySet, literal: Literal) -> bool:
        """Return whether it is proven that no key of some can have a value that fits a literal."""
        if any(map(has_marks, self._pending)):
            return False
        demands = self.objects
        tried = ObjectDemands(
            lacks=demands.lacks,
            properties=demands.properties,
            all=demands.all,
            keys=demands.keys,
            declared=demands.declared,
            is_open=demands.is_open,
        )
        tried.some = [(keys, literal)]
        return isinstance(find_object(tried, self._solver), Nothing)

    def _holds(self, option: Formula) -> bool:
        """Return whether an option holds anyway, as far as that is found out with little work."""
        atoms = option[1] if option[0] == "and" else [option]
        return all(self._holds_atom(atom) for atom in atoms)

    def _holds_atom(self, atom: Formula) -> bool:
        if atom in self._set:
            return True
        if self.kind != "object":
            return False
        match atom:
            case ("property", name, literal):
                if name in self.objects.lacks:
                    return True
                return name in self.objects.has and self._solver.is_impossible(
                    self.objects.literals(name) | {literal.negated()}
                )
            case _:
                return False
