"""Lines and columns of places in a channel's bundle."""

from __future__ import annotations

from collections.abc import Iterator

from tightbeam_codegen.compare.containment import SchemaPlace
from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.model import ChannelModel, Model
from tightbeam_codegen.problems import Place
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.resolve import Unresolved

__all__ = ["Places"]

_HOPS = 20
"""References from a schema to the one that has a keyword."""


class Places:
    """Finds the places of one channel's schemas.

    Args:
        model: has the documents.
        channel: the channel.
    """

    def __init__(self, model: Model, channel: ChannelModel) -> None:
        self._store = model.resolved.store
        self._definition = channel.definition.document

    @property
    def uri(self) -> str:
        """The URI of the definition."""
        return self._definition.uri

    def topic(self, name: str) -> Place:
        """Return the place of a topic's name."""
        return self._definition.place(("topics", name), key=True)

    def schema(self, at: SchemaPlace | None, topic: str, keyword: str) -> Place:
        """Return the place of a rule; that of the topic's schema where the rule has none.

        Args:
            at: the rule, or the schema that has it, in the bundle.
            topic: the topic whose payloads it is about.
            keyword: of the rule. It is also looked for in what the schema refers to.
        """
        document, pointer = self._found(at, ("topics", topic, "schema"))
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
            return self._definition, _in_definition(at.pointer)
        document = next((each for uri, each in self._others() if uri == at.uri), None)
        if document is not None:
            return document, at.pointer
        return self._definition, (*whole, *at.pointer)  # a topic's schema that is its own document

    def _others(self) -> Iterator[tuple[str, Document]]:
        for document in self._store.documents.reach(self._definition):
            yield document.uri, document
            yield as_uri(self._store.documents.canonical_uri(document)), document


def _in_definition(pointer: Pointer) -> Pointer:
    """Return the place in the file of what the bundle also has among the definitions."""
    if len(pointer) > 1 and str(pointer[1]).startswith("topics/"):
        return ("topics", str(pointer[1]).removeprefix("topics/"), "schema", *pointer[2:])
    return pointer
