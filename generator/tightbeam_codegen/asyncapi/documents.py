"""The channels of a document of AsyncAPI, of version 2 or 3, in one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.leftovers import Leftovers
from tightbeam_codegen.asyncapi.locating import Located, Refused, Way, entries, text_of
from tightbeam_codegen.problems import quoted

__all__ = ["Channel", "channels_of", "leave_out_the_rest"]

_OF_CHANNELS = {
    "servers": "channel servers",
    "tags": "tags",
    "externalDocs": "external docs",
    "bindings": "bindings",
}
_TEXTS = ("title", "summary", "description")
_CHANNEL_KEYS = frozenset(
    [*_TEXTS, *_OF_CHANNELS, "$ref", "address", "messages", "parameters", "publish", "subscribe", EXTENSION]
)
_OPERATION_KEYS = frozenset(
    [*_TEXTS, "$ref", "action", "channel", "messages", "message", "operationId", "traits", "reply"]
)
_TOP_KEYS = frozenset(
    ["asyncapi", "channels", "components", "operations", "servers", "info", "id", "tags", "externalDocs"]
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it stands in a document."""

    key: str
    address: str | None
    """None where it isn't known before the program runs."""
    located: Located
    description: str
    parameters: Mapping[str, Located]
    messages: tuple[tuple[str, Located], ...]
    """The messages, or references to them, each with a name."""
    ours: Mapping[str, object] = field(default_factory=dict)
    """What an exported document says of the definition."""


def channels_of(root: Located, way: Way, version: int, leftovers: Leftovers) -> Iterator[Channel | Refused]:
    """Yield the channels of a document in their order; for one that can't be read, the reason.

    Args:
        root: the document.
        way: follows references.
        version: its major version.
        leftovers: takes what channels say besides.
    """
    channels = list(entries(root.inside("channels")))
    if not channels and (messages := list(entries(root.inside("components", "messages")))):
        # A collection of messages, for other documents.
        stem = root.document.path.rpartition("/")[2].partition(".")[0]
        named = tuple((each.name, each) for each in messages)
        yield Channel(f"{stem}-topics", None, root.inside("components"), "", {}, named)
    for located in channels:
        if located.name.startswith("x-"):
            leftovers.add("extensions", located, located.name)
            continue
        try:
            yield _channel(located, way, version, leftovers)
        except Refused as refused:
            yield refused.of(f"the channel {quoted(located.name)}")


def _channel(located: Located, way: Way, version: int, leftovers: Leftovers) -> Channel:
    channel = way.follow(located)
    if not isinstance(channel.value, dict):
        raise Refused(channel.place, "it isn't an object", "Correct it.")
    for key in channel.object:
        if key in _OF_CHANNELS:
            names = ", ".join(channel.inside(key).object) if key == "bindings" else located.name
            leftovers.add(_OF_CHANNELS[key], channel.inside(key), names)
        elif key not in _CHANNEL_KEYS:
            kind = "extensions" if key.startswith("x-") else "other keys"
            leftovers.add(kind, channel.inside(key), key)
    parameters = {each.name: each for each in entries(way.follow(channel.inside("parameters")))}
    ours = channel.object.get(EXTENSION)
    # A title of ours is made of the name.
    texts = ("description", "summary") if ours is not None else ("description", "summary", "title")
    about = [channel.object.get(key) for key in texts]
    if version >= 3:
        address = channel.object.get("address")
        messages = tuple((each.name, each) for each in entries(channel.inside("messages")))
    else:
        address = located.name
        operations = [way.follow(channel.inside(key)) for key in ("publish", "subscribe") if key in channel]
        messages = tuple(message for each in operations for message in _messages_2(each, way, leftovers))
        if len(operations) == 1:
            about += [operations[0].object.get(key) for key in ("description", "summary")]
    return Channel(
        located.name,
        address if isinstance(address, str) and address else None,
        channel,
        text_of(*about),
        parameters,
        messages,
        ours if isinstance(ours, dict) else {},
    )


