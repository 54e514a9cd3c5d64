"""One schema document of somebody else's: compiled as a topic, then published to and received from."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import jsonschema_rs
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.corpus.sampler import samples
from tests.suite.compiled import Facts
from tightbeam import TopicRef
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.problems import Problem
from tightbeam_codegen.settings import Settings

__all__ = ["Compiled", "Judge", "compile_document"]

_LATEST = "https://json-schema.org/draft/2020-12/schema"
_NAMELESS = "https://example.com/document.json"
_METASCHEMAS = {uri: resource.contents for uri, resource in SPECIFICATIONS.items()}
_DRAFTS = {
    uri.rstrip("#").replace("https:", "http:"): uri
    for uri in _METASCHEMAS
    if "vocab" not in uri and "/meta/" not in uri
}
_facts = Facts()
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a document: its bindings, or the errors that say where and why there are none."""

    document: Path
    pointer: str
    refs: Mapping[str, Path]
    folder: Path
    package: str
    files: Mapping[str, str]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """The problems that stopped the generator."""
        return [problem for problem in self.problems if problem.severity == "error"]

    @contextmanager
    def topic(self) -> Iterator[TopicRef[..., str, Any]]:
        """Import the package as a user would, for as long as the topic is needed."""
        sys.path.insert(0, str(self.folder))
        try:
            module = __import__(f"{self.package}.c", fromlist=["c_channel"])
            yield module.c_channel.doc
        finally:
            sys.path.remove(str(self.folder))
            for name in [name for name in sys.modules if name.partition(".")[0] == self.package]:
                del sys.modules[name]


def compile_document(
    folder: Path, text: bytes, refs: Mapping[str, Path] | None = None, *, pointer: str = ""
) -> Compiled:
    """Compile a channel with one topic, whose schema is a document that lies in the schema root.

    Args:
        folder: an empty folder.
        text: the document as it was found.
        refs: folders that stand for the beginnings of absolute references.
        pointer: to the definition that is the topic's schema, such as `#/definitions/Event`.
    """
    root = folder / "schemas"
    root.mkdir(parents=True)
    document = root / "document.json"
    document.write_bytes(text)
    topics = {"doc": {"schema": {"$ref": f"document.json{pointer}"}}}
    Path(root, "c.channel.json").write_text(json.dumps({"name": "c", "topics": topics}))
    package = f"corpus_{next(_numbers)}"
    settings = Settings(root, {"output": folder / package}, refs=dict(refs or {}))
    result = generate(root, settings, shown_root="schemas", version="0.0.0", cache=_facts)
    files = result.files.get("python", {})
    for path, content in files.items():
        file = folder / package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    return Compiled(document, pointer, settings.refs, folder, package, files, result.problems)


class Judge:
    """What is right and what may be, by jsonschema-rs and the documents alone."""

    def __init__(self, compiled: Compiled) -> None:
        self._refs = compiled.refs
        document = _parsed(compiled.document)
        named = document.get("$id", document.get("id"))
        self.uri = named.partition("#")[0] if isinstance(named, str) and "://" in named else _NAMELESS
        self.schema = {"$ref": f"{self.uri}{compiled.pointer}"}
        self.resources = {self.uri: document}
        for base in iter_growing(self.resources):
            for uri in _referred(self.resources[base], base):
                if uri not in self.resources and (file := self._file(uri)) is not None:
                    self.resources[uri] = _parsed(file)
        resources = {uri: _spelt_for_urls(value) for uri, value in self.resources.items()}
        self._validator = jsonschema_rs.validator_for(
            {"$schema": _LATEST, **self.schema},
            registry=jsonschema_rs.Registry([*_METASCHEMAS.items(), *resources.items()]),
            offline=True,
            validate_formats=True,
            formats={"uuid": _is_uuid},  # which the drafts before 2019-09 don't know, and bindings have
        )

    def is_valid(self, instance: Any) -> bool:
        """Tell whether the document accepts an instance."""
        return self._validator.is_valid(instance)

    def samples(self, number: int, seed: int) -> list[Any]:
        """Make instances, right ones and wrong ones."""
        resources = (
            (uri, Resource.from_contents(value, DRAFT202012)) for uri, value in self.resources.items()
        )
        registry: Registry[Any] = Registry().with_resources(resources)
        return list(itertools.islice(samples(self.schema, self.uri, registry, seed), number))

    def _file(self, uri: str) -> Path | None:
        for prefix, folder in self._refs.items():
            if uri.startswith(prefix) and (file := folder / uri.removeprefix(prefix)).is_file():
                return file
        return None


def _spelt_for_urls(value: Any) -> Any:
    """Give a document as the validator takes it: under a draft's own `$schema`, its references encoded."""
    match value:
        case dict():
            made = {key: _spelt_for_urls(inner) for key, inner in value.items()}
            if isinstance(reference := made.get("$ref"), str):
                made["$ref"] = quote(reference, safe="/#%:?&=@!$'()*+,;~")
            if isinstance(stated := made.get("$schema"), str):
                made["$schema"] = _DRAFTS.get(stated.rstrip("#").replace("https:", "http:"), _LATEST)
            return made
        case list():
            return [_spelt_for_urls(inner) for inner in value]
        case _:
            return value


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text) is not None


def _parsed(file: Path) -> Any:
    return json.loads(file.read_bytes().decode("utf-8-sig"))


def _referred(value: Any, base: str) -> Iterator[str]:
    """Give the addresses of the documents that a document refers to."""
    match value:
        case dict():
            named = value.get("$id", value.get("id"))
            base = urljoin(base, named) if isinstance(named, str) else base
            if isinstance(reference := value.get("$ref"), str):
                yield urljoin(base, reference).partition("#")[0]
            for inner in value.values():
                yield from _referred(inner, base)
        case list():
            for inner in value:
                yield from _referred(inner, base)


def iter_growing(mapping: Mapping[str, Any]) -> Iterator[str]:
    """Give the keys of a mapping that gets more while it is gone through."""
    done: set[str] = set()
    while waiting := [key for key in mapping if key not in done]:
        done.update(waiting)
        yield from waiting
