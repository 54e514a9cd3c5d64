"""`tightbeam generate`: the only place where definitions meet disk, terminal and exit codes."""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tightbeam_codegen.command.failures import DRIFT, FINE, WRONG, missing_package, system_problem
from tightbeam_codegen.command.report import Change, Report
from tightbeam_codegen.command.request import Request
from tightbeam_codegen.incremental.cache import Cache, open_cache
from tightbeam_codegen.incremental.up_to_date import UpToDateCheck
from tightbeam_codegen.phrases import counted, counted_definitions
from tightbeam_codegen.problems import DefinitionErrors, Problem, Problems
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS, TARGETS, wanted
from tightbeam_codegen.version import tool_version
from tightbeam_codegen.write import Plan, Tree, compare, diff, write

if TYPE_CHECKING:
    from tightbeam_codegen.pipeline import Result

__all__ = [
    "changes_of",
    "in_words",
    "progress",
    "report_problems",
    "run_generate",
    "run_watch",
    "without_collection",
]


def run_generate(request: Request) -> int:
    """Generate once, print the outcome, and return the exit code."""
    report = Report(request.form)
    try:
        settings = _settings(request)
        report.strict = settings.strict
        code = _generate(request, settings, open_cache(), report)
        if code == FINE and request.tracked:
            code = _check_tracked(settings, report)
        return report.finish(code)
    except DefinitionErrors as errors:
        report.problems(errors.problems)
    except OSError as error:
        report.problems([system_problem(error)])
    return report.finish(WRONG)


def _settings(request: Request) -> Settings:
    """Return the settings of the project, overruled by the command line.

    Raises:
        DefinitionErrors: with everything that is wrong with them.
    """
    settings = load_settings(Path(), OPTIONS)
    settings = dataclasses.replace(
        settings,
        schemas=settings.schemas if request.schemas is None else request.schemas,
        options={**settings.options, **request.options},
        strict=settings.strict or request.strict,
    )
    problems = Problems()
    for target in TARGETS:
        problems.extend(target.check_settings(settings))
    problems.raise_errors()
    return settings


def _generate(request: Request, settings: Settings, cache: Cache, report: Report) -> int:
    targets = wanted(TARGETS, settings)
    shown = " and ".join(folder.as_posix() for _, folder in targets)
    up_to_date = UpToDateCheck(settings, targets, cache)
    known = up_to_date.warnings()
    if known is not None:
        code = report_problems(known, report)
        if code == FINE and not request.check:
            are = "is" if len(targets) == 1 else "are"
            report.print_outcome(f"Nothing to do: {shown} {are} up to date.")
        return code
    with progress("Generating…"), without_collection():
        result = _pipeline(settings, cache)
    if code := report_problems(result.problems, report):
        return code
    trees = [Tree(folder, result.files[target.name], target.language) for target, folder in targets]
    plans = compare(trees)
    if request.check:
        code = _check(plans, report)
        if code == FINE:
            up_to_date.remember(trees, result.problems)
        return code
    if request.form == "json":
        report.changes(change for plan in plans for change in changes_of(plan))
    write(plans)
    up_to_date.remember(trees, result.problems)
    what = counted_definitions(result.channels, result.events)
    report.print_outcome(f"Generated {what} in {shown}: {in_words(plans)}.")
    return FINE


def _check(plans: Sequence[Plan], report: Report) -> int:
    """Print how the disk differs from what it should hold, and return the exit code."""
    for plan in plans:
        report.changes(changes_of(plan), diff(plan))
    if all(plan.is_empty for plan in plans):
        return FINE
    report.out_of_date()
    return DRIFT


def _check_tracked(settings: Settings, report: Report) -> int:
    """Print the generated files that git doesn't track, and return the exit code."""
    from tightbeam_codegen.command.tracked import untracked

    problems = untracked((folder, target.language) for target, folder in wanted(TARGETS, settings))
    report.problems(problems)
    return DRIFT if problems else FINE


