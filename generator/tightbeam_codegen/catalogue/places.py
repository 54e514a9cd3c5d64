"""Where everything stands in the site: the pages, and the anchors in them."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from tightbeam_codegen.model import Model, ModulePath
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.normalise.places import is_definition
from tightbeam_codegen.read.normalise.shapes import Name
from tightbeam_codegen.read.topics import Shapes

__all__ = [
    "CHANGES",
    "EVENTS",
    "ITEMS",
    "OVERVIEW",
    "TYPES",
    "VALUES",
    "Own",
    "Spot",
    "Spots",
    "anchor",
    "href",
]

OVERVIEW = "index.html"
EVENTS = "~events"
"""The place of the events on the overview."""
TYPES = "types.html"
CHANGES = "changes.html"


class Own(str):
    """A part of a way that is no name of a schema's: in an anchor it keeps its tilde."""

    __slots__ = ()


ITEMS = Own("~items")
"""The elements of an array."""
VALUES = Own("~values")
"""The values of a map."""

_MOST_ON_A_PAGE = 40
"""Types of one document; of a larger one each type has a page of its own."""
_LONGEST = 160
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the site."""

    page: str
    """The path of the page in the site."""
    way: tuple[str, ...] = ()
    """The place on the page."""

    @property
    def anchor(self) -> str:
        """The place as the end of a link; empty for the whole page."""
        return anchor(self.way)


def anchor(way: Iterable[str]) -> str:
    """Return the anchor of a way, such as `placed.customer.email`. Two ways have two anchors."""
    parts = (
        f"~{_UNSAFE.sub(_escaped, part[1:])}" if isinstance(part, Own) else _UNSAFE.sub(_escaped, part)
        for part in way
    )
    text = ".".join(parts)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _escaped(match: re.Match[str]) -> str:
    return f"~{ord(match[0]):x}~"


def href(page: str, target: str, anchor: str = "") -> str:
    """Return a link from one page to another, or to a place in it.

    Args:
        page: the path of the page with the link.
        target: the path of the other one.
        anchor: in the other one.
    """
    fragment = f"#{anchor}" if anchor else ""
    if page == target and anchor:
        return fragment
    path = posixpath.relpath(target, posixpath.dirname(page) or ".")
    return quote(path, safe="/~") + fragment


class Spots:
    """The pages of channels, of events and of shared types.

    Args:
        model: has exact shapes.
    """

    def __init__(self, model: Model) -> None:
        self.shapes: Shapes = _exact(model)
        # No channel and no event become one module.
        self._definitions = {each.module: _page("channels", each.module) for each in model.channels}
        self._definitions |= {each.module: _page("events", each.module) for each in model.events}
        self._own = {each.definition.document.uri: each.module for each in model.described}
        self.types: dict[str, tuple[Document, tuple[Name, ...]]] = {}
        """The pages of shared documents, by path: the document, and its types on that page."""
        self.own_types: dict[ModulePath, tuple[Name, ...]] = {}
        """The shared types in the definition files themselves."""
        self._of_types: dict[Name, Spot] = {}
        self._place_types()

    def definition(self, module: ModulePath) -> str:
        """Return the path of the page of a channel or an event."""
        return self._definitions[module]

    def of_type(self, name: Name) -> Spot | None:
        """Return where a type is described; None for one that stands inside of another, or of a topic."""
        return self._of_types.get(name)

    def _place_types(self) -> None:
        by_document: dict[str, list[Name]] = {}
        for name, place in self.shapes.places.items():
            if is_definition(place.path) and name in self.shapes.named:
                by_document.setdefault(place.document.uri, []).append(name)
        taken: set[str] = set()
        for uri, names in sorted(by_document.items()):
            names.sort(key=lambda name: (self.shapes.named[name].order, name.name))
            if (module := self._own.get(uri)) is not None:
                self.own_types[module] = tuple(names)
                page = self._definitions[module]
                self._of_types |= {name: Spot(page, (Own("~type"), name.name)) for name in names}
                continue
            document = self.shapes.places[names[0]].document
            base = _free(_page("types", names[0].module), taken)
            groups = [names] if len(names) <= _MOST_ON_A_PAGE else [[name] for name in names]
            for group in groups:
                page = base
                if len(groups) > 1:
                    page = _free(_page(base.removesuffix(".html"), (group[0].name,)), taken)
                self.types[page] = (document, tuple(group))
                self._of_types |= {name: Spot(page, (name.name,)) for name in group}


def _exact(model: Model) -> Shapes:
    if model.exact is None:
        raise ValueError("the model has no exact shapes")
    return model.exact


def _page(folder: str, parts: Iterable[str]) -> str:
    return "/".join([folder, *parts]) + ".html"


def _free(page: str, taken: set[str]) -> str:
    """Return a path that no other page has on any disk: names can differ in case alone."""
    number = 1
    path = page
    while path.casefold() in taken:
        number += 1
        path = f"{page.removesuffix('.html')}~{number}.html"
    taken.add(path.casefold())
    return path
