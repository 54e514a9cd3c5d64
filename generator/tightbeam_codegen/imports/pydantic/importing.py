"""Imports Pydantic models: a schema document made of them, and a definition with a topic for each."""

from __future__ import annotations

import json
import pkgutil
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import quote

from tightbeam_codegen.imports.imported import Imported, Wanted
from tightbeam_codegen.imports.pydantic.document import ModelDocument, document_of, examine
from tightbeam_codegen.imports.pydantic.findings import SHOWN, Findings, refusal
from tightbeam_codegen.imports.pydantic.selection import Selected, all_models, named_models
from tightbeam_codegen.imports.pydantic.target import (
    Target,
    current_folder_first,
    import_module,
    parse_target,
)
from tightbeam_codegen.imports.topics import Topics
from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.phrases import counted, listed
from tightbeam_codegen.problems import DefinitionErrors, Problem
from tightbeam_codegen.read.check.templates import placeholders
from tightbeam_codegen.room import with_room

__all__ = ["document_file", "import_models"]


def import_models(source: str, wanted: Wanted) -> Imported:
    """Import the models that `package.module` or `package.module:Model,Other` names. This runs the module.

    A module gives all its models but those that can't be taken, which are named. Of models that are named,
    all must be such that they can be taken.

    Args:
        source: as on the command line.
        wanted: what the command line asks for besides.

    Raises:
        DefinitionErrors: the module can't be imported, has no models, or not those that are named; or what
            they are dumped as can't be described, or can't be read again.
    """
    target = parse_target(source, wanted.only)
    with current_folder_first(), warnings.catch_warnings():
        # A module's own warnings are for those who run it; Pydantic's are about schemas that aren't taken.
        warnings.simplefilter("ignore")
        module = import_module(target)
        # Classes inside classes are followed to any depth.
        taken = with_room(partial(_take, module, target))
    return _imported(target, wanted, taken)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is taken of a module, and what isn't."""

    document: ModelDocument
    notes: tuple[str, ...]
    left_out: tuple[Problem, ...]


def _take(module: ModuleType, target: Target) -> _Taken:
    """Generate the schemas of the models that a target means.

    Raises:
        DefinitionErrors: nothing is left, or a model that is named can't be taken.
    """
    models, left_out = (named_models(module, target), []) if target.names else all_models(module)
    findings = list(zip(models, examine(models), strict=True)) if models else []
    refused = [problem for _, found in findings for problem in found.refused]
    if target.names and refused:
        raise DefinitionErrors(refused)
    left_out += _left_out(findings)
    taken = [(model, found) for model, found in findings if not found.refused]
    if not taken:
        raise _nothing(module, target, left_out)
    notes = Findings()
    for _, found in taken:
        notes.extend_notes(found)
    document = document_of([model for model, _ in taken])
    return _Taken(document, (*notes.notes(), *document.notes), tuple(left_out))


def document_file(target: Target) -> str:
    """Return the name of the schema document for a module."""
    words = [word for word in re.split("[._]", target.module) if word]
    return f"{'-'.join(words) or 'models'}.json"


def _left_out(findings: Iterable[tuple[Selected, Findings]]) -> list[Problem]:
    """Return what is left out of a module: one warning for a cause, which several models may share."""
    models: dict[Problem, list[str]] = {}
    for model, found in findings:
        for problem in found.refused:
            models.setdefault(problem, []).append(model.name)
    return [
        Problem(
            problem.place,
            "warning",
            f"{listed(names, SHOWN)} {'is' if len(names) == 1 else 'are'} left out: {problem.message}",
            problem.remedy,
        )
        for problem, names in models.items()
    ]


def _nothing(module: ModuleType, target: Target, left_out: list[Problem]) -> DefinitionErrors:
    if left_out:
        return DefinitionErrors([replace(problem, severity="error") for problem in left_out])
    inner = [f"{target.module}.{each.name}" for each in pkgutil.iter_modules(getattr(module, "__path__", []))]
    if inner:
        remedy = f"Name one of its modules: {listed(inner, SHOWN)}."
    else:
        remedy = (
            "It has to define public Pydantic models, or name those of other modules in `__all__`."
            f" Another type of it can be named: {target.module}:Name."
        )
    return refusal(f"{target.module} has no models", remedy)


def _imported(target: Target, wanted: Wanted, taken: _Taken) -> Imported:
    file, document = document_file(target), taken.document
    stem = file.removesuffix(".json")
    topics = Topics()
    for name, schema in document.models:
        topics.add(name, {"schema": {"$ref": f"{quote(file)}#/$defs/{quote(schema)}"}})
    channel = wanted.name or stem
    definition: dict[str, Any] = {"name": channel}
    if params := {param: {"type": "string"} for param in placeholders(channel)}:
        definition["params"] = params
    written = f"{stem}-topics.channel.json"
    more = () if wanted.name else ("Keep in the definition what you publish, and give the channel its name.",)
    return Imported(
        definitions={written: {**definition, "topics": topics.schemas}},
        summaries={
            written: f"{counted(len(document.models), 'topic')}, for the models of {target.module}.",
            file: f"{counted(len(document.schemas), 'schema')}, for what the models dump.",
        },
        notes=(*taken.notes, *more),
        left_out=taken.left_out,
        documents={file: _text(target, document)},
        refresh=_refresh(target, file),
    )


def _refresh(target: Target, file: str) -> str:
    remedy = f"`tightbeam init --from {target} --update` writes {file} anew, and no definition."
    if not target.names:
        return remedy
    return f"{remedy} It then has these models alone, so name those that it is to keep, too."


def _text(target: Target, document: ModelDocument) -> str:
    value = {
        "$schema": LATEST.uri,
        "$comment": f"Written by `tightbeam init --from {target}`; `--update` writes it anew.",
        "$defs": document.schemas,
    }
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
