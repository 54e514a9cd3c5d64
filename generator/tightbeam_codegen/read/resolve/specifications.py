"""The drafts as the library `referencing` reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import referencing
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

from tightbeam_codegen.json_schema.dialects import Dialect
from tightbeam_codegen.read.resolve.official_documents import identity

__all__ = ["resource"]

_BY_YEAR: dict[int, referencing.Specification[Any]] = {
    4: DRAFT4,
    6: DRAFT6,
    7: DRAFT7,
    2019: DRAFT201909,
    2020: DRAFT202012,
}


def resource(schema: Any, dialect: Dialect) -> referencing.Resource[Any]:
    """Return a schema as a resource in which references are looked up.

    Args:
        schema: the schema.
        dialect: what it is written in.
    """
    return _tolerant(dialect.year).create_resource(schema)


@cache
def _tolerant(year: int) -> referencing.Specification[Any]:
    """Return a draft that passes over values that only look like schemas, where the library would give up."""
    specification = _BY_YEAR[year]

    def subresources_of(contents: Any) -> Iterator[Any]:
        found = specification.subresources_of(contents) if isinstance(contents, dict) else ()
        # A keyword whose value has the wrong form ends the search; the checks say what is wrong with it.
        with contextlib.suppress(AttributeError, TypeError):
            for inner in found:
                if isinstance(inner, dict | bool):
                    yield inner

    def id_of(contents: Any) -> str | None:
        # What stands around the schemas of an API document has keys such as `id`, whose values are no text.
        with contextlib.suppress(AttributeError, TypeError):
            own = specification.id_of(contents)
            return identity(own, contents) if isinstance(own, str) else None
        return None

    def anchors_in(tolerant: referencing.Specification[Any], contents: Any) -> Iterator[Any]:
        anchors: Iterable[Any] = ()
        with contextlib.suppress(AttributeError, TypeError):
            anchors = list(specification.anchors_in(contents))  # their fields are hidden likewise
        for anchor in anchors:
            if isinstance(anchor.name, str):
                yield type(anchor)(
                    name=anchor.name, resource=tolerant.create_resource(anchor.resource.contents)
                )

    specification_class: Any = referencing.Specification  # its constructor is invisible to type checkers
    tolerant: referencing.Specification[Any] = specification_class(
        name=specification.name,
        id_of=id_of,
        subresources_of=subresources_of,
        anchors_in=anchors_in,
        maybe_in_subresource=specification.maybe_in_subresource,
    )
    return tolerant
