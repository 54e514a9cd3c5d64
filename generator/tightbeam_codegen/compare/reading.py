"""Read the definitions of two revisions that a change can affect, and compare them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from tightbeam_codegen.compare.affected import Affected
from tightbeam_codegen.compare.comparison import compare
from tightbeam_codegen.compare.files import File, FileKey
from tightbeam_codegen.compare.findings import Comparison
from tightbeam_codegen.compare.revision import Revision
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.model import Model
from tightbeam_codegen.pipeline import read_documents
from tightbeam_codegen.problems import Problem, Problems
from tightbeam_codegen.read.definitions import load_definitions
from tightbeam_codegen.read.discover import SUFFIXES, discover
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings

__all__ = ["Job", "Outcome", "compare_files"]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be compared, and how."""

    revision: Revision
    settings: Settings
    """Of today."""
    files: Mapping[FileKey, File]
    """Of today."""
    as_written: bool
    typescript: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A comparison, or else the errors for which there is none."""

    comparison: Comparison | None
    problems: tuple[Problem, ...] = ()
    """Of today's definitions."""
    problems_there: tuple[Problem, ...] = ()
    """Of the revision's."""


def compare_files(job: Job, affected: Affected, everything: Affected) -> Outcome:
    """Read some definitions of both revisions, and compare them.

    Args:
        job: the revisions.
        affected: the definitions to read.
        everything: all definitions. They are read where it depends on them whether a class is still used.
    """
    outcome = with_room(lambda: _compared(job, affected))
    if (
        affected != everything
        and outcome.comparison is not None
        and _may_be_used_elsewhere(outcome.comparison)
    ):
        outcome = with_room(lambda: _compared(job, everything))
    return outcome


def _compared(job: Job, affected: Affected) -> Outcome:
    revision, settings = job.revision, job.settings
    with revision.readable(job.files) as there:
        shown = revision.shown_folders
        old = _read(there, revision.shown_root, shown, affected.old)
    new = _read(settings, settings.schemas.as_posix(), {}, affected.new)
    problems, problems_there = (_errors(model.problems if model else ()) for model in (new, old))
    if problems or problems_there:
        return Outcome(None, problems, problems_there)
    return Outcome(compare(old, new, as_written=job.as_written, typescript=job.typescript))


def _read(settings: Settings, shown_root: str, shown: Mapping[str, str], only: Set[str]) -> Model | None:
    """Read some of the definitions below a schema root; None if they are none."""
    if not only:
        return None
    problems = Problems()
    sources = Sources(settings.schemas, shown_root, settings.refs, shown_refs=shown)
    files = [each for each in discover(settings.schemas, shown_root, problems) if each.path in only]
    documents = load_definitions(files, sources, problems)
    return read_documents(documents, (), sources, settings, problems)


def _errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.severity == "error")


def _may_be_used_elsewhere(comparison: Comparison) -> bool:
    """Tell whether a class of a shared document seems to be gone, which other definitions may still use."""
    return any(
        each.kind in ("class-removed", "class-renamed")
        and not (each.anchor[0].startswith(ROOT_URI) and each.anchor[0].endswith(SUFFIXES))
        for each in comparison.code
    )
