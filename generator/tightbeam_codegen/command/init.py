"""`tightbeam init`: a first channel definition to change and grow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tightbeam_codegen.command.attributes import write_attributes
from tightbeam_codegen.command.failures import FINE, WRONG, missing_package
from tightbeam_codegen.command.metaschema import editor_metaschema
from tightbeam_codegen.command.output import print_error, print_output
from tightbeam_codegen.problems import DefinitionErrors, render
from tightbeam_codegen.read.check.metaschemas import Kind, metaschema_of
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS, TARGETS

if TYPE_CHECKING:
    from tightbeam_codegen.imports.choice import Taken
    from tightbeam_codegen.imports.trial import Trial

__all__ = [
    "FIRST_DEFINITION",
    "METASCHEMA",
    "METASCHEMAS",
    "run_init",
    "run_init_editor",
    "run_init_from",
]

METASCHEMAS: Mapping[Kind, str] = {"channel": "channel.schema.json", "event": "event.schema.json"}
"""The files in the schema root by which editors complete and mark definitions; they are no definitions."""

METASCHEMA = METASCHEMAS["channel"]

_MOST_SHOWN = 20
"""How many of the files that were written are named."""

FIRST_DEFINITION = """\
{
  "$schema": "channel.schema.json",
  "name": "hello:{userId}",
  "description": "Greetings for one user.",
  "params": {
    "userId": { "type": "string", "minLength": 1, "description": "Whom to greet." }
  },
  "topics": {
    "greeting": {
      "description": "Sent when there is something nice to say.",
      "schema": {
        "type": "object",
        "properties": {
          "message": { "type": "string", "description": "What to say." },
          "mood": { "type": "string", "enum": ["calm", "cheerful"], "description": "How to say it." }
        },
        "required": ["message"],
        "additionalProperties": false
      }
    }
  }
}
"""


def run_init(schemas: Path | None) -> int:
    """Write `hello.channel.json` into the schema root, and return the exit code; no file is overwritten."""
    try:
        settings = load_settings(Path(), OPTIONS)
        folder = settings.schemas if schemas is None else schemas
        file = folder / "hello.channel.json"
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(FIRST_DEFINITION)
        beside = _write_metaschemas(folder, settings.dialect) + write_attributes(settings)
    except (DefinitionErrors, OSError) as error:
        return _refused(error)
    text = f"Wrote {file.as_posix()}\n{beside}\n{_next_steps(settings, folder.as_posix())}"
    return print_output(text, FINE)


_WRITTEN_TO = [(target, target.options[0]) for target in TARGETS if target.options[0].default is not None]
"""The targets that are written in any case, each with the option that names its folder."""


def _command(schemas: str) -> str:
    folders = (f"{option.name} {option.default}" for _, option in _WRITTEN_TO)
    return " ".join(["tightbeam generate", schemas, *folders])


def _next_steps(settings: Settings, schemas: str) -> str:
    """Return what to do after `init`: the settings to make, and the commands to try."""
    lines: list[str] = []
    if not _has_table(settings.source):
        stated = [("schemas", schemas), *((option.key, option.default) for _, option in _WRITTEN_TO)]
        lines += ["In pyproject.toml, so that everybody generates alike:", "", "    [tool.tightbeam]"]
        lines += [*(f'    {key} = "{value}"' for key, value in stated), ""]
    examples = (target.example.format(folder=option.default) for target, option in _WRITTEN_TO)
    commands = [_command(schemas), *filter(None, examples)]
    return "\n".join([*lines, "Then:", "", *(f"    {command}" for command in commands), ""])


def _refused(error: DefinitionErrors | OSError) -> int:
    """Print why nothing was written, and return the exit code."""
    what = f"{error.filename} exists; nothing was changed" if isinstance(error, FileExistsError) else error
    print_error(f"tightbeam: {what}")
    return WRONG


def run_init_from(schemas: Path | None, source: str, name: str | None, only: tuple[str, ...]) -> int:
    """Write definitions for what a team has, such as an OpenAPI document, and return the exit code.

    No file is overwritten.

    Args:
        schemas: the schema root; None for that of the settings.
        source: a document, or what else an importer takes.
        name: the channel's name or template, for sources that give one definition.
        only: the schemas, models or channels to take, by name; all of them if empty.
    """
    try:
        # The compiler takes 100 ms to import, and `tightbeam init` alone needs none of it.
        from tightbeam_codegen.imports.choice import take
        from tightbeam_codegen.imports.imported import Wanted
        from tightbeam_codegen.imports.trial import try_out
        from tightbeam_codegen.imports.writer import write_new

        settings = load_settings(Path(), OPTIONS)
        settings = replace(settings, schemas=settings.schemas if schemas is None else schemas)
        taken = take(source, settings, Wanted(name, only))
        trial = try_out(taken.imported, taken.folder, METASCHEMAS, taken.sources, settings)
        files = {**trial.copies, **{path: text.encode() for path, text in trial.files.items()}}
        write_new(settings.schemas, files, remedy=taken.imported.refresh)
        kinds: list[Kind] = [
            kind for kind in METASCHEMAS if any(f".{kind}." in Path(path).name for path in trial.files)
        ]
        beside = _write_metaschemas(settings.schemas, settings.dialect, kinds) + write_attributes(settings)
    except ModuleNotFoundError as error:
        return _refused(missing_package(error, "importing"))
    except (DefinitionErrors, OSError) as error:
        return _refused(error)
    if trial.imported.left_out:
        print_error(render(trial.imported.left_out))
    lines = [*_written(taken, trial, settings.schemas), *filter(None, [beside.strip()]), *_notes(trial)]
    lines += ["", "Then:", "", f"    {_command(settings.schemas.as_posix())}", ""]
    return print_output("\n".join(lines), FINE)


def _written(taken: Taken, trial: Trial, root: Path) -> Iterator[str]:
    """Yield what was written, in sentences."""
    prefix = f"{taken.folder}/" if taken.folder else ""
    shown = list(trial.files)[:_MOST_SHOWN]
    for path in shown:
        summary = trial.imported.summaries.get(path.removeprefix(prefix), "")
        left_out = trial.counts.get(path.removeprefix(prefix), 0)
        more = f" {left_out} of them {'is' if left_out == 1 else 'are'} left out." if left_out else ""
        yield f"Wrote {(root / path).as_posix()}" + (f": {summary}{more}" if summary else "")
    if len(trial.files) > len(shown):
        yield f"and {len(trial.files) - len(shown)} more"
    for path in trial.copies:
        yield f"Wrote {(root / path).as_posix()}, a copy."
    if trial.copies:
        yield (
            "Definitions refer to the copy. To refer to the document where it is, map its folder in"
            " [tool.tightbeam.refs], remove the files, and import again."
        )


def _notes(trial: Trial) -> Iterator[str]:
    yield from trial.imported.notes
    if trial.imported.names:
        yield "For shorter names, in pyproject.toml:\n\n    [tool.tightbeam.names]"
        yield from (
            f"    {json.dumps(key)} = {json.dumps(name)}" for key, name in trial.imported.names.items()
        )


def run_init_editor(schemas: Path | None) -> int:
    """Write the metaschemas into the schema root, over older ones, and return the exit code."""
    try:
        settings = load_settings(Path(), OPTIONS)
        folder = settings.schemas if schemas is None else schemas
        folder.mkdir(parents=True, exist_ok=True)
        written = _write_metaschemas(folder, settings.dialect)
    except (DefinitionErrors, OSError) as error:
        print_error(f"tightbeam: {error}")
        return WRONG
    names = " and ".join((folder / name).as_posix() for name in METASCHEMAS.values())
    return print_output(written or f"{names} are up to date\n", FINE)


def _write_metaschemas(folder: Path, dialect: str, kinds: Iterable[Kind] = METASCHEMAS) -> str:
    """Write the metaschemas beside the definitions, never over a file that isn't ours.

    Args:
        folder: of the definitions.
        dialect: of those that state none.
        kinds: of definitions.

    Returns:
        A line for each file that was written.
    """
    return "".join(_write_metaschema(folder / METASCHEMAS[kind], dialect, kind) for kind in kinds)


def _write_metaschema(file: Path, dialect: str, kind: Kind) -> str:
    text = editor_metaschema(dialect, kind)
    if file.exists():
        present = file.read_text("utf-8", "replace")
        if present == text or f'"$id": "{metaschema_of(kind)["$id"]}"' not in present:
            return ""
    file.write_text(text, "utf-8", newline="\n")
    return f"Wrote {file.as_posix()}, for completion in your editor\n"


def _has_table(source: Path | None) -> bool:
    return source is not None and "[tool.tightbeam" in source.read_text("utf-8")
