"""Schedules: what starts a function at certain times."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from tightbeam._events.refs import Event, Trigger

__all__ = ["CRON_EVENT", "CronEvent", "CronTrigger", "cron"]

CRON_EVENT: Final = "inngest/scheduled.timer"
"""The name of the event that a schedule gives its runs: Inngest's, on both engines."""
CronEvent: TypeAlias = Event[Literal["inngest/scheduled.timer"], None]
"""The event of a run that a schedule has started."""


class CronTrigger(Trigger[[], None, CronEvent]):
    """A schedule, made by `cron`."""

    __slots__ = ("expression", "tz")

    expression: str
    """When it starts a run, as cron writes it."""
    tz: str
    """The time zone that the expression is meant in."""

    def __init__(self, expression: str, tz: str) -> None:
        super().__init__()
        object.__setattr__(self, "expression", expression)
        object.__setattr__(self, "tz", tz)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CronTrigger):
            return NotImplemented
        return (self.expression, self.tz) == (other.expression, other.tz)

    def __hash__(self) -> int:
        return hash((self.expression, self.tz))

    def __repr__(self) -> str:
        return f"cron({self.expression!r}, tz={self.tz!r})"

    def __reduce__(self) -> tuple[type[CronTrigger], tuple[str, str]]:
        return CronTrigger, (self.expression, self.tz)


def cron(expression: str, /, *, tz: str = "UTC") -> CronTrigger:
    """Return a schedule, for ``client.function(on=cron("0 9 * * *"))``.

    Args:
        expression: five fields as cron writes them: minute, hour, day of month, month, day of week.
        tz: the time zone that they are meant in, such as ``Europe/Berlin``.

    Raises:
        TypeError: an argument isn't text.
    """
    for name, value in (("expression", expression), ("tz", tz)):
        given: object = value
        if not isinstance(given, str):
            raise TypeError(f"cron's {name} is text, not {type(given).__name__}")
    return CronTrigger(expression, tz)
