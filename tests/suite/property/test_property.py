"""Whatever the schema, what is accepted loads, and is sent again as it was.

A few schemas in `make test`, more in `make test-all`; thousands with `python -m tests.suite.property.soak`.
"""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import SchemaError

from tests.suite.property.check import check_instances, topics
from tests.suite.property.schemas import DRAFT_7, LATEST, SchemaMaker
from tests.suite.property.soak import instances_of, soak

# What compiles is written to disk and imported: slow for Hypothesis, which counts in microseconds.
few = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
randoms = st.randoms(use_true_random=False)


def check(schema: Any, instances: list[Any], dialect: str, *, formats: bool) -> None:
    """One schema against some instances; where formats are law, more may be refused than by the schema."""
    judge = None if formats else jsonschema_rs.validator_for(schema, validate_formats=False).is_valid
    with topics([schema], dialect=dialect, assert_formats=formats) as found:
        assume(found)  # else two classes of it meet in one name, which is refused
        assert not check_instances(found[0](), instances, judge).wrong


@pytest.mark.slow
@few
@given(random=randoms, dialect=st.sampled_from([LATEST, DRAFT_7]), formats=st.booleans())
def test_what_is_accepted_loads_and_comes_back(random: Random, dialect: str, formats: bool) -> None:
    schema = SchemaMaker(random, dialect).document(size=12)
    check(schema, instances_of(random, schema, 10), dialect, formats=formats)


@pytest.mark.slow
@few
@given(random=randoms, data=st.data())
def test_instances_by_hypothesis_jsonschema(random: Random, data: st.DataObject) -> None:
    schema = SchemaMaker(random, DRAFT_7, plain=True).document(size=6)
    try:
        instances = [data.draw(from_schema(schema)) for _ in range(5)]
    except (AssertionError, SchemaError):
        reject()  # it can't read every schema
    check(schema, instances, DRAFT_7, formats=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [10_000, pytest.param(20_000, marks=pytest.mark.soak)])
def test_many_schemas(seed: int) -> None:
    assert soak(200, seed) == 0
