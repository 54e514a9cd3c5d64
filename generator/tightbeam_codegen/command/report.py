"""Prints the outcome of `generate`: for people, as GitHub's annotations, or as one JSON object."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

from tightbeam_codegen.annotations import as_annotations, log_text, step_summary
from tightbeam_codegen.command.failures import WRONG
from tightbeam_codegen.command.output import Output, print_error
from tightbeam_codegen.problems import Format, Place, Problem, problems_as_json, render

__all__ = ["TITLE", "Change", "Report", "report_failure"]

Change: TypeAlias = tuple[str, Literal["added", "changed", "removed"]]
"""A generated file, and what happens to it."""

TITLE = "tightbeam generate"


class Report:
    """Prints problems and sentences as they come, and the JSON object or the annotations at the end.

    Problems go to standard error, so that standard output has the diff, or the JSON, and nothing else.

    Args:
        form: how problems are printed.
    """

    def __init__(self, form: Format) -> None:
        self._form = form
        self._output = Output()
        self._problems: list[Problem] = []
        self._changes: list[Change] = []
        self._diff = ""
        self._sentences: list[str] = []
        self.strict = False
        """Whether warnings fail the run, and are annotated as errors."""

    def problems(self, problems: Iterable[Problem], *, quiet: bool = False) -> None:
        """Print problems; annotations wait for the end, since GitHub counts those of a whole step.

        Args:
            problems: the problems.
            quiet: whether people have read them already.
        """
        problems = list(problems)
        self._problems += problems
        if problems and self._form != "github" and not quiet:
            self.print_text(render(problems))

    def print_text(self, text: str) -> None:
        """Print text for people; in a log of GitHub's it stands below the annotations."""
        if self._form == "github":
            self._sentences.append(text)
        else:
            print_error(text)

    def print_outcome(self, sentence: str) -> None:
        """Print what was done, on standard output."""
        if self._form != "json":
            self._output.write(sentence + "\n")

    def changes(self, changes: Iterable[Change], diff: str = "") -> None:
        """Note changes, and print the diff.

        Args:
            changes: of files that are written, or would be.
            diff: of these files.
        """
        self._changes += changes
        self._diff += diff
        if self._form != "json":
            self._output.write(log_text(diff) if self._form == "github" else diff)

    def out_of_date(self) -> None:
        """Report that a run would change something."""
        if self._form == "github":
            drift = (Place(path, 1, 1) for path, _ in self._changes)
            message, remedy = "this file is out of date", "Run `tightbeam generate`."
            self.problems(Problem(place, "error", message, remedy) for place in drift)
        else:
            self.print_text("The bindings are out of date; run `tightbeam generate`.")

    def finish(self, code: int) -> int:
        """Print the JSON object or the annotations if these are the format.

        Args:
            code: the exit code so far.

        Returns:
            The exit code: another one where standard output took nothing.
        """
        if self._form == "json":
            outcome = {
                "ok": code == 0,
                "problems": problems_as_json(self._problems),
                "changed": [{"file": path, "change": change} for path, change in self._changes],
                "diff": self._diff,
            }
            self._output.write(json.dumps(outcome, indent=2) + "\n")
        elif self._form == "github":
            self._annotate()
        if self._output.error is not None:
            print_error(f"error: standard output can't be written to: {self._output.error}")
            return WRONG
        return code

    def _annotate(self) -> None:
        """Print annotations, and write the summary of the step where GitHub takes one."""
        shown = [
            dataclasses.replace(problem, severity="error")
            if self.strict and problem.severity == "warning"
            else problem
            for problem in self._problems
        ]
        printed = filter(None, [as_annotations(shown, TITLE), *map(log_text, self._sentences)])
        if text := "\n".join(printed):
            print_error(text)
        file = os.environ.get("GITHUB_STEP_SUMMARY")
        if not file or not shown:
            return
        try:
            with Path(file).open("a", encoding="utf-8", newline="\n") as summary:
                summary.write(step_summary(shown, TITLE))
        except OSError as error:
            print_error(f"The summary of the step can't be written: {error.strerror or error}")


def report_failure(arguments: Sequence[str], message: str) -> None:
    """Print the JSON object of a call that came to nothing, if the call asks for one.

    What people read is printed already.

    Args:
        arguments: the command line, however wrong it is.
        message: what is wrong.
    """
    command = _asks_for_json(arguments)
    problem = Problem(None, "error", message, f"See `tightbeam {command} --help`.")
    if command == "generate":
        report = Report("json")
        report.problems([problem], quiet=True)
        report.finish(WRONG)
    elif command == "breaking":
        from tightbeam_codegen.compare.against import Compared
        from tightbeam_codegen.compare.report.json_object import as_json

        Output().write(as_json(Compared("", None, (problem,)), ok=False) + "\n")


def _asks_for_json(arguments: Sequence[str]) -> str | None:
    """Return the command of a command line that asks for JSON, None of any other."""
    words = list(arguments)
    if words[:1] in (["-C"], ["--directory"]):
        words = words[2:]
    asks = "--format=json" in words or ("--format", "json") in pairwise(words)
    return words[0] if asks and "--help" not in words else None
