"""`tightbeam init --from MODULE --update` and `--check`: the schema document of models that have changed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Set
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from urllib.parse import quote

from tightbeam_codegen.command.failures import DRIFT, FINE, WRONG, missing_package
from tightbeam_codegen.command.output import print_error, print_output
from tightbeam_codegen.phrases import listed
from tightbeam_codegen.problems import DefinitionErrors, Problem, render
from tightbeam_codegen.settings import load_settings
from tightbeam_codegen.targets import OPTIONS

__all__ = ["run_check", "run_update"]

_MARK = "Written by `tightbeam init --from "
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Document:
    """A schema document as it is, and as the models give it now."""

    file: Path
    old: str
    new: str
    source: str
    """What is named on the command line to make it of, with all that `--only` says."""
    reference: str
    """How definitions beside it refer to one of its schemas, up to the name."""

    @property
    def is_current(self) -> bool:
        return self.old == self.new


def run_update(schemas: Path | None, source: str, only: tuple[str, ...]) -> int:
    """Write the schema document of models anew, leave definitions alone, and return the exit code.

    Args:
        schemas: the schema root; None for that of the settings.
        source: the module of the models.
        only: names of models; all of the module if empty.
    """
    try:
        document = _document(schemas, source, only)
        if document.is_current:
            return print_output(f"{document.file.as_posix()} is up to date\n", FINE)
        _replace(document.file, document.new)
    except (DefinitionErrors, OSError) as error:
        print_error(f"tightbeam: {error}")
        return WRONG
    lines = [f"Wrote {document.file.as_posix()}"]
    old, new = _names(document.old), _names(document.new)
    if added := _listed(new - old):
        lines.append(
            f"New in it: {added}. For a topic, refer to one in a definition:"
            f' {{ "$ref": "{document.reference}{min(new - old)}" }}'
        )
    if gone := _listed(old - new):
        lines.append(f"Gone from it: {gone}. Remove the topics that refer to it.")
        if (earlier := _source(document.old)) != _source(document.new):
            lines.append(f"It was made of `--from {earlier}` before: to have all of that again, name it so.")
    return print_output("\n".join([*lines, ""]), FINE)


def run_check(schemas: Path | None, source: str, only: tuple[str, ...]) -> int:
    """Print how the schema document of models would change; return 1 if it would, else 0. Nothing is written.

    Args:
        schemas: the schema root; None for that of the settings.
        source: the module of the models.
        only: names of models; all of the module if empty.
    """
    try:
        document = _document(schemas, source, only)
    except (DefinitionErrors, OSError) as error:
        print_error(f"tightbeam: {error}")
        return WRONG
    if document.is_current:
        return FINE
    shown = document.file.as_posix()
    before, after = document.old.splitlines(keepends=True), document.new.splitlines(keepends=True)
    code = print_output("".join(unified_diff(before, after, shown, shown)), DRIFT)
    print_error(
        f"tightbeam: {shown} isn't what the models of {document.source} give.\n"
        f"    Run `tightbeam init --from {document.source} --update`."
    )
    return code


def _document(schemas: Path | None, source: str, only: tuple[str, ...]) -> _Document:
    """Import the models, and find the document that was made of them.

    Raises:
        DefinitionErrors: the models can't be taken, or the file isn't such a document.
        OSError: the file can't be read.
    """
    try:
        # The importer loads Pydantic's generator and the user's module, which no other command does.
        from tightbeam_codegen.imports.imported import Wanted
        from tightbeam_codegen.imports.pydantic import import_models
        from tightbeam_codegen.imports.pydantic.target import parse_target
    except ModuleNotFoundError as error:
        raise missing_package(error, "importing") from None

    settings = load_settings(Path(), OPTIONS)
    root = settings.schemas if schemas is None else schemas
    source = str(parse_target(source, only))
    imported = import_models(source, Wanted())
    if imported.left_out:
        print_error(render(imported.left_out))
    [(name, text)] = imported.documents.items()
    file = root / name
    if file.is_symlink():
        raise _refused(f"{file.as_posix()} is a link", "Replace it by the file.")
    if not file.exists():
        raise _refused(f"there is no {file.as_posix()}", f"Begin with `tightbeam init --from {source}`.")
    old = file.read_bytes().decode("utf-8", "replace")
    if _MARK not in old:
        raise _refused(
            f"{file.as_posix()} isn't made of models", "Move it away, and import the models again."
        )
    return _Document(file, old, text, source, f"{quote(name)}#/$defs/")


def _replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_text(text, "utf-8", newline="\n")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _source(text: str) -> str:
    """Return what a document says it was made of."""
    return text.partition(_MARK)[2].partition("`")[0]


def _names(text: str) -> Set[str]:
    """Return the names of the schemas in a document; none for a text that was made invalid by hand."""
    try:
        schemas = json.loads(text)["$defs"]
    except (ValueError, TypeError, KeyError):
        return frozenset()
    return frozenset(schemas) if isinstance(schemas, dict) else frozenset()


def _listed(names: Set[str]) -> str:
    return listed(sorted(names), _MOST_SHOWN)


def _refused(message: str, remedy: str) -> DefinitionErrors:
    return DefinitionErrors([Problem(None, "error", message, remedy)])
