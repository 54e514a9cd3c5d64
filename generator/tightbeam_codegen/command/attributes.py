"""`.gitattributes`, by which pull requests fold generated files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets import TARGETS, wanted

__all__ = ["write_attributes"]

_SPECIAL = re.compile(r"[*?\[\\]|^[!#]")


def write_attributes(settings: Settings) -> str:
    """Write `.gitattributes` beside the settings, in a repository that has none there; never change one.

    Returns:
        What was written, or the lines that are missing in the file; empty where there is nothing to say.

    Raises:
        OSError: it can't be written.
    """
    folder = settings.source.parent if settings.source is not None else Path()
    top = folder.absolute()
    if not any((parent / ".git").exists() for parent in (top, *top.parents)):
        return ""
    file, lines = folder / ".gitattributes", list(_lines(settings, folder))
    if not file.exists():
        if lines:
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write("".join(f"{line}\n" for line in lines))
            return f"Wrote {file.as_posix()}, so that pull requests fold generated files\n"
        return ""
    present = file.read_text("utf-8", "replace").splitlines()
    missing = [line for line in lines if not any(_says(each, line) for each in present)]
    if not missing:
        return ""
    shown = "".join(f"    {line}\n" for line in missing)
    return f"In {file.as_posix()}, so that pull requests fold generated files:\n\n{shown}"


def _says(line: str, wanted: str) -> bool:
    """Return whether a line of the file sets the attribute for the same pattern."""
    pattern, _, attribute = wanted.rpartition(" ")
    return line.startswith(f"{pattern} ") and attribute in line


def _lines(settings: Settings, folder: Path) -> Iterator[str]:
    """Yield a line for each output folder that is below the file's."""
    for _, output in wanted(TARGETS, settings):
        path = Path(os.path.relpath(output.absolute(), folder.absolute())).as_posix()
        if path == "." or path.startswith("../") or not path.isprintable():
            continue
        pattern = _SPECIAL.sub(lambda match: f"\\{match[0]}", path) + "/**"
        quoted = json.dumps(pattern, ensure_ascii=False) if " " in pattern or '"' in pattern else pattern
        yield f"{quoted} linguist-generated"
