"""The names that the bindings of a channel or an event have, apart from those of its payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tightbeam_codegen.compare.words import code_of
from tightbeam_codegen.model import ChannelModel, EventModel
from tightbeam_codegen.names import pascal
from tightbeam_codegen.targets.python.modules import exports, parameter_names
from tightbeam_codegen.targets.typescript.modules import exports as typescript_exports

__all__ = ["ChannelNames", "EventNames", "both", "dotted", "event_names_of", "names_of"]


@dataclass(frozen=True, slots=True)
class ChannelNames:
    """Names in Python, and in TypeScript where bindings are generated for it."""

    module: str
    class_name: str
    factory: str
    """The function that takes parameters, or the one channel of a name without any."""
    has_params: bool
    parameters: Mapping[str, str]
    """By the names in the definition."""
    attributes: Mapping[str, str]
    """Of topics, by their names."""
    typescript: tuple[str, str] | None
    """The factory or channel, and the type of its messages."""

    @property
    def offered(self) -> tuple[str, ...]:
        """The names that callers import."""
        return (f"{self.module}.{self.class_name}", f"{self.module}.{self.factory}", *(self.typescript or ()))

    def of_topic(self, topic: str) -> tuple[str, ...]:
        """Return the names that are a topic's own."""
        return (
            f"{self.module}.{self.class_name}.{self.attributes[topic]}",
            f"{self.module}.{pascal(topic)}Message",
        )

    @property
    def call(self) -> str:
        """The factory, with the name that it has in TypeScript."""
        return both(self.factory, self.typescript[0] if self.typescript else None)


@dataclass(frozen=True, slots=True)
class EventNames:
    """Names of an event in Python, and in TypeScript where bindings are generated for it."""

    module: str
    reference: str
    """What is sent, and what functions listen to."""
    type_name: str
    """The type of the event that a function gets."""
    typescript: tuple[str, str] | None
    """The event, and its type."""

    @property
    def offered(self) -> tuple[str, ...]:
        """The names that callers import."""
        python = (f"{self.module}.{self.reference}", f"{self.module}.{self.type_name}")
        return (*python, *(self.typescript or ()))

    @property
    def said(self) -> str:
        """What is sent and the type of it, in a sentence."""
        constant, type_name = self.typescript or (None, None)
        return f"{both(self.reference, constant)}, {both(self.type_name, type_name)}"


def both(python: str, typescript: str | None) -> str:
    """Return a name in backticks, with the other language's name where that is another one.

    Args:
        python: the name.
        typescript: the same in TypeScript; None where nothing is generated for it.
    """
    if typescript is None or typescript == python:
        return f"`{python}`"
    return f"`{python}` (in TypeScript {code_of(typescript)})"


def dotted(module: tuple[str, ...]) -> str:
    """Return a module of the generated package by name."""
    return ".".join(module)


def names_of(channel: ChannelModel, *, typescript: bool) -> ChannelNames:
    """Return the names of a channel's bindings.

    Args:
        channel: the channel.
        typescript: whether there are bindings in TypeScript.
    """
    definition = channel.definition
    class_name, factory = exports(definition)
    return ChannelNames(
        dotted(definition.module),
        class_name,
        factory,
        bool(definition.params),
        parameter_names(definition),
        {topic.name: topic.attribute for topic in channel.topics},
        typescript_exports(definition) if typescript else None,
    )


def event_names_of(event: EventModel, *, typescript: bool) -> EventNames:
    """Return the names of an event's bindings.

    Args:
        event: the event.
        typescript: whether there are bindings in TypeScript.
    """
    type_name, reference = exports(event.definition)
    web = typescript_exports(event.definition) if typescript else None
    return EventNames(dotted(event.module), reference, type_name, web)
