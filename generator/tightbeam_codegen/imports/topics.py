"""Collects the topics of a definition under names that can stand side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from typing import Any

from tightbeam_codegen.names import class_name, topic_name
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.check.names import check_topic_name
from tightbeam_codegen.read.load import parse

__all__ = ["Topics", "free_topic_name"]


class Topics:
    """Collects topics. A name that can't be a topic's, or that meets another one, gets digits."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self.schemas: dict[str, dict[str, Any]] = {}
        """The value of `topics` in a definition."""

    def add(self, name: str, topic: Mapping[str, Any]) -> str:
        """Add a topic.

        Args:
            name: what it is called where it comes from.
            topic: its value: `schema`, and `description` if there is one.

        Returns:
            The name that it has now.
        """
        free = _free(name, self._taken)
        self._taken |= _names(free)
        self.schemas[free] = dict(topic)
        return free


def free_topic_name(name: str, taken: Iterable[str]) -> str:
    """Return a name as it is, or with digits where it can't be a topic's or meets another topic in Python.

    The digits are made of the name alone, so that a topic that is added later renames no other.

    Args:
        name: any text.
        taken: the names of the other topics of the channel.
    """
    return _free(name, {spelt for other in taken for spelt in _names(other)})


def _free(name: str, taken: Set[str]) -> str:
    draft = parse(b"{}", "", "", "")
    if check_topic_name(draft, name, None, Problems()) and not _names(name) & taken:
        return name
    printable = "".join(char for char in name if char.isprintable())
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    names = (f"{printable}-{digest[:length]}" for length in range(6, len(digest)))
    return next(free for free in names if not _names(free) & taken)


def _names(topic: str) -> set[str]:
    """Return what a topic is called in Python: as an attribute, and as a class."""
    return {topic_name(topic), class_name([topic])}
