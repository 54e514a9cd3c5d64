"""Composes a value that a schema most likely takes: one attempt, along the choices that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from tightbeam._payload.schema_index import SchemaLocation
from tightbeam_codegen.examples.choices import Choices, DeadEnd, Way
from tightbeam_codegen.examples.hints import singular
from tightbeam_codegen.examples.patterns import texts_matching
from tightbeam_codegen.examples.scalars import number_candidates, text_candidates
from tightbeam_codegen.examples.schemas import Schemas, keywords_of, property_schemas
from tightbeam_codegen.read.load import JsonValue

__all__ = ["Composer", "Spot"]

_DEEPEST = 100
_MOST_ITEMS = 100
_OPTIONAL = (16, 8, 4)
"""How many optional properties an object has, by its depth; deeper ones have none."""
_KINDS = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that suggest a kind where no type is stated."""


@dataclass(frozen=True, slots=True)
class Spot:
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

    def inside(self, key: str | int) -> Spot:
        """Return the place of a property or of an element."""
        trail = self.trail | self.entered
        if isinstance(key, str):
            return Spot((*self.way, key), key, self.variant, trail)
        return Spot((*self.way, key), singular(self.name), self.variant + key, trail)


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

    def value(self, locations: Sequence[SchemaLocation], spot: Spot) -> JsonValue:
        """Return a value for some schemas that must all hold.

        Raises:
            DeadEnd: there is none along these choices.
        """
        if len(spot.way) > _DEEPEST:
            raise DeadEnd
        return self._opened(list(locations), [], spot)

    def _opened(self, waiting: list[SchemaLocation], parts: list[SchemaLocation], spot: Spot) -> JsonValue:
        """Open references, `allOf`, conditions and unions, one after the other, and then make the value."""
        while waiting:
            self._choices.spend()
            location = waiting.pop(0)
            if location.schema is False:
                raise DeadEnd
            keywords = keywords_of(location)
            for target in self._schemas.references(location):
                if target is None or id(target.schema) in spot.trail:
                    raise DeadEnd  # the shortest end of a schema that contains itself is elsewhere
                if id(target.schema) not in spot.entered:
                    spot = replace(spot, entered=spot.entered | {id(target.schema)})
                    waiting.append(target)
            if self._schemas.is_hidden(location):
                continue
            parts.append(location)
            waiting += [location.child("allOf", index) for index in range(len(_list(keywords.get("allOf"))))]
            waiting += _demanded(location)
            unions = [word for word in ("oneOf", "anyOf", "if") if word in keywords]
            if unions:
                return self._branched(location, unions, waiting, parts, spot)
        return self._made(parts, spot)

    def _branched(
        self,
        location: SchemaLocation,
        unions: Sequence[str],
        waiting: list[SchemaLocation],
        parts: list[SchemaLocation],
        spot: Spot,
    ) -> JsonValue:
        """Choose a branch of each union of a schema, and go on with it."""
        if not unions:
            return self._opened(list(waiting), list(parts), spot)
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
            partial(self._branched, location, rest, [*branch, *waiting], parts, spot) for branch in branches
        ]
        return self._choices.take(spot.way, f"{word} of {location.ref}", options)

    def _is_second_best(self, branch: list[SchemaLocation]) -> bool:
        """Return whether a branch tells a reader less than others: null, or one that is deprecated."""
        keywords = keywords_of(branch[0])
        is_null = keywords.get("type") == "null" or keywords.get("const", 0) is None
        return is_null or keywords.get("deprecated") is True

    # -- one value -------------------------------------------------------------------------------------------

    def _made(self, parts: Sequence[SchemaLocation], spot: Spot) -> JsonValue:
        schemas = [keywords_of(part) for part in parts]
        options: list[Callable[[], JsonValue]] = []
        fixed = _fixed(schemas)
        if fixed is not None:
            if not fixed:
                raise DeadEnd
            # Elements of an array differ by where they begin to choose.
            turned = spot.variant % len(fixed)
            options = [partial(_same, value) for value in (*fixed[turned:], *fixed[:turned])]
            return self._choices.take(spot.way, "value", options)
        options += [partial(_same, value) for value in [*_given(schemas)][spot.variant :]]
        kinds = _kinds(schemas)
        if not kinds:
            raise DeadEnd
        options += [partial(self._of_kind, kind, parts, schemas, spot) for kind in kinds]
        return self._choices.take(spot.way, "kind", options)

    def _of_kind(
        self, kind: str, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], spot: Spot
    ) -> JsonValue:
        match kind:
            case "object":
                return self._object(parts, schemas, spot)
            case "array":
                return self._array(parts, schemas, spot)
            case "string":
                fits = partial(self._schemas.fits_textually, schemas)
                return self._choices.pick(spot.way, text_candidates(schemas, spot.name, spot.variant, fits))
            case "integer" | "number":
                is_integer = kind == "integer"
                numbers = number_candidates(schemas, spot.name, spot.variant, is_integer=is_integer)
                return self._choices.pick(spot.way, numbers)
            case "boolean":
                return self._choices.pick(spot.way, (True, False))
            case _:
                return None

    # -- objects ---------------------------------------------------------------------------------------------

    def _object(
        self, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], spot: Spot
    ) -> JsonValue:
        required = {name for schema in schemas for name in _names(schema.get("required"))}
        declared = dict.fromkeys(name for schema in schemas for name in schema.get("properties") or {})
        depth = sum(isinstance(key, str) for key in spot.way)
        room = _OPTIONAL[depth] if depth < len(_OPTIONAL) and not self._is_brief else 0
        made: dict[str, JsonValue] = {}
        for name in [*declared, *sorted(required - declared.keys())]:
            inner = property_schemas(parts, name)
            is_needed = name in required or any(name in _dependents(schema, made) for schema in schemas)
            value = partial(self._property, made, name, inner, spot.inside(name))
            if is_needed:
                value()
                continue
            is_wanted = room > 0 and not any(keywords_of(each).get("deprecated") is True for each in inner)
            options: list[Callable[[], None]] = [value, _nothing] if is_wanted else [_nothing, value]
            self._choices.take(spot.way, f"property {name}", options)
            room -= name in made
        self._add_free_keys(parts, schemas, made, spot)
        return made

    def _property(
        self, made: dict[str, JsonValue], name: str, schemas: Sequence[SchemaLocation], place: Spot
    ) -> None:
        made[name] = self.value(schemas, place)

    def _add_free_keys(
        self,
        parts: Sequence[SchemaLocation],
        schemas: list[dict[str, Any]],
        made: dict[str, JsonValue],
        spot: Spot,
    ) -> None:
        """Add keys that are declared by no name: as many as there have to be, and one to show a map."""
        least = max((_count(schema.get("minProperties")) for schema in schemas), default=0)
        is_map = not made and any(
            isinstance(schema.get("additionalProperties"), dict) or schema.get("patternProperties")
            for schema in schemas
        )
        wanted = least if self._is_brief else max(least, int(is_map))
        if wanted > _MOST_ITEMS:
            raise DeadEnd
        keys = self._free_keys(parts, schemas, spot)
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
            place = replace(spot.inside(key), name=singular(spot.name))
            options: list[Callable[[], None]] = [partial(self._property, made, key, inner, place)]
            if len(made) >= least:
                options.append(_nothing)
            self._choices.take(spot.way, f"key {key}", options)
            if key not in made:
                return

    def _free_keys(
        self, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], spot: Spot
    ) -> Iterator[str]:
        patterns = [pattern for schema in schemas for pattern in schema.get("patternProperties") or {}]
        names = [location for part in parts for location in self._name_schemas(part)]
        for location in names:
            keywords = keywords_of(location)
            yield from (key for key in _list(keywords.get("enum")) if isinstance(key, str))
            if isinstance(keywords.get("pattern"), str):
                patterns.insert(0, keywords["pattern"])
            if isinstance(keywords.get("format"), str):
                for variant in range(_MOST_ITEMS):
                    yield from islice(text_candidates([keywords], "", variant, lambda _: True), 1)
        for variant in range(3):
            for pattern in patterns:
                yield from texts_matching(pattern, variant)
        base = singular(spot.name) or "key"
        yield base
        yield from (f"{base}{number}" for number in range(2, _MOST_ITEMS + 2))

    def _name_schemas(self, part: SchemaLocation) -> Iterator[SchemaLocation]:
        if not isinstance(keywords_of(part).get("propertyNames"), dict):
            return
        location = part.child("propertyNames")
        yield location
        yield from (target for target in self._schemas.references(location) if target is not None)

    # -- arrays ----------------------------------------------------------------------------------------------

    def _array(self, parts: Sequence[SchemaLocation], schemas: list[dict[str, Any]], spot: Spot) -> JsonValue:
        least = max((_count(schema.get("minItems")) for schema in schemas), default=0)
        contained = [part.child("contains") for part in parts if "contains" in keywords_of(part)]
        counts = [_count(schema.get("minContains", 1)) for schema in schemas if "contains" in schema]
        least = max([least, *counts])
        fixed = max((len(_prefix(schema)) for schema in schemas), default=0)
        most = min(
            (_count(schema["maxItems"]) for schema in schemas if "maxItems" in schema), default=_MOST_ITEMS
        )
        usual = least if self._is_brief else max(least, min(most, max(fixed, 1)))
        if usual > _MOST_ITEMS:
            raise DeadEnd

        def elements(length: int) -> JsonValue:
            made: list[JsonValue] = []
            for index in range(length):
                inner = [location for part in parts for location in _element(part, index)]
                inner += [each for each, count in zip(contained, counts, strict=True) if index < count]
                made.append(self.value(inner, spot.inside(index)))
            return made

        lengths = dict.fromkeys([usual, least, min(least + 1, _MOST_ITEMS)])
        return self._choices.take(spot.way, "length", [partial(elements, length) for length in lengths])


