"""Definitions that need no reading: as they were in an earlier run, with all that they refer to."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.model import Model, ModulePath
from tightbeam_codegen.problems import DefinitionErrors, from_stored, to_stored
from tightbeam_codegen.read.check import AnyDefinition, Definition, EventDefinition, Parameter, Topic
from tightbeam_codegen.read.definitions import Unchanged
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.places import module_of
from tightbeam_codegen.read.payload_pointers import EVENT_PAYLOAD
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.read.resolve.references import outgoing
from tightbeam_codegen.targets.protocol import Output, Store

__all__ = ["CompiledDefinition", "IncrementalCache", "compiled_definitions", "context_of"]

Files: TypeAlias = Mapping[str, Mapping[str, str]]
"""Target -> path in its folder -> text."""


@dataclass(frozen=True, kw_only=True)
class CompiledDefinition(Unchanged):
    """A definition with all that a run made of it."""

    reach: Mapping[str, str]
    """The documents that it refers to, over others too: URI -> digest."""
    entangled: bool
    """Whether its files hold parts of other files: those are never taken as they are."""
    context: str
    """A digest of what else its files depend on."""
    files: Files


def context_of(model: Model, outputs: Mapping[str, Output]) -> str:
    """Return a digest of what the files of all definitions depend on besides.

    Args:
        model: has the names of classes that met, and the files that are read as parts of others.
        outputs: have the contexts of targets.
    """
    contexts = [output.context for output in outputs.values()]
    parts = model.resolved.store.documents.parts_of_apis()
    names = f"{model.shapes.names!r} {model.exact.names if model.exact else ''} {contexts!r} {parts!r}"
    return hashlib.sha256(names.encode(errors="surrogatepass")).hexdigest()


def compiled_definitions(model: Model, outputs: Mapping[str, Output]) -> list[CompiledDefinition]:
    """Collect what the targets printed of each definition that was read.

    Args:
        model: the definitions.
        outputs: of the targets, by name.
    """
    context = context_of(model, outputs)
    entangled: set[ModulePath] = model.shared_modules().union(*(each.entangled for each in outputs.values()))
    store = model.resolved.store
    return [
        CompiledDefinition(
            definition=each.definition,
            uses=model.shapes.uses[each.module],
            exact_uses=model.exact.uses[each.module] if model.exact else (),
            chosen=each.chosen,
            problems=(
                *each.problems,
                *(problem for output in outputs.values() for problem in output.warnings.get(each.module, ())),
            ),
            reach={other.uri: other.digest for other in store.documents.reach(each.definition.document)},
            entangled=each.module in entangled,
            context=context,
            files={name: output.own.get(each.module, {}) for name, output in outputs.items()},
        )
        for each in model.described
    ]


class IncrementalCache:
    """Remembers the definitions of one schema root, for one version of the tool and one set of settings.

    Args:
        store: keeps them.
        key: tells runs apart that can't learn from each other.
        present: for each target what returns the text of a file as it is now, by its path; None for no file.
    """

    def __init__(self, store: Store, key: str, present: Mapping[str, Callable[[str], str | None]]) -> None:
        self._store = store
        self._key = f"definitions\0{key}"
        self._present = present

    def recall(self, documents: Iterable[Document], sources: Sources) -> dict[str, CompiledDefinition]:
        """Return those of some definition files, by path, that needn't be read again.

        Args:
            documents: all definition files of the root.
            sources: reads what they refer to.
        """
        documents = list(documents)
        entries = self._store.get(self._key)
        if not isinstance(entries, dict):
            return {}
        unchanged: dict[str, CompiledDefinition] = {}
        for document in documents:
            # An entry of another form than `remember` writes counts as absent.
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                recalled = self._recall(document, entries[document.path], sources)
                if recalled is not None:
                    unchanged[document.path] = recalled
        if unchanged:
            _drop_affected(documents, unchanged, _used_before(entries, unchanged), sources)
        return unchanged

    def remember(self, definitions: Iterable[CompiledDefinition]) -> None:
        """Keep all definitions of this run, in place of those of the run before."""
        self._store.put(self._key, {each.definition.document.path: _entry(each) for each in definitions})

    def _recall(
        self, document: Document, entry: dict[str, Any], sources: Sources
    ) -> CompiledDefinition | None:
        if entry["digest"] != document.digest or entry["entangled"]:
            return None
        if any(_digest(sources, uri) != digest for uri, digest in entry["reach"].items()):
            return None
        files: dict[str, dict[str, str]] = {}
        for target, present in self._present.items():
            texts = files[target] = {path: present(path) or "" for path in entry["files"][target]}
            if _digests(texts) != entry["files"][target]:
                return None  # A file is gone, or has been changed.
        return CompiledDefinition(
            definition=_to_definition(document, entry["definition"]),
            uses=tuple((uri, tuple(pointer)) for uri, pointer in entry["uses"]),
            exact_uses=tuple((uri, tuple(pointer)) for uri, pointer in entry["exact_uses"]),
            chosen=tuple(str(each) for each in entry["chosen"]),
            problems=tuple(from_stored(problem) for problem in entry["problems"]),
            reach=entry["reach"],
            entangled=False,
            context=str(entry["context"]),
            files=files,
        )


def _used_before(entries: Mapping[str, Any], unchanged: Mapping[str, object]) -> set[str]:
    """Return the URIs that definitions which changed, or are gone, referred to before."""
    uris: set[str] = set()
    for path, entry in entries.items():
        if path not in unchanged:
            with contextlib.suppress(KeyError, TypeError, ValueError):  # an entry of another form
                uris.update(uri for uri, _ in entry["uses"])
    return uris


def _drop_affected(
    documents: Iterable[Document],
    unchanged: dict[str, CompiledDefinition],
    used_before: Iterable[str],
    sources: Sources,
) -> None:
    """Drop the definitions whose modules may hold other classes now, since another definition changed.

    A module holds the classes of its file that other files use. So three kinds are dropped:

    * a file that a changed definition refers to, directly or through other files;
    * a file that a definition which changed, or is gone, referred to before: a class may be unused now;
    * a definition that shares its module with a schema document that is referred to.

    What a dropped definition refers to is dropped, too.

    Args:
        documents: all definition files.
        unchanged: those that are as they were, by path; what is dropped is taken out.
        used_before: URIs that others referred to in the earlier run.
        sources: reads documents.
    """
    paths = {document.uri: document.path for document in documents}
    modules = {each.definition.module: path for path, each in unchanged.items()}
    # The documents whose references are still to be followed.
    pending = [document for document in documents if document.path not in unchanged]
    once_used = [unchanged.pop(paths.get(uri, ""), None) for uri in used_before]
    pending += [dropped.definition.document for dropped in once_used if dropped is not None]
    visited = {document.uri for document in pending}
    while pending and unchanged:
        document = pending.pop()
        for uri in outgoing(document.value, document.uri, LATEST):
            if uri in visited:
                continue
            visited.add(uri)
            with contextlib.suppress(DefinitionErrors):  # reported where the document is resolved
                if (target := sources.find(uri)) is not None:
                    pending.append(target)
                    dropped = unchanged.pop(modules.get(module_of(target), ""), None)
                    # A definition that only shares the module has references of its own.
                    if dropped is not None and dropped.definition.document is not target:
                        pending.append(dropped.definition.document)


def _digests(files: Mapping[str, str]) -> dict[str, str]:
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}


def _digest(sources: Sources, uri: str) -> str | None:
    try:
        document = sources.find(uri)
    except DefinitionErrors:
        return None
    return document.digest if document else None


def _entry(compiled: CompiledDefinition) -> dict[str, Any]:
    return {
        "digest": compiled.definition.document.digest,
        "definition": _from_definition(compiled.definition),
        "reach": dict(compiled.reach),
        "entangled": compiled.entangled,
        "chosen": list(compiled.chosen),
        "context": compiled.context,
        "uses": [[uri, list(pointer)] for uri, pointer in compiled.uses],
        "exact_uses": [[uri, list(pointer)] for uri, pointer in compiled.exact_uses],
        "files": {name: _digests(files) for name, files in compiled.files.items()},
        "problems": [to_stored(problem) for problem in compiled.problems],
    }


def _from_definition(definition: AnyDefinition) -> dict[str, Any]:
    """Return as much of a definition as the other definitions of a run are compared with."""
    common = {"module": list(definition.module), "name": definition.name, "class_name": definition.class_name}
    if isinstance(definition, EventDefinition):
        return {"kind": "event", **common, "has_data": definition.payload is not None}
    params = [[p.name, p.kind, list(p.enum) if p.enum else None] for p in definition.params]
    return {"kind": "channel", **common, "separator": definition.separator, "params": params}


def _to_definition(document: Document, entry: dict[str, Any]) -> AnyDefinition:
    """Return what is remembered of a definition: no topics, no description, no dialect.

    Raises:
        ValueError: the entry has names that can't be in code.
    """
    module, class_name = tuple(entry["module"]), entry["class_name"]
    if not all(isinstance(name, str) and name.isidentifier() for name in (*module, class_name or "none")):
        raise ValueError("names that can't be in code")
    if entry["kind"] == "event":
        payload = Topic(entry["name"], EVENT_PAYLOAD, "", None, module[-1])
        return EventDefinition(
            document=document,
            module=module,
            name=entry["name"],
            description="",
            payload=payload if entry["has_data"] else None,
            dialect="",
            assert_formats=True,
            class_name=class_name,
        )
    params = ((name, kind, tuple(enum) if enum else None) for name, kind, enum in entry["params"])
    return Definition(
        document=document,
        module=module,
        name=entry["name"],
        separator=entry["separator"],
        description="",
        params=tuple(Parameter(name, kind, {}, enum, "") for name, kind, enum in params),
        topics=(),
        dialect="",
        assert_formats=True,
        class_name=class_name,
    )
