"""A message loads as a branch of its union whose schema it fits."""

from __future__ import annotations

from random import Random
from typing import get_args

import pytest

from tests.suite.property.check import topics
from tests.suite.property.unions import Kind, family, wrong_branches


def wrong_of(kind: Kind, seeds: range) -> tuple[int, list[str]]:
    """How many instances loaded, and those that loaded as a branch they don't fit."""
    tried, wrong = 0, []
    schemas = [family(Random(seed), kind) for seed in seeds]
    with topics(schemas) as found:
        for index, topic in found.items():
            for outcome in wrong_branches(topic(), schemas[index], Random(index)):
                tried += 1
                wrong += [f"{schemas[index]}: {outcome}"] if outcome else []
    return tried, wrong


@pytest.mark.slow
@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_right_branch(kind: Kind) -> None:
    tried, wrong = wrong_of(kind, range(40))
    assert tried > 300
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    "start", [1000, *(pytest.param(start, marks=pytest.mark.soak) for start in (2000, 3000, 4000))]
)
@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_right_branch_of_many(kind: Kind, start: int) -> None:
    assert not wrong_of(kind, range(start, start + 100))[1]
