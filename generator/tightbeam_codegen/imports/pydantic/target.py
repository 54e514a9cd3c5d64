"""What the command line names: a module, which is imported, and names in it."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType

from tightbeam_codegen.imports.pydantic.findings import refusal, shown_path
from tightbeam_codegen.problems import DefinitionErrors, Place, quoted

__all__ = ["Target", "current_folder_first", "import_module", "parse_target"]

_NAME = r"[^\W\d]\w*"
_TARGET = re.compile(
    rf"(?P<module>{_NAME}(?:\.{_NAME})*)(?::(?P<names>{_NAME}(?:\.{_NAME})*(?:,{_NAME}(?:\.{_NAME})*)*))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A module, and the names of models in it; without names, all models of the module are meant."""

    module: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}:{','.join(self.names)}" if self.names else self.module


def parse_target(text: str, only: Iterable[str] = ()) -> Target:
    """Return what `package.module` or `package.module:Model,Other` names.

    Args:
        text: as on the command line.
        only: more names of models in the module.

    Raises:
        DefinitionErrors: the text is neither.
    """
    matched = _TARGET.fullmatch(text)
    if matched is None:
        raise refusal(
            f"{quoted(text)} names no models",
            "Write a module, such as shop.models, or models in it: shop.models:Order,Refund.",
        )
    names = matched["names"].split(",") if matched["names"] else []
    return Target(matched["module"], tuple(dict.fromkeys([*names, *only])))


@contextmanager
def current_folder_first() -> Generator[None]:
    """Let imports in the block search the current folder first, as `python -m` does."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with suppress(ValueError):  # a module may change the search path, too
            sys.path.remove(folder)


def import_module(target: Target) -> ModuleType:
    """Import the module of a target, which runs it.

    Raises:
        DefinitionErrors: there is no such module, or it raises while it is imported.
    """
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if target.module != missing and not target.module.startswith(f"{missing}."):
            raise _failed(target, error) from error
        raise _not_found(target, missing) from None
    except (Exception, SystemExit) as error:
        raise _failed(target, error) from error


def _not_found(target: Target, missing: str) -> DefinitionErrors:
    cause = f": {missing} isn't found" if missing != target.module else ""
    remedy = "Modules are looked for in the current folder, and in the environment of `tightbeam`."
    if Path("src", *target.module.split(".")[:1]).exists():
        remedy = "It is below src: set PYTHONPATH=src, or install the project where `tightbeam` is installed."
    outer, _, name = target.module.rpartition(".")
    if hasattr(sys.modules.get(outer), name):
        remedy = f"A model stands behind a colon: {outer}:{name}."
    return refusal(f"there is no module {target.module}{cause}", remedy)


def _failed(target: Target, error: BaseException) -> DefinitionErrors:
    """Return the error for a module that raised: at the place in the user's own code."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        place: Place | None = Place(shown_path(error.filename), error.lineno or 1, error.offset or 1)
    else:
        place = _last_own_place(error.__traceback__)
    return refusal(
        f"importing {target.module} failed: {what.splitlines()[0]}",
        f"Correct it, or install what it needs: `python -c 'import {target.module}'` shows all of it.",
        place,
    )


def _last_own_place(raised: TracebackType | None) -> Place | None:
    """Return the innermost place in code that isn't installed, else in code outside the import system."""
    frames = [
        frame
        for frame in traceback.extract_tb(raised)
        if not frame.filename.startswith("<")
        and Path(frame.filename) != Path(__file__)
        and not frame.filename.startswith(str(Path(importlib.__file__ or "").parent))
    ]
    own = [frame for frame in frames if "site-packages" not in Path(frame.filename).parts] or frames
    return Place(shown_path(own[-1].filename), own[-1].lineno or 1, (own[-1].colno or 0) + 1) if own else None
