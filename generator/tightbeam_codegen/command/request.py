"""The requests that command lines make of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from tightbeam_codegen.problems import Format
from tightbeam_codegen.settings import OptionValue

__all__ = ["BREAKING_FORMATS", "BreakingFormat", "BreakingRequest", "Request"]

BreakingFormat: TypeAlias = Literal["text", "github", "json", "markdown"]

BREAKING_FORMATS: tuple[BreakingFormat, ...] = get_args(BreakingFormat)


@dataclass(frozen=True, slots=True)
class Request:
    """Stated options only: for all others the settings decide."""

    schemas: Path | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """The options of targets, by key."""
    check: bool = False
    strict: bool = False
    tracked: bool = False
    form: Format = "text"


@dataclass(frozen=True, slots=True)
class BreakingRequest:
    """A command line of `breaking`."""

    against: str
    """A git ref or a folder."""
    schemas: Path | None = None
    as_written: bool = False
    strict: bool = False
    form: BreakingFormat = "text"
