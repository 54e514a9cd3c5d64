"""Python names for wire names.

The rule, in one place:

* a name is normalised to NFKC (as Python does with identifiers) and cut into words at every character that no
  identifier may hold and at every change from lower to upper case (``giftFor`` is ``gift`` + ``For``);
* :func:`snake` joins the words with ``_`` in lower case, :func:`pascal` capitalises and joins them;
* what could not start an identifier of its kind gets ``x`` (``X`` for a class) in front, and a name without
  any word becomes the code points of its characters (``x1f389``), so that no name is refused;
* a class or topic whose name NFKC changes gets the code points of what it changes as a last word (``ﬁx``
  is ``FixXfb01``, ``fix_xfb01``): Python would take it for another name;
* what Python, Pydantic or a generated module needs for itself gets a trailing ``_`` (``Data`` for a class).

Both functions map many names to one; :func:`field_names` keeps the fields of one class apart, and two
*classes* of one module that meet are refused by the normaliser, with both places.
"""

from __future__ import annotations

import functools
import hashlib
import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType

__all__ = [
    "OF_THE_METACLASS",
    "SPELT_WITH",
    "class_name",
    "field_names",
    "is_class_name",
    "is_event_type",
    "is_field_name",
    "is_plain_key",
    "pascal",
    "snake",
    "topic_name",
]

# Attributes of pydantic.BaseModel that a field would shadow. They are listed, and not read from the installed
# Pydantic, so that definitions give the same names everywhere.
_PYDANTIC = (
    "construct copy dict from_orm json parse_file parse_obj parse_raw schema schema_json update_forward_refs"
    " validate"
)
OF_THE_METACLASS = frozenset(["mro", "register"])
"""Pydantic warns of fields that are called so, too."""
SPELT_WITH = frozenset(["bool", "dict", "float", "int", "list", "str", "v1"])
"""Names in the bodies of generated classes: a field `list: list[int]` hides `list` from later annotations."""
_RESERVED_FIELDS = frozenset([*_PYDANTIC.split(), *SPELT_WITH, *OF_THE_METACLASS, "self", "cls"])
_CLASS_SUFFIXES = ("Message", "Dict", "Channel")
_EVENT_SUFFIX = "Event"

_LOWER_TO_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _words(name: str) -> list[str]:
    kept = "".join(
        char if char != "_" and f"a{char}".isidentifier() else " "
        for char in unicodedata.normalize("NFKC", name)
    )
    words = [word for part in kept.split() for word in _LOWER_TO_UPPER.split(part)]
    return words or ["x" + "".join(f"{ord(char):x}" for char in name)]


@functools.cache
def snake(name: str) -> str:
    """Return a wire name in snake_case: ``line_added`` for ``line-added``, ``x3d`` for ``3d``."""
    text = unicodedata.normalize("NFKC", "_".join(_words(name)).lower())
    if not text.isidentifier():
        text = unicodedata.normalize("NFKC", "x" + text)  # a mark in front joins the x
    return text + "_" if keyword.iskeyword(text) else text


@functools.cache
def pascal(name: str) -> str:
    """Return a wire name in PascalCase: ``LineAdded`` for ``line-added``, ``X3d`` for ``3d``."""
    words = [*_words(name), *_rewritten(name)]
    text = unicodedata.normalize("NFKC", "".join(word[0].upper() + word[1:] for word in words))
    # A letter without case could meet a field's name inside the class: only an upper-case letter may lead.
    return text if text[0].isupper() and text.isidentifier() else unicodedata.normalize("NFKC", "X" + text)


def _rewritten(name: str) -> list[str]:
    """Return a word that keeps a name apart from the one that NFKC makes of it: ``xfb01`` for a ligature.

    The word depends on the name alone, so that a name added later changes nothing.
    """
    changed = [char for char in name if unicodedata.normalize("NFKC", char) != char]
    if not changed and unicodedata.normalize("NFKC", name) != name:
        changed = [char for char in name if unicodedata.combining(char)]
    return ["x" + "".join(f"{ord(char):x}" for char in changed)] if changed else []


def class_name(parts: Iterable[str], *, of_event: bool = False) -> str:
    """Return the class name for a place in a definition, given the wire names on the way to it.

    The endings ``Message``, ``Dict`` and ``Channel`` belong to other declarations of a module. A name with
    such an ending gets ``Data`` appended, whether or not anything clashes today.

    Args:
        parts: the wire names.
        of_event: whether the place is in the definition of an event, where the ending ``Event`` counts too.
    """
    name = "".join(pascal(part) for part in parts)
    taken = name.endswith(_CLASS_SUFFIXES) or (of_event and is_event_type(name))
    return name + "Data" if taken or keyword.iskeyword(name) else name


def field_names(
    wire_names: Iterable[str], chosen: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return attribute names for the properties of one class, all different, by wire name.

    Of several properties that come to one attribute, the one spelt exactly so keeps it, else the first. The
    others get a suffix made from their wire name, so that a property added elsewhere never renames them.

    Args:
        wire_names: the properties, in the schema's order.
        chosen: attributes that the schema asks for, by wire name; all different, and kept from the others.
    """
    names = list(wire_names)
    wanted = {wire: chosen.get(wire) or _field_name(wire) for wire in names}
    owner: dict[str, str] = {}
    for wire in sorted(names, key=lambda wire: (wire not in chosen, wire != wanted[wire])):
        owner.setdefault(wanted[wire], wire)
    assigned = {wire: name for name, wire in owner.items()}
    for wire in names:
        if wire not in assigned:
            assigned[wire] = _suffixed(wanted[wire], wire, set(assigned.values()))
    return {wire: assigned[wire] for wire in names}


def _suffixed(name: str, wire: str, taken: Set[str]) -> str:
    digest = hashlib.sha256(wire.encode("utf-8", "surrogatepass")).hexdigest()
    # Six digits are enough, unless a property has the resulting name.
    tries = (f"{name}_{digest[:length]}" for length in range(6, len(digest)))
    return next(free for free in tries if free not in taken)


def _field_name(wire: str) -> str:
    name = snake(wire)
    if name in _RESERVED_FIELDS:
        return name + "_"
    return "x_" + name if name.startswith("model_") else name


def topic_name(wire: str) -> str:
    """Return a channel's attribute for a topic: ``line_added`` for ``line-added``, ``list_`` for ``list``."""
    name = "_".join([snake(wire), *_rewritten(wire)])
    return name + "_" if name in SPELT_WITH else name


def is_class_name(name: str) -> bool:
    """Return whether a chosen name can be a class's as it is: CamelCase, no reserved ending."""
    return name.isascii() and name[:1].isupper() and class_name([name]) == name


def is_event_type(name: str) -> bool:
    """Return whether a class's name has the ending that belongs to the type of an event, in its module."""
    return name.endswith(_EVENT_SUFFIX)


def is_field_name(name: str) -> bool:
    """Return whether a chosen name can be a field's as it is."""
    free = name not in _RESERVED_FIELDS and not name.startswith(("model_", "_"))
    return free and name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


_MODULE_NAMES = frozenset(["_dt", "_ipaddress", "_p", "_t", "_te", "_uuid", "_MISSING"])
"""What annotations are spelt with: a key of that name would hide it from the keys after it."""


def is_plain_key(wire: str) -> bool:
    """Return whether a property can be an attribute in the class form of a ``TypedDict``."""
    return (
        wire.isidentifier()
        and not keyword.iskeyword(wire)
        and not wire.startswith("__")
        and wire not in _MODULE_NAMES
        and unicodedata.normalize("NFKC", wire) == wire
    )
