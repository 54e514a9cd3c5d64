"""The request that a command line makes of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tightbeam_codegen.problems import Format
from tightbeam_codegen.settings import OptionValue

__all__ = ["Request"]


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
