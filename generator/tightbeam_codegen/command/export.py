"""`tightbeam export asyncapi`: channels and events as a document that others read."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.command.failures import DRIFT, FINE, WRONG, missing_package, system_problem
from tightbeam_codegen.command.output import print_error, print_output
from tightbeam_codegen.json_schema.dialects import LATEST
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import DefinitionErrors, Problem, Problems, quoted, render
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS
from tightbeam_codegen.write import Language, Plan, Tree, diff, write

if TYPE_CHECKING:
    from tightbeam_codegen.asyncapi.exporting import About, ExampleOf, View
    from tightbeam_codegen.asyncapi.printing import DocumentFormat
    from tightbeam_codegen.model import ChannelModel, EventModel, Model, ModulePath

__all__ = ["ExportRequest", "run_export"]

_TITLE, _VERSION = "Channels", "1.0.0"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the command line asks for; for what it doesn't state there are defaults."""

    schemas: Path | None = None
    output: Path | None = None
    """The file; None for standard output."""
    form: DocumentFormat | None = None
    """None for the one that the file's name ends in, else JSON."""
    check: bool = False
    title: str | None = None
    version: str | None = None
    description: str = ""
    view: View = "publisher"
    sources: bool = True
    """Whether the document carries the definition files."""


def run_export(request: ExportRequest) -> int:
    """Write the document, or compare it with the file; print what is wrong, and return the exit code."""
    try:
        settings = load_settings(Path(), OPTIONS)
        if request.schemas is not None:
            settings = dataclasses.replace(settings, schemas=request.schemas)
        text = with_room(lambda: _text(request, settings))
        return _written(request, text)
    except DefinitionErrors as errors:
        print_error(str(errors))
    except ModuleNotFoundError as error:
        print_error(str(missing_package(error, "exporting")))
    except OSError as error:
        print_error(render([system_problem(error)]))
    return WRONG


def _text(request: ExportRequest, settings: Settings) -> str:
    """Return the document as text; print the warnings.

    Raises:
        DefinitionErrors: definitions have errors, or can't be said in AsyncAPI.
    """
    from tightbeam_codegen.asyncapi.carried import with_files
    from tightbeam_codegen.asyncapi.exporting import export
    from tightbeam_codegen.asyncapi.printing import as_text
    from tightbeam_codegen.pipeline import read

    problems = Problems()
    model = read(settings.schemas, settings, shown_root=settings.schemas.as_posix())
    problems.extend(model.problems)
    problems.raise_errors()
    exported = export(model, _about(request, settings), _examples())
    problems.extend(exported.problems)
    problems.raise_errors()
    document = exported.document
    if request.sources:
        document = with_files(document, _files(model, settings), _stated(settings))
    text = as_text(document, _form(request))
    if request.sources and (cause := _unreadable(text, _form(request))):
        message = f"`tightbeam init --from` won't be able to read this document: {cause}"
        problems.warning(None, message, "Others can read it; keep the definition files for yourself.")
    if said := render(problems):
        print_error(said)
    return text


def _unreadable(text: str, form: DocumentFormat) -> str:
    """Return why a document can't be imported; empty if it can: it may be too large, or nested too deep."""
    from tightbeam_codegen.read.load import parse

    try:
        parse(text.encode(), f"asyncapi.{form}", f"asyncapi.{form}", "")
    except DefinitionErrors as errors:
        return errors.problems[0].message
    return ""


def _examples() -> ExampleOf:
    """Return what finds examples; the schemas of a definition are read once."""
    from tightbeam_codegen.examples import Example, Examples

    by_module: dict[ModulePath, Examples] = {}

    def example_of(defined: ChannelModel | EventModel, topic: str) -> Example | None:
        if defined.module not in by_module:
            by_module[defined.module] = Examples(defined.bundle)
        return by_module[defined.module].of(topic)

    return example_of


def _form(request: ExportRequest) -> DocumentFormat:
    if request.form is not None:
        return request.form
    return "yaml" if request.output is not None and request.output.suffix in (".yaml", ".yml") else "json"


