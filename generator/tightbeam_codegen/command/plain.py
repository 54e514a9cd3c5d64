"""The everyday forms of `generate`, read without typer.

typer brings Pydantic along and takes 130 ms to say what these few lines say: as long as all the rest of a run
that finds nothing to do. Whatever is at all unusual, mistakes and `--help` included, is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tightbeam_codegen.command.request import Request

__all__ = ["plain_request"]


def plain_request(arguments: Sequence[str]) -> Request | None:
    """The request in `generate [SCHEMAS] [--output DIR] [--typescript DIR]` with flags in any place.

    None for everything else.
    """
    if not arguments or arguments[0] != "generate":
        return None
    schemas: Path | None = None
    folders: dict[str, Path | None] = {"--output": None, "--typescript": None}
    flags = dict.fromkeys(("--check", "--strict", "--typescript-validators", "--typescript-react"), False)
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in flags and not flags[argument]:
            flags[argument] = True
        elif argument in folders and folders[argument] is None:
            value = next(rest, "")
            if not value or value.startswith("-"):
                return None
            folders[argument] = Path(value)
        elif argument and not argument.startswith("-") and schemas is None:
            schemas = Path(argument)
        else:
            return None
    return Request(
        schemas=schemas,
        output=folders["--output"],
        typescript=folders["--typescript"],
        typescript_validators=flags["--typescript-validators"],
        typescript_react=flags["--typescript-react"],
        check=flags["--check"],
        strict=flags["--strict"],
    )
