"""Makes a channel definition from an existing document, with a topic for each schema in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tightbeam._payload.subschemas import SCHEMA_MAPS
from tightbeam_codegen.json_schema.keywords import ASSERTING, KEYWORDS, Form
from tightbeam_codegen.names import class_name, snake, topic_name
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, Problems, quoted
from tightbeam_codegen.read.api_documents import CONTAINERS, api_document
from tightbeam_codegen.read.check.forms import form_faults
from tightbeam_codegen.read.check.names import check_topic_name
from tightbeam_codegen.read.discover import SUFFIXES
from tightbeam_codegen.read.load import Document, JsonValue, parse

__all__ = ["Import", "import_document"]


@dataclass(frozen=True, slots=True)
class Import:
    """The definition made from a document, and sentences about it for the author."""

    definition: dict[str, Any]
    sentences: tuple[str, ...]


def import_document(document: Document) -> Import:
    """Make a topic for the document itself, if it is a schema, and for each of its shared schemas.

    A topic has the schema's name. If that can't be a topic's, or two come to one name in Python, digits made
    of the name are added.

    Raises:
        DefinitionErrors: the document is a definition already, an AsyncAPI document, or has no schema in it.
    """
    api = api_document(document.value)
    _refuse_others(document)
    stem = document.path.rpartition("/")[2].partition(".")[0]
    topics = _Topics(document)
    if api is None and _is_schema(document.value):
        topics.add(stem, "")
    has_root = bool(topics.schemas)
    left_out: list[str] = []
    for container in CONTAINERS:
        for name, schema in _entries(document.value, container):
            if isinstance(schema, dict | bool):
                topics.add(name, f"#/{'/'.join(container)}/{_escaped(name)}")
            else:
                left_out.append(name)
    if not topics.schemas:
        where = "components/schemas, or definitions" if api is not None else "$defs, or definitions"
        _refuse(document, f"no schema in {document.path}", f"Its schemas have to stand in {where}.")
    sentences = [_summary(document, len(topics.schemas), has_root=has_root)]
    if api is not None:
        sentences.append(f"Of the {api.name} document nothing but its schemas was taken.")
    if left_out:
        sentences.append(f"Left out, being no schemas: {', '.join(map(quoted, left_out))}.")
    return Import({"name": snake(stem).replace("_", "-"), "topics": topics.schemas}, tuple(sentences))


def _summary(document: Document, count: int, *, has_root: bool) -> str:
    shared = count - has_root
    schemas = "1 schema" if shared == 1 else f"{shared} schemas"
    each = f"{schemas} in it" if has_root else f"{schemas} in {document.path}"
    if not shared:
        return f"1 topic, for {document.path} itself."
    topics = "1 topic" if count == 1 else f"{count} topics"
    return f"{topics}, for {document.path} itself and {each}." if has_root else f"{topics}, for {each}."


def _is_schema(value: JsonValue) -> bool:
    """Return whether a document is a schema, and more than a reference to one of its shared schemas."""
    if not isinstance(value, dict):
        return isinstance(value, bool)
    stated = {keyword for keyword in ASSERTING.intersection(value) if _can_be(keyword, value[keyword])}
    reference = value.get("$ref")
    is_alias = stated == {"$ref"} and isinstance(reference, str) and reference.startswith("#")
    return bool(stated) and not is_alias


def _can_be(keyword: str, value: JsonValue) -> bool:
    """Return whether a keyword of some draft can have a value; `dependencies` of a package.json can't be."""
    if isinstance(value, dict) and any(isinstance(inner, str) for inner in value.values()):
        return keyword not in SCHEMA_MAPS
    forms: list[Form] = [keywords[keyword] for keywords in KEYWORDS.values() if keyword in keywords]
    return any(not any(form_faults(keyword, value, form)) for form in forms)


def _entries(value: JsonValue, container: tuple[str, ...]) -> Iterator[tuple[str, JsonValue]]:
    for keyword in container:
        value = value.get(keyword) if isinstance(value, dict) else None
    yield from value.items() if isinstance(value, dict) else ()


class _Topics:
    """Collects topics under names that can stand side by side."""

    def __init__(self, document: Document) -> None:
        self._path = quote(document.path)
        self._taken: set[str] = set()
        self.schemas: dict[str, Any] = {}

    def add(self, name: str, fragment: str) -> None:
        """Add a topic for a schema.

        Args:
            name: of the schema.
            fragment: where the schema stands in the document, as the end of a reference.
        """
        topic = self._free(name)
        self._taken |= _names(topic)
        self.schemas[topic] = {"schema": {"$ref": self._path + fragment}}

    def _free(self, name: str) -> str:
        draft = parse(b"{}", "", "", "")
        if name and check_topic_name(draft, name, None, Problems()) and not _names(name) & self._taken:
            return name
        printable = "".join(char for char in name if char.isprintable())
        return f"{printable}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _names(topic: str) -> set[str]:
    return {topic_name(topic), class_name([topic])}


def _escaped(name: str) -> str:
    """Return a name as a token of a JSON pointer in a URI's fragment."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~$!'()*,;:@")


def _refuse_others(document: Document) -> None:
    value = document.value
    if document.path.endswith(SUFFIXES):
        _refuse(document, "this is a channel definition already", "Run `tightbeam generate`.")
    if not isinstance(value, dict | bool):
        _refuse(document, f"{document.path} isn't a schema document", "It has to be an object.")
    api = api_document(value)
    if api is not None and api.is_asyncapi:
        example = next(_payloads(value), "#/components/schemas/Order")
        reference = f'{{ "$ref": "{quote(document.path)}{example}" }}'
        _refuse(
            document,
            f"this is an {api.name} document: its channels can't be taken over yet",
            "Write a channel definition beside it by hand, with a topic for each message. The payload of a"
            f" message is a schema of this document, such as {reference}.",
        )


def _payloads(value: JsonValue) -> Iterator[str]:
    """Yield references to the schemas of payloads in an AsyncAPI document, the shared schemas first."""
    for container, ending in ((("components", "schemas"), ""), (("components", "messages"), "/payload")):
        for name, entry in _entries(value, container):
            if not ending or (isinstance(entry, dict) and "payload" in entry):
                yield f"#/{'/'.join(container)}/{_escaped(name)}{ending}"


def _refuse(document: Document, message: str, remedy: str) -> None:
    raise DefinitionErrors([Problem(Place(document.shown, 1, 1), "error", message, remedy)])
