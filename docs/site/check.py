"""Check the built site: links, anchors and pictures lead somewhere, and no page asks another server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, normpath
from urllib.parse import unquote, urlsplit

_LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
_LOADED_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "manifest"}


@dataclass
class _Page(HTMLParser):
    ids: set[str] = field(default_factory=set[str])
    links: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    """Each address with whether the browser loads it by itself."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        for name in ("href", "src"):
            if name in values:
                loaded = (tag, name) in _LOADS and (
                    tag != "link" or bool(_LOADED_LINKS & set(values.get("rel", "").split()))
                )
                self.links.append((values[name], loaded))


def faults(site: Path) -> list[str]:
    """Return what is wrong with a built site, a line for each link that leads nowhere.

    Args:
        site: the folder with the built pages.
    """
    pages = {path.relative_to(site).as_posix(): _parsed(path) for path in sorted(site.rglob("*.html"))}
    found: list[str] = []
    for place, page in pages.items():
        for link, loaded in page.links:
            if (complaint := _complaint(link, loaded, place, pages, site)) is not None:
                found.append(f"{place}: {complaint}")
    found += [f"{place}: asks for {url}" for place, url in _outside_styles(site)]
    return found


def _parsed(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _complaint(link: str, loaded: bool, place: str, pages: dict[str, _Page], site: Path) -> str | None:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        outside = loaded and parts.scheme != "data"
        return f"asks for {link}" if outside else None
    # 404.html is shown at any path, so its links begin at the top.
    target = normpath(f"{'' if place == '404.html' else dirname(place)}/{unquote(parts.path)}".lstrip("/"))
    if not parts.path:
        target = place
    elif not (site / target).is_file():
        return f"links to {link}, which isn't there"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        return f"links to {link}, and {target} has no such heading"
    return None


def _outside_styles(site: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(site.rglob("*.css")):
        for piece in path.read_text(encoding="utf-8").split("url(")[1:]:
            url = piece.split(")", 1)[0].strip("'\"")
            if url.startswith(("http:", "https:", "//")):
                yield path.relative_to(site).as_posix(), url
