"""The first passes: the definition files below the schema root, read and checked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import DefinitionErrors, Problem, Problems
from tightbeam_codegen.read.check import AnyDefinition, check_definition, check_event
from tightbeam_codegen.read.discover import DefinitionFile
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.near_misses import near_misses
from tightbeam_codegen.read.payload_pointers import is_event
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.read.resolve.metaschemas import named_metaschemas
from tightbeam_codegen.settings import Settings

__all__ = [
    "Checked",
    "Unchanged",
    "Use",
    "check_definitions",
    "load_definitions",
    "refuse_empty_root",
    "warn_of_near_misses",
]


Use: TypeAlias = tuple[str, Pointer]
"""A schema of another document that a topic uses: (document URI, pointer)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A sound definition, with the warnings that its own file draws."""

    definition: AnyDefinition
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class Unchanged:
    """A definition that an earlier run read, and that needs no reading: nothing it depends on has changed."""

    definition: AnyDefinition
    """Its document, module, name, parameters and class name; the rest isn't known."""
    uses: tuple[Use, ...]
    """The schemas of other documents that its topics use."""
    exact_uses: tuple[Use, ...]
    """The schemas that exact shapes of its topics use: the same, or more."""
    chosen: tuple[str, ...]
    """The entries of the settings' names that have an effect in its file."""
    problems: tuple[Problem, ...]
    """The warnings that it draws."""


def load_definitions(files: Iterable[DefinitionFile], sources: Sources, problems: Problems) -> list[Document]:
    """Read the definition files.

    Args:
        files: the files.
        sources: reads them.
        problems: takes those that can't be read, which are left out.
    """
    documents: list[Document] = []
    for each in files:
        try:
            documents.append(sources.at(each.path))
        except DefinitionErrors as error:
            problems.extend(error.problems)
        except OSError as error:
            message = f"{each.shown} can't be read: {error.strerror or 'it is no regular file'}"
            problems.error(None, message, "Check the file's permissions.")
    return documents


def refuse_empty_root(root: Path, shown_root: str, documents: Sequence[Document], problems: Problems) -> None:
    """Report that a root has no definitions, with the file that most likely should be one.

    Args:
        root: the schema root.
        shown_root: how messages name it.
        documents: the definitions that could be read.
        problems: takes the error, unless it has some: those say why there are none.
    """
    if documents or problems.has_errors:
        return
    candidates = near_misses(root, shown_root, frozenset())
    likely = min(candidates, key=lambda each: str(each.place), default=None)
    problems.error(
        likely.place if likely else None,
        f"no *.channel.json, *.channel.yaml, *.event.json or *.event.yaml below {shown_root}"
        + (", but this looks like one" if likely else ""),
        likely.remedy if likely else "Start with `tightbeam init`.",
    )


def check_definitions(
    documents: Sequence[Document], sources: Sources, settings: Settings, problems: Problems
) -> list[Checked]:
    """Check each definition by itself.

    Args:
        documents: the definition files.
        sources: find metaschemas that they name.
        settings: what definitions don't state.
        problems: takes what is wrong.

    Returns:
        The definitions without errors; one of those that are one module, which `discover` has reported.
    """
    metaschemas = named_metaschemas(documents, sources, problems)
    checked: dict[tuple[str, ...], Checked] = {}
    for document in documents:
        known = len(problems)
        check = check_event if is_event(document) else check_definition
        definition = check(document, settings, problems, metaschemas=metaschemas)
        if definition is not None:
            checked[definition.module] = Checked(definition, problems.after(known))
    return list(checked.values())


def warn_of_near_misses(
    root: Path, shown_root: str, documents: Sequence[Document], sources: Sources, problems: Problems
) -> None:
    """Warn of files that look like definitions, aren't called so, and aren't read for another reason.

    Args:
        root: the schema root.
        shown_root: how messages name it.
        documents: the definitions; without any, `refuse_empty_root` has reported such a file.
        sources: have read everything that definitions refer to.
        problems: takes the warnings.
    """
    if documents:
        read = {document.path for document in sources.files() if document.uri.startswith(ROOT_URI)}
        problems.extend(near_misses(root, shown_root, read))
