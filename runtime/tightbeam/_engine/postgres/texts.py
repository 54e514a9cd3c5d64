"""Text for the database, which holds neither NUL nor half of a surrogate pair."""

from __future__ import annotations

import re

__all__ = ["fit"]

_UNFIT = re.compile("[\0\ud800-\udfff]")


def fit(text: str | None) -> str | None:
    """Return a text for people, such as that of an error, with U+FFFD for what can't be stored."""
    return None if text is None else _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
