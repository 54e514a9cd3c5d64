"""Messages of AsyncAPI as topics: their traits merged, and a reference to their payload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.asyncapi.carried import EXTENSION
from tightbeam_codegen.asyncapi.formats import check_meaning, draft_of
from tightbeam_codegen.asyncapi.leftovers import Leftovers
from tightbeam_codegen.asyncapi.locating import Located, Refused, Way, entries, text_of
from tightbeam_codegen.read.api_documents import api_document
from tightbeam_codegen.read.load import Document, JsonValue

if TYPE_CHECKING:
    from tightbeam_codegen.imports import Source

__all__ = ["Message", "Messages"]

_LEFT_OUT = {
    "headers": "headers",
    "correlationId": "correlation ids",
    "bindings": "bindings",
    "tags": "tags",
    "externalDocs": "external docs",
    "examples": "examples",
    "deprecated": "deprecations",
}
_KNOWN = frozenset(
    ["name", "title", "summary", "description", "contentType", "payload", "schemaFormat", "traits", "$ref"]
)
_OF_VERSION_2 = frozenset(["messageId", "oneOf"])
_MAX_FORMATS = 100
"""References that lead to schemas in a stated format, which lead to others."""
_NO_PAYLOAD_IN_TRAITS = frozenset(["payload", "traits"])


@dataclass(frozen=True, slots=True)
class Message:
    """A message, ready to be a topic."""

    name: str
    """What the topic is called, if it can be called so."""
    attribute: str | None
    """The topic's name in Python, if a definition that was exported chose one."""
    description: str
    reference: str | None
    """To the schema of the payload; None for a message that has none."""
    located: Located


class Messages:
    """Reads messages.

    Args:
        source: the document.
        version: its major version: traits are merged otherwise since 3.
        leftovers: takes what messages say besides.
    """

    def __init__(self, source: Source, version: int, leftovers: Leftovers) -> None:
        self._source = source
        self._way = Way(source)
        self._version = version
        self._leftovers = leftovers
        self.elsewhere: dict[str, None] = {}
        """The files with payloads that aren't read as AsyncAPI, as messages show them."""
        self._default_type = text_of(
            Located(source.document.value, source.document, ()).object.get("defaultContentType")
        )

    def read(self, located: Located, name: str) -> Message:
        """Read a message.

        Args:
            located: the message, or a reference to it.
            name: what it is called where it stands.

        Raises:
            Refused: it isn't an object, its payload is in a format that can't be carried, its traits can't be
                merged, or a reference leads nowhere or out of the files that may be read.
        """
        message = self._way.follow(located)
        if not isinstance(message.value, dict):
            raise Refused(message.place, "it isn't an object", "Write a message: an object with a `payload`.")
        merged = self._merged(message)
        ours = message.object.get(EXTENSION)
        self._leave_out(message, merged, is_ours=_is_ours(self._source))
        stated = ours if isinstance(ours, dict) else {}
        name = text_of(stated.get("topic")) or name
        return Message(
            name,
            text_of(stated.get("name")) or None,
            text_of(*(merged.get(key) for key in ("description", "summary"))) or _title(merged, name),
            self._payload(message, merged),
            message,
        )

    def _merged(self, message: Located) -> dict[str, JsonValue]:
        """Return a message with its traits: since version 3 its own words count more, before theirs."""
        traits: dict[str, JsonValue] = {}
        for each in entries(message.inside("traits")):
            trait = self._way.follow(each)
            if not isinstance(trait.value, dict):
                text = "this trait can't be merged: it isn't an object"
                raise Refused(each.place, text, "Write its words into the message.")
            if not _NO_PAYLOAD_IN_TRAITS.isdisjoint(trait.value):
                text = "this trait can't be merged: a trait has no payload, and no traits"
                raise Refused(trait.place, text, "Write the payload into the message.")
            traits = _patched(traits, trait.value)
        own = {key: value for key, value in message.object.items() if key != "traits"}
        return _patched(traits, own) if self._version >= 3 else _patched(own, traits)

    def _leave_out(self, message: Located, merged: dict[str, JsonValue], *, is_ours: bool) -> None:
        for key in merged:
            found = message.inside(key) if key in message else message.inside("traits")
            if key in _LEFT_OUT and not (is_ours and key in ("headers", "examples")):
                name = ", ".join(_names(merged[key])) if key == "bindings" else message.name
                self._leftovers.add(_LEFT_OUT[key], found, name)
            elif key not in _KNOWN | _OF_VERSION_2 | _LEFT_OUT.keys() | {EXTENSION}:
                kind = "extensions" if key.startswith("x-") else "other keys"
                self._leftovers.add(kind, found, key)
        stated = text_of(merged.get("contentType")) or self._default_type
        if stated and "json" not in stated.lower():
            place = message.inside("contentType") if "contentType" in message else message
            self._leftovers.add("content types", place, stated)

    def _payload(self, message: Located, merged: dict[str, JsonValue]) -> str | None:
        if "payload" not in message:
            return None
        payload = message.inside("payload")
        draft, named = 7, payload
        if stated := text_of(merged.get("schemaFormat")):
            draft = draft_of(stated, message.inside("schemaFormat") if "schemaFormat" in message else message)
        for _ in range(_MAX_FORMATS):
            if not _is_multi_format(payload):
                if "$ref" not in payload:
                    break
                payload = self._way.follow(payload)
                # A file with schemas alone is read as the document that refers to it: what refers to it there
                # is what a topic refers to.
                if api_document(payload.document.value) is not None:
                    named = payload
                continue
            if stated := text_of(payload.object.get("schemaFormat")):
                draft = draft_of(stated, payload.inside("schemaFormat"))
            payload = named = payload.inside("schema")
        check_meaning(payload, draft)
        if not isinstance(payload.value, dict | bool):
            raise Refused(payload.place, "the payload isn't a schema", "Write a schema: an object.")
        if api_document(payload.document.value) is None and (
            payload.document is named.document or _states_dialect(payload.document)
        ):
            self.elsewhere[payload.document.shown] = None
        return self._source.reference(named.pointer, named.document)


def _is_multi_format(located: Located) -> bool:
    value = located.object
    return "schema" in value and all(
        key in ("schema", "schemaFormat") or key.startswith("x-") for key in value
    )


def _states_dialect(document: Document) -> bool:
    return isinstance(document.value, dict) and "$schema" in document.value


def _is_ours(source: Source) -> bool:
    value = source.document.value
    channels = value.get("channels") if isinstance(value, dict) else None
    return isinstance(channels, dict) and all(
        isinstance(channel, dict) and EXTENSION in channel for channel in channels.values()
    )


def _title(merged: dict[str, JsonValue], name: str) -> str:
    """Return the title of a message, unless it says no more than the name does."""
    title = text_of(merged.get("title"))
    letters = [char for char in title.casefold() if char.isalnum()]
    return "" if letters == [char for char in name.casefold() if char.isalnum()] else title


def _names(value: JsonValue) -> Iterator[str]:
    yield from value if isinstance(value, dict) else ()


def _patched(value: dict[str, JsonValue], patch: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return an object changed by a patch (RFC 7386)."""
    out: dict[str, Any] = dict(value)
    for key, inner in patch.items():
        if inner is None:
            out.pop(key, None)
        elif isinstance(inner, dict):
            earlier = out.get(key)
            out[key] = _patched(earlier if isinstance(earlier, dict) else {}, inner)
        else:
            out[key] = inner
    return out
