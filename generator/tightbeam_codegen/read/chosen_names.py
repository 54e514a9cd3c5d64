"""`[tool.tightbeam.names]`: class names that the settings choose, since a file may have to stay as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.names import is_event_type
from tightbeam_codegen.problems import DefinitionErrors, Problems, quoted
from tightbeam_codegen.read.definitions import Unchanged
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.normalise import Names
from tightbeam_codegen.read.normalise.places import PlaceKey
from tightbeam_codegen.read.payload_pointers import is_event
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.suggest import did_you_mean

__all__ = ["ChosenNames", "choose_names", "warn_of_unused_names"]


@dataclass(frozen=True, slots=True)
class ChosenNames:
    """The entries of the table, by the places that they name."""

    entries: Mapping[PlaceKey, str]
    names: Names
    """The names to begin with."""

    def used(self, names: Names) -> dict[PlaceKey, str]:
        """Return the entries that had an effect on names under which everything was normalised."""
        return {key: self.entries[key] for key in names.used}


def choose_names(settings: Settings, sources: Sources, problems: Problems) -> ChosenNames:
    """Find the places that the entries of the table name.

    Args:
        settings: have the table.
        sources: find the files.
        problems: takes entries that lead nowhere.
    """
    search = _Search(settings, sources, problems)
    entries = {key: entry for entry in settings.names for key in search.places(entry)}
    return ChosenNames(entries, Names({key: settings.names[entry] for key, entry in entries.items()}))


def warn_of_unused_names(
    chosen: ChosenNames,
    names: Names,
    unchanged: Iterable[Unchanged],
    settings: Settings,
    problems: Problems,
) -> None:
    """Warn of entries without effect.

    Args:
        chosen: all entries.
        names: those under which everything was normalised.
        unchanged: definitions that weren't, in which entries had an effect before.
        settings: have the table.
        problems: takes the warnings.
    """
    used = set(chosen.used(names).values()).union(*(each.chosen for each in unchanged))
    for entry in dict.fromkeys(chosen.entries.values()):
        if entry not in used:
            problems.warning(
                settings.name_places.get(entry),
                f"the name {quoted(settings.names[entry])} for {quoted(entry)} has no effect:"
                " no topic leads to it, or it becomes no class",
                "Remove it, or name an object, an enum or a union that a topic leads to.",
            )


class _Search:
    """Looks for the places of entries."""

    def __init__(self, settings: Settings, sources: Sources, problems: Problems) -> None:
        self._settings = settings
        self._sources = sources
        self._problems = problems

    def places(self, entry: str) -> Iterator[PlaceKey]:
        """Yield the places of one entry: a file may go by several URIs."""
        path, _, fragment = entry.partition("#")
        try:
            documents = [each for uri in self._uris(path) if (each := self._sources.find(uri)) is not None]
        except DefinitionErrors as error:
            self._problems.extend(error.problems)
            return
        if not documents:
            known = (document.uri.removeprefix(ROOT_URI) for document in self._sources.files())
            remedy = did_you_mean(path, map(unquote, known))
            self._error(
                entry, f"there is no file {quoted(path)}", remedy or "Write its path, or its address."
            )
            return
        pointer = self._pointer(entry, documents[0], fragment)
        if pointer is None:
            return
        if is_event(documents[0]) and is_event_type(self._settings.names[entry]):
            remedy = "Choose another ending."
            self._error(entry, "it ends in Event, as the event's own type does", remedy)
            return
        yield from ((document.uri, pointer) for document in documents)

    def _uris(self, path: str) -> list[str]:
        """Return the URIs of a file, which may be below the schema root and below a mapped folder at once."""
        if self._sources.is_mapped(path):
            return [path]
        source = self._settings.source
        folders = [self._settings.schemas, *([source.parent] if source else [])]
        for folder in folders:
            uris = list(self._sources.uris_of(folder / path))
            if any(self._sources.find(uri) for uri in uris):
                return uris
        return []

    def _pointer(self, entry: str, document: Document, fragment: str) -> Pointer | None:
        """Return the place that a fragment means: a JSON pointer, whose characters may stand as they are."""
        if fragment and not fragment.startswith("/"):
            self._error(entry, f"{quoted(fragment)} isn't a JSON pointer", "As in: #/definitions/Name")
            return None
        value: Any = document.value
        pointer: list[str | int] = []
        for token in fragment.split("/")[1:]:
            plain = token.replace("~1", "/").replace("~0", "~")
            keys: Iterable[str | int] = range(len(value)) if isinstance(value, list) else ()
            inner = {str(key): key for key in (value if isinstance(value, dict) else keys)}
            key = next((spelt for spelt in (plain, unquote(plain)) if spelt in inner), None)
            if key is None:
                remedy = did_you_mean(plain, inner) or "Correct what stands behind `#`."
                self._error(entry, f"{document.shown} has no {quoted(plain)} there", remedy)
                return None
            pointer.append(inner[key])
            value = value[inner[key]]
        return tuple(pointer)

    def _error(self, entry: str, message: str, remedy: str) -> None:
        place = self._settings.name_places.get(entry)
        self._problems.error(place, f"the name for {quoted(entry)}: {message}", remedy)
