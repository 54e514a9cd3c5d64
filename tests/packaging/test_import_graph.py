"""Imports run one way: no modules lead to each other by their imports, those for types alone included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOTS = (PROJECT / "runtime", PROJECT / "generator")

Graph = dict[str, set[str]]


def modules_below(*roots: Path) -> dict[str, Path]:
    """Return the modules of the packages in some folders, by name."""
    found = {}
    for root in roots:
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            if len(parts) > 1:  # a file beside the packages belongs to none
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_graph(modules: Mapping[str, Path]) -> Graph:
    """Return what each module imports of the others: at its top, for types only, or within a function."""
    return {name: set(_imported(name, path, modules)) - {name} for name, path in modules.items()}


def _imported(name: str, path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) + 1 - node.level]
                base = ".".join([*parts, base] if base else parts)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                if full in modules:
                    yield full
                elif base in modules:
                    yield base


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of modules that lead to each other, each in alphabetical order."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        waiting.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in waiting:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            group = waiting[waiting.index(name) :]
            del waiting[waiting.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return sorted(found)


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The project's own."""
    graph = import_graph(modules_below(*ROOTS))
    assert len(graph) > 100
    return graph


def test_no_modules_import_each_other(graph: Graph) -> None:
    described = [
        "\n".join(f"{name} imports {other}" for name in group for other in sorted(graph[name] & set(group)))
        for group in circles(graph)
    ]
    assert not described, "modules in a circle:\n" + "\n\n".join(described)


def test_packages_import_only_those_below_them(graph: Graph) -> None:
    below = {
        "tightbeam": set[str](),
        "tightbeam_codegen": {"tightbeam"},
        "tightbeam_inspector": {"tightbeam"},
        "tightbeam_cli": {"tightbeam", "tightbeam_codegen"},
    }
    imported = {package: set[str]() for package in below}
    for name, others in graph.items():
        package = name.partition(".")[0]
        imported[package] |= {other.partition(".")[0] for other in others} - {package}
    assert imported == below


def test_the_generator_imports_of_the_runtime_what_generated_code_means(graph: Graph) -> None:
    """How names of channels are written, how schemas are validated, and which formats have a type."""
    imported = {
        other
        for name, others in graph.items()
        for other in others
        if name.partition(".")[0] == "tightbeam_codegen" and other.partition(".")[0] == "tightbeam"
    }
    assert imported <= {
        "tightbeam._channels.template",
        "tightbeam._payload.formats",
        "tightbeam._payload.schema_index",
        "tightbeam._payload.schemas",
        "tightbeam._payload.subschemas",
        "tightbeam.errors",
    }


@pytest.mark.parametrize(
    "text",
    [
        "import room.b",
        "from room import b",
        "from room.b import name",
        "from . import b",
        "from .b import name",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.b import name",
        "def late():\n    from room.b import name",
    ],
)
def test_every_form_of_import_counts(tmp_path: Path, text: str) -> None:
    (tmp_path / "room").mkdir()
    for name, content in {
        "__init__": "",
        "a": text,
        "b": "from room.c import x",
        "c": "import room.a",
    }.items():
        (tmp_path / "room" / f"{name}.py").write_text(content, encoding="utf-8")
    graph = import_graph(modules_below(tmp_path))
    assert graph["room.a"] == {"room.b"}
    assert circles(graph) == [["room.a", "room.b", "room.c"]]
