"""Catalogues of definitions given as values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.tightbeam_codegen.compiling import settings_of, write_files
from tests.tightbeam_codegen.schemas import STRING, closed, ref
from tightbeam_codegen.catalogue import build
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings

__all__ = ["catalogue", "hostile", "site_of"]


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


def hostile(text: str) -> dict[str, Any]:
    """Definitions in which a text stands wherever one may."""
    schema = {
        **closed(**{text: {**STRING, "description": text, "default": text, "examples": [text]}}),
        "required": [text],
        "title": text,
        "description": text,
        "$comment": text,
        "patternProperties": {"^z": {"const": text}},
    }
    shared = {"description": text, "$defs": {text: {"enum": [text, "b"], "description": text}}}
    pointer = text.replace("~", "~0").replace("/", "~1")
    quoted = "".join(f"%{byte:02x}" for byte in pointer.encode())
    topics = {
        "t": {"schema": schema, "description": text},
        "u": {"schema": closed(a=ref(f"common.json#/$defs/{quoted}"))},
    }
    params = {"p": {"type": "string", "description": text, "examples": [text]}}
    name = "".join(filter(str.isprintable, text)).replace("*", "")
    return {
        "x.channel.json": {
            "name": "x/{p}",
            "separator": "/",
            "description": text,
            "params": params,
            "topics": topics,
        },
        "e.event.json": {"name": f"x/{name[:200]}".strip(), "description": text, "schema": schema},
        "common.json": shared,
    }
