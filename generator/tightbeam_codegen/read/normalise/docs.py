"""Descriptions in schemas, for docstrings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

__all__ = ["class_doc", "field_doc"]


def class_doc(schema: Any, names: Iterable[str] = ()) -> str:
    """Return the description of a schema, else its title, else nothing.

    Args:
        schema: the schema.
        names: of what it describes; a title that only repeats one of them says nothing.
    """
    if not isinstance(schema, dict):
        return ""
    description, title = (
        text.strip() if isinstance(text := schema.get(keyword), str) else ""
        for keyword in ("description", "title")
    )
    return description or ("" if _letters(title) in map(_letters, names) else title)


def _letters(text: str) -> str:
    """Return what is left of a name without case, spaces and punctuation: `Order Id` for `order_id`."""
    return "".join(filter(str.isalnum, text)).casefold()


def field_doc(schemas: Iterable[Any], name: str, *, deprecation: bool = True) -> str:
    """Return the description of a property, with its default and deprecation: neither changes what is sent.

    Args:
        schemas: all that its values must fit.
        name: of the property.
        deprecation: whether the text mentions it.
    """
    schemas = [schema for schema in schemas if isinstance(schema, dict)]
    lines = [next((text for schema in schemas if (text := class_doc(schema, [name]))), "")]
    for schema in schemas:
        if schema.get("default") is not None:
            lines.append(f"Default when absent: `{json.dumps(schema['default'], ensure_ascii=False)}`.")
        if deprecation and schema.get("deprecated") is True:
            lines.append("Deprecated.")
    return "\n\n".join(line for line in lines if line)
