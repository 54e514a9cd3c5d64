"""`tightbeam breaking` at scale: definitions in a git repository, compared with its only commit."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.definitions import TOPICS
from benchmarks.processes import Usage, python, run
from benchmarks.report import Bound, Report, Table

__all__ = ["measure"]

_WRITE = """
from pathlib import Path
from benchmarks.definitions import definition_files, write_definitions
write_definitions(Path("schemas"), definition_files({count}))
"""
_NOTHING, _ONE, _LAID_OUT, _ALL = (
    "nothing changed",
    "one file changed",
    "every file laid out anew",
    "every file changed",
)
_OBJECT = '"type": "object",\n        "properties": {'


def measure(*, quick: bool = False, files: int = 1000) -> Report:
    """Nothing changed, one file, the layout of every file, every file."""
    count = min(files, 40) if quick else files
    report = Report(
        "breaking",
        f"{count:,} definition files of {TOPICS} topics each, committed, and compared with that commit by"
        " `tightbeam breaking --against HEAD`. CPU time in seconds, with git's; peak memory.",
    )
    with tempfile.TemporaryDirectory(prefix="tightbeam-bench-") as made:
        folder = Path(made)
        python(_WRITE.format(count=count), folder=folder, variables={"PYTHONPATH": str(Path.cwd())})
        _commit(folder)
        usages = _usages(folder, rounds=1 if quick else 3)
    rows = [
        (name, f"{usage.cpu:.2f}", f"{usage.wall:.2f}", f"{usage.megabytes:,.0f}")
        for name, usage in usages.items()
    ]
    report.tables.append(Table("Compared with HEAD", ("", "CPU", "wall", "MB"), tuple(rows)))
    for name, most in ((_NOTHING, 0.3), (_ONE, 2.0), (_LAID_OUT, 2.0)):
        report.bounds.append(Bound(f"{name}, CPU", usages[name].cpu, "≤", most, " s", None))
    ratio = usages[_NOTHING].cpu / usages[_ALL].cpu
    report.bounds.append(Bound("nothing changed: ÷ every file, CPU", ratio, "≤", 0.5 if quick else 0.05))
    return report


def _commit(folder: Path) -> None:
    author = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for arguments in (("init", "-q"), ("add", "schemas"), (*author, "commit", "-q", "-m", "before")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def _usages(folder: Path, rounds: int) -> dict[str, Usage]:
    files = sorted((folder / "schemas").glob("*.channel.json"))
    found: dict[str, list[Usage]] = {}
    for _ in range(rounds):
        for name, changed, change in (
            (_NOTHING, [], _with_property),
            (_ONE, files[:1], _with_property),
            (_LAID_OUT, files, _laid_out),
            (_ALL, files, _with_property),
        ):
            with _changed(changed, change):
                found.setdefault(name, []).append(run(_command(), folder=folder))
    return {name: _median(usages) for name, usages in found.items()}


def _command() -> list[str]:
    return [str(Path(sys.executable).with_name("tightbeam")), "breaking", "--against", "HEAD"]


@contextmanager
def _changed(files: Iterable[Path], change: Callable[[str], str]) -> Iterator[None]:
    texts = {file: file.read_text("utf-8") for file in files}
    for file, text in texts.items():
        if change(text) == text:
            raise RuntimeError("nothing to change in the definition")
        file.write_text(change(text), "utf-8")
    try:
        yield
    finally:
        for file, text in texts.items():
            file.write_text(text, "utf-8")


def _with_property(text: str) -> str:
    return text.replace(_OBJECT, f'{_OBJECT}"addedLater": {{"type": "boolean"}},', 1)


def _laid_out(text: str) -> str:
    return text.replace('": ', '" : ')


def _median(usages: list[Usage]) -> Usage:
    def of(value: Callable[[Usage], float]) -> float:
        return median(map(value, usages))

    return Usage(of(lambda u: u.wall), of(lambda u: u.cpu), of(lambda u: u.megabytes), "")
