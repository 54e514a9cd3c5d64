"""The TypeScript modules of a model, printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.model import ChannelModel, EventModel, Model, ModulePath
from tightbeam_codegen.problems import Place, Problem, Severity
from tightbeam_codegen.read.documents import Resolved
from tightbeam_codegen.read.load import Pointer
from tightbeam_codegen.read.normalise.shapes import NamedShape
from tightbeam_codegen.read.payload_pointers import shared_key
from tightbeam_codegen.targets.protocol import Job, Output
from tightbeam_codegen.targets.typescript import ir
from tightbeam_codegen.targets.typescript.adapt import Difference
from tightbeam_codegen.targets.typescript.ajv import validators_of
from tightbeam_codegen.targets.typescript.modules import channel_module, event_module, shared_module
from tightbeam_codegen.targets.typescript.options import IMPORT_EXTENSION, REACT, VALIDATORS
from tightbeam_codegen.targets.typescript.printer import TypeScriptPrinter

__all__ = ["emit"]


def emit(model: Model, job: Job) -> Output:
    """Print a module for each definition, with its validators if wanted, the shared modules and the support.

    Args:
        model: what is printed; it has exact shapes.
        job: what the text depends on besides.
    """
    shapes, settings = model.exact, job.settings
    if shapes is None:
        raise ValueError("the model has no exact shapes")
    printer = TypeScriptPrinter(job.version, settings.choice(IMPORT_EXTENSION))
    validators = settings.flag(VALIDATORS)
    named: dict[ModulePath, list[NamedShape]] = {}
    for name, definition in shapes.named.items():
        named.setdefault(name.module, []).append(definition)
    own: dict[ModulePath, dict[str, str]] = {}
    warnings: dict[ModulePath, tuple[Problem, ...]] = {}
    for each in model.described:
        path, topics = each.module, shapes.topics[each.module]
        classes = named.pop(path, [])
        if isinstance(each, ChannelModel):
            module = channel_module(each.definition, topics, classes)
        else:
            module = event_module(each.definition, topics, classes)
        own[path] = {_path(path): printer.module(module)}
        if validators and each.topics:
            schemas = validators_of(each.bundle.text(), model.resolved.year_of)
            facts = ir.Validators(module, schemas.text, schemas.drafts, schemas.asserts_formats)
            own[path][_path(path, ".validators")] = printer.validators(facts)
            warnings[path] = tuple(_warnings(each, schemas.differences, model.resolved))
    files = shapes.files
    common = printer.support(validators=validators, react=settings.flag(REACT))
    for path, definitions in named.items():
        common[_path(path)] = printer.module(shared_module(files[path], path, definitions))
    return Output(own, common, warnings=warnings)


def _warnings(
    described: ChannelModel | EventModel, differences: Sequence[tuple[str, Difference]], resolved: Resolved
) -> Iterator[Problem]:
    """Yield a warning for each schema that Ajv reads otherwise than the Python side."""
    foreign = resolved.store.documents.paths_of_apis()
    for uri, difference in differences:
        place = _place(described, uri, difference.path, resolved)
        severity: Severity = "notice" if place.path in foreign else "warning"
        yield Problem(place, severity, difference.message, difference.remedy)


def _place(described: ChannelModel | EventModel, uri: str, path: Sequence[str], resolved: Resolved) -> Place:
    """Return the place of a schema of a bundle in its file.

    Args:
        described: the channel or event that the bundle belongs to.
        uri: of the resource with the schema.
        path: the way to the schema in its resource.
        resolved: knows the documents.
    """
    definition, store = described.definition, resolved.store
    document = definition.document
    for other in store.documents.all():
        if other is not document and as_uri(store.documents.canonical_uri(other)) == uri:
            return other.place(_pointer(other.value, path))
    if path and path[0] in ("$defs", "definitions"):
        # A bundle repeats payload schemas there, where validators have to find identifiers in them.
        repeated = {shared_key(payload.pointer): payload.pointer for payload in definition.payloads}
        own = repeated.get(path[1]) if len(path) > 1 else None
        path = (*map(str, own), *path[2:]) if own else ("$defs", *path[1:])
    elif uri != document.uri:
        for payload in definition.payloads:
            root = store.own_root(document, payload.pointer, resolved.dialects[definition.module])
            if root is not None and as_uri(root[0]) == uri:
                path = (*map(str, payload.pointer), *path)
    return document.place(_pointer(document.value, path))


def _pointer(value: Any, path: Sequence[str]) -> Pointer:
    """Return a path as a pointer, in which steps into arrays are numbers."""
    pointer: list[str | int] = []
    inner: Any = value
    for step in path:
        key: Any = int(step) if isinstance(inner, list) and step.isdecimal() else step
        pointer.append(key)
        try:
            inner = inner[key]
        except (LookupError, TypeError):
            break
    return tuple(pointer)


def _path(parts: ModulePath, ending: str = "") -> str:
    return "/".join(parts) + ending + ".ts"
