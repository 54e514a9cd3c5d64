"""Run one page of the documentation: `python run_page.py PAGE`, in a folder that is the page's own.

Python blocks share one namespace and one event loop (so `await` works at the top level), console blocks one
folder. The first thing that isn't as the page says ends the run with its place.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import linecache
import re
import shlex
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

sys.path[0] = str(Path.cwd())  # what the page generates, not this folder
sys.path.append(str(Path(__file__).parent))

from blocks import Block, blocks, matches  # noqa: E402  - found by the line above

COMMANDS = ("tightbeam", "python")
"""What a console block may start; other lines (pip, make, cd) are for the reader."""


class Broken(Exception):
    """The page says something that isn't so."""


class Page:
    """One page while it runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        module = ModuleType("page")
        sys.modules["page"] = module  # where Pydantic looks names up
        self.namespace = vars(module)
        self.printed = ""
        self.runner = asyncio.Runner()

    def run(self) -> int:
        """Run every block; how many had something to show for it."""
        done = 0
        with self.runner:
            for block in blocks(self.path):
                try:
                    done += self.block(block)
                except Broken as broken:
                    raise Broken(f"{self.path.name}:{block.line}: {broken}") from None
        return done

    def block(self, block: Block) -> bool:
        """Run or check one block; whether there was anything to run or check."""
        if block.is_output:
            if not matches(block.text, self.printed):
                raise Broken(f"the block before this one printed:\n{self.printed}")
            return True
        if block.not_run:
            return False
        if block.title is not None:
            target = Path(block.title)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        match block.language:
            case "python" if "/" in (block.title or ""):
                return True  # a module of a package, which other blocks import
            case "python":
                self.python(block)
            case "console":
                return console(block, self.namespace.get("stands_for", {}))
            case "json":
                definition(block, parsed(json.loads, block))
            case "yaml":
                definition(block, parsed(yaml.safe_load, block))
            case "toml":
                parsed(tomllib.loads, block)
            case _:
                return False
        return True

    def python(self, block: Block) -> None:
        """Execute, keep what it printed, and compare its end with the one announced."""
        name = f"{self.path.name}:{block.line}"
        linecache.cache[name] = (len(block.text), None, block.text.splitlines(keepends=True), name)
        output = io.StringIO()
        try:
            code = compile(block.text, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            with contextlib.redirect_stdout(output):
                self.runner.run(self.execute(code))
        except Exception as error:  # noqa: BLE001 - whatever a page raises is compared with what it says
            if block.raises != type(error).__name__:
                raise Broken("".join(traceback.format_exception(error))) from None
            output.write(f"{error}\n")
        else:
            if block.raises is not None:
                raise Broken(f"no {block.raises} was raised")
        finally:
            self.printed = output.getvalue()

    async def execute(self, code: Any) -> None:
        """Run compiled code in the page's namespace, inside the loop."""
        waiting = eval(code, self.namespace)
        if inspect.isawaitable(waiting):
            await waiting


def parsed(parse: Any, block: Block) -> Any:
    """The block's value."""
    try:
        return parse(block.text)
    except (ValueError, yaml.YAMLError) as error:
        raise Broken(f"not {block.language}: {error}") from None


def definition(block: Block, value: Any) -> None:
    """Put a channel definition through the generator, beside the files that the page has."""
    if block.title is not None or not (isinstance(value, dict) and "topics" in value and "name" in value):
        return
    scratch = Path("scratch", f"line_{block.line}")
    scratch.mkdir(parents=True)
    (scratch / f"shown.channel.{block.language}").write_text(block.text, encoding="utf-8")
    for shared in Path("schemas").glob("common.*"):
        (scratch / shared.name).write_bytes(shared.read_bytes())
    done = execute(["tightbeam", "generate", str(scratch), "--output", str(scratch / "bindings"), "--strict"])
    if done.returncode:
        raise Broken(f"the generator refuses it:\n{done.stdout}")


def console(block: Block, stands_for: dict[str, str]) -> bool:
    """Run the lines after `$` that start one of ours; if output follows them, compare it.

    Args:
        block: the commands and their output.
        stands_for: what a text of the page stands for here, such as a URL or an id; hidden Python sets it.
    """
    ran = False
    for entry in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, expected = entry.partition("\n")
        command = shlex.split(line, comments=True)
        if not command or command[0] not in COMMANDS:
            continue
        ran = True
        done = execute(_replaced(command, stands_for))
        for shown, real in stands_for.items():
            done.stdout = done.stdout.replace(real, shown)
        if expected.strip() and not matches(expected, done.stdout):
            raise Broken(f"`{line}` printed (exit {done.returncode}):\n{done.stdout}")
        if done.returncode and not expected.strip():
            raise Broken(f"`{line}` failed with {done.returncode}:\n{done.stdout}")
    return ran


def _replaced(command: list[str], stands_for: dict[str, str]) -> list[str]:
    for shown, real in stands_for.items():
        command = [word.replace(shown, real) for word in command]
    return command


def execute(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of our commands from the environment of this Python."""
    executable = Path(sys.executable).parent / command[0]
    return subprocess.run(
        [executable, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


if __name__ == "__main__":
    try:
        print(Page(Path(sys.argv[1])).run(), "blocks hold")
    except Broken as broken:
        sys.exit(str(broken))