def changes_of(plan: Plan) -> Iterator[Change]:
    """Yield the files that a plan changes."""
    for path in sorted([*plan.changed, *plan.stale]):
        old = plan.changed.get(path)
        change: Literal["added", "changed", "removed"] = "added" if old is None else "changed"
        yield (plan.tree.folder / path).as_posix(), "removed" if path in plan.stale else change


def _pipeline(settings: Settings, cache: Cache) -> Result:
    """Generate with all that earlier runs remember.

    Raises:
        DefinitionErrors: a package of the extra `codegen` is missing.
    """
    try:
        from tightbeam_codegen.incremental.definitions import IncrementalCache
        from tightbeam_codegen.pipeline import generate
    except ModuleNotFoundError as error:
        raise missing_package(error, "generating") from None
    present = {target.name: partial(_text_of, folder) for target, folder in wanted(TARGETS, settings)}
    remembered = IncrementalCache(cache, _key(settings), present)
    return generate(
        settings.schemas,
        settings,
        shown_root=settings.schemas.as_posix(),
        version=tool_version(),
        cache=cache,
        remembered=remembered,
    )


def _key(settings: Settings) -> str:
    """Return what tells runs apart whose definitions can't be taken over from each other."""
    stated = dataclasses.replace(settings, strict=False, source=None, name_places={})
    return f"{Path().absolute()}\0{stated!r}"


def _text_of(folder: Path, path: str) -> str | None:
    try:
        return (folder / path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def report_problems(problems: Sequence[Problem], report: Report) -> int:
    """Print all problems, and return the exit code if they end the run, else 0."""
    report.problems(problems)
    errors = any(problem.severity == "error" for problem in problems)
    if errors or (report.strict and any(problem.severity == "warning" for problem in problems)):
        if not errors:
            report.print_text("Nothing was written: warnings are errors under --strict.")
        return WRONG
    return FINE


def in_words(plans: Sequence[Plan]) -> str:
    """Return how many files plans write and remove."""
    written = sum(len(plan.changed) for plan in plans)
    removed = sum(len(plan.stale) for plan in plans)
    changes = ((written, "written"), (removed, "removed"))
    return (
        ", ".join(f"{counted(count, 'file')} {what}" for count, what in changes if count) or "nothing changed"
    )


@contextmanager
def without_collection() -> Generator[None]:
    """Collect no garbage: a run makes many objects, and hardly one of them is garbage before its end."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def progress(what: str) -> AbstractContextManager[object]:
    """Return a spinner for a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)


def run_watch(request: Request, changes: Iterable[object] | None = None) -> int:
    """Generate now and after each change, until interrupted; problems are printed and waited out.

    Args:
        request: as for `run_generate`.
        changes: yields once for each change; the file system is watched by default.
    """
    code = run_generate(request)
    try:
        if changes is None:
            settings = _settings(request)
            changes = _changes(settings)
        for _ in changes:
            code = run_generate(request)
    except KeyboardInterrupt:
        return FINE
    except (DefinitionErrors, OSError) as error:
        sys.stderr.write(f"tightbeam: can't watch: {error}\n")
        return WRONG
    return code


def _changes(settings: Settings) -> Iterator[object]:
    try:
        from watchfiles import watch
    except ModuleNotFoundError as error:
        raise missing_package(error, "--watch") from None
    outputs = [folder.absolute() for _, folder in wanted(TARGETS, settings)]

    def is_input(_change: object, path: str) -> bool:
        # Bindings below the schema root would otherwise set off their own generation.
        return not any(map(Path(path).is_relative_to, outputs)) and "__pycache__" not in path

    folders = [settings.schemas, *settings.refs.values()]
    if settings.source is not None:
        folders.append(settings.source)
    sys.stderr.write(f"Watching {', '.join(folder.as_posix() for folder in folders)}; Ctrl-C ends it.\n")
    # At most one run every half second, however many files change at once.
    return iter(watch(*folders, watch_filter=is_input, debounce=500, raise_interrupt=True))
