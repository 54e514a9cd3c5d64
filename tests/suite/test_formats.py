"""Formats that are law, against the suite's optional tests of each; docs/formats.md says where we differ."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.suite.compiled import compile_topics
from tests.suite.conftest import Say
from tests.suite.groups import DIALECTS, groups, same_json
from tests.suite.property.check import spelt
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

LEAP_SECONDS = {"1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00"}
"""Valid date-times that no `datetime` can hold, refused for that."""


def accepted(ref: TopicRef[..., str, Any], data: str) -> bool:
    """Whether it can be published; what can is read back typed, and means the same when it is sent again."""
    try:
        sent = encode(ref, data)
    except InvalidPayload:
        return False
    assert same_json(spelt(json.loads(encode(ref, load(ref, sent)))), spelt(data))
    return True


@pytest.mark.parametrize(
    "draft",
    [draft if draft == "draft2020-12" else pytest.param(draft, marks=pytest.mark.slow) for draft in DIALECTS],
)
def test_formats(draft: str, tmp_path: Path, say: Say) -> None:
    wanted = groups(draft, "optional/format")
    compiled = compile_topics(
        tmp_path,
        f"formats_{draft.replace('-', '_')}",
        {group.name: {**group.schema, "type": "string"} for group in wanted},
        dialect=DIALECTS[draft],
        assert_formats=True,
    )
    right, total, refused = Counter[str](), Counter[str](), set[str]()
    for group in wanted:
        for case in group.cases:
            if not isinstance(case.data, str):
                continue
            agrees = accepted(compiled.topic(group.name), case.data) == case.valid
            total[group.file] += 1
            right[group.file] += agrees
            if not agrees:
                assert case.valid, f"{group.file}: {case.description} is accepted"
                refused.add(case.data)
    say(f"formats of {draft}: " + ", ".join(f"{name} {right[name]}/{total[name]}" for name in total))
    assert refused == LEAP_SECONDS
