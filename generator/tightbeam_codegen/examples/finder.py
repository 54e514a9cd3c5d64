"""Finds an example that the validators take: attempts, each unlike the last where the last one failed."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jsonschema_rs

from tightbeam._channels.template import Template
from tightbeam._payload.schema_index import SchemaLocation
from tightbeam._payload.schemas import LATEST_DIALECT
from tightbeam._payload.schemas import Bundle as RuntimeBundle
from tightbeam.errors import InvalidParam, OutdatedBindings
from tightbeam_codegen.examples.choices import Choice, Choices, DeadEnd, Site, Way
from tightbeam_codegen.examples.compose import Composer, ValuePlace
from tightbeam_codegen.examples.schemas import Schemas
from tightbeam_codegen.read.bundle import Bundle
from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.check.model import ParamValue
from tightbeam_codegen.read.load import JsonValue

__all__ = ["Example", "Examples", "example_of", "example_parameters", "template_of"]

_ATTEMPTS = 120
_FUEL = 30_000
"""Values and schemas that are looked at for one example; an attempt takes a third of it at most."""
_MOST_FAULTS = 10
_MOST_OPTIONS = 4
"""Other options of one choice that are tried at once."""
_LONGEST = 200_000
"""Characters of an example's JSON text."""

_Faults: TypeAlias = Callable[[JsonValue], list[Way]]
"""Returns where a value is wrong; nothing for a valid one."""


@dataclass(frozen=True, slots=True)
class Example:
    """A valid payload, which may be null."""

    value: JsonValue


def example_of(bundle: Bundle, topic: str) -> Example | None:
    """Return a valid payload of a topic as a person would write it.

    The author's own `examples`, `const`, `enum` and `default` come first; where there are none, formats,
    names of properties and bounds decide. The same schemas give the same example.

    Args:
        bundle: the channel's schemas.
        topic: the topic's name.

    Returns:
        The example; None if none was found in a bounded number of attempts.
    """
    return Examples(bundle).of(topic)


def example_parameters(definition: Definition, bundle: Bundle) -> dict[str, ParamValue] | None:
    """Return valid parameters of a channel, by name; None if none were found.

    Args:
        definition: of the channel.
        bundle: its schemas.
    """
    return Examples(bundle).parameters(definition)


class Examples:
    """Examples for one channel, whose schemas are read once.

    Args:
        bundle: the channel's schemas.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = RuntimeBundle("example", json.loads(bundle.text()))
        self._schemas: dict[str, Schemas] = {}
        """By the dialect of schemas that name none."""

    def of(self, topic: str) -> Example | None:
        """Return an example of a topic's payload, as `example_of` does."""
        stated = self._bundle.topics[topic]
        try:
            validator = self._bundle.topic_validator(stated)
        except OutdatedBindings:
            return None
        schemas = self._schemas_of(stated.dialect)
        location = schemas.find(stated.ref)
        if location is None:
            return None
        return _Search(schemas, [location], _faults_of(validator)).run(
            ValuePlace(entered=frozenset([id(location.schema)]))
        )

    def parameters(self, definition: Definition) -> dict[str, ParamValue] | None:
        """Return an example of the channel's parameters, as `example_parameters` does."""
        template = template_of(definition)
        found: dict[str, ParamValue] = {}
        schemas = self._schemas_of(LATEST_DIALECT)
        for param in definition.params:
            try:
                validator = self._bundle.param_validator(param.schema)
            except OutdatedBindings:
                return None
            location = SchemaLocation("", (), "", {"type": param.kind, **param.schema})
            faults = _named_faults(template, param.name, _faults_of(validator))
            example = _Search(schemas, [location], faults).run(ValuePlace(name=param.name))
            if example is None or not isinstance(example.value, str | int | bool):
                return None
            found[param.name] = example.value
        return found

    def _schemas_of(self, dialect: str) -> Schemas:
        if dialect not in self._schemas:
            self._schemas[dialect] = Schemas(self._bundle, dialect)
        return self._schemas[dialect]


