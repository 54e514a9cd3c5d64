"""`tightbeam generate`: the only place where definitions meet disk, terminal and exit codes."""

from __future__ import annotations

import dataclasses
import errno
import gc
import keyword
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tightbeam_codegen.command.report import Change, Report
from tightbeam_codegen.command.request import Request
from tightbeam_codegen.command.shortcut import Shortcut
from tightbeam_codegen.incremental.cache import Cache, open_cache
from tightbeam_codegen.names import snake
from tightbeam_codegen.problems import DefinitionErrors, Problem, quoted
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.version import tool_version
from tightbeam_codegen.write import TYPESCRIPT, Plan, Tree, Written, compare, diff, write

if TYPE_CHECKING:
    from tightbeam_codegen.pipeline import Result

__all__ = ["DRIFT", "FINE", "WRONG", "run_generate", "run_watch"]

FINE, DRIFT, WRONG = 0, 1, 2


def run_generate(request: Request) -> int:
    """Generate once; prints what there is to say and returns the exit code."""
    report = Report(request.form)
    try:
        settings = _settings(request)
        report.strict = settings.strict
        return report.finish(_generate(request, settings, open_cache(), report))
    except DefinitionErrors as errors:
        report.problems(errors.problems)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        remedy = _REMEDIES.get(error.errno or 0, "")
        report.problems([Problem(None, "error", f"{where}{error.strerror or error}", remedy)])
    return report.finish(WRONG)


_REMEDIES = {
    errno.ENOSPC: "Make room on the disk and run it again: nothing was changed.",
    errno.EDQUOT: "Make room in your quota and run it again: nothing was changed.",
    errno.ENOTDIR: "A file is where a folder has to be: name another output folder, or move the file away.",
    errno.EEXIST: "A file is where a folder has to be: name another output folder, or move the file away.",
    errno.EACCES: "Check the permissions of the folder.",
    errno.EPERM: "Check the permissions of the folder.",
    errno.EROFS: "Name an output folder that can be written to.",
}


def _settings(request: Request) -> Settings:
    settings = load_settings(Path())
    settings = dataclasses.replace(
        settings,
        schemas=settings.schemas if request.schemas is None else request.schemas,
        output=settings.output if request.output is None else request.output,
        typescript=settings.typescript if request.typescript is None else request.typescript,
        typescript_validators=settings.typescript_validators or request.typescript_validators,
        typescript_react=settings.typescript_react or request.typescript_react,
        typescript_import_extension=request.typescript_import_extension
        or settings.typescript_import_extension,
        strict=settings.strict or request.strict,
    )
    _check_package_name(settings.output)
    return settings


def _check_package_name(output: Path) -> None:
    """The output is a package, and whoever imports it has to spell its name. Raises DefinitionErrors."""
    name = output.name
    if name.isidentifier() and not keyword.iskeyword(name):
        return
    message = f"the output folder {quoted(output.as_posix())} can't be a package: "
    message += f"{quoted(name)} is no name in Python" if name else "it has no name of its own"
    alike = snake(name) if name.strip(".") else "generated"
    raise DefinitionErrors([Problem(None, "error", message, f"Call it {quoted(alike)}, say.")])


def _generate(request: Request, settings: Settings, cache: Cache, report: Report) -> int:
    shortcut = Shortcut(settings, cache)
    known = shortcut.unchanged_problems()
    if known is not None:
        code = _tell_problems(known, report)
        if code == FINE and not request.check:
            _say_what_was_done(request, f"Nothing to do: {_shown_outputs(settings)} is up to date.")
        return code
    with _progress("Generating…"), _uncollected():
        result = _pipeline(settings, cache)
    if code := _tell_problems(result.problems, report):
        return code
    trees = _trees(settings, result)
    if request.check:
        code = _check(trees, report)
        if code == FINE:
            shortcut.remember(trees, result.problems)
        return code
    python, *others = trees
    if request.form == "json":
        plans = [(compare(tree.folder, tree.files, tree.language), tree) for tree in trees]
        report.changes(change for plan, tree in plans for change in _changes_of(plan, tree))
    done = write(python.folder, python.files, *others)
    shortcut.remember(trees, result.problems)
    _say_what_was_done(request, _what_was_done(done, settings, result))
    return FINE


