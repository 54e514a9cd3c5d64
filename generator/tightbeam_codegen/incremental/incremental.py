"""Definitions that need no second look: as they were in an earlier run, with all that they refer to.

What is remembered of one is digests and facts, never source: the module itself is taken from the output
folder, and only if it is byte for byte what was written then. A cache that was tampered with can't bring
code along.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tightbeam_codegen.problems import DefinitionErrors, Place, Problem
from tightbeam_codegen.read.check import Definition, Parameter
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.resolve import Sources

__all__ = ["Made", "Memory", "Store", "Use"]

Use = tuple[str, Pointer]
"""A shared definition that a topic refers to: (document URI, pointer)."""


class Store(Protocol):
    """Keeps one JSON value under a key, and may forget it."""

    def get(self, key: str) -> Any:
        """The value, or None."""

    def put(self, key: str, value: Any) -> None:
        """Keep a value."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made of one definition."""

    definition: Definition
    reach: Mapping[str, str]
    """The documents it refers to, over others too: URI -> digest."""
    shares_module: bool
    """Whether classes of other files stand in its module: of a schema document beside it, or of a circle."""
    chosen: Sequence[str]
    """The settings' names that its own schemas have."""
    surroundings: str
    """What else decides about names in it: those of classes that met, and the homes of circles."""
    uses: Sequence[Use]
    typescript_uses: Sequence[Use]
    """What the front end's types refer to: as much, or more."""
    exports: tuple[str, ...]
    """The names that its package offers."""
    files: Mapping[str, str]
    """Path in the output folder -> text."""
    typescript: Mapping[str, str]
    """Likewise in the front end's folder."""
    problems: Sequence[Problem]


class Memory:
    """The definitions of earlier runs over one schema root, with one version and one set of settings.

    Args:
        store: where they are kept.
        key: tells runs apart that can't learn from each other.
        earlier: the text of a file in the output folder as it is now, None where there is none.
        earlier_typescript: likewise in the front end's folder.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        earlier: Callable[[str], str | None],
        earlier_typescript: Callable[[str], str | None],
    ) -> None:
        self._store = store
        self._key = f"definitions\0{key}"
        self._earlier = earlier
        self._earlier_typescript = earlier_typescript

    def recall(self, documents: Iterable[Document], sources: Sources) -> dict[str, Made]:
        """Those of `documents`, by path, that are as they were, with all they refer to and became."""
        entries = self._store.get(self._key)
        found: dict[str, Made] = {}
        if not isinstance(entries, dict):
            return found
        for document in documents:
            entry = entries.get(document.path)
            try:
                if isinstance(entry, dict) and entry["digest"] == document.digest:
                    made = self._recall(document, entry, sources)
                    if made is not None:
                        found[document.path] = made
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # Not what `remember` writes: as good as forgotten.
        return found

    def used_once(self, kept: Mapping[str, Made]) -> set[str]:
        """The URIs that the definitions besides those `kept`, changed or gone, referred to before.

        The modules of what they referred to may hold what nobody uses any more.
        """
        entries = self._store.get(self._key)
        found: set[str] = set()
        for path, entry in entries.items() if isinstance(entries, dict) else ():
            if path not in kept:
                with contextlib.suppress(KeyError, TypeError, ValueError):  # as above
                    found.update(uri for uri, _ in entry["uses"])
        return found

    def _recall(self, document: Document, entry: dict[str, Any], sources: Sources) -> Made | None:
        if entry["shares_module"]:
            return None  # Such a module is made of all its files at once.
        if any(_digest(sources, uri) != digest for uri, digest in entry["reach"].items()):
            return None
        files = _unchanged(entry["files"], self._earlier)
        typescript = _unchanged(entry["typescript"], self._earlier_typescript)
        if files is None or typescript is None:
            return None
        if not all(isinstance(name, str) and name.isidentifier() for name in entry["exports"]):
            return None
        return Made(
            definition=_to_definition(document, entry["definition"]),
            reach=entry["reach"],
            shares_module=False,
            chosen=[str(each) for each in entry["chosen"]],
            surroundings=str(entry["surroundings"]),
            uses=[(uri, tuple(pointer)) for uri, pointer in entry["uses"]],
            typescript_uses=[(uri, tuple(pointer)) for uri, pointer in entry["typescript_uses"]],
            exports=tuple(entry["exports"]),
            files=files,
            typescript=typescript,
            problems=[_to_problem(problem) for problem in entry["problems"]],
        )

    def remember(self, made: Iterable[Made]) -> None:
        """Keep what this run knows, in place of what was known before."""
        self._store.put(self._key, {each.definition.document.path: _entry(each) for each in made})


def _unchanged(digests: Mapping[str, str], earlier: Callable[[str], str | None]) -> dict[str, str] | None:
    """The files as they are now; None if one of them is gone or isn't what was written."""
    files: dict[str, str] = {}
    for path, digest in digests.items():
        text = earlier(path)
        if text is None or hashlib.sha256(text.encode()).hexdigest() != digest:
            return None
        files[path] = text
    return files


def _digests(files: Mapping[str, str]) -> dict[str, str]:
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}


def _digest(sources: Sources, uri: str) -> str | None:
    try:
        document = sources.find(uri)
    except DefinitionErrors:
        return None
    return document.digest if document else None


def _entry(made: Made) -> dict[str, Any]:
    return {
        "digest": made.definition.document.digest,
        "definition": _from_definition(made.definition),
        "reach": dict(made.reach),
        "shares_module": made.shares_module,
        "chosen": list(made.chosen),
        "surroundings": made.surroundings,
        "uses": [[uri, list(pointer)] for uri, pointer in made.uses],
        "typescript_uses": [[uri, list(pointer)] for uri, pointer in made.typescript_uses],
        "exports": list(made.exports),
        "files": _digests(made.files),
        "typescript": _digests(made.typescript),
        "problems": [_from_problem(problem) for problem in made.problems],
    }


def _from_definition(definition: Definition) -> dict[str, Any]:
    """As much of it as the other definitions of a run are held against."""
    params = [[p.name, p.kind, list(p.enum) if p.enum else None] for p in definition.params]
    return {
        "module": list(definition.module),
        "name": definition.name,
        "separator": definition.separator,
        "params": params,
    }


def _to_definition(document: Document, entry: dict[str, Any]) -> Definition:
    params = ((name, kind, tuple(enum) if enum else None) for name, kind, enum in entry["params"])
    return Definition(
        document=document,
        module=tuple(entry["module"]),
        name=entry["name"],
        separator=entry["separator"],
        description="",
        params=tuple(Parameter(name, kind, {}, enum, "") for name, kind, enum in params),
        topics=(),
        dialect="",
        assert_formats=True,
        class_name=None,
    )


def _from_problem(problem: Problem) -> list[Any]:
    place = problem.place
    where = [place.path, place.line, place.column] if place else None
    return [where, problem.severity, problem.message, problem.remedy]


def _to_problem(entry: list[Any]) -> Problem:
    where, severity, message, remedy = entry
    return Problem(Place(*where) if where else None, severity, message, remedy)
