"""The settings of TypeScript bindings."""

from __future__ import annotations

from tightbeam_codegen.settings import Option

__all__ = ["FOLDER", "IMPORT_EXTENSION", "REACT", "VALIDATORS"]

FOLDER = Option(
    "typescript",
    "folder",
    "A folder for TypeScript bindings too. [default: from pyproject.toml, else none]",
    example="web",
)
VALIDATORS = Option(
    "typescript_validators", "flag", "Modules among them that validate, with Ajv.", example="true"
)
REACT = Option("typescript_react", "flag", "Hooks for React among them.", example="true")
IMPORT_EXTENSION = Option(
    "typescript_import_extension",
    "choice",
    "How they import each other: js for nodenext. [default: from pyproject.toml, else none]",
    example="js",
    default="none",
    choices=("none", "js", "ts"),
)
