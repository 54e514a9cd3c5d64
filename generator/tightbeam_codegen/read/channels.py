"""The pass that describes channels: it collects what other passes give of each, and bundles its schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tightbeam_codegen.problems import Problem
from tightbeam_codegen.read.bundle import Bundle, bundle
from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.chosen_names import ChosenNames
from tightbeam_codegen.read.definitions import Checked
from tightbeam_codegen.read.documents import ModulePath, Reached, Resolved
from tightbeam_codegen.read.topics import Shapes, TopicShape

__all__ = ["ChannelModel", "describe_channels"]


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


def describe_channels(
    checked: Iterable[Checked],
    reached: Mapping[ModulePath, Reached],
    chosen: ChosenNames,
    shapes: Shapes,
    resolved: Resolved,
) -> tuple[ChannelModel, ...]:
    """Bundle the schemas of each definition, and collect what is known of it.

    Args:
        checked: the definitions.
        reached: what their topics reach.
        chosen: names that the settings ask for.
        shapes: what the topics come to.
        resolved: the documents.
    """
    used = chosen.used(shapes.names).items()
    channels: list[ChannelModel] = []
    for each in checked:
        definition, module = each.definition, each.definition.module
        channels.append(
            ChannelModel(
                definition,
                shapes.topics[module],
                bundle(definition, reached[module].reach, resolved.store, shapes),
                tuple(sorted({entry for key, entry in used if key[0] == definition.document.uri})),
                (*each.problems, *shapes.problems[module], *reached[module].problems),
            )
        )
    return tuple(channels)
