"""Refuse names that a topic or a channel can't have, and names that meet in Python."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING

from tightbeam_codegen.names import SPELT_WITH, snake, topic_name
from tightbeam_codegen.problems import quoted

if TYPE_CHECKING:
    from tightbeam_codegen.problems import Problems
    from tightbeam_codegen.read.load import Document, Pointer

__all__ = ["RESERVED_TOPICS", "check_clashes", "check_override", "check_topic_name", "unprintable"]

RESERVED_TOPICS = frozenset({"$infer", "$params", "$run", "$step", "$stream", "name", "topics"})
"""Attributes of a channel here, or of the TypeScript front end's channels."""

_OVERRIDE = "Rename one of them, or set `x-tightbeam-name`."


def unprintable(text: str) -> bool:
    """Return whether a text has characters that names can't have: controls and line separators."""
    return any(char < " " or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029" for char in text)


def check_topic_name(document: Document, name: str, py_name: str | None, problems: Problems) -> bool:
    """Refuse a topic name that is empty, unprintable, or that of a channel's attribute.

    Args:
        document: the definition file.
        name: of the topic.
        py_name: the name in Python that the topic chooses, if any.
        problems: takes the error.

    Returns:
        Whether the name can be used.
    """
    message, remedy = "", "Rename it."
    if not name:
        message = "a topic without a name"
    elif unprintable(name):
        message = f"the topic name {quoted(name)} has control characters"
    elif name in RESERVED_TOPICS or re.fullmatch(r"__.*__", name, re.DOTALL):
        message = f"the topic name {quoted(name)} is reserved"
    elif py_name is None and snake(name) in RESERVED_TOPICS:
        message = f"the topic {quoted(name)} becomes {quoted(snake(name))} in Python, which is reserved"
        remedy = "Rename it, or set `x-tightbeam-name`."
    if message:
        problems.error(document.place(("topics", name), key=True), message, remedy)
    return not message


def check_override(
    document: Document, pointer: Pointer, name: str, problems: Problems, *, topic: bool
) -> None:
    """Refuse an `x-tightbeam-name` that can't be a name in Python.

    Args:
        document: the definition file.
        pointer: the place of the keyword.
        name: its value.
        problems: takes the error.
        topic: whether it names a topic, and not the channel's class.
    """
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name) or name.startswith("_"):
        remedy = "Use letters, digits and underscores, with a letter first; no keyword."
        message = f"x-tightbeam-name {quoted(name)} isn't a public Python name"
        problems.error(document.place(pointer), message, remedy)
    elif topic and not name[0].islower():
        message = f"x-tightbeam-name {quoted(name)} begins in upper case, as only classes do"
        problems.error(document.place(pointer), message, "Choose a name in snake_case.")
    elif name in SPELT_WITH or (topic and name in RESERVED_TOPICS):
        message = f"x-tightbeam-name {quoted(name)} is reserved"
        problems.error(document.place(pointer), message, "Choose another name.")


def check_clashes(
    document: Document, pointer: Pointer, names: dict[str, str | None], what: str, problems: Problems
) -> None:
    """Refuse names on the wire that come to one name in Python.

    Args:
        document: the definition file.
        pointer: the place of the object that has the names as keys.
        names: the names, each with the name in Python that it chooses, if any.
        what: the plural of the things that have the names.
        problems: takes the errors.
    """
    taken: dict[str, str] = {}
    for name, py_name in names.items():
        in_python = py_name or (topic_name(name) if what == "topics" else snake(name))
        other = taken.setdefault(in_python, name)
        if other != name:
            problems.error(
                document.place((*pointer, name), key=True),
                f"{what} {quoted(other)} and {quoted(name)} both become {quoted(in_python)} in Python",
                _OVERRIDE if what == "topics" else "Rename one of them.",
            )
