"""The types of all shapes of a run: each distinct question is asked once; a cache has earlier answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from tightbeam_codegen.read.normalise.shapes import Shape
from tightbeam_codegen.targets.python.typed.facts import Fact, read_answer
from tightbeam_codegen.targets.python.typed.fence import generated_source
from tightbeam_codegen.targets.python.typed.question import Question, ask

__all__ = ["FactCache", "type_facts"]

_FIELDS_AT_ONCE = 200


class FactCache(Protocol):
    """Keeps facts between runs, by question."""

    def get(self, keys: Iterable[str]) -> Mapping[str, Fact]:
        """Return the facts that are known."""
        ...

    def put(self, facts: Mapping[str, Fact]) -> None:
        """Keep more facts."""
        ...


def type_facts(shapes: Iterable[Shape], cache: FactCache | None = None) -> dict[Shape, tuple[Question, Fact]]:
    """Return the question about every shape, with what its tokens stand for, and the fact that answers it.

    Args:
        shapes: the shapes.
        cache: facts of earlier runs; takes new ones.

    Raises:
        UnexpectedSource: an answer isn't of the syntax that is known.
    """
    questions = {shape: ask(shape) for shape in dict.fromkeys(shapes)}
    distinct = {question.key: question for question in questions.values()}
    known = dict(cache.get(distinct)) if cache else {}
    missing = [question for key, question in distinct.items() if key not in known]
    learnt: dict[str, Fact] = {}
    for start in range(0, len(missing), _FIELDS_AT_ONCE):
        chunk = missing[start : start + _FIELDS_AT_ONCE]
        names = max(len(question.names) for question in chunk)
        source = generated_source([question.schema for question in chunk], names)
        learnt |= zip((question.key for question in chunk), read_answer(source, len(chunk)), strict=True)
    if cache and learnt:
        cache.put(learnt)
    known |= learnt
    return {shape: (question, known[question.key]) for shape, question in questions.items()}