def _demanded(location: SchemaLocation) -> Iterator[SchemaLocation]:
    """Yield the schemas that hold because of properties that a schema requires."""
    keywords = keywords_of(location)
    for keyword in ("dependentSchemas", "dependencies"):
        for trigger, schema in (keywords.get(keyword) or {}).items():
            if trigger in _names(keywords.get("required")) and isinstance(schema, dict | bool):
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


def _fixed(schemas: Sequence[dict[str, Any]]) -> list[JsonValue] | None:
    """Return the values that schemas list; None where they list none. Null comes last."""
    lists = [
        [schema["const"]] if "const" in schema else list(schema["enum"])
        for schema in schemas
        if "const" in schema or isinstance(schema.get("enum"), list)
    ]
    if not lists:
        return None
    first, *others = lists
    values = [value for value in first if all(_is_among(value, other) for other in others)]
    types = _stated_types(schemas)
    values = [value for value in values if types is None or _kind_of(value) & types]
    return sorted(values, key=lambda value: value is None)


def _is_among(value: JsonValue, values: Sequence[JsonValue]) -> bool:
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values)


def _given(schemas: Sequence[dict[str, Any]]) -> Iterator[JsonValue]:
    """Yield what the author gives as an example; an empty default tells a reader nothing."""
    for schema in schemas:
        yield from _list(schema.get("examples"))
        if "example" in schema:
            yield schema["example"]
    for schema in schemas:
        default = schema.get("default")
        if default is not None and default not in ("", [], {}):
            yield default


