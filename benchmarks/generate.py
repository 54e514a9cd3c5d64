"""The generator at scale, beside datamodel-code-generator's directory mode and json-schema-to-typescript."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.definitions import TOPICS, single_document, write_definitions
from benchmarks.imports import generate_command
from benchmarks.peers import json2ts
from benchmarks.processes import Usage, python, run
from benchmarks.report import Bound, Report, Table

__all__ = ["measure"]

_DATAMODEL = """
from pathlib import Path
from datamodel_code_generator import InputFileType, LiteralType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
generate(
    Path("payloads"),
    output=Path("models"),
    input_file_type=InputFileType.JsonSchema,
    output_model_type=DataModelType.PydanticV2BaseModel,
    target_python_version=PythonVersion.PY_311,
    enum_field_as_literal=LiteralType.All,
    use_annotated=True,
    disable_timestamp=True,
    formatters=[],
)
"""
_WRITE = """
from pathlib import Path
from benchmarks.definitions import definition_files, payload_schemas, write_definitions
files = definition_files({count})
write_definitions(Path("schemas"), files)
write_definitions(Path("payloads"), payload_schemas(files))
"""
_COLD = "Tightbeam, cold"
_PEER = "datamodel-code-generator, a directory"
_TYPESCRIPT = "json-schema-to-typescript, unformatted"


def measure(*, quick: bool = False, files: int = 1000) -> Report:
    """Cold, unchanged, one file changed, `--check`; mypy; one large document."""
    count = min(files, 40) if quick else files
    report = Report(
        "generate",
        f"{count:,} definition files of {TOPICS} topics each: objects of 6 or 7 properties, nested, enums,"
        " references to a common file. CPU time in seconds, of all processes; memory of the largest process.",
    )
    with _corpus(count) as folder:
        usages = _commands(folder, rounds=1 if quick else 3)
        rows = [_row(name, usage, usages[_COLD].cpu) for name, usage in usages.items()]
        report.tables.append(Table("Commands", ("", "CPU", "wall", "MB", "÷ cold"), tuple(rows)))
        _command_bounds(report, usages, quick=quick)
        if not quick:
            _mypy(report, folder)
        _single(report, folder, *((40, 30) if quick else (350, 300)))
    return report


@contextmanager
def _corpus(count: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tightbeam-bench-") as made:
        folder = Path(made)
        # In a process of its own: on Linux the peak memory of a child begins with its parent's.
        python(_WRITE.format(count=count), folder=folder, variables={"PYTHONPATH": str(Path.cwd())})
        yield folder


def _tightbeam(folder: Path, schemas: str, output: str, *more: str, cache: str = "cache") -> Usage:
    variables = {"TIGHTBEAM_CACHE_DIR": str(folder / cache)}
    return run(generate_command(schemas, output, *more), folder=folder, variables=variables)


def _commands(folder: Path, rounds: int) -> dict[str, Usage]:
    """The medians of some rounds; the peers, which take long, run once, between them."""
    found: dict[str, list[Usage]] = {}

    def note(name: str, usage: Usage) -> None:
        found.setdefault(name, []).append(usage)

    for number in range(rounds):
        cache, output = f"cache{number}", f"cold{number}"
        note(_COLD, _tightbeam(folder, "schemas", output, cache=cache))
        if number == 0:
            (folder / output).rename(folder / "generated")
            _tightbeam(folder, "schemas", "generated")
            note(_PEER, python(_DATAMODEL, folder=folder))
            if (command := json2ts()) is not None:
                note(
                    _TYPESCRIPT,
                    run([*command, "-i", "payloads", "-o", "types", "--format=false"], folder=folder),
                )
        note("Tightbeam, nothing changed", _tightbeam(folder, "schemas", "generated"))
        note("Tightbeam, nothing changed, --check", _tightbeam(folder, "schemas", "generated", "--check"))
        with _changed(sorted((folder / "schemas").glob("*.channel.json"))[number]):
            note("Tightbeam, one file changed", _tightbeam(folder, "schemas", "generated"))
        _tightbeam(folder, "schemas", "generated")
        check = _tightbeam(folder, "schemas", "generated", "--check", cache=f"check{number}")
        note("Tightbeam, cold, --check", check)
    return {name: _median(usages) for name, usages in found.items()}


@contextmanager
def _changed(file: Path) -> Iterator[None]:
    text = file.read_text("utf-8")
    file.write_text(
        text.replace(
            '"type": "object",\n        "properties": {',
            '"type": "object",\n        "properties": {"addedLater": {"type": "boolean"},',
            1,
        ),
        "utf-8",
    )
    if file.read_text("utf-8") == text:
        raise RuntimeError("nothing to change in the definition")
    try:
        yield
    finally:
        file.write_text(text, "utf-8")


def _median(usages: list[Usage]) -> Usage:
    def of(value: Callable[[Usage], float]) -> float:
        return median(map(value, usages))

    return Usage(of(lambda u: u.wall), of(lambda u: u.cpu), of(lambda u: u.megabytes), "")


def _row(name: str, usage: Usage, cold: float) -> tuple[str, ...]:
    return (
        name,
        f"{usage.cpu:.2f}",
        f"{usage.wall:.2f}",
        f"{usage.megabytes:,.0f}",
        f"{usage.cpu / cold:.2f}",
    )


def _command_bounds(report: Report, usages: dict[str, Usage], *, quick: bool) -> None:
    cold = usages[_COLD]
    bounds = report.bounds
    # Few files are over before either has imported what it needs: the ratio says little then.
    limit = 1.5 if quick else 0.35
    bounds.append(
        Bound("cold: ÷ datamodel-code-generator, CPU", cold.cpu / usages[_PEER].cpu, "≤", limit, margin=2)
    )
    if _TYPESCRIPT in usages and not quick:
        bounds.append(
            Bound("cold: ÷ json-schema-to-typescript, CPU", cold.cpu / usages[_TYPESCRIPT].cpu, "≤", 1.0)
        )
    bounds.append(Bound("cold: memory of a process", cold.megabytes, "≤", 250, " MB", None))
    for name, most in (("nothing changed", 0.3), ("one file changed", 1.5)):
        bounds.append(Bound(f"{name}, CPU", usages[f"Tightbeam, {name}"].cpu, "≤", most, " s", None))
    ratio = usages["Tightbeam, nothing changed"].cpu / cold.cpu
    bounds.append(Bound("nothing changed: ÷ cold, CPU", ratio, "≤", 0.3 if quick else 0.05, margin=2))
    check = usages["Tightbeam, cold, --check"].cpu / cold.cpu
    bounds.append(Bound("--check: ÷ generate, CPU", check, "≤", 1.0, margin=1.5))


def _mypy(report: Report, folder: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "mypy", "generated"]
    cold, warm = run(command, folder=folder), run(command, folder=folder)
    rows = (_row("cold", cold, cold.cpu), _row("warm", warm, cold.cpu))
    report.tables.append(Table("mypy --strict over all of it", ("", "CPU", "wall", "MB", "÷ cold"), rows))
    report.bounds.append(Bound("mypy --strict, cold, CPU", cold.cpu, "≤", 20, " s", None))
    report.bounds.append(Bound("mypy --strict, warm, CPU", warm.cpu, "≤", 1, " s", None))


def _single(report: Report, folder: Path, count: int, kilobytes: int) -> None:
    write_definitions(folder / "single", single_document(count, kilobytes), indent=None)
    usage = _tightbeam(folder, "single", "from_single", cache="single-cache")
    size = (folder / "single" / "legacy.json").stat().st_size / 1000
    title = f"One draft 7 document of {count} definitions, {size:,.0f} kB"
    report.tables.append(
        Table(title, ("", "CPU", "wall", "MB", "÷ itself"), (_row("cold", usage, usage.cpu),))
    )
    report.bounds.append(Bound("one large document, CPU", usage.cpu, "≤", 5, " s", None))
