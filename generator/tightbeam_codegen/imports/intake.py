"""Reads the document that an import is made of, and decides where it belongs in the schema root.

* Below the schema root, or below a folder of `[tool.tightbeam.refs]`, it stays where it is.
* Anywhere else it is copied into the root, with the files beside and below it that its schemas refer to.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from tightbeam_codegen.imports.imported import Source
from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import DefinitionErrors, Place, Problem, quoted
from tightbeam_codegen.read.discover import real_path
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.resolve import Sources
from tightbeam_codegen.read.resolve.sources import DATA_SUFFIXES
from tightbeam_codegen.settings import Settings

__all__ = ["open_source", "root_sources"]


def open_source(file: Path, settings: Settings) -> Source:
    """Read a document to import.

    Args:
        file: the document.
        settings: have the schema root and the mapped folders.

    Raises:
        DefinitionErrors: the file can't be read as JSON or YAML.
    """
    root, shown_root = settings.schemas, settings.schemas.as_posix()
    real = real_path(file)
    if real.is_relative_to(real_path(root)):
        sources = Sources(root, shown_root, settings.refs)
        path = real.relative_to(real_path(root))
        document = _found(sources, next(sources.uris_of(file)), file)
        folder = path.parent.as_posix()
        return Source(document, "" if folder == "." else folder, sources)
    sources = Sources(root, shown_root, settings.refs, beside=real.parent)
    mapped = [uri for uri in sources.uris_of(file) if not uri.startswith(ROOT_URI)]
    if mapped:
        sources = Sources(root, shown_root, settings.refs)
        return Source(_found(sources, mapped[0], file), "", sources)
    data = file.read_bytes()
    return Source(sources.add(_copy_name(file, data), file.as_posix(), data), "", sources)


def root_sources(settings: Settings) -> Sources:
    """Return what reads documents for an import that isn't made of one."""
    return Sources(settings.schemas, settings.schemas.as_posix(), settings.refs)


def _found(sources: Sources, uri: str, file: Path) -> Document:
    if not file.name.endswith(DATA_SUFFIXES):
        remedy = (
            f"Rename the file: its name has to end in {', '.join(DATA_SUFFIXES[:-1])} or {DATA_SUFFIXES[-1]}."
        )
        raise DefinitionErrors(
            [
                Problem(
                    Place(file.as_posix(), 1, 1), "error", f"{quoted(file.name)} can't be referred to", remedy
                )
            ]
        )
    document = sources.find(uri)
    if document is None:
        raise FileNotFoundError(2, "No such file", file.as_posix())
    return document


def _copy_name(file: Path, data: bytes) -> str:
    """Return the name of the copy; a name without a suffix of data gets the one that its text has."""
    if not file.name.isprintable():
        raise DefinitionErrors(
            [
                Problem(
                    None, "error", f"the name {quoted(file.name)} has control characters", "Rename the file."
                )
            ]
        )
    if file.name.endswith(DATA_SUFFIXES):
        return file.name
    is_json = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    return str(PurePosixPath(file.name).with_suffix(".json" if is_json else ".yaml"))
