"""`tightbeam runs`: the runs in a database file, or one run's graph: its steps and what they published."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tightbeam_codegen.problems import visible

if TYPE_CHECKING:
    from tightbeam._engine.details import MessageDetail, RunDetail, RunSummary, StepDetail
    from tightbeam._engine.journal import Journal

__all__ = ["graph", "run_resume", "run_runs", "run_table"]

_STYLES = {
    "done": "green",
    "failed": "bold red",
    "failing": "red",
    "parked": "bold yellow",
    "running": "cyan",
    "sleeping": "blue",
}
_STATES = ("ready", "running", "sleeping", "parked", "done", "failed")
_LISTED = 1_000
"""The latest runs: as many are listed, and searched for the beginning of an id."""
# A pipe has no width; what reads from it wants whole lines.
_WIDTH_OF_A_PIPE = 240


def run_runs(file: Path, run_id: str | None, *, state: str | None = None, function: str | None = None) -> int:
    """Print the latest runs in a file, or one of them.

    Args:
        file: the journal.
        run_id: the id of a run, or how it begins; None for all runs.
        state: only runs in this state.
        function: only runs of this function.

    Returns:
        The exit code.
    """
    from tightbeam import TightbeamError
    from tightbeam._engine.backends import journal_at
    from tightbeam._engine.requests import ListRuns

    if state is not None and state not in _STATES:
        return _failed(f"there is no state {visible(state)}; the states are {', '.join(_STATES)}")
    journal = journal_at(file)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE, highlight=False)
    try:
        if run_id is None:
            found = journal.read(ListRuns(_LISTED, state, function))
            none = "no runs yet" if state is None and function is None else "no such runs"
            console.print(run_table(found) if found else Text(none))
            return 0
        detail = _detail(journal, file, run_id)
    except (TightbeamError, OSError) as error:
        return _failed(visible(str(error)))
    for part in graph(detail):
        console.print(part)
    return 0


def run_resume(file: Path, run_id: str) -> int:
    """Let a parked run be tried again.

    Args:
        file: the journal, which no client may have open.
        run_id: the id of the run, or how it begins.

    Returns:
        The exit code.
    """
    from tightbeam import TightbeamError
    from tightbeam._engine.backends import journal_at

    journal = journal_at(file)
    try:
        whole = _whole_id(journal, run_id)
        journal.resume(whole)
    except (TightbeamError, OSError) as error:
        return _failed(visible(str(error)))
    sys.stdout.write(f"run {visible(whole)} goes on when a client is entered\n")
    return 0


def _detail(journal: Journal, file: Path, run_id: str) -> RunDetail:
    """Return the one run whose id begins so.

    Raises:
        EngineError: there are several, or none.
    """
    from tightbeam import EngineError
    from tightbeam._engine.requests import FindRun

    whole = _whole_id(journal, run_id)
    found = journal.read(FindRun(whole))
    if found is None:
        raise EngineError(f"there is no run {whole} in {file}")
    return found


def _whole_id(journal: Journal, run_id: str) -> str:
    """Return the id of the one run that begins so; what none of the latest runs begins with, as it is.

    Raises:
        EngineError: there are several.
    """
    from tightbeam import EngineError
    from tightbeam._engine.requests import ListRuns

    matching = [run.id for run in journal.read(ListRuns(_LISTED)) if run.id.startswith(run_id)]
    if len(matching) > 1 and run_id not in matching:
        raise EngineError(f"{len(matching)} runs begin with {run_id}")
    return matching[0] if len(matching) == 1 else run_id


def _failed(text: str) -> int:
    sys.stderr.write(f"tightbeam: {text}\n")
    return 2


def run_table(found: list[RunSummary]) -> Table:
    """One line a run, oldest first."""
    table = Table(box=SIMPLE, pad_edge=False)
    for heading in ("run", "function", "event", "state", "attempt", "started", "took", "error"):
        table.add_column(heading, overflow="fold")
    for run in found:
        table.add_row(
            _text(run.id),
            _text(run.function),
            _text(run.event),
            Text(run.state, _STYLES.get(run.state, "")),
            str(run.attempts),
            _moment(run.started_at),
            _took(run.started_at, run.ended_at),
            _error(run.error_type, run.error_text),
        )
    return table


def graph(detail: RunDetail) -> tuple[Text | Table, ...]:
    """Return a run for printing: a heading, and a line a step: kind, attempts, time, outcome, messages.

    Then the traceback of its failure, if there is one.
    """
    run = detail.summary
    heading = Text.assemble(
        ("run ", "dim"),
        (visible(run.id), "bold"),
        f"  {visible(run.function)}  ",
        (run.state, _STYLES.get(run.state, "")),
        f"  {_took(run.started_at, run.ended_at)}",
        ("\nevent ", "dim"),
        visible(run.event) or "-",
        ("  started ", "dim"),
        _moment(run.started_at),
        ("  attempt ", "dim"),
        str(run.attempts),
    )
    if run.failures:
        heading.append(f"  failed {run.failures} {'time' if run.failures == 1 else 'times'}", "red")
    if detail.deaths:
        heading.append(f"  interrupted {detail.deaths} times", "red")
    if run.error_type:
        heading.append("\n").append_text(_error(run.error_type, run.error_text))
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("step", "kind", "outcome", "attempts", "after", "took", "published"):
        table.add_column(name, overflow="fold")
    began = run.started_at or run.created_at
    for index, step in enumerate(detail.steps):
        branch = "└─ " if index == len(detail.steps) - 1 else "├─ "
        table.add_row(
            Text(branch, "dim").append(visible(step.id), "bold"),
            _text(step.kind),
            _outcome(step),
            str(step.attempts),
            _seconds(step.started_at - began),
            _took(step.started_at, step.ended_at),
            _published(step, [message for message in detail.messages if _is_from(message, run.id, step)]),
        )
    if detail.traceback is None:
        return heading, table
    return heading, table, Text("\n".join(map(visible, detail.traceback.splitlines())))


def _is_from(message: MessageDetail, run_id: str, step: StepDetail) -> bool:
    # The id of a durable message is that of the run, that of the step, and a number.
    return message.id.startswith(f"{run_id}:{step.id}:") and message.channel == step.channel


def _outcome(step: StepDetail) -> Text:
    text = Text(step.state, _STYLES.get(step.state, ""))
    if step.wake_at is not None and step.state == "sleeping":
        text.append(f" until {_moment(step.wake_at)}")
    if step.error_type:
        text.append(" ").append_text(_error(step.error_type, step.error_text))
    return text


def _published(step: StepDetail, messages: list[MessageDetail]) -> Text:
    if step.channel is None:
        return Text("")
    sizes = ", ".join(f"{message.size} bytes" for message in messages)
    return Text.assemble(
        f"{visible(step.channel)} ",
        (visible(step.topic or ""), "bold"),
        (f" {sizes}" if sizes else "", "dim"),
    )


def _error(kind: str | None, text: str | None) -> Text:
    if not kind:
        return Text("")
    return Text(f"{visible(kind)}: {visible(text)}" if text else visible(kind), "red")


def _text(text: str) -> Text:
    # A Text, so that square brackets are no markup, and nothing in it moves the cursor.
    return Text(visible(text))


def _moment(at: datetime | None) -> str:
    return at.astimezone().isoformat(" ", "seconds") if at is not None else "-"


def _took(began: datetime | None, ended: datetime | None) -> str:
    return _seconds(ended - began) if began is not None and ended is not None else "-"


def _seconds(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    if seconds < 60:
        return f"{seconds:.3f} s"
    return str(timedelta(seconds=round(seconds)))
