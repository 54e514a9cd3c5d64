"""What an importer gets, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import DefinitionErrors, Problem
from tightbeam_codegen.read.load import Document, Pointer
from tightbeam_codegen.read.resolve import Sources

__all__ = ["Imported", "Source", "Wanted", "refusal"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for besides the source."""

    name: str | None = None
    """The channel's name or template, for importers that give one definition."""
    only: tuple[str, ...] = ()
    """The schemas, models or channels to take, by name; all of them if empty."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document to import, with the files that it refers to."""

    document: Document
    """Its value is shared with the compiler and must not be changed."""
    folder: str
    """The folder of the definitions below the schema root, as a posix path; empty for the root itself."""
    sources: Sources

    @property
    def file(self) -> str:
        """The name of the document's file."""
        return self.document.path.rpartition("/")[2]

    def find(self, uri: str) -> Document | None:
        """Return the document at an absolute URI without fragment; None where there is none.

        Args:
            uri: of `urljoin(document.uri, reference)`, for a reference in a document.

        Raises:
            DefinitionErrors: the file exists and can't be read.
        """
        return self.sources.find(uri)

    def reference(self, pointer: Pointer, document: Document | None = None) -> str:
        """Return a reference to a place in the document, or in another one, as a definition states it.

        Args:
            pointer: the place; empty for the whole document.
            document: the document, if it is another one.
        """
        uri = (document or self.document).uri
        if uri.startswith(ROOT_URI):
            uri = _relative(uri.removeprefix(ROOT_URI), quote(self.folder))
        return f"{uri}#{''.join(map(_token, pointer))}" if pointer else uri


def _relative(path: str, folder: str) -> str:
    """Return a path as seen from a folder; both are below one root."""
    steps, base = path.split("/"), folder.split("/") if folder else []
    while base and len(steps) > 1 and base[0] == steps[0]:
        del base[0], steps[0]
    joined = "/".join([*[".."] * len(base), *steps])
    # A colon in the first step would end the scheme of a URI.
    return f"./{joined}" if ":" in steps[0] and not base else joined


def _token(key: str | int) -> str:
    """Return a key as a step of a JSON pointer in the fragment of a URI."""
    return "/" + quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~$!'()*,;:@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an importer gives. Nothing is written yet."""

    definitions: Mapping[str, Mapping[str, Any]]
    """Definitions by file name, such as `orders.channel.json`, without `$schema`."""
    summaries: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """What is in a definition, in a sentence, by the same file names."""
    notes: tuple[str, ...] = ()
    """Sentences for the author: what was taken otherwise than it stands there, and what to do next."""
    left_out: tuple[Problem, ...] = ()
    """What wasn't taken, as warnings with place, cause and remedy."""
    documents: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """Texts of other files that the definitions refer to, by path beside them."""
    refresh: str = ""
    """How `documents` are written anew, in a sentence for those who have them already."""
    names: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """Entries for `[tool.tightbeam.names]` that read better; the definitions compile without them."""


def refusal(document: Document, pointer: Pointer, message: str, remedy: str) -> DefinitionErrors:
    """Return the error that ends an import.

    Args:
        document: the document that can't be imported.
        pointer: what in it is the cause.
        message: what is wrong.
        remedy: what to do about it.
    """
    return DefinitionErrors([Problem(document.place(pointer), "error", message, remedy)])
