"""GitHub's annotations: problems as workflow commands that attach to the files of a pull request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tightbeam_codegen.problems import Problem, in_order, render, visible

__all__ = ["MOST", "as_annotations", "from_repository", "log_text", "step_summary"]

MOST = 10
"""Errors, and warnings, of one step that GitHub shows; it drops all others without a word."""

_LONGEST_SUMMARY = 100_000
"""Characters. GitHub takes a mebibyte from each step."""
# The runner reads commands at the beginning of a line, behind blanks, and those of the older form anywhere.
_COMMAND = re.compile(r"(?:^|(?<=\r))[^\S\r\n]*:(?=:)|##(?=\[)", re.MULTILINE)


def as_annotations(problems: Iterable[Problem], title: str) -> str:
    """Return workflow commands that annotate the files of a pull request, without a newline at the end.

    Of more than `MOST` errors or warnings the last annotation says how many there are, and all that have no
    annotation follow as lines of the log.

    Args:
        problems: the problems, with paths from the working directory.
        title: the heading of each annotation, such as the command.
    """
    commands: list[str] = []
    others: list[Problem] = []
    ordered = in_order(problems)
    for severity in ("error", "warning"):
        alike = [problem for problem in ordered if problem.severity == severity]
        shown = alike if len(alike) <= MOST else alike[: MOST - 1]
        commands += (_command(problem, title) for problem in shown)
        if len(alike) > len(shown):
            left = len(alike) - len(shown)
            more = Problem(None, severity, f"{left} more {severity}s: the log of this step lists them", "")
            commands.append(_command(more, title))
            others += alike[len(shown) :]
    others += (problem for problem in ordered if problem.severity == "notice")
    return "\n".join([*commands, *map(log_text, filter(None, [render(others)]))])


def step_summary(problems: Iterable[Problem], title: str) -> str:
    """Return problems in Markdown, for the page of a run: all of them, however many there are.

    Args:
        problems: the problems, with paths from the working directory.
        title: the heading.
    """
    text = render(_placed(problem) for problem in problems)
    if len(text) > _LONGEST_SUMMARY:
        text = text[:_LONGEST_SUMMARY].rpartition("\n")[0] + "\n… and more, in the log of the step"
    # A fence that is longer than any row of backticks in the text can't be closed by it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"### {title}\n\n{fence}text\n{text}\n{fence}\n\n"


def log_text(text: str) -> str:
    """Return text that the runner takes for no command of its own when it is printed to a step's log.

    Args:
        text: with words of schemas in it, which may come from a stranger's pull request.
    """
    return _COMMAND.sub(lambda match: f"{match[0]}\u200b", text)


def from_repository(path: str) -> str:
    """Return a path as pull requests name it: from the top of the repository, whatever the folder is.

    Links are followed, since a pull request shows the file that they lead to. The repository is the outermost
    one in GITHUB_WORKSPACE, so that a submodule's files are named from the top too; elsewhere the innermost.

    Args:
        path: absolute, or from the working directory.

    Returns:
        The path; unchanged outside of a repository.
    """
    lexical = Path(os.path.realpath(Path.cwd()), os.path.normpath(path))
    for file in (Path(os.path.realpath(path)), lexical):
        top = _top(file)
        if top is not None:
            return file.relative_to(top).as_posix()
    return path


def _top(file: Path) -> Path | None:
    """Return the folder from which a pull request names a file, None outside of a repository."""
    repositories = [folder for folder in file.parents if (folder / ".git").exists()]
    stated = os.environ.get("GITHUB_WORKSPACE")
    workspace = Path(os.path.realpath(stated)) if stated else None
    if workspace is not None and file.is_relative_to(workspace):
        inside = [folder for folder in repositories if folder.is_relative_to(workspace)]
        return inside[-1] if inside else workspace
    return repositories[0] if repositories else None


def _placed(problem: Problem) -> Problem:
    place = problem.place
    return (
        problem if place is None else replace(problem, place=replace(place, path=from_repository(place.path)))
    )


def _command(problem: Problem, title: str) -> str:
    text = visible(problem.message)
    if problem.remedy:
        text += "\n" + visible(problem.remedy)
    properties = ",".join(f"{name}={_property(value)}" for name, value in _properties(problem, title))
    return f"::{problem.severity} {properties}::{_data(text)}"


def _properties(problem: Problem, title: str) -> Iterator[tuple[str, str]]:
    place = _placed(problem).place
    if place is not None:
        yield "file", visible(place.path)
        yield "line", str(place.line)
        yield "col", str(place.column)
    yield "title", visible(title)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
