"""Read documents: files of the schema root and of the mapped folders, and JSON Schema's own metaschemas."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import quote, unquote

from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.read.api_documents import api_document, say_null_as_a_type
from tightbeam_codegen.read.discover import read_inside, real_path
from tightbeam_codegen.read.load import Document, parse
from tightbeam_codegen.read.resolve.official_documents import official_document

__all__ = ["DATA_SUFFIXES", "Sources"]

DATA_SUFFIXES = (".json", ".yaml", ".yml")
"""How documents with schemas are called."""


class Sources:
    """Reads documents by URI, each once.

    Args:
        root: the schema root.
        shown_root: how messages name the root, such as `schemas`.
        refs: absolute URI -> the local folder that stands for everything below it, the longest URI first.
        beside: a folder outside the root; its files count as files of the root, before those that are there.
        shown_refs: how messages name the mapped folders, by URI; by default by their paths.
    """

    def __init__(
        self,
        root: Path,
        shown_root: str,
        refs: Mapping[str, Path],
        *,
        beside: Path | None = None,
        shown_refs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._folders = {ROOT_URI: (root, shown_root)}
        for prefix, folder in refs.items():
            self._folders[prefix] = (folder, shown_refs.get(prefix, folder.as_posix()))
        self._beside = beside
        self._documents: dict[str, Document | None] = {}
        self.added: dict[str, bytes] = {}
        """The files that count as files of the root and aren't in it, by URI."""

    def at(self, path: str) -> Document:
        """Return the file at a posix path inside the schema root.

        Raises:
            FileNotFoundError: there is no such file.
            DefinitionErrors: it can't be read as JSON or YAML.
        """
        document = self.find(ROOT_URI + quote(path))
        if document is None:
            raise FileNotFoundError(path)
        return document

    def find(self, uri: str) -> Document | None:
        """Return the document at a URI without fragment; None where no folder has it.

        Raises:
            DefinitionErrors: the file exists and can't be read as JSON or YAML.
        """
        if uri not in self._documents:
            self._documents[uri] = self._read(uri)
        return self._documents[uri]

    def add(self, path: str, shown: str, data: bytes) -> Document:
        """Let a text count as a file of the schema root.

        Args:
            path: the posix path of the file in the root.
            shown: how messages name it.
            data: its bytes.

        Raises:
            DefinitionErrors: it can't be read as JSON or YAML.
        """
        uri = ROOT_URI + quote(path)
        document = self._documents[uri] = _parsed(data, path, shown, uri)
        self.added[uri] = data
        return document

    def is_mapped(self, uri: str) -> bool:
        """Return whether a folder stands for a URI, whether or not the file exists."""
        return any(uri.startswith(prefix) for prefix in self._folders)

    def uris_of(self, file: Path) -> Iterator[str]:
        """Yield the URIs by which a file is found, one for each folder that it is below."""
        try:
            real = real_path(file)
        except ValueError:  # a NUL in the path
            return
        for prefix, (folder, _) in self._folders.items():
            if real.is_relative_to(real_path(folder)):
                yield prefix + quote(real.relative_to(real_path(folder)).as_posix())

    def files(self) -> list[Document]:
        """Return every file that was read so far."""
        read = [document for document in self._documents.values() if document is not None]
        return [document for document in read if not is_official(document.uri)]

    def _read(self, uri: str) -> Document | None:
        if is_official(uri):
            return official_document(uri)
        if self._beside is not None and uri.startswith(ROOT_URI):
            path = unquote(uri[len(ROOT_URI) :].partition("?")[0])
            with contextlib.suppress(OSError, ValueError):
                data = _read_beside(self._beside, path)
                return self.add(path, (self._beside / path).as_posix(), data)
        for prefix, (folder, shown) in self._folders.items():
            if not uri.startswith(prefix):
                continue
            path = unquote(uri[len(prefix) :].partition("?")[0])
            try:
                data = read_inside(folder, path)
            except (OSError, ValueError):  # ValueError: a NUL in the path
                continue
            return _parsed(data, path, str(PurePosixPath(shown) / path), uri)
        return None


def _parsed(data: bytes, path: str, shown: str, uri: str) -> Document:
    document = parse(data, path, shown, uri)
    if (api := api_document(document.value)) is not None and api.has_nullable:
        say_null_as_a_type(document.value)
    return document


def _read_beside(folder: Path, path: str) -> bytes:
    """Read a file of a folder that was named for one of its files: no hidden one, and only JSON and YAML.

    Raises:
        OSError: there is no such file.
    """
    if not path.endswith(DATA_SUFFIXES) or any(part.startswith(".") for part in path.split("/")):
        raise FileNotFoundError(path)
    return read_inside(folder, path)
