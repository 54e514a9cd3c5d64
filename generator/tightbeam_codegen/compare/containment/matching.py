"""Match regular expressions and formats as the validator does."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs

from tightbeam._payload.schemas import LATEST_DIALECT
from tightbeam_codegen.json_schema.dialects import DRAFTS

__all__ = ["fits_format", "matches"]

_URIS = {draft.year: uri for uri, draft in DRAFTS.items()}


@functools.lru_cache(maxsize=2048)
def _matcher(pattern: str) -> Callable[[object], bool]:
    schema = {"$schema": LATEST_DIALECT, "pattern": pattern}
    return jsonschema_rs.validator_for(schema, offline=True).is_valid


@functools.lru_cache(maxsize=16_384)
def matches(pattern: str, text: str) -> bool:
    """Return whether a regular expression matches somewhere in a text."""
    return _matcher(pattern)(text)


@functools.lru_cache(maxsize=256)
def _checker(name: str, year: int) -> Callable[[object], bool]:
    stated: dict[str, Any] = json.loads(name) if name.startswith("{") else {"format": name}
    schema = {"$schema": _URIS[year], **stated}
    return jsonschema_rs.validator_for(schema, offline=True, validate_formats=True).is_valid


def fits_format(name: str, year: int, text: str) -> bool:
    """Return whether the validator of a draft counts a text as one of a format.

    Args:
        name: of the format; or keywords about contents, as JSON.
        year: of the draft.
        text: the text.
    """
    return _checker(name, year)(text)
