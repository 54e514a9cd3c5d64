"""The channels a gateway knows: names to references, whatever package they were generated into."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from tightbeam._channels.refs import Channel, TopicRef, channel_from_name, topics
from tightbeam.errors import InvalidParam

__all__ = ["Catalog", "Channels"]

Channels = ModuleType | Iterable[type[Channel[Any]] | Channel[Any]]
"""A generated package or module, or channel classes and instances."""


class Catalog:
    """All channel classes."""

    def __init__(self, channels: Channels) -> None:
        found = _of_module(channels) if isinstance(channels, ModuleType) else list(map(_class, channels))
        self.classes: tuple[type[Channel[Any]], ...] = tuple(dict.fromkeys(found))
        if not self.classes:
            raise ValueError("channels= has no channel: give the generated package, or channel classes")

    def channel(self, name: str) -> Channel[Any]:
        """Return the channel of a name.

        Raises:
            InvalidParam: there is none.
        """
        for cls in self.classes:
            try:
                return channel_from_name(cls, name)
            except InvalidParam:
                continue
        raise InvalidParam(f'this gateway has no channel "{name}"')

    def topics(self, name: str) -> dict[str, TopicRef[..., str, Any]]:
        """Return the topics of the channel of a name.

        Raises:
            InvalidParam: there is no such channel.
        """
        return topics(self.channel(name))

    def chosen(self, name: str, wanted: Iterable[str]) -> tuple[str, ...]:
        """Check names of topics of a channel and return them; ``*`` stands for all topics.

        Raises:
            InvalidParam: there is no such channel, or topic.
        """
        there = self.topics(name)
        chosen: dict[str, None] = {}
        for one in wanted:
            if one == "*":
                chosen.update(dict.fromkeys(there))
            elif one in there:
                chosen[one] = None
            else:
                raise InvalidParam(f'channel "{name}" has no topic "{one}"; it has: {", ".join(there)}')
        return tuple(chosen)


def _class(channel: object) -> type[Channel[Any]]:
    if isinstance(channel, Channel):
        return type(channel)
    if isinstance(channel, type) and issubclass(channel, Channel) and channel is not Channel:
        return channel
    raise TypeError("channels= takes a generated package, or channel classes and instances")


def _of_module(package: ModuleType) -> list[type[Channel[Any]]]:
    modules = [package]
    if hasattr(package, "__path__"):
        modules += [
            importlib.import_module(found.name)
            for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
            if "._schemas" not in found.name
        ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Channel)
        and value is not Channel
        and value.__module__ == module.__name__
    ]
