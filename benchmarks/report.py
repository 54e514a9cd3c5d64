"""What a benchmark found: tables for people, JSON for machines, and the bounds it is held to."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal

from benchmarks.peers import PEERS, json2ts_version

__all__ = ["Bound", "Report", "Table", "as_page", "as_text", "load", "machine", "save", "too_far", "us"]

_ABOUT = """\
What Tightbeam costs, beside its peers: printed by `make bench-page`, so don't edit it. Each figure stands
beside a peer or a limit that was measured in the same run, in interleaved rounds, and is a median; only
ratios can be compared with another machine's."""
RESULTS = Path(".cache/bench/results")
"""One JSON file a benchmark; nobody commits them."""

_VERSIONS = (
    *("pydantic", "jsonschema_rs", "orjson", "jsonschema", "fastjsonschema", "aiosqlite", "dbos"),
    *("datamodel-code-generator", "mypy", "inngest", "httptools"),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure should be. In CI only a figure far on the wrong side, by `margin`, is a failure.

    Those whose `margin` is None are shown and never judged in CI: differences of two times, and ratios that
    change with what else the machine does.
    """

    what: str
    found: float
    relation: Literal["≤", "≥"]
    limit: float
    unit: str = ""
    margin: float | None = 2.0

    @property
    def holds(self) -> bool:
        """Whether the figure is as it should be."""
        return self.found <= self.limit if self.relation == "≤" else self.found >= self.limit

    @property
    def is_far_off(self) -> bool:
        """Whether it isn't by so much that noise can't explain it."""
        if self.margin is None:
            return False
        at_most = self.limit * self.margin
        return self.found > at_most if self.relation == "≤" else self.found < self.limit / self.margin


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; the first column is what the row is about."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one benchmark has to say."""

    name: str
    about: str
    tables: list[Table] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)


def us(seconds: float) -> str:
    """A time in microseconds, with three digits that count."""
    value = seconds * 1e6
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def too_far(report: Report) -> list[Bound]:
    """The bounds that are missed by more than noise."""
    return [bound for bound in report.bounds if bound.is_far_off]


def as_text(report: Report) -> str:
    """For a terminal."""
    parts = [f"{report.name}: {report.about}"]
    for table in [*report.tables, *_bounds(report)]:
        lines = [table.headings, *table.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(table.headings))]
        text = "\n".join(
            "  " + "  ".join(_aligned(cell, width, column) for column, (cell, width) in enumerate(pairs))
            for pairs in (list(zip(line, widths, strict=True)) for line in lines)
        )
        parts.append(f"{table.title}\n{text}" + (f"\n  {table.note}" if table.note else ""))
    return "\n\n".join(parts) + "\n"


def as_page(reports: Iterable[Report]) -> str:
    """The page in the docs."""
    parts = [
        "# Benchmarks",
        _ABOUT,
        f"{machine()}. {_versions()}.",
    ]
    for report in reports:
        parts.append(f"## {report.name}\n\n{report.about}")
        for table in [*report.tables, *_bounds(report)]:
            parts.append(f"**{table.title}**")
            lines = [table.headings, tuple("---" if i == 0 else "---:" for i in range(len(table.headings)))]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in [*lines, *table.rows]))
            if table.note:
                parts.append(table.note)
    return "\n\n".join(parts) + "\n"


def save(report: Report, *, quick: bool = False) -> Path:
    """Write it as JSON; what a quick run found never stands in for the result of a whole one."""
    folder = RESULTS / "quick" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{report.name}.json"
    content = {"machine": machine(), "versions": _versions(), **asdict(report)}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return file


def load(name: str) -> Report | None:
    """What a benchmark found when it was last run, if it was."""
    file = RESULTS / f"{name}.json"
    if not file.is_file():
        return None
    stated = json.loads(file.read_bytes())
    tables = [
        Table(
            each["title"],
            tuple(each["headings"]),
            tuple(tuple(row) for row in each["rows"]),
            each["note"],
        )
        for each in stated["tables"]
    ]
    return Report(stated["name"], stated["about"], tables, [Bound(**each) for each in stated["bounds"]])


def machine() -> str:
    """The kind of machine, without a name."""
    system = platform.system()
    cores = os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{system} on {platform.machine()}, {cores} cores, {python}"


def _versions() -> str:
    found = [f"SQLite {sqlite3.sqlite_version}"]
    for name in _VERSIONS:
        installed = next(iter(distributions(name=name, path=[*sys.path, str(PEERS)])), None)
        if installed is not None:
            found.append(f"{name} {installed.version}")
    if (typescript := json2ts_version()) is not None:
        found.append(f"json-schema-to-typescript {typescript}")
    return ", ".join(found)


def _bounds(report: Report) -> Sequence[Table]:
    if not report.bounds:
        return ()
    rows = tuple(
        (
            bound.what,
            f"{bound.found:.3g}{bound.unit}",
            f"{bound.relation} {bound.limit:g}{bound.unit}",
            "holds" if bound.holds else "falls short",
        )
        for bound in report.bounds
    )
    return (Table("Bounds", ("what", "found", "bound", ""), rows),)


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
