"""The doorway between generated channel modules and the runtime: form 1.

Generated code imports nothing else of this library. What is here keeps its names and call shapes; a breaking
change is a ``v2`` beside it, so that bindings generated earlier go on working.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, SupportsIndex, TypeVar, cast, overload
from uuid import UUID

from pydantic import Field
from pydantic.fields import FieldInfo

from tightbeam._channels.refs import Channel, Message, TopicRef, open_channel, topic
from tightbeam._events.refs import DataEventRef, EmptyEventRef, Event, empty_event, event
from tightbeam._payload.exact import is_absent
from tightbeam._payload.model import Payload

__all__ = [
    "Array",
    "Channel",
    "DataEventRef",
    "EmptyEventRef",
    "Event",
    "Message",
    "Payload",
    "TopicRef",
    "empty_event",
    "event",
    "import_first",
    "is_absent",
    "lazy_package",
    "open_channel",
    "optional",
    "topic",
    "unchecked",
    "uuid_text",
    "wire",
]

if TYPE_CHECKING:
    Item = TypeVar("Item", covariant=True)

    class Array(Protocol[Item]):
        """Any list or tuple of such items, to be read only: a list of some of their types fits too.

        Text and bytes don't fit, though they are sequences: not every object can be looked for in them.
        """

        @overload
        def __getitem__(self, index: SupportsIndex, /) -> Item: ...
        @overload
        def __getitem__(self, index: slice, /) -> Sequence[Item]: ...
        def __len__(self) -> int: ...
        def __iter__(self) -> Iterator[Item]: ...
        def __contains__(self, value: object, /) -> bool: ...
        def __mul__(self, times: SupportsIndex, /) -> Sequence[Item]: ...
else:
    Array = list

optional: FieldInfo = Field(exclude_if=is_absent)
"""In ``Annotated``: None stands for "absent" and is never sent."""


def wire(name: str, /) -> FieldInfo:
    """State in ``Annotated`` the property's name in JSON, where Python's differs.

    Not ``alias``: that would make constructors ask for the wire's spelling.
    """
    return cast("FieldInfo", Field(validation_alias=name, serialization_alias=name))


def unchecked(**rules: str | float | bool) -> FieldInfo:
    """State in ``Annotated`` rules that the model leaves to the schema, for the model's own JSON Schema."""
    return cast("FieldInfo", Field(json_schema_extra=dict(rules)))


def uuid_text(value: UUID | str, /) -> str:
    """Return the text of a channel parameter that is a UUID, as JSON has it: in lower case."""
    return str(value) if isinstance(value, UUID) else value


def import_first(module: str, names: Sequence[str], /) -> None:
    """Import modules in the order given, so that the imports of one another don't nest too deep for Python.

    Args:
        module: the ``__name__`` of the generated module that needs them.
        names: modules, relative to its package.
    """
    package = module.rpartition(".")[0]
    for name in names:
        importlib.import_module(name, package)


def lazy_package(
    package: str, names: Mapping[str, Sequence[str]], /
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return a generated package's ``__getattr__`` and ``__dir__``, which import its modules at first use.

    Args:
        package: the package's ``__name__``.
        names: for each of its modules the names to offer from it.
    """
    homes = {name: module for module, offered in names.items() for name in offered}

    def getattr_(name: str) -> object:
        if (module := homes.get(name)) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, value)  # the next look-up doesn't come here
        return value

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return getattr_, dir_
