"""Say what keywords demand of numbers and strings, and what enumerations demand of any value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from tightbeam._payload.formats import FORMATS
from tightbeam_codegen.compare.containment.formulas import FALSE, Formula
from tightbeam_codegen.compare.containment.nodes import Node
from tightbeam_codegen.compare.containment.regular.lookahead import parts_of
from tightbeam_codegen.compare.containment.values import kind_of, text_of

__all__ = ["among", "number", "string"]

_CONTENTS = ("contentEncoding", "contentMediaType")


def among(kind: str, values: list[Any]) -> Formula:
    """Return that a value of a type is one of some values."""
    texts = tuple(dict.fromkeys(text_of(value) for value in values if kind_of(value) == kind))
    return ("in", texts) if texts else FALSE


def number(keywords: dict[str, Any], year: int) -> Iterator[Formula]:
    """Yield what keywords demand of a number, in the draft of a year."""
    for keyword, kind, exclusive in (
        ("minimum", "least", "exclusiveMinimum"),
        ("maximum", "most", "exclusiveMaximum"),
    ):
        if keyword in keywords:
            yield (kind, Fraction(str(keywords[keyword])), year == 4 and keywords.get(exclusive) is True)
        if year > 4 and exclusive in keywords:
            yield (kind, Fraction(str(keywords[exclusive])), True)
    if "multipleOf" in keywords:
        yield ("multiple", Fraction(str(keywords["multipleOf"])))


def string(keywords: dict[str, Any], node: Node) -> Iterator[Formula]:
    """Yield what the keywords of a node demand of a string."""
    if keywords.get("minLength", 0) > 0:
        yield ("minlen", int(keywords["minLength"]))
    if "maxLength" in keywords:
        yield ("maxlen", int(keywords["maxLength"]))
    if "pattern" in keywords:
        for part in parts_of(keywords["pattern"]):
            yield ("match" if part.matches else "nomatch", part.pattern)
    if "format" in keywords and node.owner.asserts_formats:
        row = FORMATS.get(keywords["format"])
        if row is not None and 0 < row.checked_since <= node.year:
            yield ("format", row.name, node.year)
    contents = {keyword: keywords[keyword] for keyword in _CONTENTS if keyword in keywords}
    if contents and node.year in (6, 7):
        yield ("format", json.dumps(contents), node.year)  # the validator judges contents in these drafts
