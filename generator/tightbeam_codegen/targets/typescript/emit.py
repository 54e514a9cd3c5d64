"""The TypeScript modules of a model, printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tightbeam_codegen.json_schema.uris import as_uri
from tightbeam_codegen.model import ChannelModel, Model, ModulePath
from tightbeam_codegen.problems import Place, Problem, Severity
from tightbeam_codegen.read.documents import Resolved
from tightbeam_codegen.read.load import Pointer
from tightbeam_codegen.read.normalise.shapes import NamedShape
from tightbeam_codegen.targets.protocol import Job, Output
from tightbeam_codegen.targets.typescript import ir
from tightbeam_codegen.targets.typescript.adapt import Difference
from tightbeam_codegen.targets.typescript.ajv import validators_of
from tightbeam_codegen.targets.typescript.modules import channel_module, shared_module
from tightbeam_codegen.targets.typescript.options import IMPORT_EXTENSION, REACT, VALIDATORS
from tightbeam_codegen.targets.typescript.printer import TypeScriptPrinter

__all__ = ["emit"]


def emit(model: Model, job: Job) -> Output:
    """Print a module for each channel, with its validators if wanted, the shared modules and the support.

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
    for channel in model.channels:
        path, topics = channel.module, shapes.topics[channel.module]
        module = channel_module(channel.definition, topics, named.pop(path, []))
        own[path] = {_path(path): printer.module(module)}
        if validators and module.channel is not None:
            schemas = validators_of(channel.bundle.text(), model.resolved.year_of)
            facts = ir.Validators(
                module, module.channel, schemas.text, schemas.drafts, schemas.asserts_formats
            )
            own[path][_path(path, ".validators")] = printer.validators(facts)
            warnings[path] = tuple(_warnings(channel, schemas.differences, model.resolved))
    files = shapes.files
    common = printer.support(validators=validators, react=settings.flag(REACT))
    for path, definitions in named.items():
        common[_path(path)] = printer.module(shared_module(files[path], path, definitions))
    return Output(own, common, warnings=warnings)


def _warnings(
    channel: ChannelModel, differences: Sequence[tuple[str, Difference]], resolved: Resolved
) -> Iterator[Problem]:
    """Yield a warning for each schema that Ajv reads otherwise than the Python side."""
    foreign = resolved.store.documents.paths_of_apis()
    for uri, difference in differences:
        place = _place(channel, uri, difference.path, resolved)
        severity: Severity = "notice" if place.path in foreign else "warning"
        yield Problem(place, severity, difference.message, difference.remedy)


def _place(channel: ChannelModel, uri: str, path: Sequence[str], resolved: Resolved) -> Place:
    """Return the place of a schema of a bundle in its file.

    Args:
        channel: the channel that the bundle belongs to.
        uri: of the resource with the schema.
        path: the way to the schema in its resource.
        resolved: knows the documents.
    """
    definition, store = channel.definition, resolved.store
    document = definition.document
    for other in store.documents.all():
        if other is not document and as_uri(store.documents.canonical_uri(other)) == uri:
            return other.place(_pointer(other.value, path))
    if path and path[0] in ("$defs", "definitions"):
        # A bundle repeats topics there, where validators have to find identifiers in them.
        name = path[1].removeprefix("topics/") if len(path) > 1 else ""
        own = path[1:2] != (name,) and name in {topic.name for topic in channel.topics}
        path = ("topics", name, "schema", *path[2:]) if own else ("$defs", *path[1:])
    elif uri != document.uri:
        for topic in definition.topics:
            root = store.own_root(document, topic.name, resolved.dialects[definition.module])
            if root is not None and as_uri(root[0]) == uri:
                path = (*map(str, topic.pointer), *path)
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
