"""What a publisher's bindings let it say of an object: what its classes declare.

A schema with properties becomes a class, and its dictionary has these keys only, although the schema may
say nothing of others. Where it does say something of them, they may be said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tightbeam_codegen.compare.containment.formulas import Formula

__all__ = ["SAID", "marks"]

SAID: Final = "said"
"""The view of a schema in which a value is what a publisher's bindings let it say."""

_OPENING = ("additionalProperties", "patternProperties", "unevaluatedProperties")


def marks(keywords: Mapping[str, Any]) -> Iterator[Formula]:
    """Yield what a schema of a publisher's class declares, or that it leaves other keys open on purpose."""
    if any(keywords.get(keyword, False) is not False for keyword in _OPENING):
        yield ("open",)
    if keywords.get("properties"):
        required = keywords.get("required")
        names = required if isinstance(required, list) else ()
        yield ("declares", frozenset([*keywords["properties"], *names]))
