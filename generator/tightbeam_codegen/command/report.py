"""Prints the outcome of `generate`: for people, as GitHub's annotations, or as one JSON object."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from tightbeam_codegen.problems import Format, Place, Problem, render

__all__ = ["Change", "Report"]

Change: TypeAlias = tuple[str, Literal["added", "changed", "removed"]]
"""A generated file, and what happens to it."""


class Report:
    """Prints problems and sentences as they come, and the JSON object at the end.

    Problems go to standard error, so that standard output has the diff, or the JSON, and nothing else.

    Args:
        form: how problems are printed.
    """

    def __init__(self, form: Format) -> None:
        self._form = form
        self._problems: list[Problem] = []
        self._changes: list[Change] = []
        self._diff = ""
        self.strict = False
        """Whether warnings fail the run, and are annotated as errors."""

    def problems(self, problems: Iterable[Problem]) -> None:
        """Print problems."""
        problems = list(problems)
        self._problems += problems
        if self._form == "github":
            problems = [self._as_annotated(problem) for problem in problems]
        text = render(problems, "github" if self._form == "github" else "text")
        if text:
            self.print_text(text)

    def print_text(self, text: str) -> None:
        """Print text for people."""
        # A character that the terminal can't show becomes an escape, and no exception.
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")

    def changes(self, changes: Iterable[Change], diff: str = "") -> None:
        """Note changes, and print the diff.

        Args:
            changes: of files that are written, or would be.
            diff: of these files.
        """
        self._changes += changes
        self._diff += diff
        if self._form != "json":
            sys.stdout.write(diff)

    def out_of_date(self) -> None:
        """Report that a run would change something."""
        if self._form == "github":
            drift = (Place(path, 1, 1) for path, _ in self._changes)
            message, remedy = "this file is out of date", "Run `tightbeam generate`."
            self.problems(Problem(place, "error", message, remedy) for place in drift)
        else:
            self.print_text("The bindings are out of date; run `tightbeam generate`.")

    def finish(self, code: int) -> int:
        """Print the JSON object if that is the format, and return the exit code."""
        if self._form == "json":
            outcome = {
                "ok": code == 0,
                "problems": json.loads(render(self._problems, "json")),
                "changed": [{"file": path, "change": change} for path, change in self._changes],
                "diff": self._diff,
            }
            sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
        return code

    def _as_annotated(self, problem: Problem) -> Problem:
        """Return a problem as GitHub shows it: with its file's path from the top of the repository."""
        severity = "error" if self.strict else problem.severity
        place = problem.place
        if place is not None:
            place = dataclasses.replace(place, path=_from_repository(place.path))
        return Problem(place, severity, problem.message, problem.remedy)


def _from_repository(path: str) -> str:
    """Return a path as seen from the top of the repository; outside of one it stays as it is."""
    file = Path(path).absolute()
    workspace = os.environ.get("GITHUB_WORKSPACE")
    here = Path.cwd().absolute()
    tops = [Path(workspace).absolute()] if workspace else []
    tops += [folder for folder in (here, *here.parents) if (folder / ".git").exists()]
    for top in tops:
        if file.is_relative_to(top):
            return file.relative_to(top).as_posix()
    return path
