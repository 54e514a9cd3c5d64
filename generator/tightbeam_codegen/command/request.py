"""What a command line asks the generator for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tightbeam_codegen.problems import Format
from tightbeam_codegen.settings import ImportExtension

__all__ = ["Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """None stands where the settings decide."""

    schemas: Path | None = None
    output: Path | None = None
    typescript: Path | None = None
    typescript_validators: bool = False
    typescript_react: bool = False
    typescript_import_extension: ImportExtension | None = None
    check: bool = False
    strict: bool = False
    form: Format = "text"
