"""The project's own metaschemas that documents are written in."""

from __future__ import annotations

from collections.abc import Iterable

from tightbeam._payload.subschemas import inside
from tightbeam_codegen.json_schema.official import official_dialect
from tightbeam_codegen.problems import DefinitionErrors, Problems
from tightbeam_codegen.read.load import Document, JsonValue
from tightbeam_codegen.read.resolve.sources import Sources

__all__ = ["named_metaschemas"]


def named_metaschemas(
    documents: Iterable[Document], sources: Sources, problems: Problems
) -> dict[str, JsonValue]:
    """Return the metaschemas that documents name and a mapped folder has, by URI.

    Args:
        documents: definitions, or schema documents.
        sources: finds the metaschemas.
        problems: takes what is wrong with their files.
    """
    metaschemas: dict[str, JsonValue] = {}
    pending: list[JsonValue] = [document.value for document in documents]
    while pending:
        value = pending.pop()
        pending.extend(inner for _, inner, _ in inside(value))
        if isinstance(value, dict):
            for keyword in ("$schema", "dialect"):
                uri = value.get(keyword)
                if (
                    isinstance(uri, str)
                    and official_dialect(uri) is None
                    and sources.is_mapped(uri)
                    and uri not in metaschemas
                ):
                    try:
                        document = sources.find(uri.partition("#")[0])
                    except DefinitionErrors as error:
                        problems.extend(error.problems)
                        continue
                    if document is not None:
                        metaschemas[uri] = document.value
                        pending.append(document.value)
    return metaschemas
