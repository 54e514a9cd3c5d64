"""Runs as people read them: a line a run, or one run's graph, its steps and what they published."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from tightbeam_cli.runs.output import laid_out
from tightbeam_codegen.problems import visible

if TYPE_CHECKING:
    from tightbeam._engine.details import MessageDetail, RunDetail, RunSummary, StepDetail

__all__ = ["graph", "payload", "run_table"]

_STYLES = {
    "done": "green",
    "failed": "bold red",
    "failing": "red",
    "parked": "bold yellow",
    "cancelled": "magenta",
    "running": "cyan",
    "sleeping": "blue",
    "waiting": "blue",
}

_ENDLESS = timedelta(days=9 * 365)
"""What waits longer has no timeout: its date is as far off as dates may be."""


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
            _state(run),
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
        _state(run),
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
    # A run that was retried has steps of earlier executions.
    began = min([run.started_at or run.created_at, *(step.started_at for step in detail.steps)])
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


def payload(name: str, raw: bytes | None) -> Text:
    """Return data that a run keeps, for printing: its JSON over several lines.

    Args:
        name: whose data they are.
        raw: the JSON; None where there is none.
    """
    if raw is None:
        return Text.assemble((f"\n{visible(name)}", "bold"), ("  none", "dim"))
    text = laid_out(json.loads(raw), ensure_ascii=False)
    return Text(f"\n{visible(name)}\n", "bold").append("\n".join(map(visible, text.split("\n"))), "none")


def _is_from(message: MessageDetail, run_id: str, step: StepDetail) -> bool:
    # The id of a durable message is that of the run, that of the step, and a number.
    return message.id.startswith(f"{run_id}:{step.id}:") and message.channel == step.channel


def _state(run: RunSummary) -> Text:
    text = Text(run.state, _STYLES.get(run.state, ""))
    is_endless = run.state == "sleeping" and run.due_at > datetime.now(UTC) + _ENDLESS
    if run.state in ("ready", "sleeping") and run.due_at > datetime.now(UTC) and not is_endless:
        text.append(f" until {_moment(run.due_at)}", "none")
    return text


def _outcome(step: StepDetail) -> Text:
    text = Text(step.state, _STYLES.get(step.state, ""))
    if step.channel is None and step.topic is not None and step.state == "waiting":
        text.append(f" for {visible(step.topic)}", "none")
    is_endless = step.wake_at is not None and step.wake_at > datetime.now(UTC) + _ENDLESS
    if step.wake_at is not None and step.state in ("sleeping", "waiting") and not is_endless:
        text.append(f" until {_moment(step.wake_at)}", "none")
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
