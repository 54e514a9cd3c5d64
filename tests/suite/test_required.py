"""The suite's required groups: every case is published; what is valid is loaded and sent again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.suite.compiled import Compiled
from tests.suite.conftest import CompileDraft, Say
from tests.suite.groups import DIALECTS, groups, same_json
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

CASES = {"draft2020-12": 1257, "draft2019-09": 1227, "draft7": 913, "draft6": 829, "draft4": 610}
ANNOTATED = [
    *("email", "idn-email", "regex", "ipv4", "ipv6", "idn-hostname", "hostname", "date", "date-time", "time"),
    *(
        "json-pointer",
        "relative-json-pointer",
        "iri",
        "iri-reference",
        "uri",
        "uri-reference",
        "uri-template",
    ),
    *("uuid", "duration"),
]
"""Formats of which draft 2020-12 has a case that is valid only while `format` is an annotation."""

every_draft = pytest.mark.parametrize(
    "draft",
    [draft if draft == "draft2020-12" else pytest.param(draft, marks=pytest.mark.slow) for draft in DIALECTS],
)


def publishes(ref: TopicRef[..., str, Any], data: Any) -> bytes | None:
    """The JSON that is sent, None where the payload is refused."""
    try:
        return encode(ref, data)
    except InvalidPayload:
        return None


def agreement(compiled: Compiled, draft: str) -> tuple[int, list[str]]:
    """How many cases publish exactly when valid, load, and are sent again as they were; and the others."""
    right, wrong = 0, []
    for group in groups(draft):
        ref = compiled.topic(group.name)
        for case in group.cases:
            where = f"{group.file}: {group.description}: {case.description}"
            sent = publishes(ref, case.data)
            if (sent is not None) != case.valid:
                wrong.append(f"{where}: {'accepted' if sent is not None else 'refused'}")
            elif sent is not None and not same_json(json.loads(encode(ref, load(ref, sent))), case.data):
                wrong.append(f"{where}: comes back changed")
            else:
                right += 1
    return right, wrong


@every_draft
def test_schemas_in_files_agree(draft: str, compile_draft: CompileDraft, say: Say) -> None:
    right, wrong = agreement(compile_draft(draft), draft)
    say(f"{draft}: {right:,} of {right + len(wrong):,} cases publish exactly when valid, and load")
    assert not wrong
    assert right == CASES[draft]


@pytest.mark.slow
@pytest.mark.parametrize("draft", DIALECTS)
def test_inline_schemas_agree(draft: str, compile_draft: CompileDraft) -> None:
    right, wrong = agreement(compile_draft(draft, inline=True), draft)
    assert not wrong
    assert right == CASES[draft]


@pytest.mark.slow
@pytest.mark.parametrize("draft", DIALECTS)
def test_formats_that_are_law(draft: str, compile_draft: CompileDraft) -> None:
    right, wrong = agreement(compile_draft(draft, assert_formats=True), draft)
    expected = ANNOTATED if draft == "draft2020-12" else []
    assert wrong == [
        f"format: {name} format: invalid {name} string is only an annotation by default: refused"
        for name in expected
    ]
    assert right == CASES[draft] - len(expected)
