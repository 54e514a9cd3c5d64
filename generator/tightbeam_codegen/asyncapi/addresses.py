"""Addresses of AsyncAPI as names of channels: their placeholders, and a separator that keeps these apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from tightbeam_codegen.read.check.names import unprintable

__all__ = ["UnusableAddress", "common_beginning", "separator_of", "short_name", "template_of"]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OPERATORS = "+#./;?&="
_USUAL = ":/.-_|~@,;+&=!$*"
"""Separators, those first that are most often meant as such."""
_DEFAULT = ":"
_LONGEST = 50
"""Of the name of a file that is easily read."""
_WORDS = re.compile(r"[^\W_]+")


class UnusableAddress(Exception):
    """An address that no channel can have; the arguments are a message and a remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def template_of(address: str) -> tuple[str, tuple[str, ...]]:
    """Return the name template of an address, and its placeholders in order.

    Control characters, which names can't have, are left out.

    Raises:
        UnusableAddress: a placeholder is none that a name can be read back by.
    """
    template = "".join(char for char in address if not unprintable(char))
    found = _PLACEHOLDER.findall(template)
    for name in found:
        if not name.strip():
            raise UnusableAddress("a placeholder of the address has no name", "Name the parameter in braces.")
        if name[0] in _OPERATORS or name.endswith("*") or "," in name or re.search(r":\d+$", name):
            message = f"the address has {{{name}}}, from which a name can't be read back"
            raise UnusableAddress(message, "Use placeholders of one parameter each, such as {id}.")
        if found.count(name) > 1:
            message = f"the address has the placeholder {{{name}}} twice"
            raise UnusableAddress(message, "Name a parameter once: its values would have to be the same.")
    if "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
        raise UnusableAddress("a brace in the address belongs to no placeholder", "Write {placeholder}.")
    return template, tuple(found)


def separator_of(template: str, values: Iterable[str], stated: object = None) -> str:
    """Return a character that stands between all placeholders of a template.

    Args:
        template: the template.
        values: what parameters can be, as far as it is listed: no value may have the separator in it.
        stated: the separator of a definition that was exported, if it states one.

    Raises:
        UnusableAddress: there is no such character.
    """
    literals = _PLACEHOLDER.sub("\0", template)
    listed = "".join(values)
    count = Counter(char for char in literals if char in _USUAL and char not in listed)
    # The one that occurs most often divides the address; of several, the more usual one.
    candidates = sorted(count, key=lambda char: (-count[char], _USUAL.index(char)))
    if isinstance(stated, str) and len(stated) == 1:
        candidates.insert(0, stated)
    if literals.count("\0") < 2:
        return next((char for char in candidates if char in ":/."), _DEFAULT)
    for char in candidates:
        if all(part.count("\0") < 2 for part in literals.split(char)):
            return char
    raise UnusableAddress(
        "no character of the address stands between all of its placeholders",
        "A name is read back by one separator, as in {a}/{b}: define the channel by hand, with another name.",
    )


def common_beginning(keys: Iterable[str]) -> int:
    """Return how many words all addresses begin with, apart from placeholders; none if there is one only."""
    words = [_WORDS.findall(_PLACEHOLDER.sub(" ", key)) for key in keys]
    if len(words) < 2:
        return 0
    first, last = min(words), max(words)
    same = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    shortest = min(map(len, words))
    return min(same if same is not None else shortest, max(shortest - 1, 0))


def short_name(key: str, shared: int) -> str:
    """Return a name for the file of a channel: its key, if that isn't too long.

    Args:
        key: of the channel; in documents of version 2 it is the address.
        shared: how many words the addresses of all channels begin with.
    """
    if len(key) <= _LONGEST:
        return key
    words = _WORDS.findall(_PLACEHOLDER.sub(" ", key))
    whole = "-".join(words)
    return (whole if len(whole) <= _LONGEST else "-".join(words[shared:])) or key
