"""What schemas of API documents are called that aren't shared: those of messages, requests and responses."""

from __future__ import annotations

from typing import Any

from tightbeam_codegen.read.api_documents import api_document
from tightbeam_codegen.read.load import Document, Pointer

__all__ = ["schema_in_api"]

_KINDS = {
    "callbacks": "",
    "headers": "Header",
    "parameters": "Parameter",
    "pathItems": "",
    "requestBodies": "Request",
    "responses": "Response",
}
"""The shared parts of a document that have schemas, and how the names of these end."""
_WEBHOOKS = ("webhooks", "x-webhooks")
_OF_CHANNELS = (("messages",), ("publish",), ("subscribe",))
"""Where the messages of a channel stand in documents of AsyncAPI."""
_AROUND_MESSAGES = frozenset(["message", "messages", "oneOf", "publish", "subscribe"])
"""Keys on the way to a message that don't say what it is called."""


def schema_in_api(document: Document, pointer: Pointer) -> tuple[tuple[str, ...], int] | None:
    """Return what the schema in a message or an operation, or in a shared part of one, is called.

    Args:
        document: the document.
        pointer: the way to something in the schema.

    Returns:
        The parts of its name, and how many keys lead to it; None where the pointer leads elsewhere.
    """
    api = api_document(document.value) if "payload" in pointer else None
    if api is not None and api.is_part:
        return _in_a_part(document, pointer)
    if (length := _length_of_payload(pointer)) is not None:
        # A payload may stand beside its format, in a key `schema`.
        end = length + 1 if pointer[length : length + 1] == ("schema",) else length
        return (_message_name(document.value, pointer[:length]),), end
    length = next((index + 1 for index, key in enumerate(pointer) if key == "schema" and index >= 2), 0)
    top = pointer[0] if length else None
    if top not in ("components", "paths", *_WEBHOOKS) or api_document(document.value) is None:
        return None
    way = pointer[:length]
    names = _named_part(way) if top == "components" else _operation(document.value, way)
    return (names, length) if names else None


def _named_part(way: Pointer) -> tuple[str, ...]:
    ending = _KINDS.get(str(way[1]))
    return () if ending is None else tuple(filter(None, (str(way[2]), ending)))


def _operation(document: Any, way: Pointer) -> tuple[str, ...]:
    """Return the name of a schema in an operation: the operation's, and what has the schema in it."""
    if "callbacks" in way[:-1]:
        return (str(way[way.index("callbacks") + 1]),)
    if way[0] in _WEBHOOKS:
        return (str(way[1]),)
    operation = document["paths"][way[1]].get(way[2])
    stated = operation.get("operationId") if isinstance(operation, dict) else None
    own = (stated,) if isinstance(stated, str) and stated else (str(way[2]), str(way[1]))
    if way[3:4] == ("responses",):
        return (*own, f"Response{way[4]}")
    if "parameters" in way:
        value: Any = document
        for key in way[: way.index("parameters") + 2]:
            value = value[key]
        name = value.get("name") if isinstance(value, dict) else None
        return (*own, name) if isinstance(name, str) else (*own, "Parameter")
    return (*own, "Request")


def _length_of_payload(pointer: Pointer) -> int | None:
    """Return how many keys lead to the payload of a message in a document of AsyncAPI, if these do."""
    if pointer[:2] == ("components", "messages") or (
        pointer[:1] == ("channels",) and pointer[2:3] in _OF_CHANNELS
    ):
        # A message is no schema, so that the first key of this name is the message's.
        way = [index for index, key in enumerate(pointer) if key == "payload" and index >= 3]
        return way[0] + 1 if way else None
    return None


def _in_a_part(document: Document, pointer: Pointer) -> tuple[tuple[str, ...], int]:
    """Return the same for a payload in a file with messages: the key of the message, else the file's name."""
    length = pointer.index("payload") + 1
    end = length + 1 if pointer[length : length + 1] == ("schema",) else length
    names = [key for key in pointer[: length - 1] if isinstance(key, str) and key not in _AROUND_MESSAGES]
    file = document.path.rpartition("/")[2].partition(".")[0]
    return (names[-1] if names else file,), end


def _message_name(document: Any, pointer: Pointer) -> str:
    """Return what a message is called: by its key, or in version 2, where it has none, by itself."""
    if "messages" in (pointer[1], pointer[2]):
        return str(pointer[-2])
    message: Any = document
    for key in pointer[:-1]:
        message = message[key]
    stated = (message.get(keyword) for keyword in ("messageId", "name"))
    return next((text for text in stated if isinstance(text, str)), "-".join(map(str, pointer[1:-1])))
