r"""The characters that have a property, such as `\p{Nd}` or `\P{L}`, as the validator's engine knows them.

The engine is asked, since its version of Unicode is another one than Python's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import jsonschema_rs

from tightbeam_codegen.compare.containment.regular.characters import ALL, Characters, merged

__all__ = ["characters_of_property"]

_BLOCK = 0x400
_MAX_RANGES = 1_000


@lru_cache(maxsize=64)
def characters_of_property(name: str) -> Characters:
    """Return the characters of a property; none if the engine doesn't know it, or if they are too scattered.

    Args:
        name: the property as it stands behind the backslash: `p{Nd}`, `P{L}`, `pN`.
    """
    inverse = ("P" if name[0] == "p" else "p") + name[1:]
    try:
        has = jsonschema_rs.Draft202012Validator({"pattern": rf"^\{name}*$"})
        lacks = jsonschema_rs.Draft202012Validator({"pattern": rf"^\{inverse}*$"})
    except ValueError:
        return ()
    found = merged(_ranges(has, lacks))
    return found if len(found) <= _MAX_RANGES else ()


def _ranges(has: jsonschema_rs.Validator, lacks: jsonschema_rs.Validator) -> Iterator[tuple[int, int]]:
    """Yield ranges of characters that have a property: whole blocks, and halves of mixed ones."""
    stack = [
        (start, min(start + _BLOCK - 1, high))
        for low, high in reversed(ALL)
        for start in range(low, high + 1, _BLOCK)
    ]
    while stack:
        low, high = stack.pop()
        text = "".join(map(chr, range(low, high + 1)))
        if lacks.is_valid(text):
            continue
        if has.is_valid(text):
            yield low, high
            continue
        middle = (low + high) // 2
        stack += [(low, middle), (middle + 1, high)]
