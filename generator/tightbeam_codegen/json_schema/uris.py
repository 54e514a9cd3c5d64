"""URI references, as people write them and as the validator accepts them."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

__all__ = ["ROOT_URI", "as_uri", "is_uri", "parses", "pointer_key"]

ROOT_URI = "https://tightbeam.invalid/"
"""The base that files of the schema root are addressed under. `.invalid` can never be a host (RFC 2606), and
unlike a scheme of our own `https` is one that every URI library resolves relative references against."""

_CHARACTERS = "%:/?@!$&'()*+,;="
"""Characters of a URI besides letters, digits, `-`, `.`, `_` and `~`."""
_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?]*)?")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def as_uri(reference: str) -> str:
    """Escape the characters of a reference that a URI can't have, and that the validator refuses."""
    uri, mark, fragment = reference.partition("#")
    match = _HOST.match(uri)
    end = match.end() if match else 0
    return _escaped(uri[:end], "[]") + _escaped(uri[end:]) + mark + _escaped(fragment)


def _escaped(part: str, more: str = "") -> str:
    return quote(_STRAY_PERCENT.sub("%25", part), safe=_CHARACTERS + more)


def pointer_key(token: str) -> str:
    """Return the key that a token of a JSON pointer in a fragment stands for: `a/b` for `a~1b`."""
    return unquote(token).replace("~1", "/").replace("~0", "~")


def is_uri(reference: str) -> bool:
    """Return whether the validator accepts a reference, once it is escaped."""
    import jsonschema_rs

    try:
        jsonschema_rs.Registry([(as_uri(reference), {})])
    except ValueError:
        return False
    return parses(reference)


def parses(reference: str) -> bool:
    """Return whether Python can split a reference: its host may be malformed."""
    try:
        urlsplit(reference)
    except ValueError:
        return False
    return True
