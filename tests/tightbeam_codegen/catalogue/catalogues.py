"""Catalogues of definitions given as values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.tightbeam_codegen.compiling import settings_of, write_files
from tightbeam_codegen.catalogue import build
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings

__all__ = ["catalogue", "site_of"]


def site_of(root: Path, settings: Settings) -> dict[str, str]:
    """The files of the catalogue of a schema root, by path."""

    def work() -> dict[str, str]:
        model = read(root, settings, shown_root="schemas", exact=True)
        assert not model.has_errors, model.problems
        site = build(model, settings, "0.0.0")
        return {path: text for files in site.files.values() for path, text in files.items()}

    return with_room(work)


def catalogue(folder: Path, files: Mapping[str, Any], **settings: Any) -> dict[str, str]:
    """The files of the catalogue of definitions, by path."""
    root = folder / "schemas"
    write_files(root, files)
    return site_of(root, settings_of(root, **settings))
