"""`tightbeam breaking`: compare today's definitions with a git ref or a folder, and print the outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tightbeam_codegen.annotations import as_annotations, log_text
from tightbeam_codegen.command.failures import FINE, WRONG, missing_package, system_problem
from tightbeam_codegen.command.output import print_error, print_output
from tightbeam_codegen.command.request import BreakingRequest
from tightbeam_codegen.compare.against import Compared, compare_with
from tightbeam_codegen.compare.findings import Comparison
from tightbeam_codegen.compare.report.github import TITLE
from tightbeam_codegen.problems import DefinitionErrors, Problem, render, visible
from tightbeam_codegen.settings import load_settings
from tightbeam_codegen.targets import OPTIONS
from tightbeam_codegen.targets.typescript.options import FOLDER

__all__ = ["run_breaking"]

BREAKING = 1


def run_breaking(request: BreakingRequest) -> int:
    """Compare once, print the outcome, and return the exit code.

    Returns:
        0 where nothing breaks, 1 where something does, 2 where definitions or the revision can't be read.
    """
    try:
        settings = load_settings(Path(), OPTIONS)
        if request.schemas is not None:
            settings = dataclasses.replace(settings, schemas=request.schemas)
        compared = compare_with(
            request.against,
            settings,
            as_written=request.as_written,
            typescript=settings.folder(FOLDER) is not None,
            root_is_stated=request.schemas is not None,
        )
    except DefinitionErrors as errors:
        compared = Compared(request.against, None, errors.problems)
    except ModuleNotFoundError as error:
        compared = Compared(request.against, None, missing_package(error, "comparing").problems)
    except OSError as error:
        compared = Compared(request.against, None, (system_problem(error),))
    code = _exit_code(compared.comparison, strict=request.strict)
    return print_output(_printed(request, compared, code), code)


def _failure(request: BreakingRequest, problems: Sequence[Problem]) -> str:
    """Return what goes to standard output where nothing was compared."""
    if request.form == "github":
        return as_annotations(problems, TITLE) + "\n"
    if request.form == "markdown":
        from tightbeam_codegen.compare.report.markdown import failure_as_markdown

        return failure_as_markdown(problems) + "\n"
    return ""


def _exit_code(comparison: Comparison | None, *, strict: bool) -> int:
    if comparison is None:
        return WRONG
    return BREAKING if comparison.is_breaking or (strict and comparison.is_undecided) else FINE


def _printed(request: BreakingRequest, compared: Compared, code: int) -> str:
    """Print what goes to standard error, and return what goes to standard output."""
    comparison, against = compared.comparison, compared.against
    problems = (*compared.problems, *compared.problems_there)
    as_line = log_text if request.form == "github" else str
    if problems and request.form != "github":
        print_error(render(problems))
    if compared.problems_there:
        print_error(as_line(f"The definitions at {visible(against)} don't compile: nothing was compared."))
    if compared.note:
        print_error(as_line(f"note: {compared.note}"))
    if comparison is not None and not compared.had_definitions:
        print_error(as_line(f"note: there are no definitions at {visible(against)}: everything is new"))
    if request.form == "json":
        from tightbeam_codegen.compare.report.json_object import as_json

        return as_json(compared, ok=code == FINE) + "\n"
    if comparison is None:
        return _failure(request, problems)
    if request.form == "github":
        from tightbeam_codegen.compare.report.github import as_github

        return as_github(comparison, against, strict=request.strict) + "\n"
    if request.form == "markdown":
        from tightbeam_codegen.compare.report.markdown import as_markdown

        return as_markdown(comparison, against) + "\n"
    from tightbeam_codegen.compare.report.text import as_text

    return as_text(comparison, against) + "\n"
