"""The golden cases of `tests/codegen` again, as TypeScript: `cases/<concept>/typescript/`.

`TIGHTBEAM_UPDATE_CASES=1 pytest tests/typescript/test_cases.py` writes what is expected; read the difference.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from tests.codegen.compiling import FACTS
from tests.codegen.golden import GOOD, UPDATE, Case, samples
from tests.typescript.node_tools import RESOLUTIONS, needs_node, project, tsc
from tightbeam_codegen.names import pascal
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import load_settings
from tightbeam_codegen.typescript.printer import TypeScriptPrinter

by_name = pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
SUPPORT = TypeScriptPrinter("0.0.0").support()


def expected(case: Case) -> dict[str, str]:
    root = case.folder / "typescript"
    return {file.relative_to(root).as_posix(): file.read_text("utf-8") for file in sorted(root.rglob("*.ts"))}


def generated(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    shutil.copytree(case.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected"))
    monkeypatch.chdir(folder)
    settings = dataclasses.replace(load_settings(Path()), typescript=Path("web"))
    result = generate(Path("schemas"), settings, shown_root="schemas", version="0.0.0", cache=FACTS)
    assert result.files.keys() == case.expected().keys()
    return {path: text for path, text in result.typescript.items() if path not in SUPPORT}


@by_name
def test_what_is_generated(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = generated(case, tmp_path, monkeypatch)
    if UPDATE:
        shutil.rmtree(case.folder / "typescript", ignore_errors=True)
        for path, text in found.items():
            file = case.folder / "typescript" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    assert found == expected(case)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All expected modules, and beside each case one with its samples as payloads."""
    needs_node()
    files: dict[str, str] = {}
    for case in GOOD:
        files |= {f"{case.name}/{path}": text for path, text in {**SUPPORT, **expected(case)}.items()}
        files[f"{case.name}/samples.ts"] = _samples(case)
    return project(tmp_path_factory.mktemp("cases"), files)


def _samples(case: Case) -> str:
    """Every good message as a payload of its topic."""
    lines, values = [], []
    modules = {sample.module for sample in samples(case)}
    for number, module in enumerate(sorted(modules)):
        stem = pascal(module.rpartition(".")[2])
        constant = f"{stem[0].lower()}{stem[1:]}Channel"
        lines.append(f'import {{ {constant} as channel{number} }} from "./{module.replace(".", "/")}.js";')
        for sample in samples(case):
            if sample.module == module and sample.good:
                topic = json.dumps(wire_name(case, module, sample.topic))
                value = json.dumps(sample.value)
                values.append(
                    f"export const value{len(values)}: (typeof channel{number}.$infer)[{topic}] = {value};"
                )
    return "\n".join([*lines, *values, ""])


def wire_name(case: Case, module: str, attribute: str) -> str:
    """The topic that a sample names by its Python attribute."""
    for node in ast.walk(ast.parse(case.expected()[module.replace(".", "/") + ".py"])):
        match node:
            case ast.AnnAssign(ast.Name(id=found), value=ast.Call(args=[ast.Constant(value=str(name)), *_])):
                if found == attribute:
                    return name
            case _:
                pass
    raise AssertionError(f"{case.name}: no topic {attribute}")


@pytest.mark.slow
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_everything_compiles(resolution: str, everything: Path) -> None:
    """Strictly, with every good sample as a payload of its topic's type."""
    assert tsc(everything, resolution=resolution) == []
