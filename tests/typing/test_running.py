"""The cases, run: good lines must work, and bad ones must fail too, unless they are marked otherwise."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pydantic
import pytest

import tightbeam
from tests.typing.marks import marks

CASES = Path(__file__).parent / "cases"
Body = Callable[[Any, tightbeam.Client], Any]

REFUSALS = (tightbeam.TightbeamError, pydantic.ValidationError, TypeError, AttributeError, ImportError)
"""What a bad line may end in; a `NameError`, say, would mean that the case itself is broken."""


def functions_named(path: Path) -> list[str]:
    """The names of a file's functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def functions(case: str) -> list[str]:
    """The cases of a file: its functions that take a context and a client."""
    tree = ast.parse((CASES / case).read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and [argument.arg for argument in node.args.args] == ["ctx", "client"]
    ]


async def execute(body: Body) -> None:
    """Run `body(ctx, client)` as a function of the embedded engine; its error comes out here."""
    client = tightbeam.Client()
    if inspect.iscoroutinefunction(body):

        async def handler(ctx: tightbeam.Context) -> None:
            await body(ctx, client)

        function: Any = client.function("case", retries=0)(handler)
    else:

        def handler_sync(ctx: tightbeam.ContextSync) -> None:
            body(ctx, client)

        function = client.function("case", retries=0)(handler_sync)
    async with client:
        await client.run(function, {"uploadId": "u1"})


@pytest.mark.parametrize(
    ("case", "name"),
    [
        (case, name)
        for case in (
            "bindings_ok",
            "events_ok",
            "generic_ok",
            "literals_ok",
            "runs_ok",
            "shapes_ok",
            "starting_ok",
        )
        for name in functions(f"{case}.py")
    ],
)
@pytest.mark.usefixtures("project")
async def test_good_lines_run(case: str, name: str) -> None:
    await execute(getattr(importlib.import_module(case), name))


def bad_lines(case: str) -> list[tuple[str, int]]:
    """File and number of each line that must fail when it is run."""
    return [(case, number) for number, mark in marks(CASES / case).items() if mark.fails_when_run]


@pytest.mark.parametrize(
    ("case", "line"),
    [
        *[
            line
            for case in ("bindings_bad", "generic_bad", "literals_bad", "shapes_bad")
            for line in bad_lines(f"{case}.py")
        ],
        *[pytest.param(*line, marks=pytest.mark.slow) for line in bad_lines("starting_bad.py")],
        # `tests/tightbeam/events` has the same refusals, in less time.
        *[pytest.param(*line, marks=pytest.mark.slow) for line in bad_lines("events_bad.py")],
    ],
)
@pytest.mark.usefixtures("project")
async def test_bad_lines_fail_when_run(case: str, line: int) -> None:
    with pytest.raises(REFUSALS):  # noqa: PT012 - importing is part of it: a bad line may be an import
        module, code, name = alone(CASES / case, line)
        exec(code, vars(module))
        if name is not None:
            await execute(getattr(module, name))


def alone(path: Path, line: int) -> tuple[ModuleType, CodeType, str | None]:
    """The case as a module in which this is the only bad line, and the function that has it, if one has."""
    bad = marks(path)
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    keep = OnlyOneBadLine(set(bad) - {line})
    tree = keep.visit(tree)
    inside = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    module = ModuleType("the_case")
    return module, compile(tree, str(path), "exec", dont_inherit=True), inside[0] if inside else None


class OnlyOneBadLine(ast.NodeTransformer):
    """Takes the statements on the given lines away."""

    def __init__(self, lines: set[int]) -> None:
        self.lines = lines

    def visit(self, node: ast.AST) -> Any:
        """Drop a simple statement on one of the lines; keep everything else."""
        simple = isinstance(node, ast.stmt) and not hasattr(node, "body")
        if simple and getattr(node, "lineno", 0) in self.lines:
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)
