"""What a schema says about itself in words, for docstrings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

__all__ = ["class_doc", "field_doc"]


def class_doc(schema: Any) -> str:
    """The description of a schema, else its title, else nothing."""
    if not isinstance(schema, dict):
        return ""
    for keyword in ("description", "title"):
        text = schema.get(keyword)
        if isinstance(text, str) and text.strip():
            return text.strip()
    return ""


def field_doc(schemas: Iterable[Any]) -> str:
    """The description of a property, with its default and deprecation: neither changes what is sent."""
    schemas = [schema for schema in schemas if isinstance(schema, dict)]
    lines = [next((text for schema in schemas if (text := class_doc(schema))), "")]
    for schema in schemas:
        if schema.get("default") is not None:
            lines.append(f"Default when absent: `{json.dumps(schema['default'], ensure_ascii=False)}`.")
        if schema.get("deprecated") is True:
            lines.append("Deprecated.")
    return "\n\n".join(line for line in lines if line)
