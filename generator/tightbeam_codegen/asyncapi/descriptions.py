"""What a document says about messages, channels and operations in words: titles and summaries."""

from __future__ import annotations

from typing import Any

from tightbeam_codegen.names import snake

__all__ = ["CONTENT_TYPE", "message_head", "summary_of", "title_of"]

CONTENT_TYPE = "application/json"


def message_head(name: str, title: str, doc: str) -> dict[str, Any]:
    """Return what a message says of itself.

    Args:
        name: on the wire.
        title: the name that becomes a title.
        doc: a description.
    """
    value: dict[str, Any] = {"name": name, "title": title_of(title)}
    summary, has_more = summary_of(doc)
    if summary:
        value["summary"] = summary
    if has_more:
        value["description"] = doc
    return value


def title_of(name: str) -> str:
    """Return a name as a title: `Line added` for `line-added`."""
    words = snake(name).strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def summary_of(text: str) -> tuple[str, bool]:
    """Return the first paragraph of a description, if it is short, and whether there is more."""
    first, _, rest = text.strip().partition("\n")
    if len(first) <= 200:
        return first, bool(rest)
    sentence, dot, _ = first.partition(". ")
    return (sentence + dot.strip(), True) if len(sentence) <= 200 else ("", True)