def _kinds(schemas: Sequence[dict[str, Any]]) -> list[str]:
    """Return the kinds that a value can be of, null last; text where schemas leave it open."""
    stated = _stated_types(schemas)
    suggested = [
        kind
        for kind, keywords in _KINDS.items()
        if any(keyword in schema for schema in schemas for keyword in keywords)
    ]
    if stated is None:
        return [
            *suggested,
            *(kind for kind in ("string", "object", "integer", "array") if kind not in suggested),
        ]
    order = [*suggested, "string", "object", "integer", "number", "array", "boolean", "null"]
    return [kind for kind in dict.fromkeys(order) if kind in stated]


def _stated_types(schemas: Sequence[dict[str, Any]]) -> set[str] | None:
    """Return the types that all schemas allow; None where none states any."""
    allowed: set[str] | None = None
    for schema in schemas:
        types = schema.get("type")
        if isinstance(types, str):
            types = [types]
        if isinstance(types, list):
            own = {*types, "integer"} if "number" in types else set(types)
            allowed = own if allowed is None else allowed & own
    if allowed is not None and "number" in allowed:
        allowed.discard("integer")
    return allowed


def _kind_of(value: JsonValue) -> set[str]:
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"number", "integer"} if value.is_integer() else {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
        case _:
            return {"object"}


def _dependents(schema: dict[str, Any], made: dict[str, JsonValue]) -> set[str]:
    """Return the properties that have to be there because of others that are."""
    stated = {**(schema.get("dependencies") or {}), **(schema.get("dependentRequired") or {})}
    return {name for trigger, names in stated.items() if trigger in made for name in _names(names)}


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) else 0


def _same(value: JsonValue) -> JsonValue:
    return value


def _nothing() -> None:
    return None
