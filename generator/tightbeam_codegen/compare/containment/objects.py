"""Find an object that fits demands on its properties, its keys and their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tightbeam_codegen.compare.containment.formulas import EVERY_KEY, Formula, KeySet, Literal
from tightbeam_codegen.compare.containment.goals import Goals
from tightbeam_codegen.compare.containment.matching import matches
from tightbeam_codegen.compare.containment.outcomes import NOTHING, Found, Nothing, Outcome, Unknown
from tightbeam_codegen.compare.containment.values import text_of

__all__ = ["ObjectDemands", "find_object", "has_key"]

_MAX_KEYS = 300
_MAX_PATTERNS = 5
_MAX_TRIES = 100


def has_key(keys: KeySet, name: str) -> bool:
    """Return whether a name is among some keys."""
    visible = keys.visible
    return (
        name not in keys.without
        and not any(matches(pattern, name) for pattern in keys.no_match)
        and all(matches(pattern, name) for pattern in keys.match)
        and (
            visible is None
            or name in visible.names
            or any(matches(pattern, name) for pattern in visible.patterns)
        )
    )


@dataclass(slots=True)
class ObjectDemands:
    """What an object must fit."""

    has: dict[str, None] = field(default_factory=dict)
    lacks: set[str] = field(default_factory=set)
    properties: dict[str, set[Literal]] = field(default_factory=dict)
    all: list[tuple[KeySet, Literal]] = field(default_factory=list)
    some: list[tuple[KeySet, Literal]] = field(default_factory=list)
    keys: list[tuple[KeySet, Literal]] = field(default_factory=list)
    some_keys: list[tuple[KeySet, Literal]] = field(default_factory=list)
    least: list[tuple[int, KeySet]] = field(default_factory=list)
    most: list[tuple[int, KeySet]] = field(default_factory=list)
    declared: set[str] | None = None
    is_open: bool = False
    excluded: set[str] = field(default_factory=set)

    def copy(self) -> ObjectDemands:
        """Return a copy."""
        return ObjectDemands(
            dict(self.has),
            set(self.lacks),
            {name: set(literals) for name, literals in self.properties.items()},
            list(self.all),
            list(self.some),
            list(self.keys),
            list(self.some_keys),
            list(self.least),
            list(self.most),
            None if self.declared is None else set(self.declared),
            self.is_open,
            set(self.excluded),
        )

    def add(self, atom: Formula) -> None:
        """Add what an atom demands."""
        match atom:
            case ("has", name):
                self.has[name] = None
            case ("lacks", name):
                self.lacks.add(name)
            case ("property", name, literal):
                self.properties.setdefault(name, set()).add(literal)
            case ("all", keys, literal):
                self.all.append((keys, literal))
            case ("some", keys, literal):
                self.some.append((keys, literal))
            case ("keys", keys, literal):
                self.keys.append((keys, literal))
            case ("somekey", keys, literal):
                self.some_keys.append((keys, literal))
            case ("minprops", count, keys):
                self.least.append((count, keys))
            case ("maxprops", count, keys):
                self.most.append((count, keys))
            case ("declares", names):
                self.declared = (self.declared or set()) | names
            case ("open",):
                self.is_open = True
            case ("notin", texts):
                self.excluded.update(texts)
            case _:
                pass

    def literals(self, name: str) -> frozenset[Literal]:
        """Return what the value of a property must fit, if the property is there."""
        found = set(self.properties.get(name, ()))
        found.update(literal for keys, literal in self.all if has_key(keys, name))
        return frozenset(found)

    def key_literals(self, name: str) -> frozenset[Literal]:
        """Return what a key must fit."""
        return frozenset(literal for keys, literal in self.keys if has_key(keys, name))

    @property
    def is_limited(self) -> bool:
        """Whether a publisher's class declares its properties, and leaves no others open."""
        return self.declared is not None and not self.is_open

    def may_have(self, name: str) -> bool:
        """Return whether a publisher's class has a property of this name."""
        return not self.is_limited or name in (self.declared or ())

    def key_sets(self) -> Iterator[KeySet]:
        """Yield all sets of keys."""
        yield from (keys for keys, _ in (*self.all, *self.some, *self.keys, *self.some_keys))
        yield from (keys for _, keys in (*self.least, *self.most))

    def names(self) -> list[str]:
        """Return all names that anything says something of."""
        names = dict.fromkeys(self.has) | dict.fromkeys(self.properties) | dict.fromkeys(sorted(self.lacks))
        for keys in self.key_sets():
            names |= dict.fromkeys(sorted(keys.without))
            if keys.visible is not None:
                names |= dict.fromkeys(sorted(keys.visible.names))
        names |= dict.fromkeys(sorted(self.declared or ()))
        return list(names)


