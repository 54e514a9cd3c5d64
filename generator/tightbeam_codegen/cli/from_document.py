"""A channel definition for a schema document that is there already: a topic for each of its definitions."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from tightbeam_codegen.check.names import check_topic_name
from tightbeam_codegen.load import Document, parse
from tightbeam_codegen.names import class_name, snake, topic_name
from tightbeam_codegen.problems import Problems

__all__ = ["definition_of"]

_DEFINITIONS = ("$defs", "definitions")


def definition_of(document: Document) -> dict[str, Any]:
    """The definition's JSON; of a document without shared definitions the whole is the one topic.

    A topic has the definition's name. Where that can't be a topic's, or two come to one name in Python, a few
    digits made of the name are added.
    """
    value = document.value if isinstance(document.value, dict) else {}
    stem = document.path.rpartition("/")[2].partition(".")[0]
    topics: dict[str, Any] = {}
    taken: set[str] = set()
    for keyword in _DEFINITIONS:
        definitions = value.get(keyword)
        for name in definitions if isinstance(definitions, dict) else ():
            topic = _free(name, taken)
            taken |= _names(topic)
            topics[topic] = {"schema": {"$ref": f"{quote(document.path)}#/{keyword}/{_escaped(name)}"}}
    if not topics:
        topics = {"message": {"schema": {"$ref": quote(document.path)}}}
    return {"name": snake(stem).replace("_", "-"), "topics": topics}


def _free(name: str, taken: set[str]) -> str:
    problems = Problems()
    draft = parse(b"{}", "", "", "")
    if name and check_topic_name(draft, name, None, problems) and not _names(name) & taken:
        return name
    printable = "".join(char for char in name if char.isprintable())
    return f"{printable}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _names(topic: str) -> set[str]:
    return {topic_name(topic), class_name([topic])}


def _escaped(name: str) -> str:
    """A name as a token of a JSON pointer in a URI's fragment."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~$!'()*,;:@")
