"""The everyday forms of `generate` and `breaking`, read without typer.

typer imports Pydantic and takes 130 ms for what these few lines do: as long as all the rest of a run that
finds nothing to do. Every unusual command line, mistakes and `--help` included, is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tightbeam_codegen.command.request import BREAKING_FORMATS, BreakingFormat, BreakingRequest, Request
from tightbeam_codegen.settings import OptionValue
from tightbeam_codegen.targets import OPTIONS

__all__ = ["plain_breaking", "plain_request"]


def plain_request(arguments: Sequence[str]) -> Request | None:
    """Read `generate [SCHEMAS]` with folders and flags, each at most once and in any place.

    Returns:
        The request; None for every other command line.
    """
    if not arguments or arguments[0] != "generate":
        return None
    by_name = {option.name: option for option in OPTIONS if option.kind != "choice"}
    schemas: Path | None = None
    options: dict[str, OptionValue] = {}
    flags = dict.fromkeys(("--check", "--strict", "--tracked"), False)
    rest = iter(arguments[1:])
    for argument in rest:
        option = by_name.get(argument)
        if option is not None and option.key not in options:
            value = next(rest, "") if option.kind == "folder" else "true"
            if not value or value.startswith("-"):
                return None
            options[option.key] = Path(value) if option.kind == "folder" else True
        elif argument in flags and not flags[argument]:
            flags[argument] = True
        elif argument and not argument.startswith("-") and schemas is None:
            schemas = Path(argument)
        else:
            return None
    check, strict, tracked = flags.values()
    return Request(schemas, options, check=check, strict=strict, tracked=tracked)


def plain_breaking(arguments: Sequence[str]) -> BreakingRequest | None:
    """Read `breaking [SCHEMAS] --against REF-OR-FOLDER`, with flags in any place.

    Returns:
        The request; None for every other command line.
    """
    if not arguments or arguments[0] != "breaking":
        return None
    schemas: Path | None = None
    against = ""
    form: BreakingFormat | None = None
    flags = {"--strict": False, "--as-written": False}
    rest = iter(arguments[1:])
    for argument in rest:
        if argument == "--against" and not against:
            against = next(rest, "")
        elif argument == "--format" and form is None:
            named = next(rest, "")
            form = next((each for each in BREAKING_FORMATS if each == named), None)
            if form is None:
                return None
        elif argument.startswith("--against=") and not against:
            against = argument.removeprefix("--against=")
        elif argument in flags and not flags[argument]:
            flags[argument] = True
        elif argument and not argument.startswith("-") and schemas is None:
            schemas = Path(argument)
        else:
            return None
    if not against or against.startswith("-"):
        return None
    return BreakingRequest(against, schemas, flags["--as-written"], flags["--strict"], form or "text")