def find_object(demands: ObjectDemands, solver: Goals) -> Outcome:
    """Find an object.

    Args:
        demands: what it must fit.
        solver: finds values.
    """
    return _Search(demands, solver).find()


class _Search:
    def __init__(self, demands: ObjectDemands, solver: Goals) -> None:
        self._demands = demands
        self._solver = solver
        self._names = demands.names()
        self._values: dict[str, Outcome] = {}
        self._fresh: list[str] = []
        """Keys of no special name that were thought of."""
        self._doubt = ""
        self._tries = 0

    def find(self) -> Outcome:
        """Find an object."""
        demands = self._demands
        if any(name in demands.lacks for name in demands.has):
            return NOTHING
        chosen: dict[str, Found] = {}
        for name in demands.has:
            value = self._value(name)
            if isinstance(value, Nothing):
                return NOTHING
            if isinstance(value, Unknown):
                self._doubt = self._doubt or value.reason
            else:
                chosen[name] = value
        if len(chosen) < len(demands.has):
            return Unknown(self._doubt)
        pending = [(keys, frozenset([literal]), frozenset[Literal]()) for keys, literal in demands.some]
        pending += [(keys, frozenset[Literal](), frozenset([literal])) for keys, literal in demands.some_keys]
        found = self._meet(pending, chosen, {})
        if found is not None:
            return found
        return Unknown(self._doubt) if self._doubt else NOTHING

    # -- demands of some key -----------------------------------------------------------------------------

    def _meet(
        self,
        pending: list[tuple[KeySet, frozenset[Literal], frozenset[Literal]]],
        chosen: dict[str, Found],
        asked: dict[str, frozenset[Literal]],
    ) -> Found | None:
        """Choose a key for each demand of some key, then as many keys as there must be.

        Args:
            pending: the demands, each of a key, its value and itself.
            chosen: the properties so far.
            asked: what demands asked of their values.
        """
        self._tries += 1
        self._solver.spend()
        if any(sum(has_key(keys, name) for name in chosen) > count for count, keys in self._demands.most):
            return None
        if self._tries > _MAX_TRIES:
            self._doubt = self._doubt or "objects have too many forms"
            return None
        if not pending:
            return self._filled(chosen)
        (keys, literals, key_literals), *rest = pending
        fallback: Found | None = None
        for name in self._options(keys, key_literals, chosen):
            together = literals | asked.get(name, frozenset())
            value = self._value(name, together)
            if isinstance(value, Unknown):
                self._doubt = self._doubt or value.reason
            if not isinstance(value, Found):
                continue
            found = self._meet(rest, {**chosen, name: value}, {**asked, name: together})
            if found is not None and not found.doubt:
                return found
            fallback = fallback or found
        return fallback

    def _options(
        self, keys: KeySet, key_literals: frozenset[Literal], chosen: dict[str, Found]
    ) -> Iterator[str]:
        """Yield keys by which a demand of some key can be met."""
        demands = self._demands
        for name in (*chosen, *(name for name in (*self._names, *self._fresh) if name not in chosen)):
            if name not in demands.lacks and has_key(keys, name) and self._fits_key(name, key_literals):
                yield name
        yield from self._fresh_keys(keys, key_literals, frozenset(chosen))

    def _fits_key(self, name: str, more: frozenset[Literal] = frozenset()) -> bool:
        literals = self._demands.key_literals(name) | more
        if not self._demands.may_have(name):
            return False
        held = [self._solver.holds(literal, name) for literal in literals]
        if None in held:
            self._doubt = self._doubt or "names of properties can't be compared"
        return False not in held

    def _value(self, name: str, more: frozenset[Literal] = frozenset()) -> Outcome:
        """Find the value of a property."""
        if not more and name in self._values:
            return self._values[name]
        if not self._fits_key(name):
            return NOTHING
        outcome = self._solver.solve(self._demands.literals(name) | more)
        if not more:
            self._values[name] = outcome
        return outcome

    def _fresh_keys(
        self, keys: KeySet, key_literals: frozenset[Literal], taken: frozenset[str]
    ) -> Iterator[str]:
        """Yield a key of no special name for each way in which patterns can match."""
        demands = self._demands
        if demands.is_limited:
            return
        patterns = list(
            dict.fromkeys(
                pattern
                for each in (keys, *demands.key_sets())
                for pattern in (*each.match, *each.no_match, *(each.visible.patterns if each.visible else ()))
            )
        )
        if len(patterns) > _MAX_PATTERNS:
            self._doubt = self._doubt or "too many patterns of properties can't be compared"
            return
        names = frozenset((*self._names, *self._fresh, *taken))
        for bits in range(1 << len(patterns)):
            matched = [pattern for index, pattern in enumerate(patterns) if bits >> index & 1]
            if not self._is_in(keys, matched):
                continue
            more = [literal for each, literal in demands.keys if self._is_in(each, matched)]
            atoms: list[Formula] = [("match", p) if p in matched else ("nomatch", p) for p in patterns]
            atoms.append(("notin", tuple(map(text_of, sorted(names)))))
            outcome = self._key(atoms, [*more, *key_literals])
            if isinstance(outcome, Found) and isinstance(outcome.value, str):
                self._fresh.append(outcome.value)
                yield outcome.value
            elif isinstance(outcome, Unknown):
                self._doubt = self._doubt or outcome.reason

    def _key(self, atoms: list[Formula], literals: list[Literal]) -> Outcome:
        """Find a key; not the empty one, if there is another one."""
        found = self._solver.find_string([*atoms, ("minlen", 1)], literals)
        return found if isinstance(found, Found) else self._solver.find_string(atoms, literals)

    @staticmethod
    def _is_in(keys: KeySet, matched: list[str]) -> bool:
        """Return whether a key of no special name that matches some patterns is among some keys."""
        return (
            all(pattern in matched for pattern in keys.match)
            and not any(pattern in matched for pattern in keys.no_match)
            and (keys.visible is None or any(pattern in matched for pattern in keys.visible.patterns))
        )

    # -- the number of keys ------------------------------------------------------------------------------

    def _filled(self, chosen: dict[str, Found]) -> Found | None:
        """Add as many keys as there must be, and see that there aren't too many."""
        demands = self._demands
        chosen = dict(chosen)
        for count, keys in sorted(demands.least, key=lambda each: each[1].visible is None):
            if count > _MAX_KEYS:
                self._doubt = self._doubt or "objects have too many properties to be compared"
                return None
            missing = count - sum(has_key(keys, name) for name in chosen)
            if missing > 0 and not self._add(missing, keys, chosen):
                # One set of keys is a part of the other one, and comes first: what is missing can't be there.
                if len({keys for _, keys in (*demands.least, *demands.most)}) > 2:
                    self._doubt = self._doubt or "numbers of properties can't be compared"
                return None
        value = {name: found.value for name, found in chosen.items()}
        doubts = [found.doubt for found in chosen.values() if found.doubt]
        if text_of(value) in demands.excluded:
            return self._other(chosen)
        return Found(value, doubts[0] if doubts else "")

    def _add(self, missing: int, keys: KeySet, chosen: dict[str, Found]) -> bool:
        """Add properties to those that were chosen."""
        for name in (*self._names, *self._fresh):
            if missing and name not in chosen and name not in self._demands.lacks and has_key(keys, name):
                missing -= self._choose(name, chosen)
        is_progress = True
        while missing and is_progress:
            is_progress = False
            for name in self._fresh_keys(keys, frozenset(), frozenset(chosen)):
                if missing and self._choose(name, chosen):
                    missing -= 1
                    is_progress = True
        return missing <= 0

    def _choose(self, name: str, chosen: dict[str, Found]) -> bool:
        """Add a property to those that were chosen, if it may be there and there aren't too many then."""
        for count, keys in self._demands.most:
            if has_key(keys, name) and sum(has_key(keys, each) for each in chosen) >= count:
                return False
        value = self._value(name)
        if isinstance(value, Unknown):
            self._doubt = self._doubt or value.reason
        if isinstance(value, Found):
            chosen[name] = value
        return isinstance(value, Found)

    def _other(self, chosen: dict[str, Found]) -> Found | None:
        """Find another object where the first one is excluded: with one more property, or another value."""
        more = dict(chosen)
        if self._add(1, EVERY_KEY, more) and all(
            sum(has_key(keys, name) for name in more) <= count for count, keys in self._demands.most
        ):
            value = {name: found.value for name, found in more.items()}
            if text_of(value) not in self._demands.excluded:
                return Found(value)
        for name, found in chosen.items():
            literal = self._solver.none_of(frozenset([text_of(found.value)]))
            other = self._value(name, frozenset([literal]))
            if isinstance(other, Found):
                value = {key: each.value for key, each in chosen.items()} | {name: other.value}
                if text_of(value) not in self._demands.excluded:
                    return Found(value, other.doubt)
        self._doubt = self._doubt or "an object is excluded"
        return None
