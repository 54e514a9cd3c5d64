"""Schedules in the form of cron expressions: which ticks they have, in which time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tightbeam._events.cron import CronTrigger
from tightbeam._events.refs import Trigger, sources_of
from tightbeam._message import microseconds_of, time_of
from tightbeam.errors import EngineError

if TYPE_CHECKING:
    from cronsim import CronSim  # at run time it is imported by those who have schedules

__all__ = ["Schedule", "check_fields", "check_schedules", "schedule_of", "zone_of"]

_FIELDS = "minute, hour, day of month, month and day of week"
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SERVERS = re.compile(r"(?:[*?]|\d+|[A-Za-z]{3})(?:-(?:\d+|[A-Za-z]{3}))?(?:/\d+)?", re.ASCII)
"""A part of a field as Inngest's server reads it: it has no `L`, `W` or `#`."""
_STEP = re.compile(r"/\d+")
_SATURDAY = 6
_FIRST_WINDOW = timedelta(minutes=2)


class Schedule:
    """The ticks of one cron expression, whole seconds, by the rules of Debian's cron.

    With five fields whose minute and hour are both given (``30 2 * * *``), a time that the clocks skip has
    its tick at the end of the gap, and a time that they repeat has one tick, the first. All other expressions
    go by real time: what is skipped has no tick, what is repeated has two.
    """

    def __init__(self, expression: str, zone: str) -> None:
        """Read an expression.

        Args:
            expression: five fields, or six that begin with seconds.
            zone: an IANA name of a time zone.

        Raises:
            EngineError: either isn't one, it never comes, or the library that reads them isn't installed.
        """
        self._expression = expression
        self._zone = zone_of(expression, zone)
        check_fields(expression, allowed=(5, 6))
        try:
            first = next(self._ticks(datetime.now(UTC)), None)
        except ModuleNotFoundError:
            raise EngineError(
                f"cron({expression!r}) needs the package cronsim: pip install 'tightbeam[cron]'"
            ) from None
        except _cron_error() as error:
            text = str(error)
            raise EngineError(
                f"cron({expression!r}): {text[:1].lower()}{text[1:]}; the fields are {_FIELDS}"
            ) from None
        if first is None:
            raise EngineError(f"cron({expression!r}) never comes: no day in fifty years has these fields")

    def after(self, time_us: int, /) -> int | None:
        """Return the first tick later than a time; None if there is none in fifty years.

        Args:
            time_us: microseconds since 1970, as is the answer.
        """
        tick = next(self._ticks(time_of(time_us)), None)
        return None if tick is None else microseconds_of(tick)

    def latest(self, after_us: int, upto_us: int, /) -> int | None:
        """Return the last tick later than one time and not later than another; None if there is none.

        The search begins near the end, so that the number of ticks in between hardly matters.

        Args:
            after_us: microseconds since 1970, as is the answer.
            upto_us: the end.
        """
        after, upto = time_of(after_us), time_of(upto_us)
        window = _FIRST_WINDOW
        while after < upto:
            start = max(after, upto - window) if upto - after > window else after
            found = None
            for tick in self._ticks(start):
                if tick > upto:
                    break
                found = tick
            if found is not None:
                return microseconds_of(found)
            if start == after:
                return None
            window *= 2
        return None

    def _ticks(self, after: datetime) -> Iterator[datetime]:
        """Yield the ticks later than a time, in order and in UTC."""
        last = after
        # By the wall clock a time that is repeated, or several that fall into one gap, may come again.
        for local in _reader(self._expression, after, self._zone):
            tick = local.astimezone(UTC)
            if tick > last:
                last = tick
                yield tick


def _reader(expression: str, after: datetime, zone: tzinfo) -> CronSim:
    from cronsim import CronSim

    return CronSim(expression, after.astimezone(zone))


def _cron_error() -> type[Exception]:
    from cronsim import CronSimError

    return CronSimError


def check_fields(expression: object, *, allowed: tuple[int, ...]) -> None:
    """Refuse what isn't text with so many fields, with the remedy.

    Args:
        expression: the expression.
        allowed: how many fields it may have.

    Raises:
        EngineError: it isn't.
    """
    if not isinstance(expression, str):
        raise EngineError(f"cron takes an expression such as '0 9 * * *', not {type(expression).__name__}")
    name = expression.strip().lower()
    if name in _NICKNAMES:
        raise EngineError(f"cron({expression!r}): write it as five fields, {_NICKNAMES[name]!r}")
    if expression.upper().startswith(("TZ=", "CRON_TZ=")):
        raise EngineError(
            f"cron({expression!r}): give the zone as tz=, cron('0 9 * * *', tz='Europe/Berlin')"
        )
    count = len(expression.split())
    if count not in allowed:
        raise EngineError(
            f"cron({expression!r}) has {count} fields, not five: {_FIELDS}"
            + (
                " (six begin with seconds)"
                if 6 in allowed
                else "; seconds are read by the embedded engine only"
            )
        )


def zone_of(expression: str, zone: object) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Args:
        expression: of the schedule, for the error.
        zone: the name.

    Raises:
        EngineError: there is no such zone.
    """
    if isinstance(zone, str) and zone:
        try:
            return ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            pass
    raise EngineError(
        f"cron({expression!r}): there is no time zone {zone!r}; an IANA name such as 'Europe/Berlin' is one "
        "(a system without a database of zones needs the package tzdata)"
    )


def _check_for_server(expression: str) -> None:
    """Refuse fields that Inngest's server doesn't read: it would refuse the whole app, when that is synced.

    Raises:
        EngineError: there are such.
    """
    fields = expression.split()
    for field in fields:
        if not all(map(_SERVERS.fullmatch, field.split(","))):
            raise EngineError(f"cron({expression!r}): Inngest's server can't read the field {field!r}")
    if any(int(day) > _SATURDAY for day in re.findall(r"\d+", _STEP.sub("", fields[-1]))):
        raise EngineError(f"cron({expression!r}): on Inngest the days of a week are 0, Sunday, to 6")


def check_schedules(function: str, on: object, *, here: bool = True) -> None:
    """Check the schedules that a function is registered with.

    Args:
        function: its id, for the error.
        on: what starts it.
        here: whether this process starts its runs. On Inngest the server does, and reads the expressions: the
            library isn't needed, and they have five fields.

    Raises:
        EngineError: one isn't a schedule, or the library isn't installed.
    """
    for source in sources_of(on) if isinstance(on, Trigger) else ():
        if not isinstance(source, CronTrigger):
            continue
        try:
            if here:
                schedule_of(source.expression, source.tz)
            else:
                check_fields(source.expression, allowed=(5,))
                _check_for_server(source.expression)
                zone_of(source.expression, source.tz)
        except EngineError as error:
            raise EngineError(f'function "{function}": {error}') from None


@lru_cache(maxsize=1024)
def schedule_of(expression: str, zone: str) -> Schedule:
    """Return the schedule of an expression in a zone, read once. See `Schedule`."""
    return Schedule(expression, zone)
