"""No answer about random schemas is wrong: each is judged against values near the edges of both schemas."""

from __future__ import annotations

import json
from collections import Counter

import jsonschema_rs
import pytest

from tests.tightbeam_codegen.compare.containment.random_pairs import Pair, random_pair, samples
from tightbeam._payload.schemas import Bundle
from tightbeam_codegen.compare.containment import Contained, Refused, Side, contains


def side(schema: object, pair: Pair) -> Side:
    return Side.of_schema(schema, dialect=pair.dialect)


def validator(side: Side) -> jsonschema_rs.Validator:
    bundle = Bundle("schemas", json.loads(json.dumps(side.bundle)))
    return bundle.topic_validator(bundle.topics[side.topic])


def judge(numbers: range, values: int) -> Counter[str]:
    """Compare pairs as they are written; return how many were answered how, and what is wrong."""
    answers = Counter[str]()
    for number in numbers:
        pair = random_pair(number)
        reader, writer = side(pair.reader, pair), side(pair.writer, pair)
        takes, says = validator(reader).is_valid, validator(writer).is_valid
        answer = contains(reader, writer, as_written=True)
        answers[type(answer).__name__] += 1
        match answer:
            case Refused(payload):
                answers["wrong refusals"] += not says(payload) or takes(payload)
            case Contained():
                answers["unsafe"] += any(says(v) and not takes(v) for v in samples(pair, values, number))
            case _:
                pass
    return answers


def check(answers: Counter[str]) -> None:
    assert answers["unsafe"] == 0
    assert answers["wrong refusals"] == 0
    assert answers["Contained"] > 0.2 * answers.total()
    assert answers["Refused"] > 0.2 * answers.total()
    assert answers["Undecided"] <= 0.02 * answers.total()


def test_answers_about_random_schemas_are_right() -> None:
    check(judge(range(150), values=100))


@pytest.mark.slow
def test_answers_about_many_random_schemas_are_right() -> None:
    check(judge(range(1_000, 3_000), values=300))
