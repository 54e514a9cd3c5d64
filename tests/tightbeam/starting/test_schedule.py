from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbeam._message import microseconds_of, time_of
from tightbeam._starting.schedule import Schedule
from tightbeam.errors import EngineError

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def us(text: str) -> int:
    return microseconds_of(datetime.fromisoformat(text))


def ticks(expression: str, zone: str, start: str, count: int) -> list[str]:
    schedule, time, found = Schedule(expression, zone), us(start), []
    for _ in range(count):
        following = schedule.after(time)
        assert following is not None
        time = following
        found.append(time_of(time).isoformat())
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "start", "expected"),
    [
        ("0 9 * * *", "UTC", "2026-11-29T08:59:59.999999Z", ["2026-11-29T09:00:00+00:00"]),
        ("0 9 * * *", "UTC", "2026-11-29T09:00:00Z", ["2026-11-30T09:00:00+00:00"]),
        ("0 9 * * *", BERLIN, "2026-10-24T12:00:00Z", ["2026-10-25T08:00:00+00:00"]),  # the clocks go back
        ("0 9 * * *", BERLIN, "2026-03-28T12:00:00Z", ["2026-03-29T07:00:00+00:00"]),  # forward
        # A time in the gap comes at its end, several of them come once.
        (
            "30 2 * * *",
            BERLIN,
            "2026-03-28T12:00:00Z",
            ["2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00+00:00"],
        ),
        (
            "0,15,45 2 * * *",
            BERLIN,
            "2026-03-28T12:00:00Z",
            ["2026-03-29T01:00:00+00:00", "2026-03-30T00:00:00+00:00"],
        ),
        # A time that is repeated comes once, the first time; also for who asks in between.
        (
            "30 2 * * *",
            BERLIN,
            "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"],
        ),
        ("30 2 * * *", BERLIN, "2026-10-25T01:10:00Z", ["2026-10-26T01:30:00+00:00"]),
        # What comes each hour goes by real time.
        (
            "0 * * * *",
            BERLIN,
            "2026-10-24T23:30:00Z",
            ["2026-10-25T00:00:00+00:00", "2026-10-25T01:00:00+00:00", "2026-10-25T02:00:00+00:00"],
        ),
        (
            "0 * * * *",
            BERLIN,
            "2026-03-29T00:30:00Z",
            ["2026-03-29T01:00:00+00:00", "2026-03-29T02:00:00+00:00"],
        ),
        ("30 1 * * *", NEW_YORK, "2026-11-01T00:00:00Z", ["2026-11-01T05:30:00+00:00"]),
        # Half an hour is skipped and repeated there.
        ("15 2 * * *", LORD_HOWE, "2026-10-03T00:00:00Z", ["2026-10-03T15:30:00+00:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00+00:00"]),
        ("0 12 * * MON#2", "UTC", "2026-11-01T00:00:00Z", ["2026-11-09T12:00:00+00:00"]),
        ("*/20 * * * * *", "UTC", "2026-01-01T00:00:30Z", ["2026-01-01T00:00:40+00:00"]),
    ],
)
def test_ticks_by_the_rules_of_debian(expression: str, zone: str, start: str, expected: list[str]) -> None:
    assert ticks(expression, zone, start, len(expected)) == expected


def test_of_many_missed_ticks_the_latest_is_found_near_the_end() -> None:
    schedule = Schedule("*/5 * * * *", BERLIN)
    assert schedule.latest(us("2020-01-01T00:00:00Z"), us("2026-11-29T09:03:00Z")) == us(
        "2026-11-29T09:00:00Z"
    )
    yearly = Schedule("0 0 1 1 *", "UTC")
    assert yearly.latest(us("2020-06-01T00:00:00Z"), us("2026-11-29T09:03:00Z")) == us("2026-01-01T00:00:00Z")
    assert yearly.latest(us("2026-01-01T00:00:00Z"), us("2026-11-29T09:03:00Z")) is None
    assert yearly.latest(us("2025-12-31T00:00:00Z"), us("2026-01-01T00:00:00Z")) == us("2026-01-01T00:00:00Z")


EXPRESSIONS = st.sampled_from(
    ["30 2 * * *", "0 * * * *", "*/7 1-3 * * *", "0,59 2,3 * * SUN", "5 */2 * * *", "15 2 1,29,L * *"]
)
CHANGES = st.sampled_from(
    [
        (BERLIN, us("2026-03-29T01:00:00Z")),
        (BERLIN, us("2026-10-25T01:00:00Z")),
        (NEW_YORK, us("2026-11-01T06:00:00Z")),
        ("America/Sao_Paulo", us("2018-11-04T03:00:00Z")),  # at midnight
    ]
)


@settings(max_examples=40, deadline=None)
@given(EXPRESSIONS, CHANGES, st.integers(-20_000, 20_000), st.integers(1, 40_000))
def test_all_ways_to_ask_agree_around_a_change_of_the_clocks(
    expression: str, change: tuple[str, int], before: int, length: int
) -> None:
    zone, middle = change
    schedule = Schedule(expression, zone)
    start = middle + before * 1_000_000
    end = start + length * 1_000_000
    found: list[int] = []
    time: int | None = start
    while (time := schedule.after(time)) is not None and time <= end:
        found.append(time)
        # Whoever asks from a second before gets the same tick.
        assert schedule.after(max(start, time - 1_000_000)) == time
    assert found == sorted(set(found))
    assert schedule.latest(start, end) == (found[-1] if found else None)


@pytest.mark.parametrize(
    ("expression", "zone", "says"),
    [
        ("61 * * * *", "UTC", "bad minute"),
        ("* * * * 8", "UTC", "bad day-of-week"),
        ("0 0 31 4 *", "UTC", "bad day-of-month"),
        ("* * * *", "UTC", "has 4 fields"),
        ("", "UTC", "has 0 fields"),
        ("@daily", "UTC", "'0 0 * * *'"),
        ("TZ=Europe/Berlin 0 9 * * *", "UTC", "tz="),
        ("* * */20 * 1L", "UTC", "never comes"),
        ("0 9 * * *", "Europe/Berlni", "no time zone 'Europe/Berlni'"),
        ("0 9 * * *", "/etc/passwd", "no time zone"),
        ("0 9 * * *", "../UTC", "no time zone"),
        ("0 9 * * *", "", "no time zone"),
        ("0 9 * * *", "Europe", "no time zone"),
        ("0 9 * * *", None, "no time zone"),
        (5, "UTC", "not int"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: object, zone: object, says: str) -> None:
    with pytest.raises(EngineError) as refused:
        Schedule(expression, zone)  # type: ignore[arg-type]  # wrong on purpose
    assert says in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789*/-,#LW?SUNJA ²", max_size=14))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        schedule = Schedule(text, "UTC")
    except EngineError:
        return
    assert schedule.after(microseconds_of(datetime.now(UTC))) is not None


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(EngineError, match=r"pip install 'tightbeam\[cron\]'"):
        Schedule("0 9 * * *", "UTC")


def test_a_tick_may_be_far_away() -> None:
    schedule = Schedule("0 0 29 2 MON", "UTC")
    tick = schedule.after(us("2026-01-01T00:00:00Z"))
    assert tick is not None
    assert time_of(tick) - datetime(2026, 1, 1, tzinfo=UTC) > timedelta(days=28)
