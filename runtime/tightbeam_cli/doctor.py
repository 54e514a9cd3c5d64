"""`tightbeam doctor`: is what Tightbeam stands on here, sound, and in step?"""

from __future__ import annotations

import contextlib
import io
import json
import platform
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tightbeam_codegen.command.failures import DRIFT, FINE
from tightbeam_codegen.command.generate import run_generate
from tightbeam_codegen.command.request import Request
from tightbeam_codegen.problems import DefinitionErrors, visible
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS, TARGETS, wanted
from tightbeam_codegen.version import tool_version

if TYPE_CHECKING:
    from tightbeam._engine.journal import Checkup

__all__ = ["Finding", "run_doctor"]

Status = Literal["ok", "note", "problem"]

WAL_RESET_FIXED = (3, 51, 3)
CHECKERS = ("mypy", "pyright", "basedpyright", "ty", "pyrefly")
_LEAST_FREE = 256 * 1024 * 1024
_LATE = 60.0
_FAR = 366 * 86_400.0
"""Seconds; a run that is to begin later than this may be one whose unit was mistaken."""
_CRON = "cronsim"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)")
_LIMIT = re.compile(r"(>=|<)\s*([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    """``versions``, ``checkers``, ``bindings`` or ``journal``."""
    status: Status
    subject: str
    text: str
    remedy: str = ""


def run_doctor(file: Path | None, as_json: bool) -> int:
    """Look at everything and print it; 0 if nothing is wrong, 1 if something is."""
    findings = [*_versions(), *_checkers(), *_bindings(), *(_journal(file) if file is not None else ())]
    wrong = any(finding.status == "problem" for finding in findings)
    if as_json:
        answer = {"ok": not wrong, "findings": [asdict(finding) for finding in findings]}
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        sys.stdout.write(_page(findings))
    return 1 if wrong else 0


def _page(findings: Iterable[Finding]) -> str:
    marks = {"ok": "ok      ", "note": "note    ", "problem": "PROBLEM "}
    lines: list[str] = []
    area = ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            lines += [*([""] if lines else []), area]
        lines.append(f"  {marks[finding.status]}{visible(finding.subject)}: {visible(finding.text)}")
        if finding.remedy:
            lines.append(f"          {visible(finding.remedy)}")
    return "\n".join(lines) + "\n"


# -- versions ------------------------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "ok", "tightbeam", tool_version())
    old = sys.version_info < (3, 11)
    python = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}"
    yield Finding(
        "versions", "problem" if old else "ok", "Python", python, "Use Python 3.11 or newer." if old else ""
    )
    yield _sqlite(sqlite3.sqlite_version_info)
    for name, limits in _required():
        yield _package(name, limits)


def _sqlite(version: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, version))
    if version >= WAL_RESET_FIXED:
        return Finding("versions", "ok", "SQLite", text)
    return Finding(
        "versions",
        "note",
        "SQLite",
        f"{text}, which can damage a database in WAL mode that two connections write (fixed in 3.51.3)",
        "A client writes through one connection, and a lock keeps other clients out: let no other program "
        "write its file, or use a Python with a newer SQLite.",
    )


def _required() -> list[tuple[str, str]]:
    """Yield the packages that the runtime needs, and the generator where it is installed, with versions."""
    try:
        stated = metadata.requires("tightbeam") or []
    except metadata.PackageNotFoundError:
        return []
    found: dict[str, list[str]] = {}
    for requirement in stated:
        matched = _REQUIREMENT.match(requirement)
        extra = re.search(r"extra\s*==\s*['\"](\w+)['\"]", requirement)
        if matched and (extra is None or extra[1] in ("cli", "codegen", "gateway", "inngest")):
            needed = extra is None or extra[1] == "cli"
            if needed or _version_of(matched[1]) is not None:
                found.setdefault(matched[1], []).append(matched[2].strip())
    return [(name, ",".join(dict.fromkeys(limits))) for name, limits in found.items()]


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(name: str, limits: str) -> Finding:
    version = _version_of(name)
    if version is None:
        return Finding("versions", "problem", name, "not installed", f"Run: pip install '{name}{limits}'")
    if _fits(version, limits):
        return Finding("versions", "ok", name, version)
    text = f"{version}, but {limits} is needed"
    return Finding("versions", "problem", name, text, f"Run: pip install '{name}{limits}'")


def _fits(version: str, limits: str) -> bool:
    found = _numbers(version)
    return all(
        found >= _numbers(limit) if sign == ">=" else found < _numbers(limit)
        for sign, limit in _LIMIT.findall(limits)
    )


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in release[0].split(".")] if release else []
    while numbers and numbers[-1] == 0:
        numbers.pop()  # 1.0 is 1
    return tuple(numbers)


# -- type checkers -------------------------------------------------------------------------------------------


def _checkers() -> Iterator[Finding]:
    found = False
    for name in CHECKERS:
        version = _version_of(name)
        beside = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
        if version is None and beside is None:
            continue
        found = True
        yield Finding("checkers", "ok", name, version or f"found at {beside}")
    if not found:
        yield Finding(
            "checkers",
            "note",
            "type checkers",
            "none found: a wrong publish is an error at run time only",
            f"Install one of {', '.join(CHECKERS)} in this environment.",
        )


# -- bindings ------------------------------------------------------------------------------------------------


def _bindings() -> Iterator[Finding]:
    """Yield what `generate --check` finds in this folder."""
    try:
        settings = load_settings(Path(), OPTIONS)
    except DefinitionErrors as errors:
        text = "; ".join(problem.message for problem in errors.problems)
        yield Finding("bindings", "problem", "settings", text, "Mend [tool.tightbeam] in pyproject.toml.")
        return
    folders = " and ".join(str(folder) for _, folder in wanted(TARGETS, settings))
    subject = f"{settings.schemas} to {folders}"
    if not settings.schemas.is_dir():
        yield Finding("bindings", "note", subject, "no definitions in this folder")
        return
    yield from _metaschema(settings)
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = run_generate(Request(check=True))
    if code == FINE:
        yield Finding("bindings", "ok", subject, "in step")
    elif code == DRIFT:
        yield Finding("bindings", "problem", subject, "out of date", "Run: tightbeam generate")
    else:
        lines = said.getvalue().strip().splitlines()
        text = lines[0] if lines else "they can't be compiled"
        yield Finding("bindings", "problem", subject, text, "See: tightbeam generate --check")


def _metaschema(settings: Settings) -> Iterator[Finding]:
    """Yield a note for each metaschema that editors use that is another version's, or for another dialect."""
    from tightbeam_codegen.command.init import METASCHEMAS
    from tightbeam_codegen.command.metaschema import editor_metaschema

    for kind, name in METASCHEMAS.items():
        file = settings.schemas / name
        if file.is_file() and file.read_text("utf-8", "replace") != editor_metaschema(settings.dialect, kind):
            text, remedy = "another version's, or for another dialect", "Run: tightbeam init --editor"
            yield Finding("bindings", "note", file.as_posix(), text, remedy)


# -- a journal -----------------------------------------------------------------------------------------------


def _journal(file: Path) -> Iterator[Finding]:
    from tightbeam import JournalRefused
    from tightbeam._engine.backends import journal_at

    try:
        found = journal_at(file).check_up()
    except JournalRefused as error:
        yield Finding("journal", "problem", str(file), str(error))
        return
    yield from _file(str(file), found)
    yield from _runs(str(file), found)


def _file(name: str, found: Checkup) -> Iterator[Finding]:
    sizes = f"{found.size:,} bytes, {found.log_size:,} of them in the log; {found.free:,} bytes free"
    if found.damage:
        text = f"damaged: {found.damage[0]}" + (
            f", and {len(found.damage) - 1} more" if found.damage[1:] else ""
        )
        yield Finding("journal", "problem", name, text, "Restore it from a backup, or move it away.")
    else:
        yield Finding("journal", "ok", name, f"sound, format {found.format}, {sizes}")
    if found.log_is_stuck:
        text = f"{found.log_size:,} bytes: it can't be moved into the file"
        remedy = "Another program reads the file in a transaction that it doesn't end: end it."
        yield Finding("journal", "problem", "log", text, remedy)
    if found.free < _LEAST_FREE:
        text = f"{found.free:,} bytes are free: durable publishes fail when there are none"
        yield Finding("journal", "problem", "disk", text, "Make room, or keep less (retain_messages=).")
    if found.mode & 0o077:
        text = f"mode {found.mode:04o}: other users can read payloads"
        yield Finding("journal", "problem", "permissions", text, f"Run: chmod 600 {name}")
    if found.holder is None:
        yield Finding("journal", "ok", "client", "nobody has it open")
    else:
        who = f"process {found.holder}" if found.holder else "a process"
        yield Finding("journal", "ok", "client", f"{who} has it open")


def _runs(name: str, found: Checkup) -> Iterator[Finding]:
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(found.states.items()))
    yield Finding("journal", "ok", "runs", counts or "none")
    waiting = sum(
        count for state, count in found.states.items() if state not in ("done", "failed", "cancelled")
    )
    if waiting and found.holder is None:
        text = f"{waiting:,} unfinished, and no client is running: they go on when one is entered"
        yield Finding("journal", "note", "pending", text)
    elif found.holder is not None:
        for function, microseconds in sorted(found.overdue.items()):
            if microseconds > _LATE * 1e6:
                text = f'runs of "{function}" have been due for {microseconds / 1e6:,.0f} s'
                remedy = (
                    f"What holds them up: tightbeam runs {name} --state running --function {function}. "
                    "A run that hangs holds its slot, and that of its concurrency key, until it is cancelled."
                )
                yield Finding("journal", "note", "pending", text, remedy)
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


def _starts(name: str, found: Checkup) -> Iterator[Finding]:
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
    if _version_of(_CRON) is None:
        text = f"{_CRON} isn't installed here, so the clock starts none of these"
        yield Finding("journal", "problem", "schedules", text, "Run: pip install 'tightbeam[cron]'")


def _moment(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6).astimezone().isoformat(" ", "seconds")
