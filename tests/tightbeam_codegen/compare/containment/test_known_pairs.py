"""Pairs of schemas with known answers: each is decided, and each payload shows what it is said to show."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from tests.tightbeam_codegen.compare.containment.known_pairs import PAIRS, Known
from tightbeam._payload.schemas import Bundle
from tightbeam_codegen.compare.containment import Contained, Refused, Side, contains


def validator(side: Side) -> jsonschema_rs.Validator:
    bundle = Bundle("schemas", json.loads(json.dumps(side.bundle)))
    return bundle.topic_validator(bundle.topics[side.topic])


def check(reader: Side, writer: Side, *, takes: bool) -> None:
    answer = contains(reader, writer, as_written=True)
    if takes:
        assert isinstance(answer, Contained)
    else:
        assert isinstance(answer, Refused)
        assert validator(writer).is_valid(answer.payload)
        assert not validator(reader).is_valid(answer.payload)


def check_pair(pair: Known, dialect: str) -> None:
    first, second = Side.of_schema(pair.first, dialect=dialect), Side.of_schema(pair.second, dialect=dialect)
    check(first, second, takes=pair.first_takes_second)
    check(second, first, takes=pair.second_takes_first)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_each_pair_is_decided_and_shown(pair: Known) -> None:
    check_pair(pair, pair.dialects[-1])


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_each_pair_is_decided_in_each_dialect(pair: Known) -> None:
    for dialect in pair.dialects[:-1]:
        check_pair(pair, dialect)


def test_there_are_enough_pairs_and_each_has_its_own_name() -> None:
    names = [pair.name for pair in PAIRS]
    assert len(names) >= 200
    assert len(set(names)) == len(names)
