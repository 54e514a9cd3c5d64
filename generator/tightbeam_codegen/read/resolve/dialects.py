"""The JSON Schema drafts, as far as reading a schema differs between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import referencing
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

from tightbeam_codegen.json_schema.official import identity

__all__ = ["DRAFTS", "LATEST", "Dialect", "custom"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One draft, or a metaschema of the user's that builds on one."""

    uri: str
    specification: referencing.Specification[Any]
    year: int
    """Orders the drafts: 4, 6, 7, 2019, 2020."""
    validates: bool = True
    """False for a metaschema without the validation vocabulary: `type` and the rest mean nothing then."""
    applies: bool = True
    """False for a metaschema without the applicator vocabulary: `properties` and the rest mean nothing."""

    @property
    def ref_hides_siblings(self) -> bool:
        """Up to draft 7 an object with `$ref` is that reference and nothing else."""
        return self.year <= 7

    @property
    def definitions_keyword(self) -> str:
        """Where libraries look for `$id` and anchors inside a document."""
        return "definitions" if self.year <= 7 else "$defs"

    @property
    def id_keyword(self) -> str:
        """`id` in draft 4, `$id` since."""
        return "id" if self.year == 4 else "$id"


def _tolerant(specification: referencing.Specification[Any]) -> referencing.Specification[Any]:
    """The draft without what only looks like a schema: a list in `dependencies` ends the library's crawl."""

    def subresources_of(contents: Any) -> Iterator[Any]:
        found = specification.subresources_of(contents) if isinstance(contents, dict) else ()
        # A keyword whose value has the wrong form ends the search too; the checks say what is wrong with it.
        with contextlib.suppress(AttributeError, TypeError):
            for inner in found:
                if isinstance(inner, dict | bool):
                    yield inner

    def id_of(contents: Any) -> str | None:
        own = specification.id_of(contents)
        return identity(own, contents) if own is not None else None

    specification_class: Any = referencing.Specification  # its constructor is invisible to type checkers
    made: referencing.Specification[Any] = specification_class(
        name=specification.name,
        id_of=id_of,
        subresources_of=subresources_of,
        anchors_in=specification._anchors_in,  # pyright: ignore[reportPrivateUsage]  # to copy it all
        maybe_in_subresource=specification.maybe_in_subresource,
    )
    return made


LATEST = Dialect("https://json-schema.org/draft/2020-12/schema", _tolerant(DRAFT202012), 2020)

DRAFTS = {
    dialect.uri: dialect
    for dialect in (
        LATEST,
        Dialect("https://json-schema.org/draft/2019-09/schema", _tolerant(DRAFT201909), 2019),
        Dialect("http://json-schema.org/draft-07/schema", _tolerant(DRAFT7), 7),
        Dialect("http://json-schema.org/draft-06/schema", _tolerant(DRAFT6), 6),
        Dialect("http://json-schema.org/draft-04/schema", _tolerant(DRAFT4), 4),
    )
}
"""By metaschema URI, without the trailing `#` that older drafts are often named with."""

_VOCABULARIES = {
    2019: "https://json-schema.org/draft/2019-09/vocab/",
    2020: "https://json-schema.org/draft/2020-12/vocab/",
}


def custom(uri: str, metaschema: dict[str, Any], base: Dialect) -> Dialect:
    """The dialect that a metaschema of the user's declares, given the draft it is itself written in."""
    vocabularies = metaschema.get("$vocabulary")
    prefix = _VOCABULARIES.get(base.year)
    if not isinstance(vocabularies, dict) or prefix is None:
        return Dialect(uri, base.specification, base.year, base.validates, base.applies)
    return Dialect(
        uri,
        base.specification,
        base.year,
        validates=prefix + "validation" in vocabularies,
        applies=prefix + "applicator" in vocabularies,
    )
