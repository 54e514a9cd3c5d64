"""Values that tools of AsyncAPI take for references, wherever in a document they stand."""

from __future__ import annotations

from tightbeam_codegen.read.load import JsonValue

__all__ = ["looks_like_reference"]


def looks_like_reference(value: JsonValue) -> bool:
    """Return whether an object in a value has a text for `$ref`.

    Parsers follow it also inside of an example, which is data, and refuse a document where it leads nowhere.
    """
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if isinstance(each.get("$ref"), str):
                return True
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return False
