"""Errors for references that lead nowhere."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin

from referencing import exceptions

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.resolve.sources import Sources

__all__ = ["Unresolved", "elsewhere", "no_schema", "no_target"]


class Unresolved(Exception):
    """A reference that leads nowhere.

    Args:
        message: for the user; empty where the reason was reported.
        remedy: what to do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def no_schema(keyword: str, reference: str, why: str = "") -> Unresolved:
    """Return the error for a target that exists and isn't a schema.

    Args:
        keyword: `$ref` or another keyword that refers.
        reference: its value.
        why: a further reason, if any.
    """
    what = f": {why}" if why else " doesn't lead to a schema"
    return Unresolved(f"{keyword} {quoted(reference)}{what}", "A schema is an object, `true` or `false`.")


def elsewhere(keyword: str, reference: str, document: Document) -> Unresolved:
    """Return the error for the `$id` of a file that isn't referred to by its path.

    Args:
        keyword: `$ref` or another keyword that refers.
        reference: its value.
        document: the file.
    """
    message = (
        f"{keyword} {quoted(reference)} is an $id in {document.shown}, which isn't referred to by its path"
    )
    return Unresolved(message, "Refer to the file by its path.")


def no_target(
    keyword: str, reference: str, base_uri: str, error: Exception, document: Document | None, sources: Sources
) -> Unresolved:
    """Return the error for a target that doesn't exist.

    Args:
        keyword: `$ref` or another keyword that refers.
        reference: its value.
        base_uri: the URI that it is relative to.
        error: the exception of the library.
        document: the document that the reference leads into, if it exists.
        sources: have the mapped folders.
    """
    named = f"{keyword} {quoted(reference)}"
    if isinstance(error, exceptions.PointerToNowhere | exceptions.NoSuchAnchor | exceptions.InvalidAnchor):
        where = document.shown if document is not None else "the document"
        return Unresolved(f"{named} leads nowhere: {where} has nothing there", "Correct the part after `#`.")
    uri = urldefrag(urljoin(base_uri, reference))[0]
    if not uri.startswith(ROOT_URI):
        if sources.is_mapped(uri):
            return Unresolved(f"{named}: the mapped folder has no such file", "Add the file.")
        return Unresolved(
            f"{named} is remote, and nothing is fetched",
            "Keep a copy in the project and map its prefix to the folder in [tool.tightbeam.refs].",
        )
    if reference.count("../") > base_uri.removeprefix(ROOT_URI).count("/"):
        return Unresolved(f"{named} leaves the schema root", "Move the file inside the schema root.")
    path = quoted(uri.removeprefix(ROOT_URI))
    return Unresolved(f"{named}: there is no file {path} in the schema root", "Correct the path.")
