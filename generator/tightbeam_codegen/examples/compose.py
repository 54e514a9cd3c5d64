"""Composes a value that a schema most likely takes: one attempt, along the choices that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from tightbeam._payload.schema_index import SchemaLocation
from tightbeam_codegen.examples.choices import Choices, DeadEnd, Way
from tightbeam_codegen.examples.demands import (
    count_of,
    fixed_values,
    given_values,
    kinds_of,
    listed,
    names_in,
)
from tightbeam_codegen.examples.hints import singular
from tightbeam_codegen.examples.patterns import texts_matching
from tightbeam_codegen.examples.scalars import number_candidates, text_candidates
from tightbeam_codegen.examples.schemas import Schemas, keywords_of, property_schemas
from tightbeam_codegen.read.load import JsonValue

__all__ = ["Composer", "ValuePlace"]

_DEEPEST = 100
_MOST_ITEMS = 100
_OPTIONAL = (16, 8, 4)
"""How many optional properties an object has, by its depth; deeper ones have none."""


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """A place in the example."""

    way: Way = ()
    name: str = ""
    """Of the property whose value stands here, or in whose value it is."""
    variant: int = 0
    """A number that makes its value unlike its neighbours'."""
    trail: frozenset[int] = frozenset()
    """The referenced schemas of the values that it lies within, by identity."""
    entered: frozenset[int] = frozenset()
    """The referenced schemas of the value itself."""

    def inside(self, key: str | int) -> ValuePlace:
        """Return the place of a property or of an element."""
        trail = self.trail | self.entered
        if isinstance(key, str):
            return ValuePlace((*self.way, key), key, self.variant, trail)
        return ValuePlace((*self.way, key), singular(self.name), self.variant + key, trail)


