"""The journal's runs and steps: each function is one request's work, inside the writer's transaction."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from time import time_ns
from typing import Literal, NamedTuple

from tightbeam._engine.sqlite.messages import Publish, append
from tightbeam._engine.sqlite.writer import Transaction
from tightbeam._engine.traces import RunError

__all__ = [
    "MAX_DEATHS",
    "Failure",
    "Memo",
    "Run",
    "Since",
    "StepKind",
    "add_run",
    "begin_sleep",
    "claim",
    "end_run",
    "end_sleep",
    "leave_memory",
    "mark_awake",
    "memoize",
    "memoize_publish",
    "new_id",
    "note_failures",
    "now_us",
    "put_back",
    "put_back_all",
    "recover",
    "retry_run",
]

MAX_DEATHS = 10
"""How often the process may die under a run that makes no progress, before the run is given up."""

StepKind = Literal["step.run", "step.sleep", "step.realtime.publish"]
StepState = Literal["failing", "sleeping", "done", "failed"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Memo:
    """What is remembered of one step."""

    kind: str
    channel: str | None
    topic: str | None
    state: StepState
    wake_at: int | None
    result: bytes | None
    error_type: str | None
    error_text: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run to execute, with what its steps left behind."""

    number: int
    id: str
    function: str
    event: str
    data: bytes
    attempt: int
    deaths: int
    memos: dict[str, Memo]


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed and has attempts left, or reached the handler as it was."""

    step_id: str
    kind: StepKind
    channel: str | None
    topic: str | None
    started_at: int
    ended_at: int
    error_type: str
    error_text: str


class Since(NamedTuple):
    """What there is to overwrite when a step is memoized."""

    failed: bool
    """The step has a row already: it failed in an earlier execution."""
    counted: bool
    """The run has attempts or deaths that start over now."""


def now_us() -> int:
    """Microseconds since 1970."""
    return time_ns() // 1000


def new_id() -> str:
    """A ULID: sorts by the time it was made."""
    number = (time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def add_run(tx: Transaction, run_id: str, function: str, event: str, data: bytes) -> None:
    """A new run, ready at once."""
    now = now_us()
    tx.written += len(data)
    tx.execute(
        "INSERT INTO run (id, function, event, data, state, due_at, created_at) "
        "VALUES (?, ?, ?, ?, 'ready', ?, ?)",
        (run_id, function, event, data, now, now),
    )


def recover(tx: Transaction, longest_us: int) -> list[tuple[str, str, int]]:
    """Make what was executing before a start ready again; returns the runs that are given up.

    Each of these comes with its function and its attempt. No retry is due later than ``longest_us`` from
    now: if one seems to be, the clock was set back meanwhile.
    """
    begun = tx.execute(
        "SELECT id, state, deaths, due_at, function, attempt FROM run WHERE state IN ('running', 'sleeping')"
    ).fetchall()
    given_up = []
    for run_id, state, deaths, due_at, function, attempt in begun:
        if state == "sleeping":
            tx.execute("UPDATE run SET state = 'ready' WHERE id = ?", (run_id,))
        elif deaths + 1 >= MAX_DEATHS:
            text = f"the process died {MAX_DEATHS} times while it ran, without a new step"
            tx.execute(
                "UPDATE run SET state = 'failed', deaths = deaths + 1, ended_at = ?, "
                "error_type = 'RunFailed', error_text = ? WHERE id = ?",
                (now_us(), text, run_id),
            )
            given_up.append((run_id, function, attempt))
        else:
            tx.execute(
                "UPDATE run SET state = 'ready', deaths = deaths + 1, due_at = ? WHERE id = ?",
                (min(due_at, now_us()), run_id),
            )
    now = now_us()
    tx.execute(
        "UPDATE run SET due_at = ? WHERE state = 'ready' AND due_at > ? AND NOT EXISTS "
        "(SELECT 1 FROM step WHERE step.run_id = run.id AND step.state = 'sleeping')",
        (now, now + longest_us),
    )
    return given_up


def claim(
    tx: Transaction, function: str, limit: int, busy: frozenset[str] = frozenset()
) -> tuple[list[Run], int | None]:
    """Take runs of a function that are due.

    Args:
        tx: the transaction.
        function: its id.
        limit: how many runs at most.
        busy: runs to leave alone, since an earlier execution of them goes on.

    Returns:
        The runs, and when the next one is due, if that is known.
    """
    now = now_us()
    claimed: list[Run] = []
    rows = tx.execute(
        "SELECT number, id, function, event, data, attempt, deaths, due_at FROM run "
        "WHERE state = 'ready' AND function = ? ORDER BY due_at, number LIMIT ?",
        (function, limit + len(busy)),
    ).fetchall()
    for number, run_id, name, event, data, attempt, deaths, due_at in rows:
        if due_at > now:
            return claimed, due_at
        if run_id in busy:
            continue
        if len(claimed) == limit:
            break
        run = Run(number, run_id, name, event, data, attempt, deaths, _memos(tx, number))
        tx.execute(
            "UPDATE run SET state = 'running', started_at = coalesce(started_at, ?) WHERE id = ?",
            (now, run.id),
        )
        claimed.append(run)
    return claimed, None


def _memos(tx: Transaction, run: int) -> dict[str, Memo]:
    rows = tx.execute(
        "SELECT id, kind, channel, topic, state, wake_at, result, error_type, error_text FROM memo "
        "WHERE run = ?",
        (run,),
    )
    return {step_id: Memo(*rest) for step_id, *rest in rows}


_STEP = (
    "INSERT INTO step (run_id, id, kind, channel, topic, state, started_at, ended_at, wake_at, result, "
    "error_type, error_text, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) "
)
_STEP_AGAIN = (
    f"{_STEP} ON CONFLICT (run_id, id) DO UPDATE SET state = excluded.state, attempts = attempts + 1, "
    "ended_at = excluded.ended_at, wake_at = excluded.wake_at, result = excluded.result, "
    "error_type = excluded.error_type, error_text = excluded.error_text WHERE state = 'failing'"
)


_START_OVER = "UPDATE run SET attempt = 0, deaths = 0 WHERE id = ?"


def memoize(tx: Transaction, run_id: str, step_id: str, memo: Memo, started_at: int, since: Since) -> None:
    """Remember a step's outcome.

    Two executions of one run can't both do it: the step is the primary key, and the memo that is there stays.
    """
    values = (
        run_id,
        step_id,
        memo.kind,
        memo.channel,
        memo.topic,
        memo.state,
        started_at,
        now_us(),
        memo.wake_at,
    )
    try:
        written = tx.execute(
            _STEP_AGAIN if since.failed else _STEP, (*values, memo.result, memo.error_type, memo.error_text)
        )
    except sqlite3.IntegrityError:
        written = None
    tx.written += len(memo.result or b"")
    if written is None or written.rowcount != 1:
        raise _memoized_already(run_id, step_id)
    if since.counted:
        tx.execute(_START_OVER, (run_id,))


def memoize_publish(tx: Transaction, publish: Publish, step_id: str, since: Since) -> None:
    """A message that is its own memo: that is what makes a durable publish happen exactly once."""
    if since.failed:  # as a step of another kind: the code has changed
        tx.execute(
            "DELETE FROM step WHERE run_id = ? AND id = ? AND state = 'failing'", (publish.run_id, step_id)
        )
    if not append(tx, publish, now_us()):
        raise _memoized_already(publish.run_id, step_id)
    if since.counted:
        tx.execute(_START_OVER, (publish.run_id,))


def _memoized_already(run_id: str, step_id: str) -> RuntimeError:
    return RuntimeError(f'step "{step_id}" of run {run_id} is memoized already')


def begin_sleep(
    tx: Transaction, run_id: str, step_id: str, wake_at: int, started_at: int, since: Since, alone: bool
) -> None:
    """Remember when to wake; a restart doesn't begin the sleep again.

    ``alone`` says that the run does nothing else meanwhile: a restart then leaves it alone until it is to
    wake.
    """
    memo = Memo("step.sleep", None, None, "sleeping", wake_at, None, None, None)
    memoize(tx, run_id, step_id, memo, started_at, since)
    tx.execute("UPDATE step SET ended_at = NULL WHERE run_id = ? AND id = ?", (run_id, step_id))
    if alone:  # of several sleeps the first that ends is the one to wake for
        tx.execute(
            "UPDATE run SET due_at = iif(state = 'sleeping', min(due_at, ?), ?), state = 'sleeping' "
            "WHERE id = ?",
            (wake_at, wake_at, run_id),
        )


def rest(tx: Transaction, run_id: str) -> None:
    """The run has only slept for a while, beside a step that has ended.

    If the process dies now, the run isn't the reason; and it resumes at once, since it may do something
    between its steps.
    """
    tx.execute(
        "UPDATE run SET state = 'sleeping', due_at = ? WHERE id = ? AND state = 'running'", (now_us(), run_id)
    )


def end_sleep(tx: Transaction, run_id: str, step_id: str) -> None:
    """The sleep is over."""
    tx.execute(
        "UPDATE step SET state = 'done', ended_at = ? WHERE run_id = ? AND id = ?",
        (now_us(), run_id, step_id),
    )
    mark_awake(tx, run_id)


def mark_awake(tx: Transaction, run_id: str) -> None:
    """The run is doing something again: if the process dies now, it resumes at once."""
    tx.execute(
        "UPDATE run SET state = 'running', due_at = ? WHERE id = ? AND state = 'sleeping'", (now_us(), run_id)
    )


def note_failures(tx: Transaction, run_id: str, failures: list[Failure]) -> None:
    """Keep steps that failed without being memoized, for who looks at the run."""
    for one in failures:
        values = (
            run_id,
            one.step_id,
            one.kind,
            one.channel,
            one.topic,
            "failing",
            one.started_at,
            one.ended_at,
        )
        tx.execute(_STEP_AGAIN, (*values, None, None, one.error_type, one.error_text))


def end_run(
    tx: Transaction, run_id: str, result: bytes | None, error: RunError | None, failures: list[Failure]
) -> None:
    """The run is over: done, or failed with an error."""
    note_failures(tx, run_id, failures)
    tx.written += len(result or b"")
    tx.execute(
        "UPDATE run SET state = ?, ended_at = ?, result = ?, failures = failures + ?, "
        "error_type = ?, error_text = ?, traceback = ? WHERE id = ?",
        (
            "failed" if error else "done",
            now_us(),
            result,
            error is not None,
            *(error or (None, None, None)),
            run_id,
        ),
    )


def retry_run(
    tx: Transaction, run_id: str, attempt: int, due_at: int, error: RunError, failures: list[Failure]
) -> None:
    """Have the run tried again at ``due_at``; the error is kept for who looks in the meantime.

    An attempt that isn't the run's fault leaves ``attempt`` as it was, and isn't counted.
    """
    note_failures(tx, run_id, failures)
    tx.execute(
        "UPDATE run SET state = 'ready', failures = failures + (attempt < ?), attempt = ?, due_at = ?, "
        "error_type = ?, error_text = ?, traceback = ? WHERE id = ?",
        (attempt, attempt, due_at, *error, run_id),
    )


def leave_memory(tx: Transaction, run_id: str, sleeps: frozenset[str]) -> None:
    """Put a run back that only sleeps, to be executed again when the first of these sleeps is over."""
    rows = tx.execute("SELECT id, wake_at FROM step WHERE run_id = ? AND state = 'sleeping'", (run_id,))
    due_at = min((wake_at for step_id, wake_at in rows if step_id in sleeps), default=now_us())
    tx.execute(
        "UPDATE run SET state = 'ready', due_at = ? WHERE id = ? AND state IN ('running', 'sleeping')",
        (due_at, run_id),
    )


def put_back_all(tx: Transaction) -> None:
    """Put back every run: the program ends, and is not to be taken for one that died."""
    tx.execute("UPDATE run SET state = 'ready' WHERE state IN ('running', 'sleeping')")


def put_back(tx: Transaction, *run_ids: str) -> None:
    """Runs interrupted by a shutdown: they resume later, and that is neither an attempt nor a death."""
    for run_id in run_ids:
        tx.execute(
            "UPDATE run SET state = 'ready' WHERE id = ? AND state IN ('running', 'sleeping')", (run_id,)
        )
