"""The dialects of JSON Schema: five drafts, and metaschemas of a project's own that build on one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tightbeam_codegen.json_schema.official import official_dialect

if TYPE_CHECKING:
    from tightbeam_codegen.json_schema.keywords import Form

__all__ = [
    "DRAFTS",
    "DRAFT_4",
    "DRAFT_7",
    "LATEST",
    "Dialect",
    "custom_dialect",
    "draft_at",
    "find_draft",
    "spellings",
]

_SHORT = {4: "draft-04", 6: "draft-06", 7: "draft-07", 2019: "2019-09", 2020: "2020-12"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """A draft, or a metaschema that builds on one."""

    uri: str
    """The URI of the metaschema, without an empty fragment."""
    year: int
    """Orders the drafts: 4, 6, 7, 2019, 2020."""
    validates: bool = True
    """False for a metaschema without the validation vocabulary: `type` and the rest mean nothing then."""
    applies: bool = True
    """False for a metaschema without the applicator vocabulary: `properties` and the rest mean nothing."""

    @property
    def short(self) -> str:
        """What `dialect` in a channel definition may call the draft besides its URI."""
        return _SHORT[self.year]

    @property
    def metaschema(self) -> str:
        """The URI as the draft's metaschema spells it: up to draft 7 with an empty fragment."""
        return self.uri + "#" if self.year <= 7 else self.uri

    @property
    def keywords(self) -> Mapping[str, Form]:
        """The keywords of the draft, each with the form of its value."""
        # Imported here since it brings the runtime along, which reading the settings doesn't need.
        from tightbeam_codegen.json_schema.keywords import KEYWORDS

        return KEYWORDS[self.year]

    @property
    def ref_hides_siblings(self) -> bool:
        """Whether an object with `$ref` is that reference and nothing else, as up to draft 7."""
        return self.year <= 7

    @property
    def definitions_keyword(self) -> str:
        """The keyword below which libraries look for `$id` and anchors inside a document."""
        return "definitions" if self.year <= 7 else "$defs"

    @property
    def id_keyword(self) -> str:
        """The keyword that gives a schema its own base URI: `id` in draft 4, `$id` since."""
        return "id" if self.year == 4 else "$id"


LATEST = Dialect("https://json-schema.org/draft/2020-12/schema", 2020)
DRAFT_7 = Dialect("http://json-schema.org/draft-07/schema", 7)
DRAFT_4 = Dialect("http://json-schema.org/draft-04/schema", 4)

DRAFTS: Mapping[str, Dialect] = {
    draft.uri: draft
    for draft in (
        LATEST,
        Dialect("https://json-schema.org/draft/2019-09/schema", 2019),
        DRAFT_7,
        Dialect("http://json-schema.org/draft-06/schema", 6),
        DRAFT_4,
    )
}
"""By the URI of the metaschema, without an empty fragment."""

_VOCABULARIES = {
    2019: "https://json-schema.org/draft/2019-09/vocab/",
    2020: "https://json-schema.org/draft/2020-12/vocab/",
}


_OF_OPENAPI = re.compile(r"https?://spec\.openapis\.org/oas/3\.[0-9]{1,2}/dialect/[A-Za-z0-9-]{1,40}#?")


def draft_at(uri: str) -> Dialect | None:
    """Return the draft that a `$schema` names; None for anything else.

    An empty fragment at the end makes no difference, as the specification has it, nor does `http` or `https`.
    OpenAPI's own dialects are 2020-12 with keywords that decide nothing.
    """
    official = official_dialect(uri)
    if official is None and _OF_OPENAPI.fullmatch(uri):
        return LATEST
    return DRAFTS[official] if official is not None else None


def find_draft(name: str) -> Dialect | None:
    """Return the draft with this short name or URI; None for anything else."""
    return draft_at(name) or next((draft for draft in DRAFTS.values() if draft.short == name), None)


def spellings() -> list[str]:
    """Return every name that a draft goes by: the short ones, then the URIs of the metaschemas."""
    drafts = DRAFTS.values()
    return [*(draft.short for draft in drafts), *(draft.metaschema for draft in drafts)]


def custom_dialect(uri: str, metaschema: Mapping[str, Any], base: Dialect) -> Dialect:
    """Return the dialect that a metaschema declares.

    Args:
        uri: of the metaschema.
        metaschema: its content.
        base: the dialect that it is itself written in.
    """
    vocabularies = metaschema.get("$vocabulary")
    prefix = _VOCABULARIES.get(base.year)
    if not isinstance(vocabularies, dict) or prefix is None:
        return Dialect(uri, base.year, base.validates, base.applies)
    return Dialect(
        uri,
        base.year,
        validates=prefix + "validation" in vocabularies,
        applies=prefix + "applicator" in vocabularies,
    )
