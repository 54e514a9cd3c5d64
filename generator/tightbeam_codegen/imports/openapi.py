"""Imports OpenAPI and Swagger documents: their shared schemas, and what webhooks and callbacks send.

Requests and responses are no messages, so that paths are left alone. A webhook whose payload is one of the
shared schemas has a topic by that: only payloads that are written out in a webhook become topics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tightbeam_codegen.imports.imported import Imported, Source, Wanted, refusal
from tightbeam_codegen.imports.selection import Candidate, channel_of
from tightbeam_codegen.json_schema.dialects import draft_at
from tightbeam_codegen.json_schema.uris import pointer_key
from tightbeam_codegen.phrases import counted, listed
from tightbeam_codegen.problems import Problem, quoted
from tightbeam_codegen.read.api_documents import ApiDocument
from tightbeam_codegen.read.load import Document, JsonValue, Pointer

__all__ = ["import_openapi"]

_SHARED = (("components", "schemas"), ("definitions",), ("$defs",))
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Message:
    """What an API sends by itself."""

    kind: str
    name: str
    pointer: Pointer
    """The place of the operation that receives it."""


def import_openapi(source: Source, api: ApiDocument, wanted: Wanted) -> Imported:
    """Import an OpenAPI or Swagger document.

    Args:
        source: the document.
        api: what kind it is.
        wanted: what the command line asks for.

    Raises:
        DefinitionErrors: it has no schema that can be taken.
    """
    document, value = source.document, source.document.value
    left_out: list[Problem] = []
    candidates: list[Candidate] = []
    for container in _SHARED:
        shared = _object(value, container)
        if isinstance(shared.get("$ref"), str):
            text = f"{'/'.join(container)} is a reference, which OpenAPI doesn't have there"
            remedy = "Refer to each schema by its name there, or bundle the document into one file first."
            raise refusal(document, (*container, "$ref"), text, remedy)
        for name, schema in shared.items():
            if isinstance(schema, dict | bool):
                candidates.append(Candidate(name, (*container, name)))
            else:
                place = document.place((*container, name), key=True)
                text = f"{quoted(name)} is left out: it is no schema"
                left_out.append(Problem(place, "warning", text, "A schema is an object."))
    taken = {each.pointer: each.name for each in candidates}
    sent: dict[str, dict[str, str]] = {}
    for message in _messages(value):
        payload = _payload(value, message.pointer)
        if payload is None:
            text = f"the {message.kind} {quoted(message.name)} is left out: it sends no JSON with a schema"
            left_out.append(Problem(document.place(message.pointer), "warning", text, ""))
            continue
        if payload not in taken:
            taken[payload] = message.name
            candidates.append(Candidate(message.name, payload))
        sent.setdefault(message.kind, {})[message.name] = taken[payload]
    if not candidates:
        raise refusal(document, (), f"no schema in {source.file}", _by_hand(source, value))
    left_out += _unknown_dialect(document, value)
    notes = [f"Of the {api.name} document nothing but its schemas was taken{_paths(value)}."]
    notes += (_sent(kind, topics) for kind, topics in sent.items())
    return channel_of(source, wanted, candidates, notes=notes, left_out=left_out)


def _object(value: JsonValue, way: Pointer) -> dict[str, JsonValue]:
    """Return the object at the end of a way; an empty one where there is none."""
    for key in way:
        value = value.get(str(key)) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _by_hand(source: Source, value: JsonValue) -> str:
    """Return how to use a document whose schemas stand in requests and responses alone."""
    remedy = "Its schemas have to stand in components/schemas, or definitions."
    for path, item in _object(value, ("paths",)).items():
        for method in _METHODS if isinstance(item, dict) else ():
            answers = _object(value, ("paths", path, method, "responses"))
            for way in (("requestBody",), *(("responses", status) for status in answers)):
                if (schema := _content(value, ("paths", path, method, *way))) is not None:
                    return f'{remedy} By hand, refer to one: {{ "$ref": "{source.reference(schema)}" }}.'
    return remedy


def _paths(value: JsonValue) -> str:
    operations = sum(
        method in item
        for item in _object(value, ("paths",)).values()
        if isinstance(item, dict)
        for method in _METHODS
    )
    what = counted(operations, "operation")
    return f": the requests and responses of {what} are no messages" if operations else ""


def _sent(kind: str, topics: Mapping[str, str]) -> str:
    """Return a sentence about the topics that webhooks, or callbacks, have."""
    each = [
        quoted(name) + (f" as {quoted(topic)}" if topic != name else "") for name, topic in topics.items()
    ]
    plural, are = (kind, "is") if len(topics) == 1 else (f"{kind}s", "are")
    return f"Its {plural} {are} among the topics: {listed(each, _NAMED)}."


def _unknown_dialect(document: Document, value: JsonValue) -> Iterator[Problem]:
    named = value.get("jsonSchemaDialect") if isinstance(value, dict) else None
    if isinstance(named, str) and draft_at(named) is None:
        message = (
            f"the jsonSchemaDialect {quoted(named)} isn't known: schemas are read as JSON Schema 2020-12"
        )
        yield Problem(document.place(("jsonSchemaDialect",)), "warning", message, "")


# -- webhooks and callbacks ----------------------------------------------------------------------------------


def _messages(value: JsonValue) -> Iterator[_Message]:
    for key in ("webhooks", "x-webhooks"):
        for name in _object(value, (key,)):
            yield from _of_path_item(value, "webhook", name, (key, name))
    for name in _object(value, ("components", "callbacks")):
        yield from _of_callback(value, name, ("components", "callbacks", name))
    for path, item in _object(value, ("paths",)).items():
        for method in _METHODS:
            way = ("paths", path, method, "callbacks")
            for name, callback in _object(value, way).items() if isinstance(item, dict) else ():
                # One that refers to a shared callback was met above.
                if isinstance(callback, dict) and "$ref" not in callback:
                    yield from _of_callback(value, name, (*way, name))


def _of_callback(value: JsonValue, name: str, pointer: Pointer) -> Iterator[_Message]:
    for expression in _object(value, pointer):
        yield from _of_path_item(value, "callback", name, (*pointer, expression))


def _of_path_item(value: JsonValue, kind: str, name: str, pointer: Pointer) -> Iterator[_Message]:
    pointer = _followed(value, pointer)
    item = _object(value, pointer)
    methods = [method for method in _METHODS if isinstance(item.get(method), dict)]
    for method in methods:
        yield _Message(kind, name if len(methods) == 1 else f"{name}-{method}", (*pointer, method))


def _payload(value: JsonValue, operation: Pointer) -> Pointer | None:
    """Return the place of the schema of what an operation receives as JSON; None where there is none."""
    return _content(value, (*operation, "requestBody"))


def _content(value: JsonValue, pointer: Pointer) -> Pointer | None:
    """Return the place of the JSON schema in a request or a response; None where there is none."""
    body = _followed(value, pointer)
    content = _object(value, (*body, "content"))
    for media_type, entry in content.items():
        essence = media_type.partition(";")[0].strip().lower()
        is_json = essence == "application/json" or essence.endswith("+json") or essence == "*/*"
        if is_json and isinstance(entry, dict) and isinstance(entry.get("schema"), dict | bool):
            return _followed(value, (*body, "content", media_type, "schema"))
    return None


def _followed(value: JsonValue, pointer: Pointer) -> Pointer:
    """Return where a reference inside the document leads to; any other place as it is."""
    for _ in range(20):
        node: Any = _object(value, pointer)
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target = tuple(map(pointer_key, reference[2:].split("/")))
        if not _object(value, target):
            break
        pointer = target
    return pointer
