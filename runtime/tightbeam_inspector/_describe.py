"""Describe channels for the page: templates, parameters, schemas and descriptions."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import textwrap
from collections.abc import Iterable
from typing import Any

from tightbeam._channels.refs import Channel

__all__ = ["describe"]


def describe(classes: Iterable[type[Channel[Any]]]) -> list[dict[str, Any]]:
    """Return the channels as the page shows them, in the order of their names."""
    return sorted((_channel(cls) for cls in classes), key=lambda one: str(one["template"]))


def _channel(cls: type[Channel[Any]]) -> dict[str, Any]:
    spec = cls.__tightbeam__
    # Parsed anew: what the runtime validates with has its formats narrowed.
    stated = json.loads(importlib.import_module(spec.schemas).SCHEMAS)
    words = _attribute_words(cls)
    return {
        "class": cls.__name__,
        "module": cls.__module__,
        "template": spec.template.text,
        "separator": spec.template.separator,
        "description": inspect.cleandoc(cls.__dict__.get("__doc__") or ""),
        "params": [
            {"name": name, "kind": kind, "schema": stated["params"].get(name, {})}
            for name, kind in spec.template.params.items()
        ],
        "topics": [
            {
                "name": topic.name,
                "attribute": topic.attribute,
                "description": words.get(topic.attribute, ""),
                "ref": stated["topics"][topic.name]["ref"],
                "dialect": stated["topics"][topic.name]["dialect"],
            }
            for topic in spec.topics.values()
        ],
        "resources": stated["resources"],
    }


def _attribute_words(cls: type[Channel[Any]]) -> dict[str, str]:
    """Return the strings below a class's attributes, where the generator puts the topics' descriptions.

    Python doesn't keep them: without the source, as in a program made of byte code alone, there are none.
    """
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return {}
    words: dict[str, str] = {}
    lines = body.body if isinstance(body, ast.ClassDef) else []
    for line, below in itertools.pairwise(lines):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            words[line.target.id] = inspect.cleandoc(below.value.value)
    return words