def _check(trees: Iterable[Tree], report: Report) -> int:
    """Print how the disk differs from what it should hold; DRIFT if it does, else 0."""
    differs = False
    for tree in trees:
        plan = compare(tree.folder, tree.files, tree.language)
        report.changes(_changes_of(plan, tree), diff(tree.folder, tree.files, tree.language))
        differs = differs or not plan.is_empty
    if differs:
        report.out_of_date()
    return DRIFT if differs else FINE


def _changes_of(plan: Plan, tree: Tree) -> Iterator[Change]:
    """How the files of a tree change."""
    for path in sorted([*plan.changed, *plan.stale]):
        old = plan.changed.get(path)
        change: Literal["added", "changed", "removed"] = "added" if old is None else "changed"
        yield (tree.folder / path).as_posix(), "removed" if path in plan.stale else change


def _trees(settings: Settings, result: Result) -> list[Tree]:
    """What goes to disk: the Python package first, then what else is asked for."""
    trees = [Tree(settings.output, result.files)]
    if settings.typescript is not None:
        trees.append(Tree(settings.typescript, result.typescript, TYPESCRIPT))
    return trees


def _pipeline(settings: Settings, cache: Cache) -> Result:
    try:
        from tightbeam_codegen.incremental.fact_store import FactStore
        from tightbeam_codegen.incremental.incremental import Memory
        from tightbeam_codegen.pipeline import generate
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tightbeam"):
            raise
        message = f"generating needs the package {error.name}"
        raise DefinitionErrors(
            [Problem(None, "error", message, "Run: pip install 'tightbeam[codegen]'")]
        ) from None
    return generate(
        settings.schemas,
        settings,
        shown_root=settings.schemas.as_posix(),
        version=tool_version(),
        cache=FactStore(cache),
        memory=Memory(
            cache,
            _what_counts(settings),
            lambda path: _as_it_is(settings.output / path),
            lambda path: _as_it_is((settings.typescript or settings.output) / path),
        ),
    )


def _what_counts(settings: Settings) -> str:
    """Tells runs apart whose definitions have nothing to say to each other."""
    stated = dataclasses.replace(settings, strict=False, source=None, name_places={})
    return f"{settings.schemas.absolute()}\0{settings.output.absolute()}\0{stated!r}"


def _as_it_is(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _tell_problems(problems: Iterable[Problem], report: Report) -> int:
    """Print all problems; the exit code if they end the run, else 0."""
    problems = tuple(problems)
    report.problems(problems)
    errors = any(problem.severity == "error" for problem in problems)
    if errors or (problems and report.strict):
        if not errors:
            report.say("Nothing was written: warnings are errors under --strict.")
        return WRONG
    return FINE


def _what_was_done(done: Written, settings: Settings, result: Result) -> str:
    channels = sum(
        path.startswith("_schemas/") and not path.endswith("/__init__.py") for path in result.files
    )
    counted = "1 channel" if channels == 1 else f"{channels} channels"
    changes = [
        f"{len(paths)} {'file' if len(paths) == 1 else 'files'} {what}"
        for paths, what in ((done.written, "written"), (done.removed, "removed"))
        if paths
    ]
    return f"Generated {counted} in {_shown_outputs(settings)}: {', '.join(changes) or 'nothing changed'}."


def _shown_outputs(settings: Settings) -> str:
    outputs = (settings.output, settings.typescript)
    return " and ".join(folder.as_posix() for folder in outputs if folder is not None)


def _say_what_was_done(request: Request, sentence: str) -> None:
    if request.form != "json":
        sys.stdout.write(sentence + "\n")


@contextmanager
def _uncollected() -> Generator[None]:
    """No garbage collection: next to nothing of a run is garbage before its end, and there is much of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _progress(what: str) -> AbstractContextManager[object]:
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
    except ModuleNotFoundError:
        message = "--watch needs the package watchfiles"
        remedy = "Run: pip install 'tightbeam[codegen]'"
        raise DefinitionErrors([Problem(None, "error", message, remedy)]) from None
    outputs = [each.absolute() for each in (settings.output, settings.typescript) if each is not None]

    def is_input(_change: object, path: str) -> bool:
        # Bindings below the schema root would otherwise set off their own generation.
        return not any(map(Path(path).is_relative_to, outputs)) and "__pycache__" not in path

    folders = [settings.schemas, *settings.refs.values()]
    if settings.source is not None:
        folders.append(settings.source)
    sys.stderr.write(f"Watching {', '.join(folder.as_posix() for folder in folders)}; Ctrl-C ends it.\n")
    # At most one run every half second, however many files change at once.
    return iter(watch(*folders, watch_filter=is_input, debounce=500, raise_interrupt=True))