def _messages_2(operation: Located, way: Way, leftovers: Leftovers) -> Iterator[tuple[str, Located]]:
    """Yield the messages of an operation of version 2, each with a name that is stable."""
    _leave_out_operation(operation, way, leftovers)
    if "message" not in operation:
        return
    message = operation.inside("message")
    whole = _followed(message, way)
    several = list(entries(whole.inside("oneOf"))) if "oneOf" in whole else [message]
    for index, each in enumerate(several):
        found = _followed(each, way)
        fallback = text_of(operation.object.get("operationId")) or operation.name
        name = text_of(
            found.object.get("messageId"),
            found.object.get("name"),
            found.name if found is not each and found.pointer else None,
            fallback if len(several) == 1 else f"{fallback}-{index}",
        )
        yield name, each


def _followed(message: Located, way: Way) -> Located:
    """Return what a message stands for; itself where that can't be found, which is said where it is read."""
    try:
        return way.follow(message)
    except Refused:
        return message


def _leave_out_operation(operation: Located, way: Way, leftovers: Leftovers) -> None:
    """Note what an operation says besides its messages."""
    name = text_of(operation.object.get("operationId")) or operation.name
    if name in ("publish", "subscribe") and len(operation.pointer) > 1:
        name = f"{operation.pointer[-2]} ({name})"
    leftovers.add("operations", operation, name)
    for key in operation.object:
        found = operation.inside(key)
        if key == "traits":
            for trait in entries(found):
                leftovers.add("operation traits", trait, _name_of(trait))
        elif key == "reply":
            leftovers.add("replies", found, operation.name)
        elif key == "bindings":
            leftovers.add("bindings", found, ", ".join(way.follow(found).object))
        elif key in ("tags", "security"):
            leftovers.add(key, found, operation.name)
        elif key == "externalDocs":
            leftovers.add("external docs", found, operation.name)
        elif key not in _OPERATION_KEYS:
            kind = "extensions" if key.startswith("x-") else "other keys"
            leftovers.add(kind, found, key)


def _name_of(located: Located) -> str:
    reference = located.object.get("$ref")
    return reference.rpartition("/")[2] if isinstance(reference, str) else ""


def leave_out_the_rest(
    root: Located, way: Way, used: set[tuple[str, tuple[str | int, ...]]], leftovers: Leftovers
) -> None:
    """Note what a document says beside its channels.

    Args:
        root: the document.
        way: follows references.
        used: the messages and channels that were taken, by the URI of their file and their pointer.
        leftovers: takes the rest.
    """
    for key in root.object:
        if key not in (*_TOP_KEYS, "defaultContentType", EXTENSION):
            kind = "extensions" if key.startswith("x-") else "other keys"
            leftovers.add(kind, root.inside(key), key)
    for server in entries(root.inside("servers")):
        leftovers.add("servers", server, server.name)
    for key in ("id", "tags", "externalDocs"):
        if key in root:
            leftovers.add(
                {"id": "about", "externalDocs": "external docs"}.get(key, key), root.inside(key), key
            )
    for each in entries(root.inside("info")):
        kind = {"tags": "tags", "externalDocs": "external docs"}.get(each.name, "about")
        leftovers.add("extensions" if each.name.startswith("x-") else kind, each, each.name)
    for operation in entries(root.inside("operations")):
        try:
            _leave_out_operation(way.follow(operation), way, leftovers)
        except Refused:
            leftovers.add("operations", operation, operation.name)
    for scheme in entries(root.inside("components", "securitySchemes")):
        leftovers.add("security", scheme, scheme.name)
    for kind in ("messages", "channels"):
        for each in entries(root.inside("components", kind)):
            if (each.document.uri, each.pointer) not in used:
                leftovers.add(f"unused {kind}", each, each.name)
