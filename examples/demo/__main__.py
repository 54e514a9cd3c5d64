"""The product in two screens: `make demo`.

Definitions become bindings; wrong publishes are refused by mypy and at run time; live messages repeat when a
run is retried and durable ones don't; the run's graph says what happened.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from examples.demo import show

ROOT = Path(__file__).parents[2]


def tightbeam(*arguments: str, cwd: Path = ROOT) -> str:
    """What our own command prints; it is shown as a person would type it."""
    show.command(f"tightbeam {' '.join(arguments)}")
    executable = Path(sys.executable).with_name("tightbeam")
    return subprocess.run(
        [executable, *arguments], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout


def generate() -> None:
    """Part one: the bindings are made."""
    show.heading("1  Channel definitions, in JSON Schema, become typed bindings")
    tightbeam("generate", "schemas", "--output", "generated")
    for definition in sorted((ROOT / "schemas").glob("*.channel.*")):
        module = definition.name.partition(".")[0]
        source = (ROOT / "generated" / f"{module}.py").read_text(encoding="utf-8")
        topics = [line.split(":")[0].strip() for line in source.splitlines() if ": v1.TopicRef[" in line]
        name = show.paint(f"{module}_channel", "bold")
        print(f"schemas/{definition.name:<23} → {name}, with the topics {', '.join(topics)}")


def main() -> None:
    """Show everything, in order."""
    generate()
    # Only now: these import the bindings.
    from examples.demo import checking, running

    show.heading("2  A wrong publish is an error in the editor, and again when it runs: nothing is sent")
    asyncio.run(checking.check())
    show.heading("3  A failure right after every publish: live messages repeat, durable ones do not")
    with tempfile.TemporaryDirectory() as folder:
        trials = asyncio.run(running.run(Path(folder, "demo.db")))
        for trial in trials:
            running.report(trial)
        show.heading("4  What the engine remembers")
        for trial in trials:
            print(tightbeam("runs", "demo.db", trial.run_id, cwd=Path(folder)).rstrip())


if __name__ == "__main__":
    main()
