"""The product in two screens: `make demo`.

Definitions become bindings; wrong publishes are refused by mypy and at run time; live messages repeat when a
run is retried and durable ones don't; the run's graph says what happened.
"""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from examples.demo import show
from tightbeam import Client

ROOT = Path(__file__).parents[2]


def tightbeam(*arguments: str, cwd: Path = ROOT) -> str:
    """What our own command prints; it is shown as a person would type it."""
    show.command(f"tightbeam {' '.join(arguments)}")
    executable = Path(sys.executable).with_name("tightbeam")
    done = subprocess.run([executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def generate() -> None:
    """Part one: the bindings are made."""
    show.heading("1  Channel definitions, in JSON Schema, become typed bindings")
    tightbeam("generate", "schemas", "--output", "generated")
    for definition in sorted((ROOT / "schemas").glob("*.channel.*")):
        module = definition.name.partition(".")[0]
        source = (ROOT / "generated" / f"{module}.py").read_text(encoding="utf-8")
        name = re.findall(r'template="(.+)"', source)[0]
        params = [
            f"{param}: {type_}" for param, type_ in re.findall(r"^    (\w+): (.+),$", source, re.MULTILINE)
        ]
        factory = f"{module}_channel" + (f"({', '.join(params)})".replace("_t.", "") if params else "")
        topics = " ".join(
            f".{topic}" for topic in re.findall(r"^    (\w+): v1\.TopicRef\[", source, re.MULTILINE)
        )
        print(f"{name:<26}→ {show.paint(factory, 'bold')}  {topics}")


def main() -> None:
    """Show everything, in order."""
    logging.getLogger("tightbeam").setLevel(logging.CRITICAL)  # the failures are meant, and told by the demo
    generate()
    from examples.demo import checking, running  # only now: these import the bindings

    show.heading(
        "2  A wrong publish is an error where it is written, and again when it runs: nothing is sent"
    )
    asyncio.run(checking.check())
    show.heading(
        "3  Functions, failing once right after each publish: live messages repeat, durable ones do not"
    )
    with tempfile.TemporaryDirectory() as folder:
        client = Client(Path(folder, "demo.db"), retry_delay=timedelta(milliseconds=10))
        trials = asyncio.run(running.run(client))
        for trial in trials:
            running.report(trial)
        show.heading(
            "4  What the engine remembers of the two runs, so that a retry or a restart goes on from there"
        )
        for trial in trials:
            print(tightbeam("runs", "demo.db", trial.run_id, cwd=Path(folder)).rstrip())


if __name__ == "__main__":
    main()