class Composer:
    """Composes one value.

    Args:
        schemas: of the bundle.
        choices: of this attempt.
        is_brief: whether to leave out whatever may be left out.
    """

    def __init__(self, schemas: Schemas, choices: Choices, *, is_brief: bool) -> None:
        self._schemas = schemas
        self._choices = choices
        self._is_brief = is_brief

    def value(self, locations: Sequence[SchemaLocation], place: ValuePlace) -> JsonValue:
        """Return a value for some schemas that must all hold.

        Raises:
            DeadEnd: there is none along these choices.
        """
        if len(place.way) > _DEEPEST:
            raise DeadEnd
        return self._opened(list(locations), [], place)

    def _opened(
        self, waiting: list[SchemaLocation], parts: list[SchemaLocation], place: ValuePlace
    ) -> JsonValue:
        """Open references, `allOf`, conditions and unions, one after the other, and then make the value."""
        while waiting:
            self._choices.spend()
            location = waiting.pop(0)
            if location.schema is False:
                raise DeadEnd
            keywords = keywords_of(location)
            for target in self._schemas.references(location):
                if target is None or id(target.schema) in place.trail:
                    raise DeadEnd  # the shortest end of a schema that contains itself is elsewhere
                if id(target.schema) not in place.entered:
                    place = replace(place, entered=place.entered | {id(target.schema)})
                    waiting.append(target)
            if self._schemas.is_hidden(location):
                continue
            parts.append(location)
            waiting += [location.child("allOf", index) for index in range(len(listed(keywords.get("allOf"))))]
            waiting += _demanded(location)
            unions = [word for word in ("oneOf", "anyOf", "if") if word in keywords]
            if unions:
                return self._branched(location, unions, waiting, parts, place)
        return self._made(parts, place)

    def _branched(
        self,
        location: SchemaLocation,
        unions: Sequence[str],
        waiting: list[SchemaLocation],
        parts: list[SchemaLocation],
        place: ValuePlace,
    ) -> JsonValue:
        """Choose a branch of each union of a schema, and go on with it."""
        if not unions:
            return self._opened(list(waiting), list(parts), place)
        word, *rest = unions
        keywords = keywords_of(location)
        if word == "if":
            branches = [
                [location.child(each) for each in group if each in keywords]
                for group in (("if", "then"), ("else",))
            ]
        else:
            branches = [[location.child(word, index)] for index in range(len(keywords[word]))]
            branches.sort(key=self._is_second_best)
        options = [
            partial(self._branched, location, rest, [*branch, *waiting], parts, place) for branch in branches
        ]
        return self._choices.take(place.way, f"{word} of {location.ref}", options)

    def _is_second_best(self, branch: list[SchemaLocation]) -> bool:
        """Return whether a branch tells a reader less than others: null, or one that is deprecated."""
        keywords = keywords_of(branch[0])
        is_null = keywords.get("type") == "null" or keywords.get("const", 0) is None
        return is_null or keywords.get("deprecated") is True

    # -- one value -------------------------------------------------------------------------------------------

    def _made(self, parts: Sequence[SchemaLocation], place: ValuePlace) -> JsonValue:
        schemas = [keywords_of(part) for part in parts]
        options: list[Callable[[], JsonValue]] = []
        fixed = fixed_values(schemas)
        if fixed is not None:
            if not fixed:
                raise DeadEnd
            # Elements of an array differ by where they begin to choose.
            turned = place.variant % len(fixed)
            options = [partial(_same, value) for value in (*fixed[turned:], *fixed[:turned])]
            return self._choices.take(place.way, "value", options)
        options += [partial(_same, value) for value in [*given_values(schemas)][place.variant :]]
        kinds = kinds_of(schemas)
        if not kinds:
            raise DeadEnd
        options += [partial(self._of_kind, kind, parts, schemas, place) for kind in kinds]
        return self._choices.take(place.way, "kind", options)

    def _of_kind(
        self, kind: str, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], place: ValuePlace
    ) -> JsonValue:
        match kind:
            case "object":
                return self._object(parts, schemas, place)
            case "array":
                return self._array(parts, schemas, place)
            case "string":
                fits = partial(self._schemas.fits_textually, schemas)
                return self._choices.pick(
                    place.way, text_candidates(schemas, place.name, place.variant, fits)
                )
            case "integer" | "number":
                is_integer = kind == "integer"
                numbers = number_candidates(schemas, place.name, place.variant, is_integer=is_integer)
                return self._choices.pick(place.way, numbers)
            case "boolean":
                return self._choices.pick(place.way, (True, False))
            case _:
                return None

    # -- objects ---------------------------------------------------------------------------------------------

    def _object(
        self, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], place: ValuePlace
    ) -> JsonValue:
        required = {name for schema in schemas for name in names_in(schema.get("required"))}
        declared = dict.fromkeys(name for schema in schemas for name in schema.get("properties") or {})
        depth = sum(isinstance(key, str) for key in place.way)
        room = _OPTIONAL[depth] if depth < len(_OPTIONAL) and not self._is_brief else 0
        made: dict[str, JsonValue] = {}
        for name in [*declared, *sorted(required - declared.keys())]:
            inner = property_schemas(parts, name)
            is_needed = name in required or any(name in _dependents(schema, made) for schema in schemas)
            value = partial(self._property, made, name, inner, place.inside(name))
            if is_needed:
                value()
                continue
            is_wanted = room > 0 and not any(keywords_of(each).get("deprecated") is True for each in inner)
            options: list[Callable[[], None]] = [value, _nothing] if is_wanted else [_nothing, value]
            self._choices.take(place.way, f"property {name}", options)
            room -= name in made
        self._add_free_keys(parts, schemas, made, place)
        return made

    def _property(
        self, made: dict[str, JsonValue], name: str, schemas: Sequence[SchemaLocation], place: ValuePlace
    ) -> None:
        made[name] = self.value(schemas, place)

    def _add_free_keys(
        self,
        parts: Sequence[SchemaLocation],
        schemas: list[dict[str, Any]],
        made: dict[str, JsonValue],
        place: ValuePlace,
    ) -> None:
        """Add keys that are declared by no name: as many as there have to be, and one to show a map."""
        least = max((count_of(schema.get("minProperties")) for schema in schemas), default=0)
        is_map = not made and any(
            isinstance(schema.get("additionalProperties"), dict) or schema.get("patternProperties")
            for schema in schemas
        )
        wanted = least if self._is_brief else max(least, int(is_map))
        if wanted > _MOST_ITEMS:
            raise DeadEnd
        keys = self._free_keys(parts, schemas, place)
        tries = 0
        while len(made) < wanted:
            tries += 1
            key = next(keys, None)
            if key is None or tries > 4 * _MOST_ITEMS:
                if len(made) >= least:
                    return
                raise DeadEnd
            inner = property_schemas(parts, key)
            if key in made or any(each.schema is False for each in inner):
                continue
            # What a map holds is called after the map.
            value_place = replace(place.inside(key), name=singular(place.name))
            options: list[Callable[[], None]] = [partial(self._property, made, key, inner, value_place)]
            if len(made) >= least:
                options.append(_nothing)
            self._choices.take(place.way, f"key {key}", options)
            if key not in made:
                return

    def _free_keys(
        self, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], place: ValuePlace
    ) -> Iterator[str]:
        patterns = [pattern for schema in schemas for pattern in schema.get("patternProperties") or {}]
        names = [location for part in parts for location in self._name_schemas(part)]
        for location in names:
            keywords = keywords_of(location)
            yield from (key for key in listed(keywords.get("enum")) if isinstance(key, str))
            if isinstance(keywords.get("pattern"), str):
                patterns.insert(0, keywords["pattern"])
            if isinstance(keywords.get("format"), str):
                for variant in range(_MOST_ITEMS):
                    yield from islice(text_candidates([keywords], "", variant, lambda _: True), 1)
        for variant in range(3):
            for pattern in patterns:
                yield from texts_matching(pattern, variant)
        base = singular(place.name) or "key"
        yield base
        yield from (f"{base}{number}" for number in range(2, _MOST_ITEMS + 2))

    def _name_schemas(self, part: SchemaLocation) -> Iterator[SchemaLocation]:
        if not isinstance(keywords_of(part).get("propertyNames"), dict):
            return
        location = part.child("propertyNames")
        yield location
        yield from (target for target in self._schemas.references(location) if target is not None)

    # -- arrays ----------------------------------------------------------------------------------------------

    def _array(
        self, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], place: ValuePlace
    ) -> JsonValue:
        least = max((count_of(schema.get("minItems")) for schema in schemas), default=0)
        contained = [part.child("contains") for part in parts if "contains" in keywords_of(part)]
        counts = [count_of(schema.get("minContains", 1)) for schema in schemas if "contains" in schema]
        least = max([least, *counts])
        fixed = max((len(_prefix(schema)) for schema in schemas), default=0)
        most = min(
            (count_of(schema["maxItems"]) for schema in schemas if "maxItems" in schema), default=_MOST_ITEMS
        )
        usual = least if self._is_brief else max(least, min(most, max(fixed, 1)))
        if usual > _MOST_ITEMS:
            raise DeadEnd

        def elements(length: int) -> JsonValue:
            made: list[JsonValue] = []
            for index in range(length):
                inner = [location for part in parts for location in _element(part, index)]
                inner += [each for each, count in zip(contained, counts, strict=True) if index < count]
                made.append(self.value(inner, place.inside(index)))
            return made

        lengths = dict.fromkeys([usual, least, min(least + 1, _MOST_ITEMS)])
        return self._choices.take(place.way, "length", [partial(elements, length) for length in lengths])


