"""Short spellings of schemas."""

from __future__ import annotations

from typing import Any

__all__ = ["INTEGER", "STRING", "closed", "open_object", "ref"]

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}


def closed(required: str = "", /, **properties: Any) -> dict[str, Any]:
    """An object with these properties and no others; `required` names some of them."""
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": required.split()} if required else schema


def open_object(**properties: Any) -> dict[str, Any]:
    """An object with these properties, and any others."""
    return {"type": "object", "properties": properties}


def ref(target: str) -> dict[str, str]:
    """A reference."""
    return {"$ref": target}
