"""Pydantic models as channel definitions."""

from tightbeam_codegen.imports.pydantic.importing import import_models

__all__ = ["import_models"]
