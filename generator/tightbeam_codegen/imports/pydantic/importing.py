"""Imports Pydantic models: a schema document made of them, and a definition with a topic for each."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tightbeam_codegen.imports.imported import Imported, Wanted
from tightbeam_codegen.imports.pydantic.document import ModelDocument, document_of, examine
from tightbeam_codegen.imports.pydantic.findings import Findings, refusal
from tightbeam_codegen.imports.pydantic.selection import Selected, all_models, named_models
from tightbeam_codegen.imports.pydantic.target import (
    Target,
    current_folder_first,
    import_module,
    parse_target,
)
from tightbeam_codegen.imports.topics import Topics
from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.problems import DefinitionErrors, Problem
from tightbeam_codegen.read.check.templates import placeholders

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
    target = parse_target(source)
    if wanted.only:
        target = replace(target, names=tuple(dict.fromkeys((*target.names, *wanted.only))))
    with current_folder_first(), warnings.catch_warnings():
        # A module's own warnings are for those who run it; Pydantic's are about schemas that aren't taken.
        warnings.simplefilter("ignore")
        module = import_module(target)
        models, left_out = (named_models(module, target), []) if target.names else all_models(module)
        findings = [(model, examine(model)) for model in models]
        refused = [problem for _, found in findings for problem in found.refused]
        taken = [model for model, found in findings if not found.refused]
        if target.names and refused:
            raise DefinitionErrors(refused)
        left_out += _left_out(findings)
        if not taken:
            _refuse_empty(target, left_out)
        document = document_of(taken)
    return _imported(
        target, wanted, document, left_out, [found for _, found in findings if not found.refused]
    )


def document_file(target: Target) -> str:
    """Return the name of the schema document for a module."""
    return f"{target.module.replace('.', '-').replace('_', '-')}.json"


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
            f"{_listed(names)} {'is' if len(names) == 1 else 'are'} left out: {problem.message}",
            problem.remedy,
        )
        for problem, names in models.items()
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _refuse_empty(target: Target, left_out: list[Problem]) -> None:
    if left_out:
        raise DefinitionErrors([replace(problem, severity="error") for problem in left_out])
    raise refusal(
        f"{target.module} has no models",
        "It has to define public Pydantic models, or name those of other modules in `__all__`."
        f" Another type of it can be named: {target.module}:Name.",
    )


def _imported(
    target: Target, wanted: Wanted, document: ModelDocument, left_out: list[Problem], findings: list[Findings]
) -> Imported:
    file = document_file(target)
    stem = file.removesuffix(".json")
    topics = Topics()
    for name, schema in document.names.items():
        topics.add(name, {"schema": {"$ref": f"{file}#/$defs/{schema}"}})
    channel = wanted.name or stem
    params = {param: {"type": "string"} for param in placeholders(channel)}
    definition: dict[str, Any] = {
        "name": channel,
        **({"params": params} if params else {}),
        "topics": topics.schemas,
    }
    notes = Findings()
    for each in findings:
        notes.extend_notes(each)
    written = f"{stem}-topics.channel.json"
    return Imported(
        definitions={written: definition},
        summaries={
            written: f"{_counted(len(document.names), 'topic')}, for the models of {target.module}.",
            file: f"what they are dumped as, by {_counted(len(document.schemas), 'schema')}.",
        },
        notes=(
            *notes.notes(),
            *document.notes,
            *(() if wanted.name else ("Leave in it what you publish, and give the channel its name.",)),
        ),
        left_out=tuple(left_out),
        documents={file: _text(target, document)},
        refresh=f"`tightbeam init --from {target} --update` writes {file} anew, and no definition.",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _text(target: Target, document: ModelDocument) -> str:
    value = {
        "$schema": LATEST.uri,
        "$comment": f"Written by `tightbeam init --from {target}`; `--update` writes it anew.",
        "$defs": document.schemas,
    }
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
