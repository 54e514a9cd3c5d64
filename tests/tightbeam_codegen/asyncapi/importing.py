"""Documents of AsyncAPI as values, and what is imported of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tightbeam_codegen.compiling import write_files
from tightbeam_codegen.asyncapi.importing import import_asyncapi
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.intake import open_source
from tightbeam_codegen.problems import DefinitionErrors, Problem, render
from tightbeam_codegen.settings import Settings

__all__ = ["CLOSED", "Outcome", "taken", "version_2", "version_3"]

CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an import: definitions by file name without its ending, or errors."""

    definitions: Mapping[str, Mapping[str, Any]]
    notes: str
    problems: tuple[Problem, ...]

    @property
    def messages(self) -> list[str]:
        """The messages of the problems."""
        return [problem.message for problem in self.problems]

    @property
    def text(self) -> str:
        """The problems as they are printed."""
        return render(self.problems)

    @property
    def only(self) -> Mapping[str, Any]:
        """The one definition that was made."""
        (definition,) = self.definitions.values()
        return definition


def taken(document: Any, *, only: tuple[str, ...] = (), name: str | None = None, **files: Any) -> Outcome:
    """Import a document that lies in the schema root of the current folder; nothing is compiled or written.

    Args:
        document: its value, or its text in YAML.
        only: the channels to take.
        name: the channel's name.
        files: others in the root, by name; `__` stands for a dot.
    """
    file = "doc.yaml" if isinstance(document, str) else "doc.json"
    others = {key.replace("__", "."): each for key, each in files.items()}
    write_files(Path("schemas"), {file: document, **others})
    try:
        source = open_source(Path("schemas", file), Settings())
        imported = import_asyncapi(source, Wanted(name, only))
    except DefinitionErrors as errors:
        return Outcome({}, "", errors.problems)
    found = {file.removesuffix(".channel.json"): each for file, each in imported.definitions.items()}
    # What is written is JSON.
    return Outcome(json.loads(json.dumps(found)), "\n".join(imported.notes), imported.left_out)


def version_3(channels: Any, **more: Any) -> dict[str, Any]:
    """A document of version 3."""
    return {"asyncapi": "3.0.0", "info": {"title": "T", "version": "1"}, "channels": channels, **more}


def version_2(channels: Any, **more: Any) -> dict[str, Any]:
    """A document of version 2."""
    return {"asyncapi": "2.6.0", "info": {"title": "T", "version": "1"}, "channels": channels, **more}
