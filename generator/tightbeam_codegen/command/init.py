"""`tightbeam init`: a first channel definition to change and grow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tightbeam_codegen.command.from_document import import_document
from tightbeam_codegen.problems import DefinitionErrors
from tightbeam_codegen.read.check.definition import channel_metaschema, metaschema_text
from tightbeam_codegen.read.load import parse
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS, TARGETS

__all__ = ["FIRST_DEFINITION", "METASCHEMA", "run_init", "run_init_editor", "run_init_from"]

METASCHEMA = "channel.schema.json"
"""The file in the schema root by which editors complete and mark definitions; it is no definition itself."""

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
        beside = _write_metaschema(folder)
    except (DefinitionErrors, OSError) as error:
        return _refused(error)
    sys.stdout.write(f"Wrote {file.as_posix()}\n{beside}\n{_next_steps(settings, folder.as_posix())}")
    return 0


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
    sys.stderr.write(f"tightbeam: {what}\n")
    return 2


def run_init_from(schemas: Path | None, source: Path) -> int:
    """Write a definition with a topic for each schema of a document, and return the exit code.

    Args:
        schemas: the schema root; None for that of the settings.
        source: the document, below the root. No file is overwritten.
    """
    try:
        settings = load_settings(Path(), OPTIONS)
        folder = settings.schemas if schemas is None else schemas
        if not source.resolve().is_relative_to(folder.resolve()):
            sys.stderr.write(f"tightbeam: {source} isn't below {folder}: copy it there first\n")
            return 2
        file = source.with_name(f"{source.stem.removesuffix('.schema')}-topics.channel.json")
        document = parse(source.read_bytes(), source.name, source.as_posix(), source.resolve().as_uri())
        imported = import_document(document)
        up = "../" * len(source.resolve().parent.relative_to(folder.resolve()).parts)
        definition = {"$schema": f"{up}{METASCHEMA}", **imported.definition}
        text = json.dumps(definition, ensure_ascii=False, indent=2)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(f"{text}\n")
        beside = _write_metaschema(folder)
    except (DefinitionErrors, OSError) as error:
        return _refused(error)
    sys.stdout.write(f"Wrote {file.as_posix()}: " + "\n".join(imported.sentences) + "\n" + beside)
    sys.stdout.write("Leave in it what you publish, and give the channel its name.\n\n")
    sys.stdout.write(f"Then:\n\n    {_command(folder.as_posix())}\n")
    return 0


def run_init_editor(schemas: Path | None) -> int:
    """Write the metaschema into the schema root, over an older one, and return the exit code."""
    try:
        settings = load_settings(Path(), OPTIONS)
        folder = settings.schemas if schemas is None else schemas
        folder.mkdir(parents=True, exist_ok=True)
        written = _write_metaschema(folder)
    except (DefinitionErrors, OSError) as error:
        sys.stderr.write(f"tightbeam: {error}\n")
        return 2
    sys.stdout.write(written or f"{(folder / METASCHEMA).as_posix()} is up to date\n")
    return 0


def _write_metaschema(folder: Path) -> str:
    """Write the metaschema beside the definitions, never over a file that isn't ours; return a sentence."""
    file, text = folder / METASCHEMA, metaschema_text()
    if file.exists():
        present = file.read_text("utf-8", "replace")
        if present == text or f'"$id": "{channel_metaschema()["$id"]}"' not in present:
            return ""
    file.write_text(text, "utf-8", newline="\n")
    return f"Wrote {file.as_posix()}, for completion in your editor\n"


def _has_table(source: Path | None) -> bool:
    return source is not None and "[tool.tightbeam" in source.read_text("utf-8")
