"""Judge the answers about random pairs: by values near the edges, and by another decision procedure."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterable

import jsonschema_rs

from tests.tightbeam_codegen.compare.containment.random_pairs import Pair, random_pair, samples
from tightbeam._payload.formats import narrow_formats
from tightbeam._payload.schemas import Bundle
from tightbeam_codegen.compare.containment import Contained, Refused, Side, Undecided, contains

__all__ = ["UNSAFE", "WRONG", "judge"]

UNSAFE, WRONG = "contained, but a value is refused", "refused, but the payload doesn't show it"


def _side(schema: object, pair: Pair) -> Side:
    return Side.of_schema(schema, dialect=pair.dialect)


def _validator(side: Side) -> jsonschema_rs.Validator:
    bundle = Bundle("schemas", json.loads(json.dumps(side.bundle)))
    return bundle.topic_validator(bundle.topics[side.topic])


def judge(numbers: Iterable[int], *, values: int, others: bool = False) -> Counter[str]:
    """Compare pairs as they are written; return how many were answered how, and how many answers are wrong.

    Args:
        numbers: of the pairs.
        values: how many values each answer "contained" is judged by.
        others: whether the validator's own library is asked too; it doesn't know in a tenth of the cases.
    """
    answers = Counter[str]()
    for number in numbers:
        pair = random_pair(number)
        reader, writer = _side(pair.reader, pair), _side(pair.writer, pair)
        takes, says = _validator(reader).is_valid, _validator(writer).is_valid
        answer = contains(reader, writer, as_written=True)
        answers[type(answer).__name__] += 1
        match answer:
            case Refused(payload):
                answers[WRONG] += not says(payload) or takes(payload)
            case Contained():
                answers[UNSAFE] += any(says(v) and not takes(v) for v in samples(pair, values, number))
            case _:
                pass
        if others and not isinstance(answer, Undecided):
            answers["contradicted"] += _covers(pair) == ("no" if isinstance(answer, Contained) else "yes")
    return answers


def _covers(pair: Pair) -> str:
    def canonical(schema: object) -> jsonschema_rs.CanonicalSchema:
        stated = copy.deepcopy({"$schema": pair.dialect, **schema} if isinstance(schema, dict) else schema)
        narrow_formats(stated)  # as the run time does
        return jsonschema_rs.canonicalize(stated, validate_formats=True, offline=True)

    try:
        return str(canonical(pair.reader).covers(canonical(pair.writer)))
    except (ValueError, jsonschema_rs.canonical.CanonicalizationError):
        return "unknown"
