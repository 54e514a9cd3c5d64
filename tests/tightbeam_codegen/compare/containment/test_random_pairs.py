"""No answer about random schemas is wrong: each is judged by values near the edges of both schemas."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.tightbeam_codegen.compare.containment.judged import UNSAFE, WRONG, judge


def check(answers: Counter[str]) -> None:
    total = answers["Contained"] + answers["Refused"] + answers["Undecided"]
    assert answers[UNSAFE] == answers[WRONG] == answers["contradicted"] == 0
    assert answers["Contained"] > 0.2 * total
    assert answers["Refused"] > 0.2 * total
    assert answers["Undecided"] <= 0.02 * total


def test_answers_about_random_schemas_are_right() -> None:
    check(judge(range(120), values=100))


@pytest.mark.slow
def test_answers_about_many_random_schemas_are_right() -> None:
    check(judge(range(1_000, 2_000), values=300, others=True))
