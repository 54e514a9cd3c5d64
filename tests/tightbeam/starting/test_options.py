from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tightbeam._clock import LONGEST
from tightbeam._message import now_us
from tightbeam._starting.options import check_key, due_time


def test_a_delay_counts_from_now() -> None:
    before = now_us()
    due = due_time(timedelta(minutes=5), None)
    assert due is not None
    assert before + 300_000_000 <= due <= now_us() + 300_000_000
    assert due_time(None, None) is None


def test_a_moment_is_the_same_in_each_zone_and_may_be_past() -> None:
    moment = datetime(2026, 11, 29, 9, tzinfo=UTC)
    there = moment.astimezone(timezone(timedelta(hours=9)))
    assert due_time(None, moment) == due_time(None, there) == 1_795_942_800_000_000
    assert due_time(None, datetime(1969, 1, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize(
    ("delay", "at", "kind", "says"),
    [
        (timedelta(1), datetime.now(UTC), TypeError, "exclude each other"),
        (5, None, TypeError, "not int"),
        (None, 5.0, TypeError, "not float"),
        (None, "2026-11-29", TypeError, "not str"),
        (timedelta(0), None, ValueError, "more than no time"),
        (timedelta(seconds=-1), None, ValueError, "more than no time"),
        (timedelta.max, None, ValueError, "3650 days"),
        (LONGEST + timedelta(microseconds=1), None, ValueError, "3650 days"),
        (None, datetime(2026, 11, 29), ValueError, "time zone"),  # noqa: DTZ001 - naive on purpose
        (None, datetime.max.replace(tzinfo=UTC), ValueError, "3650 days"),
    ],
)
def test_what_is_no_time_to_start_is_refused(
    delay: object, at: object, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind) as refused:
        due_time(delay, at)
    assert says in str(refused.value)


def test_keys_are_text() -> None:
    assert check_key(None) is None
    assert check_key("order-5") == "order-5"
    with pytest.raises(TypeError):
        check_key(5)
    for key in ("", "x" * 513, "\ud800"):
        with pytest.raises(ValueError, match="1 to 512"):
            check_key(key)
