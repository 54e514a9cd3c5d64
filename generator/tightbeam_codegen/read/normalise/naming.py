"""Settle class names that meet.

In a channel definition that is an error with both places: its author can rename one of the two. A plain
schema document is used as it is, whatever its definitions are called. So of its classes that come to one
name, one keeps the name, and the others get a few digits made of their own place.

Only the places decide which class keeps the name, and only its own place decides the digits of a class. So an
addition to a document renames no other class, except one whose name is spelt less like its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from tightbeam_codegen.problems import Place, Problems
from tightbeam_codegen.read.discover import is_definition_uri
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.normalise.places import NamePlace, PlaceKey
from tightbeam_codegen.read.normalise.shapes import Name

__all__ = ["Claim", "Clash", "Names", "digits_of", "is_own", "settle"]

_FEWEST_DIGITS, _MOST_DIGITS = 6, 30

_USUAL = "_- ./:$<>,|&"
"""Characters that names often have and Python's names can't, the most usual first."""


class Names:
    """The names of classes by place: made of the place, for some places with digits at the end.

    Args:
        chosen: names that the settings ask for, by place.
        digits: how many digits, by place.
    """

    def __init__(
        self,
        chosen: Mapping[PlaceKey, str] = MappingProxyType({}),
        digits: Mapping[PlaceKey, int] = MappingProxyType({}),
    ) -> None:
        self._chosen = chosen
        self._digits = digits
        self.used: set[PlaceKey] = set()
        """The places that took the settings' name."""

    def chosen(self, document: Document, pointer: Pointer) -> str | None:
        """Return the name that the settings choose for a place; None for any other place."""
        if not self._chosen:
            return None
        name = self._chosen.get((document.uri, pointer))
        if name is not None:
            self.used.add((document.uri, pointer))
        return name

    def of(self, place: NamePlace) -> Name:
        """Return the name of the class at a place."""
        count = self._digits.get(place.key) if self._digits else None
        if count is None:
            return place.name
        return place.named([*place.parts, digits_of(place)[:count]])

    def with_digits(self, places: Iterable[NamePlace]) -> Names:
        """Return names in which these places have digits, or more of them than now."""
        digits = dict(self._digits)
        for place in places:
            digits[place.key] = digits.get(place.key, _FEWEST_DIGITS - 4) + 4
        return Names(self._chosen, digits)

    def may_have_more(self, place: NamePlace) -> bool:
        """Return whether a place has less than the most digits."""
        return self._digits.get(place.key, 0) < _MOST_DIGITS

    def __repr__(self) -> str:
        return f"Names({sorted(self._digits.items(), key=repr)})"


@dataclass(frozen=True, slots=True)
class Claim:
    """A class or alias that comes to a name: what it is made of, and the place that it is named after."""

    key: object
    """Equal for the same demands."""
    place: NamePlace


@dataclass(frozen=True, slots=True)
class Clash:
    """Two classes of one name, between which the author of the definitions has to decide."""

    name: Name
    first: Place
    second: Place

    def report(self, problems: Problems) -> None:
        """Report the clash."""
        problems.error(
            self.second,
            f"the class name {self.name.name!r} is taken: {self.first} has it too",
            "Rename one of the two, or give it another class name, with `x-tightbeam-name` or in"
            " [tool.tightbeam.names].",
        )


def digits_of(place: NamePlace) -> str:
    """Return digits made of a place alone: what its file is called, and its path in it."""
    text = "\0".join((PurePosixPath(place.document.path).name, *map(str, place.path)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_own(place: NamePlace) -> bool:
    """Return whether the author chose the name of a place, or can: it is in a definition file."""
    return place.is_chosen or is_definition_uri(place.document.uri)


def settle(met: Mapping[Name, Iterable[Claim]], names: Names) -> tuple[Names, list[Clash]]:
    """Decide about classes that come to one name.

    Args:
        met: the names that meet, each with the classes that came to it.
        names: the names under which they met.

    Returns:
        Names under which the classes of plain documents don't meet, and the clashes for authors to settle.
    """
    clashes: list[Clash] = []
    digits: list[NamePlace] = []
    for name, claims in met.items():
        distinct = {(each.place.key, each.key): each.place for each in claims}.values()
        own = [place for place in distinct if is_own(place)]
        others = sorted((place for place in distinct if not is_own(place)), key=_plainness)
        if not own and others:
            own.append(others.pop(0))
        for place in others:
            # A place that comes to two classes has no second name to give.
            is_free = place.key != own[0].key and names.may_have_more(place)
            (digits if is_free else own).append(place)
        clashes += [Clash(name, own[0].spot, place.spot) for place in own[1:]]
    return names.with_digits({place.key: place for place in digits}.values()), clashes


def _plainness(place: NamePlace) -> tuple[object, ...]:
    """Return a key that sorts places by how little of their spelling the name loses."""
    spelt = "".join(place.parts)
    lost = [char for char in spelt if not char.isalnum()]
    # What isn't found is -1, which comes to the highest number.
    rare = sorted((_USUAL.find(char) % (len(_USUAL) + 1) for char in lost), reverse=True)
    return (
        len(place.parts),
        spelt != place.name.name,
        len(lost),
        rare,
        spelt,
        place.document.uri,
        tuple(map(str, place.path)),
    )
