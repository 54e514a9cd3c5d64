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
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from tightbeam_cli.checkups.findings import Finding, version_of
from tightbeam_codegen.command.failures import DRIFT, FINE
from tightbeam_codegen.command.generate import run_generate
from tightbeam_codegen.command.request import Request
from tightbeam_codegen.problems import DefinitionErrors, visible
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS, TARGETS, wanted
from tightbeam_codegen.version import tool_version

__all__ = ["run_doctor"]

WAL_RESET_FIXED = (3, 51, 3)
CHECKERS = ("mypy", "pyright", "basedpyright", "ty", "pyrefly")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)")
_LIMIT = re.compile(r"(>=|<)\s*([0-9.]+)")


def run_doctor(journal: str | None, postgres_schema: str, as_json: bool) -> int:
    """Look at everything and print it.

    Args:
        journal: a file or an address to look at, too.
        postgres_schema: of an address, the schema of its tables.
        as_json: whether to print one JSON object.

    Returns:
        The exit code: 0 if nothing is wrong, 1 if something is.
    """
    findings = [*_versions(), *_checkers(), *_bindings(), *_journal(journal, postgres_schema)]
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
        if matched and (extra is None or extra[1] in ("cli", "codegen", "gateway", "inngest", "postgres")):
            needed = extra is None or extra[1] == "cli"
            if needed or version_of(matched[1]) is not None:
                found.setdefault(matched[1], []).append(matched[2].strip())
    return [(name, ",".join(dict.fromkeys(limits))) for name, limits in found.items()]


def _package(name: str, limits: str) -> Finding:
    version = version_of(name)
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
        version = version_of(name)
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


def _journal(place: str | None, postgres_schema: str) -> Iterator[Finding]:
    from tightbeam._engine.addresses import is_address

    if place is None:
        return
    if is_address(place):
        from tightbeam_cli.checkups.servers import server_findings

        yield from server_findings(place, postgres_schema)
    else:
        from tightbeam_cli.checkups.files import file_findings

        yield from file_findings(Path(place))
