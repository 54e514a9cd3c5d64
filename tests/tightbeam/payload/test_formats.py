"""Formats that models type: what the publish check takes, the model can load."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tightbeam.channels.channels_sample import sample_channel
from tightbeam._payload.encode import encode
from tightbeam._payload.formats import TYPED_FORMATS, narrow_formats
from tightbeam._payload.load import load
from tightbeam._payload.schemas import Bundle
from tightbeam.errors import InvalidPayload

CH = sample_channel(sample_id="u1", n=3)
SEEDS = {
    "at": [
        "2024-02-29T23:59:59.123456Z",
        "1985-04-12T23:20:50.52+01:30",
        "0001-01-01T00:00:00-00:01",
        "9999-12-31T23:59:59+23:59",
    ],
    "day": ["2024-02-29", "0001-01-01", "9999-12-31"],
    "id": ["2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
    "host": ["127.0.0.1", "255.1.10.0"],
}
AT = "2026-01-31T12:00:00Z"

DATE_TIMES = [
    # (text, whether it can be published): RFC 3339's own examples, then what is almost one
    ("1985-04-12T23:20:50.52Z", True),
    ("1996-12-19T16:39:57-08:00", True),
    ("1937-01-01T12:00:27.87+00:20", True),
    ("2026-01-31t12:00:00z", True),
    ("2026-01-31T12:00:00.123456789012345678Z", True),
    ("2024-02-29T00:00:00Z", True),
    ("2026-01-31T12:00:00-00:00", True),
    ("1990-12-31T23:59:60Z", False),
    ("1990-12-31T15:59:60-08:00", False),
    ("0000-01-01T00:00:00Z", False),
    ("2023-02-29T00:00:00Z", False),
    ("2026-13-01T00:00:00Z", False),
    ("2026-01-31T24:00:00Z", False),
    ("2026-01-31T12:60:00Z", False),
    ("2026-01-31T12:00:00", False),
    ("2026-01-31T12:00Z", False),
    ("2026-01-31 12:00:00Z", False),
    ("2026-01-31", False),
    ("2026-01-31T12:00:00+24:00", False),
    ("2026-01-31T12:00:00+0100", False),
    ("2026-01-31T12:00:00.Z", False),
    ("2026-01-3.T12:00:00Z", False),
    ("+026-01-31T12:00:00Z", False),
    ("2026-01-31T12:00:00Z\n", False),
    ("\u0662026-01-31T12:00:00Z", False),
    ("1769860800", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "fits"), DATE_TIMES)
def test_date_times(text: str, fits: bool):
    if fits:
        raw = encode(CH.times, {"at": text})
        assert json.loads(raw) == {"at": text}
        again = encode(CH.times, load(CH.times, raw))
        assert load(CH.times, again) == load(CH.times, raw)
    else:
        with pytest.raises(InvalidPayload, match="/at: must be a date-time with an offset"):
            encode(CH.times, {"at": text})


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("day", "0000-01-01", "a date such as 2026-01-31"),
        ("day", "2023-02-29", "a date such as 2026-01-31"),
        ("day", "20260131", "a date such as 2026-01-31"),
        ("day", "2026-0,-31", "a date such as 2026-01-31"),
        ("id", "2eb8aa08aa9811eab4aa73b441d16380", "a UUID"),
        ("id", "urn:uuid:2eb8aa08-aa98-11ea-b4aa-73b441d16380", "a UUID"),
        ("id", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g", "a UUID"),
        ("host", "256.0.0.1", "an IPv4 address"),
        ("host", "01.2.3.4", "an IPv4 address"),
        ("host", "1.2.3", "an IPv4 address"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(field: str, text: str, words: str):
    with pytest.raises(InvalidPayload) as caught:
        encode(CH.times, {"at": AT, field: text})
    assert [str(issue) for issue in caught.value.issues] == [f"/{field}: must be {words}"]


@st.composite
def almost(draw: st.DrawFn) -> tuple[str, str]:
    field = draw(st.sampled_from(sorted(SEEDS)))
    text = list(draw(st.sampled_from(SEEDS[field])))
    for _ in range(draw(st.integers(0, 3))):
        i = draw(st.integers(0, len(text) - 1))
        text[i : i + draw(st.integers(0, 1))] = draw(
            st.text("0123456789+-.:,/ _TtZzaf\u0661\x00", max_size=2)
        )
        text = text or ["0"]
    return field, "".join(text)


@given(almost())
@example(("at", "2026-01-0.T12:00:00Z"))
@example(("day", ",026-01-31"))
def test_whatever_is_taken_can_be_loaded_and_published_again(case: tuple[str, str]):
    field, text = case
    try:
        raw = encode(CH.times, {"at": AT, field: text})
    except InvalidPayload:
        return
    loaded = load(CH.times, raw)
    assert load(CH.times, encode(CH.times, loaded)) == loaded


@pytest.mark.slow
@given(st.datetimes(timezones=st.timezones()))
def test_any_aware_datetime_of_a_whole_minutes_offset_can_be_published(when: Any):
    offset = when.utcoffset()
    if offset is None or offset.total_seconds() % 60:
        return  # local mean times before standard time: no JSON text has seconds in an offset
    loaded = load(CH.when, encode(CH.when, when))
    assert (loaded.replace(tzinfo=None), loaded.utcoffset()) == (when.replace(tzinfo=None, fold=0), offset)


@pytest.mark.parametrize(
    "dialect", ["http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"]
)
def test_formats_are_law_in_older_drafts_too(dialect: str):
    for name, good, bad in [
        ("uuid", SEEDS["id"][0], "x"),
        ("date", "2026-01-31", "0000-01-31"),
        ("ipv4", "1.2.3.4", "1"),
    ]:
        schemas = bundle(dialect, {"format": name})
        is_valid = schemas.validator({"$ref": "tightbeam:///x.json"}, dialect).is_valid
        assert (is_valid(good), is_valid(bad), is_valid(5)) == (True, False, True)


def bundle(dialect: str, schema: dict[str, Any], *, assert_formats: bool = True) -> Bundle:
    resource = {"$schema": dialect, **schema}
    return Bundle(
        "x",
        {
            "assertFormats": assert_formats,
            "resources": {"tightbeam:///x.json": resource},
            "topics": {},
            "params": {},
        },
    )


def test_formats_are_annotations_where_the_definition_says_so():
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schemas = bundle(dialect, {"format": "date-time"}, assert_formats=False)
    assert schemas.validator({"$ref": "tightbeam:///x.json"}, dialect).is_valid("yesterday")


def test_data_that_looks_like_a_schema_is_left_alone():
    data = {"format": "date"}
    document: dict[str, Any] = {
        "const": dict(data),
        "enum": [dict(data)],
        "default": dict(data),
        "examples": [dict(data)],
        "properties": {"format": {"type": "string"}, "const": dict(data), "enum": dict(data)},
    }
    before = copy.deepcopy(document)
    narrow_formats(document)
    pattern = TYPED_FORMATS["date"].pattern
    before["properties"] = {
        "format": {"type": "string"},
        "const": {**data, "pattern": pattern},
        "enum": {**data, "pattern": pattern},
    }
    assert document == before


def test_a_pattern_of_the_schemas_own_stays():
    document: dict[str, Any] = {"format": "uuid", "pattern": "^a", "allOf": [{"maxLength": 40}]}
    narrow_formats(document)
    assert document == {
        "format": "uuid",
        "pattern": "^a",
        "allOf": [{"maxLength": 40}, {"pattern": TYPED_FORMATS["uuid"].pattern}],
    }
