"""Read documents: files of the schema root and of the mapped folders, and JSON Schema's own metaschemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from tightbeam_codegen.json_schema.official import is_official
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.read.api_documents import api_document, say_null_as_a_type
from tightbeam_codegen.read.discover import read_inside, real_path
from tightbeam_codegen.read.load import Document, parse
from tightbeam_codegen.read.resolve.official_documents import official_document

__all__ = ["Sources"]


class Sources:
    """Reads documents by URI, each once.

    Args:
        root: the schema root.
        shown_root: how messages name the root, such as `schemas`.
        refs: absolute URI -> the local folder that stands for everything below it, the longest URI first.
    """

    def __init__(self, root: Path, shown_root: str, refs: Mapping[str, Path]) -> None:
        self._folders = {ROOT_URI: (root, shown_root)}
        self._folders |= {prefix: (folder, folder.as_posix()) for prefix, folder in refs.items()}
        self._documents: dict[str, Document | None] = {}

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
        for prefix, (folder, shown) in self._folders.items():
            if not uri.startswith(prefix):
                continue
            path = unquote(uri[len(prefix) :].partition("?")[0])
            try:
                data = read_inside(folder, path)
            except (OSError, ValueError):  # ValueError: a NUL in the path
                continue
            document = parse(data, path, str(PurePosixPath(shown) / path), uri)
            if (api := api_document(document.value)) is not None and api.name.startswith("OpenAPI 3.0"):
                say_null_as_a_type(document.value)
            return document
        return None