def _demanded(location: SchemaLocation) -> Iterator[SchemaLocation]:
    """Yield the schemas that hold because of properties that a schema requires."""
    keywords = keywords_of(location)
    for keyword in ("dependentSchemas", "dependencies"):
        for trigger, schema in (keywords.get(keyword) or {}).items():
            if trigger in names_in(keywords.get("required")) and isinstance(schema, dict | bool):
                yield location.child(keyword, trigger)


def _element(part: SchemaLocation, index: int) -> Iterator[SchemaLocation]:
    """Yield the schema of an element; none where anything may stand."""
    keywords = keywords_of(part)
    prefix = _prefix(keywords)
    if index < len(prefix):
        yield part.child("prefixItems" if "prefixItems" in keywords else "items", index)
    elif isinstance(keywords.get("items"), dict | bool):
        yield part.child("items")
    elif prefix and isinstance(keywords.get("additionalItems"), dict | bool):
        yield part.child("additionalItems")


def _prefix(schema: dict[str, Any]) -> list[Any]:
    stated = schema.get("prefixItems", schema.get("items"))
    return stated if isinstance(stated, list) else []


def _dependents(schema: dict[str, Any], made: dict[str, JsonValue]) -> set[str]:
    """Return the properties that have to be there because of others that are."""
    stated = {**(schema.get("dependencies") or {}), **(schema.get("dependentRequired") or {})}
    return {name for trigger, names in stated.items() if trigger in made for name in names_in(names)}


def _same(value: JsonValue) -> JsonValue:
    return value


def _nothing() -> None:
    return None
