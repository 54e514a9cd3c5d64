"""Questions to datamodel-code-generator: a shape as a JSON Schema, with tokens for names and words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tightbeam_codegen.read.normalise.shapes import (
    ANY,
    NULL,
    Anything,
    Boolean,
    Integer,
    List,
    Literals,
    Map,
    Name,
    Never,
    Null,
    Number,
    Ref,
    Shape,
    String,
    Union,
)

__all__ = ["Question", "question_about"]


@dataclass(slots=True)
class Question:
    """A question about one shape. Shapes that differ in names and words only give the same `key`."""

    schema: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    _names: dict[Name, str] = field(default_factory=dict)
    _words: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[Name]:
        """The classes and aliases behind the tokens R0, R1 and so on."""
        return list(self._names)

    @property
    def words(self) -> list[str]:
        """The fixed strings and patterns behind the tokens s0, s1 and so on."""
        return list(self._words)

    def name_token(self, name: Name) -> str:
        """Return the token of a class or alias, always the same one."""
        return self._names.setdefault(name, f"R{len(self._names)}")

    def word_token(self, word: str) -> str:
        """Return the token of a fixed string or pattern, always the same one."""
        return self._words.setdefault(word, f"s{len(self._words)}")


def question_about(shape: Shape) -> Question:
    """Return the question for a shape."""
    question = Question()
    question.schema = _schema(shape, question, rules=True)
    question.key = json.dumps(question.schema, separators=(",", ":"))
    return question


def _schema(shape: Shape, question: Question, *, rules: bool) -> dict[str, Any]:
    """Return a shape as a JSON Schema.

    Args:
        shape: the shape.
        question: hands out the tokens.
        rules: whether constraints belong to it. Inside containers and unions they don't: each would become a
            class of its own.
    """
    match shape:
        case Anything() | Never():
            return {}
        case Null():
            return {"type": "null"}
        case Boolean():
            return {"type": "boolean"}
        case Integer() | Number() | String():
            return _scalar(shape, question, rules=rules)
        case Literals(values):
            return {"enum": [question.word_token(v) if isinstance(v, str) else v for v in values]}
        case List(item):
            return {"type": "array", "items": _schema(item, question, rules=False)}
        case Map(value):
            return {"type": "object", "additionalProperties": _schema(value, question, rules=False)}
        case Ref(target):
            return {"$ref": f"#/$defs/{question.name_token(target)}"}
        case Union(branches):
            return _union(branches, question, rules=rules)


def _union(branches: tuple[Shape, ...], question: Question, *, rules: bool) -> dict[str, Any]:
    if len(branches) == 2 and branches[1] == NULL and isinstance(branches[0], Integer | Number | String):
        schema = _scalar(branches[0], question, rules=rules)
        kinds = schema["type"]
        return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
    if ANY in branches:
        # Beside "anything" the order matters: the classes first.
        branches = (*(branch for branch in branches if branch != ANY), ANY)
    return {"anyOf": [_schema(branch, question, rules=False) for branch in branches]}


def _scalar(shape: Integer | Number | String, question: Question, *, rules: bool) -> dict[str, Any]:
    match shape:
        case Integer(minimum, maximum):
            schema: dict[str, Any] = {"type": "integer"}
            bounds: dict[str, Any] = {"minimum": minimum, "maximum": maximum}
        case Number(minimum, maximum, exclusive_minimum, exclusive_maximum):
            schema = {"type": ["integer", "number"]}
            bounds = {
                "minimum": minimum,
                "maximum": maximum,
                "exclusiveMinimum": exclusive_minimum,
                "exclusiveMaximum": exclusive_maximum,
            }
        case String(min_length, max_length, pattern, form):
            schema = {"type": "string"} if form is None else {"type": "string", "format": form}
            bounds = {
                "minLength": min_length,
                "maxLength": max_length,
                "pattern": None if pattern is None else question.word_token(pattern),
            }
    return {**schema, **{name: value for name, value in bounds.items() if rules and _survives(value)}}


def _survives(bound: Any) -> bool:
    """Return whether a bound comes back as it was. An integer beyond 2^53 comes back as another float."""
    return isinstance(bound, str | float) or (bound is not None and abs(bound) <= 2**53)