def template_of(definition: Definition) -> Template:
    """Return the name template of a channel, which formats names."""
    return Template(
        definition.name, {param.name: param.kind for param in definition.params}, definition.separator
    )


def _faults_of(validator: jsonschema_rs.Validator) -> _Faults:
    def faults(value: JsonValue) -> list[Way]:
        if validator.is_valid(value):
            return []
        errors = itertools.islice(validator.iter_errors(value), _MOST_FAULTS)
        return [tuple(error.instance_path) for error in errors]

    return faults


def _named_faults(template: Template, name: str, others: _Faults) -> _Faults:
    """Return faults of a parameter: those of its schema, and what no name of a channel may hold."""

    def faults(value: JsonValue) -> list[Way]:
        try:
            template.text_of(name, value)
        except InvalidParam:
            return [()]
        return others(value)

    return faults


class _Search:
    """Tries choices, those near a fault first, until a value has none.

    Args:
        schemas: of the bundle.
        locations: the schemas of the value.
        faults: judges a value.
    """

    def __init__(self, schemas: Schemas, locations: Sequence[SchemaLocation], faults: _Faults) -> None:
        self._schemas = schemas
        self._locations = locations
        self._faults = faults
        self._fuel = _FUEL

    def run(self, place: ValuePlace) -> Example | None:
        """Return the first valid value: as full as its schema is, else as brief as may be."""
        for is_brief in (False, True):
            found = self._best_first(place, is_brief=is_brief)
            if found is not None:
                return found
        return None

    def _best_first(self, place: ValuePlace, *, is_brief: bool) -> Example | None:
        order = itertools.count()
        waiting: list[tuple[int, int, int, Mapping[Site, int]]] = [(0, 0, next(order), {})]
        known: set[frozenset[tuple[Site, int]]] = set()
        for _ in range(_ATTEMPTS):
            if not waiting or self._fuel <= 0:
                break
            overrides = heapq.heappop(waiting)[-1]
            choices = Choices(overrides, min(self._fuel, _FUEL // 3))
            found = self._attempt(choices, place, is_brief=is_brief)
            if found is None:
                continue
            faults = self._faults(found.value) if _is_short(found.value) else [()]
            if not faults:
                return found
            for site, option in _others(choices.made.values(), faults):
                changed = {**overrides, site: option}
                key = frozenset(changed.items())
                if key not in known:
                    known.add(key)
                    heapq.heappush(waiting, (len(faults), len(changed), next(order), changed))
        return None

    def _attempt(self, choices: Choices, place: ValuePlace, *, is_brief: bool) -> Example | None:
        """Return a value along some choices; None where they end nowhere."""
        given = choices.fuel
        try:
            return Example(Composer(self._schemas, choices, is_brief=is_brief).value(self._locations, place))
        except DeadEnd:
            return None
        finally:
            self._fuel -= given - choices.fuel


def _others(choices: Iterable[Choice], faults: Sequence[Way]) -> Iterator[tuple[Site, int]]:
    """Yield choices to take otherwise: those at a fault, then those below it, then those above."""

    def distance(choice: Choice) -> int | None:
        way = choice.site[0]
        near = [_distance(way, fault) for fault in faults]
        return min((each for each in near if each is not None), default=None)

    placed = [
        (far, choice) for choice in choices if choice.count > 1 and (far := distance(choice)) is not None
    ]
    for _, choice in sorted(placed, key=lambda item: item[0]):
        # A later option follows one that was a dead end; those before it were tried.
        yield from (
            (choice.site, option)
            for option in range(choice.count)[: _MOST_OPTIONS + 1]
            if option != choice.taken
        )


def _distance(way: Way, fault: Way) -> int | None:
    """Return how far a choice is from a fault: 0 at it, odd below it, even above it; None aside from it."""
    if way[: len(fault)] == fault:
        return max(0, 2 * (len(way) - len(fault)) - 1)
    return 2 * (len(fault) - len(way)) if fault[: len(way)] == way else None


def _is_short(value: JsonValue) -> bool:
    try:
        return len(json.dumps(value)) <= _LONGEST
    except RecursionError:
        return False
