"""Why a reference leads nowhere, in words."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin

from referencing import exceptions

from tightbeam_codegen.json_schema.uris import ROOT_URI
from tightbeam_codegen.problems import quoted
from tightbeam_codegen.read.load import Document
from tightbeam_codegen.read.resolve.sources import Sources

__all__ = ["Unresolved", "elsewhere", "no_schema", "no_target"]


class Unresolved(Exception):
    """A reference that leads nowhere: the sentence for the user and its remedy, empty where all is said."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def no_schema(keyword: str, reference: str, why: str = "") -> Unresolved:
    """For something that is there and isn't a schema."""
    what = f": {why}" if why else " doesn't lead to a schema"
    return Unresolved(f"{keyword} {quoted(reference)}{what}", "A schema is an object, `true` or `false`.")


def elsewhere(keyword: str, reference: str, document: Document) -> Unresolved:
    """For the `$id` of a file that isn't referred to otherwise."""
    message = (
        f"{keyword} {quoted(reference)} is an $id in {document.shown}, which isn't referred to by its path"
    )
    return Unresolved(message, "Refer to the file by its path.")


def no_target(
    keyword: str, reference: str, base_uri: str, error: Exception, document: Document | None, sources: Sources
) -> Unresolved:
    """For something that isn't there.

    Args:
        keyword: `$ref` or one of its kin.
        reference: what it says.
        base_uri: what that is relative to.
        error: what went wrong on the way.
        document: the one it leads into, if that was found.
        sources: where it was looked for.
    """
    said = f"{keyword} {quoted(reference)}"
    if isinstance(error, exceptions.PointerToNowhere | exceptions.NoSuchAnchor | exceptions.InvalidAnchor):
        where = document.shown if document is not None else "the document"
        return Unresolved(f"{said} leads nowhere: {where} has nothing there", "Correct the part after `#`.")
    uri = urldefrag(urljoin(base_uri, reference))[0]
    if not uri.startswith(ROOT_URI):
        if sources.is_mapped(uri):
            return Unresolved(f"{said}: the mapped folder has no such file", "Add the file.")
        return Unresolved(
            f"{said} is remote, and nothing is fetched",
            "Keep a copy in the project and map its prefix to the folder in [tool.tightbeam.refs].",
        )
    if reference.count("../") > base_uri.removeprefix(ROOT_URI).count("/"):
        return Unresolved(f"{said} leaves the schema root", "Move the file inside the schema root.")
    path = quoted(uri.removeprefix(ROOT_URI))
    return Unresolved(f"{said}: there is no file {path} in the schema root", "Correct the path.")
