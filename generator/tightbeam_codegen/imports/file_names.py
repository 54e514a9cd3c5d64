"""File names for definitions, made of names that come from elsewhere."""

from __future__ import annotations

import hashlib
import itertools
import keyword
import re
import unicodedata
from collections.abc import Container

from tightbeam_codegen.read.discover import CHANNEL_SUFFIXES

__all__ = ["DEVICE_NAMES", "file_name"]

_LONGEST = 60
_NOT_ALLOWED = re.compile(r"[^a-z0-9]+")
_LOWER_TO_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
DEVICE_NAMES = frozenset(
    ["aux", "con", "nul", "prn", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))]
)
"""Names that mean something else on Windows, with any ending."""


def file_name(name: str, taken: Container[str] = frozenset(), *, suffix: str = CHANNEL_SUFFIXES[0]) -> str:
    """Return the name of a file for a definition, such as `orders-placed.channel.json`.

    The stem has lower-case letters of ASCII, digits and hyphens only: it can be a file on every system, and
    a module. Where that loses something, or the name is taken, digits made of the whole name are added.

    Args:
        name: any text, such as a channel's name.
        taken: file names that are in use.
        suffix: what it ends in.
    """
    # Accents go, their letters stay.
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    stem = _NOT_ALLOWED.sub("-", _LOWER_TO_UPPER.sub("-", plain).lower()).strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    is_whole = plain.isascii() and 0 < len(stem) <= _LONGEST and plain.isprintable()
    if is_whole and stem not in DEVICE_NAMES and not keyword.iskeyword(stem):
        file = f"{stem}{suffix}"
        if file not in taken:
            return file
    stem = stem[:_LONGEST].strip("-") or "channel"
    digits = itertools.chain(
        (digest[:length] for length in range(6, len(digest))),
        (f"{digest[:6]}-{number}" for number in itertools.count(2)),
    )
    return next(file for each in digits if (file := f"{stem}-{each}{suffix}") not in taken)
