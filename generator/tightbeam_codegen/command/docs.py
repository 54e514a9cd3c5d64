"""`tightbeam docs`: a static site of all channels and events, written as `generate` writes bindings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tightbeam_codegen.command.failures import DRIFT, FINE, WRONG, missing_package, system_problem
from tightbeam_codegen.command.generate import (
    changes_of,
    in_words,
    progress,
    report_problems,
    without_collection,
)
from tightbeam_codegen.command.report import Report
from tightbeam_codegen.phrases import counted
from tightbeam_codegen.problems import DefinitionErrors, Problem, visible
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS
from tightbeam_codegen.targets.typescript.options import FOLDER
from tightbeam_codegen.version import tool_version
from tightbeam_codegen.write import Plan, Tree, compare, write

if TYPE_CHECKING:
    from tightbeam_codegen.catalogue import Site
    from tightbeam_codegen.compare.against import Compared

__all__ = ["run_docs"]


def run_docs(schemas: Path | None, output: Path, *, against: str | None = None, check: bool = False) -> int:
    """Write the site, or see whether that would change something, and return the exit code.

    Args:
        schemas: the schema root; None for that of the settings.
        output: the folder of the site.
        against: the git ref or folder that the definitions are compared with; None for no comparison.
        check: whether to write nothing.
    """
    report = Report("text")
    try:
        settings = load_settings(Path(), OPTIONS)
        if schemas is not None:
            settings = dataclasses.replace(settings, schemas=schemas)
        report.strict = settings.strict
        compared = None if against is None else _compare(against, settings, report, schemas is not None)
        return report.finish(_docs(settings, output, compared, report, check=check))
    except DefinitionErrors as errors:
        report.problems(errors.problems)
    except OSError as error:
        report.problems([system_problem(error)])
    return report.finish(WRONG)


def _docs(settings: Settings, output: Path, compared: Compared | None, report: Report, *, check: bool) -> int:
    with progress("Reading…"), without_collection():
        site, problems = _site(settings, compared)
    if code := report_problems(problems, report):
        return code
    if site is None:
        raise ValueError("definitions without errors have a site")
    plans = compare([Tree(output, files, language) for language, files in site.files.items()])
    if check:
        return _check(plans, report)
    write(plans)
    counts = [(site.channels, "channel"), (site.events, "event")]
    described = " and ".join(counted(number, noun) for number, noun in counts if number)
    report.print_outcome(f"Described {described} in {output.as_posix()}: {in_words(plans)}.")
    return FINE


def _compare(against: str, settings: Settings, report: Report, root_is_stated: bool) -> Compared:
    """Compare the definitions with those of a revision.

    Raises:
        DefinitionErrors: there is no such revision, or its definitions have errors.
    """
    from tightbeam_codegen.compare.against import compare_with

    typescript = settings.folder(FOLDER) is not None
    compared = compare_with(against, settings, typescript=typescript, root_is_stated=root_is_stated)
    if compared.note:
        report.print_text(f"note: {compared.note}")
    if not compared.had_definitions:
        report.print_text(f"note: there are no definitions at {visible(compared.against)}: everything is new")
    if compared.problems_there:
        report.print_text(f"The definitions at {visible(compared.against)} don't compile.")
        raise DefinitionErrors(compared.problems_there)
    return compared


def _check(plans: Sequence[Plan], report: Report) -> int:
    """Print the files that would change, and return the exit code."""
    changes = sorted(change for plan in plans for change in changes_of(plan))
    for path, change in changes:
        report.print_outcome(f"{change} {path}")
    if not changes:
        return FINE
    report.print_text("The site is out of date; run `tightbeam docs`.")
    return DRIFT


def _site(settings: Settings, compared: Compared | None) -> tuple[Site | None, Sequence[Problem]]:
    """Return the site, None where definitions have errors, and what is wrong with them.

    Raises:
        DefinitionErrors: a package of the extra `codegen` is missing.
    """
    try:
        from tightbeam_codegen.catalogue import Changes, build
        from tightbeam_codegen.pipeline import read
        from tightbeam_codegen.room import with_room
    except ModuleNotFoundError as error:
        raise missing_package(error, "reading definitions") from None

    def work() -> tuple[Site | None, Sequence[Problem]]:
        model = read(settings.schemas, settings, shown_root=settings.schemas.as_posix(), exact=True)
        if model.has_errors:
            return None, model.problems
        named = _from_project(settings)
        changes = None
        if compared is not None and compared.comparison is not None:
            changes = Changes(compared.against, compared.comparison, named)
        return build(model, settings, tool_version(), named=named, changes=changes), model.problems

    return with_room(work)


def _from_project(settings: Settings) -> Callable[[str], str]:
    """Return a function that names files from the project's folder, wherever the command runs."""
    project = (settings.source.parent if settings.source else Path()).absolute()
    folders = [folder.absolute() for folder in (settings.schemas, *settings.refs.values())]
    bases = [(project, ""), *((folder, folder.name) for folder in folders)]

    def named(path: str) -> str:
        file = Path(path).absolute()
        found = ((file.relative_to(base), name) for base, name in bases if file.is_relative_to(base))
        inner, name = next(found, (None, ""))
        return path if inner is None or "://" in path else (PurePosixPath(name) / inner).as_posix()

    return named
