"""The journal in a Postgres database, as `tightbeam doctor` describes it."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING

from tightbeam_cli.checkups.findings import Finding
from tightbeam_cli.checkups.runs import overdue, run_findings, unfinished

if TYPE_CHECKING:
    from tightbeam._engine.server_journal import ServerCheckup, ServerProcess

__all__ = ["server_findings"]

_SKEW = 1.0
"""Seconds by which the clocks of this machine and of the server may differ."""
_LONG = 5.0
"""Seconds for which messages may be held back."""
_FULL = 0.9
_SHOWN = 8


def server_findings(address: str, postgres_schema: str) -> Iterator[Finding]:
    """Yield what is found in a database.

    Args:
        address: of the database.
        postgres_schema: in which its tables are.
    """
    from tightbeam import JournalRefused
    from tightbeam._engine.addresses import hide_passwords
    from tightbeam._engine.backends import journal_on_server

    try:
        journal = journal_on_server(address, postgres_schema)
        found = journal.check_up()
    except JournalRefused as error:
        yield Finding("journal", "problem", hide_passwords(address, [address]), str(error))
        return
    name = journal.name
    text = f"PostgreSQL {found.server}, format {found.format}, {found.size:,} bytes in {postgres_schema}"
    yield Finding("journal", "ok", name, text)
    if found.is_standby:
        text = "this server takes no writes: clients are entered on the primary"
        yield Finding("journal", "note", "standby", text)
    yield _rights(found)
    yield _connections(found)
    yield _clock(found)
    yield _log(found)
    yield from _processes(found)
    option = "" if postgres_schema == "tightbeam" else f" --postgres-schema {quote(postgres_schema)}"
    named = f"{quote(name)}{option}"
    yield from run_findings(named, found.runs, list(_pending(named, found)))


def _rights(found: ServerCheckup) -> Finding:
    if not found.missing:
        return Finding("journal", "ok", "rights", f"role {found.role} has those that a client needs")
    shown = ", ".join(found.missing[:_SHOWN])
    more = f" and {len(found.missing) - _SHOWN} more" if len(found.missing) > _SHOWN else ""
    text = f"role {found.role} lacks {shown}{more}"
    return Finding("journal", "problem", "rights", text, found.grants)


def _connections(found: ServerCheckup) -> Finding:
    text = (
        f"{found.connections:,} of at most {found.most_connections:,}, {found.own_connections:,} of them "
        "Tightbeam's here"
    )
    if found.connections < found.most_connections * _FULL:
        return Finding("journal", "ok", "connections", text)
    remedy = "A client has four. Raise max_connections, or have fewer processes: new ones are refused soon."
    return Finding("journal", "problem", "connections", text, remedy)


def _clock(found: ServerCheckup) -> Finding:
    ahead = found.ahead_us / 1e6
    if abs(ahead) < _SKEW:
        return Finding("journal", "ok", "clock", "the server's agrees with this machine's")
    text = f"the server's is {abs(ahead):,.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    remedy = "Messages have the server's time, runs are due by their process' own: let NTP set all clocks."
    return Finding("journal", "note", "clock", text, remedy)


def _log(found: ServerCheckup) -> Finding:
    """Return for how long messages that are committed have waited, and for whom."""
    if not found.held_back:
        return Finding("journal", "ok", "log", "no message is held back")
    who = found.holder or "a transaction that this role can't see"
    text = f"messages have been held back for {found.held_back:,.1f} s by {who}"
    if found.held_back < _LONG:
        return Finding("journal", "ok", "log", text)
    remedy = (
        "Readers get nothing that was published meanwhile before it ends: commit sooner there, or end it "
        "(SELECT pg_terminate_backend(SESSION); ROLLBACK PREPARED)."
    )
    return Finding("journal", "problem", "log", text, remedy)


def _processes(found: ServerCheckup) -> Iterator[Finding]:
    if not found.processes:
        yield Finding("journal", "ok", "processes", "no client is entered")
    for process in found.processes:
        yield _process(process)


def _process(process: ServerProcess) -> Finding:
    functions = ", ".join(process.functions[:_SHOWN]) + (", …" if process.functions[_SHOWN:] else "")
    does = f"executes {functions}" if functions else "executes no functions"
    text = f"process {process.pid} on {process.host}, Tightbeam {process.version}, {does}"
    if process.is_alive:
        return Finding("journal", "ok", f"process {process.number}", text)
    silent = f"{text}; has said nothing for {process.silent_us / 1e6:,.0f} s"
    remedy = "It is dead or suspended: the next living process takes its runs over."
    return Finding("journal", "note", f"process {process.number}", silent, remedy)


def _pending(name: str, found: ServerCheckup) -> Iterator[Finding]:
    waiting = unfinished(found.runs)
    if waiting and not any(process.is_alive for process in found.processes):
        text = f"{waiting:,} unfinished, and no client is running: they go on when one is entered"
        yield Finding("journal", "note", "pending", text)
        return
    for function, count in sorted(found.unserved.items()):
        text = f'{count:,} runs of "{function}" are due, and no living process has this function'
        remedy = "Start a process that imports its module, or cancel them."
        yield Finding("journal", "problem", "unserved", text, remedy)
    yield from overdue(name, found.runs)
