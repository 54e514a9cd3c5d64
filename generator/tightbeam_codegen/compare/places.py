"""Lines and columns of places in the bundle of a channel or of an event."""

from __future__ import annotations

from collections.abc import Iterator

from tightbeam_codegen.compare.containment import SchemaPlace
from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.model import ChannelModel, EventModel, Model
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.payload_pointers import is_event, shared_key
from tightbeam_codegen.read.resolve import Unresolved

__all__ = ["Places"]

EVENT_NAME: Pointer = ("name",)
"""What stands for an event in its file, also for one without data."""

_HOPS = 20
"""References from a schema to the one that has a keyword."""


class Places:
    """Finds the places of the schemas of one channel or event.

    Args:
        model: has the documents.
        defined: the channel or the event.
    """

    def __init__(self, model: Model, defined: ChannelModel | EventModel) -> None:
        self._store = model.resolved.store
        self._definition = defined.definition.document
        self._payloads = {each.name: each.pointer for each in defined.definition.payloads}
        self._by_key = {shared_key(each): each for each in self._payloads.values()}

    @property
    def uri(self) -> str:
        """The URI of the definition."""
        return self._definition.uri

    def topic(self, name: str) -> Place:
        """Return the place of a topic's name, or of an event's."""
        pointer = EVENT_NAME if is_event(self._definition) else self._payloads[name][:-1]
        return self._definition.place(pointer, key=True)

    def schema(self, at: SchemaPlace | None, topic: str, keyword: str) -> Place:
        """Return the place of a rule; that of the topic's schema where the rule has none.

        Args:
            at: the rule, or the schema that has it, in the bundle.
            topic: the topic or event whose payloads it is about.
            keyword: of the rule. It is also looked for in what the schema refers to.
        """
        document, pointer = self._found(at, self._payloads.get(topic, EVENT_NAME))
        for _ in range(_HOPS):
            try:
                node = self._store.at(document, pointer)
                if keyword in node.keywords:
                    return document.place((*pointer, keyword))
                node = self._store.follow(node, node.keywords["$ref"])
            except (Unresolved, KeyError, TypeError):
                break
            target = self._store.document(node.schema)
            if target is None:
                break
            document, pointer = target, self._store.pointer(node.schema)
        return document.place(pointer)

    def _found(self, at: SchemaPlace | None, whole: Pointer) -> tuple[Document, Pointer]:
        """Return the document of a place in the bundle, and the place in it."""
        if at is None:
            return self._definition, whole
        if at.uri == self._definition.uri:
            return self._definition, self._in_definition(at.pointer)
        document = next((each for uri, each in self._others() if uri == at.uri), None)
        if document is not None:
            return document, at.pointer
        return self._definition, (*whole, *at.pointer)  # a topic's schema that is its own document

    def _in_definition(self, pointer: Pointer) -> Pointer:
        """Return the place in the file of what the bundle also has among the definitions."""
        payload = self._by_key.get(str(pointer[1])) if len(pointer) > 1 else None
        return pointer if payload is None else (*payload, *pointer[2:])

    def _others(self) -> Iterator[tuple[str, Document]]:
        for document in self._store.documents.reach(self._definition):
            yield document.uri, document
            yield as_uri(self._store.documents.canonical_uri(document)), document
