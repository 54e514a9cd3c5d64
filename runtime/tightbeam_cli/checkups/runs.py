"""The runs of a journal, as `tightbeam doctor` describes them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from tightbeam_cli.checkups.findings import Finding, version_of

if TYPE_CHECKING:
    from tightbeam._engine.journal import RunsCheckup

__all__ = ["overdue", "run_findings", "unfinished"]

_LATE = 60.0
_FAR = 366 * 86_400.0
"""Seconds; a run that is to begin later than this may be one whose unit was mistaken."""
_CRON = "cronsim"


def unfinished(found: RunsCheckup) -> int:
    """Return how many runs haven't ended."""
    return sum(count for state, count in found.states.items() if state not in ("done", "failed", "cancelled"))


def overdue(name: str, found: RunsCheckup) -> Iterator[Finding]:
    """Yield the functions whose runs wait for too long, while a client is entered."""
    for function, microseconds in sorted(found.overdue.items()):
        if microseconds > _LATE * 1e6:
            text = f'runs of "{function}" have been due for {microseconds / 1e6:,.0f} s'
            remedy = (
                f"What holds them up: tightbeam runs {name} --state running --function {function}. "
                "A run that hangs holds its slot, and that of its concurrency key, until it is cancelled."
            )
            yield Finding("journal", "note", "pending", text, remedy)


def run_findings(name: str, found: RunsCheckup, pending: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what a journal's runs wait for, and which have failed.

    Args:
        name: the journal, as a command line names it.
        found: its runs.
        pending: what is to be said of those that wait.
    """
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(found.states.items()))
    yield Finding("journal", "ok", "runs", counts or "none")
    yield from pending
    if parked := found.states.get("parked"):
        why = ", ".join(f"{count:,} of {function} ({kind})" for function, kind, count in found.parked)
        text = f"{parked:,} wait for code that fits what they remember, and are tried at each start: {why}"
        yield Finding("journal", "note", "parked", text, f"See: tightbeam runs {name} --state parked")
    if found.dying:
        text = f"the process keeps dying under {', '.join(found.dying)}; such a run is given up in the end"
        yield Finding("journal", "problem", "runs", text, f"See: tightbeam runs {name} {found.dying[0]}")
    for run_id, function, kind in found.failed:
        remedy = (
            f"See: tightbeam runs show {name} {run_id}. After a fix: tightbeam runs retry {name} {run_id}"
        )
        yield Finding("journal", "note", "failed", f"{run_id} of {function}: {kind}", remedy)
    yield from _starts(name, found)


def _starts(name: str, found: RunsCheckup) -> Iterator[Finding]:
    """Yield what is to start later: by a delay, or by the clock."""
    count, latest = found.delayed
    if count and latest is not None:
        text = f"{count:,} are to begin later, the last of them at {_moment(latest)}"
        is_far = latest > (time.time() + _FAR) * 1e6
        remedy = f"Is that meant? See: tightbeam runs {name} --state ready" if is_far else ""
        yield Finding("journal", "note" if is_far else "ok", "delayed", text, remedy)
    if not found.schedules:
        return
    words = ", ".join(
        f"{function} ({expression} {zone})" for function, expression, zone, _ in found.schedules
    )
    yield Finding("journal", "ok", "schedules", words)
    if version_of(_CRON) is None:
        text = f"{_CRON} isn't installed here, so the clock starts none of these"
        yield Finding("journal", "problem", "schedules", text, "Run: pip install 'tightbeam[cron]'")


def _moment(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6).astimezone().isoformat(" ", "seconds")
