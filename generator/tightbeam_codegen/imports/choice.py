"""Which importer takes what `init --from` names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tightbeam_codegen.imports.imported import Imported, Source, Wanted, refusal
from tightbeam_codegen.imports.intake import open_source, root_sources
from tightbeam_codegen.imports.json_schema import import_json_schema
from tightbeam_codegen.imports.openapi import import_openapi
from tightbeam_codegen.problems import DefinitionErrors, Problem, quoted
from tightbeam_codegen.read.api_documents import api_document
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.read.resolve.sources import DATA_SUFFIXES
from tightbeam_codegen.settings import Settings

__all__ = ["Taken", "take"]

_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d][\w.,]*)?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Taken:
    """What an importer gave, and where it belongs."""

    imported: Imported
    folder: str
    """The folder below the schema root in which its files will lie."""
    sources: Sources


def take(source: str, settings: Settings, wanted: Wanted) -> Taken:
    """Import what a command line names: a document by its path, or Pydantic models by their module.

    Args:
        source: what stands behind `--from`.
        settings: of the project.
        wanted: what the command line asks for besides.

    Raises:
        DefinitionErrors: it is neither, or can't be imported.
        OSError: the file can't be read.
    """
    if _URL.match(source):
        raise _refused(
            f"{quoted(source)} is an address, and nothing is fetched", "Download it, and name the file."
        )
    file = Path(source)
    is_file = "\0" not in source and file.is_file()
    if is_file and file.suffix == ".py":
        module = _module_of(file.with_suffix(""))
        remedy = f"Name its module, as Python finds it: --from {module}, or {module}:Model."
        raise _refused(f"{quoted(source)} is Python code, and no document", remedy)
    if is_file:
        opened = open_source(file, settings)
        return Taken(_of_document(opened, wanted), opened.folder, opened.sources)
    if "\0" not in source and file.is_dir() and not (_MODULE.fullmatch(source) and _has_code(file)):
        remedy = "Name one document in it."
        if (file / "__init__.py").exists():
            remedy = f"Name its package, as Python finds it: --from {_module_of(file)}."
        raise _refused(f"{quoted(source)} is a folder", remedy)
    if file.suffix in DATA_SUFFIXES or "/" in source or "\\" in source:
        raise FileNotFoundError(2, "No such file or directory", source)
    if not _MODULE.fullmatch(source):
        remedy = "Name a JSON or YAML document, or Pydantic models: package.module or package.module:Model."
        raise _refused(f"{quoted(source)} is neither a file nor a module", remedy)
    from tightbeam_codegen.imports.pydantic import import_models  # imports what documents don't need

    return Taken(import_models(source, wanted), "", root_sources(settings))


def _of_document(source: Source, wanted: Wanted) -> Imported:
    api = api_document(source.document.value)
    if api is None:
        return import_json_schema(source, wanted)
    if api.is_part:
        message = f"{source.file} has messages of AsyncAPI, but isn't a document: it states no version"
        remedy = "Name the document that refers to it, or begin it with `asyncapi: 3.0.0`."
        raise refusal(source.document, (), message, remedy)
    if api.is_asyncapi:
        # Imported here, since it stands on this package.
        from tightbeam_codegen.asyncapi.importing import import_asyncapi

        return import_asyncapi(source, wanted)
    return import_openapi(source, api, wanted)


def _has_code(folder: Path) -> bool:
    """Return whether a folder is a package of Python's; its `__init__.py` may be left out."""
    return any(folder.glob("*.py"))


def _module_of(path: Path) -> str:
    """Return the name of a module or package by its path, as far as a path tells."""
    root = Path.cwd()
    full = Path(os.path.normpath(root / path))
    full = full.parent if full.name == "__init__" else full
    name = ".".join(full.relative_to(root).parts) if full.is_relative_to(root) else full.name
    return name if _MODULE.fullmatch(name) else full.name


def _refused(message: str, remedy: str) -> DefinitionErrors:
    return DefinitionErrors([Problem(None, "error", message, remedy)])
