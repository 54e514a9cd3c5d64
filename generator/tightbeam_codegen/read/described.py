"""The pass that describes definitions: collects what other passes give of each, and bundles its schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tightbeam_codegen.problems import Problem
from tightbeam_codegen.read.bundle import Bundle, bundle
from tightbeam_codegen.read.check import Definition, EventDefinition
from tightbeam_codegen.read.chosen_names import ChosenNames
from tightbeam_codegen.read.definitions import Checked
from tightbeam_codegen.read.documents import ModulePath, Reached, Resolved
from tightbeam_codegen.read.topics import Shapes, TopicShape

__all__ = ["ChannelModel", "EventModel", "describe"]


@dataclass(frozen=True, slots=True)
class ChannelModel:
    """One channel definition, read to its end."""

    definition: Definition
    topics: tuple[TopicShape, ...]
    """Its topics, with shapes as Python's types have them."""
    bundle: Bundle
    """The schemas of its topics, for validators."""
    chosen: tuple[str, ...]
    """The entries of the settings' names that its own schemas have."""
    problems: tuple[Problem, ...]
    """The warnings that it draws."""

    @property
    def module(self) -> ModulePath:
        """The module that it becomes."""
        return self.definition.module


@dataclass(frozen=True, slots=True)
class EventModel:
    """One event definition, read to its end."""

    definition: EventDefinition
    payload: TopicShape | None
    """Its data, with shapes as Python's types have them; None for an event without data."""
    bundle: Bundle
    """The schema of its data, under the event's name, for validators; without data there is none in it."""
    chosen: tuple[str, ...]
    """The entries of the settings' names that its own schemas have."""
    problems: tuple[Problem, ...]
    """The warnings that it draws."""

    @property
    def module(self) -> ModulePath:
        """The module that it becomes."""
        return self.definition.module

    @property
    def topics(self) -> tuple[TopicShape, ...]:
        """Its data, as the only one of several topics, for what handles topics and events alike."""
        return () if self.payload is None else (self.payload,)


def describe(
    checked: Iterable[Checked],
    reached: Mapping[ModulePath, Reached],
    chosen: ChosenNames,
    shapes: Shapes,
    resolved: Resolved,
) -> tuple[ChannelModel | EventModel, ...]:
    """Bundle the schemas of each definition, and collect what is known of it.

    Args:
        checked: the definitions.
        reached: what their payloads reach.
        chosen: names that the settings ask for.
        shapes: what the payloads come to.
        resolved: the documents.
    """
    used = chosen.used(shapes.names).items()
    described: list[ChannelModel | EventModel] = []
    for each in checked:
        definition, module = each.definition, each.definition.module
        topics = shapes.topics[module]
        bundled = bundle(definition, reached[module].reach, resolved.store, shapes)
        entries = tuple(sorted({entry for key, entry in used if key[0] == definition.document.uri}))
        problems = (*each.problems, *shapes.problems[module], *reached[module].problems)
        if isinstance(definition, EventDefinition):
            payload = topics[0] if topics else None
            described.append(EventModel(definition, payload, bundled, entries, problems))
        else:
            described.append(ChannelModel(definition, topics, bundled, entries, problems))
    return tuple(described)
