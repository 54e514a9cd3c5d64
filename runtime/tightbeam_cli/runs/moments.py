"""Times as options take them: a moment, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = ["since"]

_AGO = re.compile(r"(\d{1,9})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str, now: datetime) -> datetime:
    """Return the moment that an option names.

    Args:
        text: how long ago (``90s``, ``15m``, ``2h``, ``7d``, ``1w``), or a date or time as ISO 8601 has it;
            one without a zone is in this machine's.
        now: the time from which is counted.

    Raises:
        ValueError: it is neither.
    """
    if (ago := _AGO.fullmatch(text.strip())) is not None:
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            return datetime(1970, 1, 1, tzinfo=UTC)
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text} is no time: give how long ago (15m, 2h, 7d) or a moment (2026-03-01T09:00Z)"
        ) from None
