"""What all targets do alike with the types and documents that their modules are printed of."""

from __future__ import annotations

from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.shapes import Name

__all__ = ["description_of", "import_alias"]


def import_alias(name: Name) -> str:
    """Return what a module calls a type of another one; no name of its own begins with an underscore."""
    return f"_{'__'.join(name.module)}_{name.name}"


def description_of(document: Document) -> str:
    """Return a schema document's own words about itself: its description, or else its title."""
    value = document.value
    words = value.get("description") or value.get("title") if isinstance(value, dict) else None
    return words.strip() if isinstance(words, str) else ""
