"""The model: what reading definitions gives, and all that a target needs of them.

Every consumer takes it: the targets, which print bindings, and other readers of definitions.
"""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam_codegen.problems import Problem
from tightbeam_codegen.read.check import AnyDefinition
from tightbeam_codegen.read.definitions import Unchanged
from tightbeam_codegen.read.described import ChannelModel, EventModel
from tightbeam_codegen.read.documents import ModulePath, Resolved
from tightbeam_codegen.read.normalise.places import module_of
from tightbeam_codegen.read.topics import Shapes, TopicShape

__all__ = ["ChannelModel", "EventModel", "Model", "ModulePath", "TopicShape", "Unchanged"]


@dataclass(frozen=True, slots=True)
class Model:
    """Definitions of channels and events, the shapes of their payloads, and the places of everything.

    `document.place(pointer)` of a definition's document, or of one of `resolved.store`, has line and column.
    """

    channels: tuple[ChannelModel, ...]
    """The channels that this run has read, in the order of files."""
    events: tuple[EventModel, ...]
    """The events that it has read, likewise."""
    unchanged: tuple[Unchanged, ...]
    """The definitions that it didn't have to read: none, unless the run is incremental."""
    resolved: Resolved
    shapes: Shapes
    """Classes and aliases as Python's types can say them."""
    exact: Shapes | None
    """The same more exactly, with tuples and values of any kind side by side; None unless asked for."""
    problems: tuple[Problem, ...]
    """Everything that is wrong, in the order of places."""
    is_complete: bool
    """Whether each definition could be read to its end. Else no definition is described, nothing printed."""

    @property
    def has_errors(self) -> bool:
        """Whether a problem is an error. Targets of a complete model can still find more problems."""
        return any(problem.severity == "error" for problem in self.problems)

    @property
    def described(self) -> tuple[ChannelModel | EventModel, ...]:
        """Everything that this run has read."""
        return (*self.channels, *self.events)

    @property
    def definitions(self) -> tuple[AnyDefinition, ...]:
        """All definitions; of unchanged ones only the names, parameters and document are known.

        Their ``topics`` are empty, and so are ``description`` and ``dialect``, whatever the document says.
        """
        read = (each.definition for each in self.described)
        return (*read, *(each.definition for each in self.unchanged))

    @property
    def own_modules(self) -> frozenset[ModulePath]:
        """The modules of the definitions that this run has read."""
        return frozenset(each.module for each in self.described)

    def references(self) -> dict[ModulePath, set[ModulePath]]:
        """Return the modules of the files that each module's files refer to."""
        references: dict[ModulePath, set[ModulePath]] = {}
        store = self.resolved.store
        for document in store.documents.all():
            references.setdefault(module_of(document), set()).update(
                map(module_of, store.documents.referred_to(document))
            )
        return references

    def shared_modules(self) -> set[ModulePath]:
        """Return the modules in which classes of several files stand, such as an event's and a schema's."""
        files: dict[ModulePath, set[str]] = {}
        for name, place in self.shapes.places.items():
            files.setdefault(name.module, set()).add(place.document.uri)
        for each in self.described:
            files.setdefault(each.module, set()).add(each.definition.document.uri)
        return {module for module, uris in files.items() if len(uris) > 1}
