"""JSON Schema's own metaschemas: their URIs as people spell them.

A schema may name one by `$schema`, and refer to one ("this property is a JSON Schema").
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["is_official", "is_unversioned", "official_dialect", "official_uri"]

_OLD = ("draft-04", "draft-06", "draft-07")
_VOCABULARIES = {
    "2019-09": "core applicator validation meta-data format content",
    "2020-12": "core applicator unevaluated validation meta-data format-annotation format-assertion content",
}
_DIALECTS = {
    **{f"{draft}/schema": f"http://json-schema.org/{draft}/schema" for draft in _OLD},
    **{f"draft/{date}/schema": f"https://json-schema.org/draft/{date}/schema" for date in _VOCABULARIES},
}
"""Path -> the canonical URI, without the trailing `#` that older drafts are often named with."""
_DOCUMENTS = _DIALECTS | {
    f"draft/{date}/meta/{name}": f"https://json-schema.org/draft/{date}/meta/{name}"
    for date, names in _VOCABULARIES.items()
    for name in names.split()
}
_OFFICIAL = frozenset(_DOCUMENTS.values())
_SPELLING = re.compile(r"https?://(?:www\.)?json-schema\.org/([a-z0-9/-]*?)/?#?", re.IGNORECASE)


def is_official(uri: str) -> bool:
    """Tell whether a URI is the canonical one of a metaschema or vocabulary."""
    return uri in _OFFICIAL


def official_uri(uri: str) -> str | None:
    """Return the canonical URI of a metaschema or vocabulary; None for any other document.

    `https` is taken for `http` and the other way round, an empty fragment makes no difference.
    """
    return _DOCUMENTS.get(_path(uri))


def official_dialect(stated: str) -> str | None:
    """Return the canonical URI of the draft that a `$schema` names; None for any other.

    A hyper-schema only adds annotations to its draft.
    """
    return _DIALECTS.get(_path(stated).replace("/hyper-schema", "/schema"))


def is_unversioned(stated: str) -> bool:
    """Tell whether a `$schema` says "JSON Schema" without saying which: as good as none."""
    return _path(stated) == "schema"


@lru_cache(maxsize=4096)
def _path(uri: str) -> str:
    match = _SPELLING.fullmatch(uri) if "json-schema.org/" in uri else None
    return match[1].lower() if match else ""
