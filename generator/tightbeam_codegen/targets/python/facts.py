"""The types of all shapes of a run: each distinct question is asked once; a cache has earlier answers."""

from __future__ import annotations

from collections.abc import Iterable

from tightbeam_codegen.read.normalise.shapes import Shape
from tightbeam_codegen.targets.python.answer import Fact, read_answer
from tightbeam_codegen.targets.python.fence import generated_source
from tightbeam_codegen.targets.python.question import Question, question_about
from tightbeam_codegen.targets.python.stored import FactStore

__all__ = ["type_facts"]

_FIELDS_AT_ONCE = 200
"""Questions in one document: datamodel-code-generator takes longer for each where there are more."""


def type_facts(shapes: Iterable[Shape], store: FactStore | None = None) -> dict[Shape, tuple[Question, Fact]]:
    """Return the question about every shape, with what its tokens stand for, and the fact that answers it.

    Args:
        shapes: the shapes.
        store: keeps facts between runs.

    Raises:
        UnexpectedSource: an answer isn't of the syntax that is known.
    """
    questions = {shape: question_about(shape) for shape in dict.fromkeys(shapes)}
    distinct = {question.key: question for question in questions.values()}
    known = dict(store.get(distinct)) if store else {}
    missing = [question for key, question in distinct.items() if key not in known]
    learnt: dict[str, Fact] = {}
    for start in range(0, len(missing), _FIELDS_AT_ONCE):
        chunk = missing[start : start + _FIELDS_AT_ONCE]
        names = max(len(question.names) for question in chunk)
        source = generated_source([question.schema for question in chunk], names)
        learnt |= zip((question.key for question in chunk), read_answer(source, len(chunk)), strict=True)
    if store and learnt:
        store.put(learnt)
    known |= learnt
    return {shape: (question, known[question.key]) for shape, question in questions.items()}
