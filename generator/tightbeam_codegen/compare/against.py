"""Compare the definitions of today with those of a git ref or of a folder."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tightbeam_codegen.compare.affected import Affected, affected_by, definitions_among
from tightbeam_codegen.compare.files import files_of, folders_of
from tightbeam_codegen.compare.findings import Comparison
from tightbeam_codegen.compare.revision import open_revision
from tightbeam_codegen.problems import Problem
from tightbeam_codegen.settings import Settings

__all__ = ["Compared", "compare_with"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Definitions compared with those of a revision."""

    against: str
    """The ref or folder, as it was named."""
    comparison: Comparison | None
    """None where some definitions don't compile."""
    problems: tuple[Problem, ...] = ()
    """The errors of today's definitions."""
    problems_there: tuple[Problem, ...] = ()
    """The errors of the revision's definitions."""
    had_definitions: bool = True
    """Whether the revision had definitions at all."""
    note: str = ""
    """Something to be said about the revision; empty for nothing."""


def compare_with(
    against: str,
    settings: Settings,
    *,
    as_written: bool = False,
    typescript: bool = False,
    root_is_stated: bool = False,
) -> Compared:
    """Compare the definitions of today with those of a git ref or of a folder.

    Only files that have changed are read, and those that refer to them.

    Args:
        against: the ref or folder.
        settings: of today.
        as_written: whether schemas are compared as they stand.
        typescript: whether there are bindings in TypeScript.
        root_is_stated: whether the schema root comes from the command line, and is the same at each ref.

    Raises:
        DefinitionErrors: there is no such revision, or it can't be read.
    """
    revision = open_revision(against, settings, root_is_stated=root_is_stated)
    folders = folders_of(settings)
    files = files_of({name: folders[name] for name in folders if name not in revision.as_today})
    everything = Affected(definitions_among(revision.object_ids), definitions_among(files))
    if not everything.new:
        # Generating refuses this, and says why.
        return Compared(revision.shown, None, _errors_of_all(settings), note=revision.note)
    affected = everything
    if _mean_the_same(settings, revision.settings):
        affected = affected_by(revision, files)
    compared = Compared(
        revision.shown, Comparison(), had_definitions=bool(everything.old), note=revision.note
    )
    if not affected:
        return compared
    # Reading and comparing take half a second of imports, which a run that finds nothing to do is spared.
    from tightbeam_codegen.compare.reading import Job, compare_files

    job = Job(revision, settings, files, as_written, typescript)
    outcome = compare_files(job, affected, everything)
    return dataclasses.replace(
        compared,
        comparison=outcome.comparison,
        problems=outcome.problems,
        problems_there=outcome.problems_there,
    )


def _errors_of_all(settings: Settings) -> tuple[Problem, ...]:
    from tightbeam_codegen.pipeline import read

    problems = read(settings.schemas, settings, shown_root=settings.schemas.as_posix()).problems
    return tuple(each for each in problems if each.severity == "error")


def _mean_the_same(one: Settings, other: Settings) -> bool:
    """Return whether two settings read schemas alike and give classes the same names."""

    def stated(settings: Settings) -> tuple[object, ...]:
        return (
            settings.assert_formats,
            settings.assume_objects,
            settings.dialect,
            dict(settings.names),
            set(settings.refs),
        )

    return stated(one) == stated(other)