def _about(request: ExportRequest, settings: Settings) -> About:
    """Return what the document says of itself: what was stated, else what the project says of itself."""
    from tightbeam_codegen.asyncapi.exporting import About

    project = _project(settings.source)
    title, version = request.title or project.get("name"), request.version or project.get("version")
    return About(
        title if isinstance(title, str) and title else _TITLE,
        version if isinstance(version, str) and version else _VERSION,
        request.description,
        request.view,
    )


def _project(source: Path | None) -> Mapping[str, Any]:
    """Return the table `project` of a pyproject.toml, which has been read as settings before."""
    document = tomllib.loads(source.read_text("utf-8")) if source is not None else {}
    project = document.get("project")
    return project if isinstance(project, dict) else {}


def _files(model: Model, settings: Settings) -> dict[str, str]:
    """Return the texts of the definition files, and of all files below the schema root that they refer to.

    Raises:
        DefinitionErrors: a file isn't what it was when it was read.
    """
    from tightbeam_codegen.read.discover import read_inside
    from tightbeam_codegen.read.load import parse

    files: dict[str, str] = {}
    documents = [each for each in model.resolved.store.documents.all() if each.uri.startswith(ROOT_URI)]
    for document in sorted(documents, key=lambda each: each.path):
        data = read_inside(settings.schemas, document.path)
        if parse(data, document.path, document.shown, document.uri).digest != document.digest:
            message = f"{document.shown} has changed meanwhile"
            raise DefinitionErrors([Problem(None, "error", message, "Run the command again.")])
        files[document.path] = data.decode()
    return files


def _stated(settings: Settings) -> dict[str, Any]:
    """Return the settings that definitions depend on, where they aren't the default ones."""
    stated: dict[str, Any] = {}
    if settings.dialect != LATEST.uri:
        stated["dialect"] = settings.dialect
    if not settings.assert_formats:
        stated["assert_formats"] = False
    if settings.assume_objects:
        stated["assume_objects"] = True
    if settings.names:
        stated["names"] = dict(settings.names)
    if settings.refs:
        stated["refs"] = sorted(settings.refs)
    return stated


def _written(request: ExportRequest, text: str) -> int:
    """Write the text where it is wanted, or compare it with what is there; return the exit code.

    Raises:
        DefinitionErrors: the file is there and is no exported document.
    """
    if request.output is None:
        if request.check:
            message = "--check compares with a file, and none is named"
            raise DefinitionErrors([Problem(None, "error", message, "Name it by --output.")])
        return print_output(text, FINE)
    file = request.output
    old = _present(file)
    if old == text.encode():
        sentence = "" if request.check else f"Nothing to do: {file.as_posix()} is up to date.\n"
        return print_output(sentence, FINE)
    tree = Tree(file.parent, {file.name: text}, Language("", file.suffix))
    plan = Plan(tree, {file.name: old}, {})
    if request.check:
        code = print_output(diff(plan), DRIFT)
        print_error(f"{file.as_posix()} is out of date; run `tightbeam export asyncapi`.")
        return code
    write([plan])
    return print_output(f"Wrote {file.as_posix()}\n", FINE)


def _present(file: Path) -> bytes | None:
    """Return what is in the file now; None where there is none.

    Raises:
        DefinitionErrors: it isn't one of ours.
    """
    from tightbeam_codegen.asyncapi.carried import EXTENSION

    if file.is_symlink() or (file.exists() and not file.is_file()):
        message = f"{quoted(file.as_posix())} is in the way: it is no regular file"
        raise DefinitionErrors([Problem(None, "error", message, "Name another file.")])
    if not file.exists():
        return None
    old = file.read_bytes()
    if b"asyncapi" not in old[:100] or EXTENSION.encode() not in old:
        message = f"{quoted(file.as_posix())} is in the way: this command hasn't written it"
        raise DefinitionErrors([Problem(None, "error", message, "Move it away, or name another file.")])
    return old
