"""The golden cases of `tests/golden` again, as TypeScript: `cases/<concept>/typescript/`.

Of validators only a few are golden; all are compiled, and given the case's messages.
`TIGHTBEAM_UPDATE_CASES=1 pytest tests/typescript/test_cases.py` writes what is expected; read the difference.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import FACTS
from tests.tightbeam_codegen.golden import GOOD, UPDATE, Case, Sample, samples
from tests.typescript.node_tools import RESOLUTIONS, needs_node, project, run, tsc
from tightbeam_codegen.names import pascal
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import load_settings
from tightbeam_codegen.targets import OPTIONS
from tightbeam_codegen.targets.typescript.printer import TypeScriptPrinter

by_name = pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
GOLDEN_VALIDATORS = ("draft-04", "draft-2019-09", "folders", "formats-that-are-law", "parameters")
SUPPORT = TypeScriptPrinter("0.0.0").support(validators=True).keys()

PROGRAM = """
const issues = [];
const exact = { libraryOptions: { exact: true } };
for (const [module, constant, topic, value] of input) {
  const { [constant]: defined } = await import(`./js/${module}.validators.js`);
  const { schema } = defined.topics?.[topic] ?? defined;
  const result = await schema["~standard"].validate(value, exact);
  issues.push(result.issues?.length ?? 0);
}
console.log(JSON.stringify(issues));
"""


def expected(case: Case) -> dict[str, str]:
    root = case.folder / "typescript"
    return {file.relative_to(root).as_posix(): file.read_text("utf-8") for file in sorted(root.rglob("*.ts"))}


def is_golden(case: Case, path: str) -> bool:
    return path not in SUPPORT and (".validators." not in path or case.name in GOLDEN_VALIDATORS)


def generated(case: Case, folder: Path, extension: str = "none") -> dict[str, str]:
    """All files of a case, made in a copy of its folder."""
    shutil.copytree(case.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected"))
    here = Path.cwd()
    os.chdir(folder)
    try:
        asked = {
            "typescript": Path("web"),
            "typescript_validators": True,
            "typescript_import_extension": extension,
        }
        settings = load_settings(Path(), OPTIONS)
        settings = dataclasses.replace(settings, options={**settings.options, **asked})
        result = generate(Path("schemas"), settings, shown_root="schemas", version="0.0.0", cache=FACTS)
    finally:
        os.chdir(here)
    assert result.files["python"].keys() == case.expected().keys()
    return dict(result.files["typescript"])


@by_name
def test_what_is_generated(case: Case, tmp_path: Path) -> None:
    found = {path: text for path, text in generated(case, tmp_path).items() if is_golden(case, path)}
    if UPDATE:
        shutil.rmtree(case.folder / "typescript", ignore_errors=True)
        for path, text in found.items():
            file = case.folder / "typescript" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    assert found == expected(case)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All modules of all cases, and beside each case one with its good messages as payloads.

    With the ending that all of Node, `nodenext` and bundlers take.
    """
    needs_node()
    files: dict[str, str] = {}
    for case in GOOD:
        made = generated(case, tmp_path_factory.mktemp("case"), "js")
        files |= {f"{case.name}/{path}": text for path, text in made.items()}
        files[f"{case.name}/samples.ts"] = _payloads(case)
    return project(tmp_path_factory.mktemp("cases"), files)


def _payloads(case: Case) -> str:
    lines, values = [], []
    modules = sorted({sample.module for sample in samples(case)})
    for number, module in enumerate(modules):
        first = next(sample for sample in samples(case) if sample.module == module)
        name, source = constant(first), f"./{_path(module)}.js"
        if first.is_event:
            type_name = name[0].upper() + name[1:]
            lines.append(f'import {{ type {type_name} as Event{number} }} from "{source}";')
        else:
            lines.append(f'import {{ {name} as channel{number} }} from "{source}";')
        for sample in samples(case):
            if sample.module == module and sample.good:
                topic = json.dumps(wire_name(case, sample))
                type_ = f"(typeof channel{number}.$infer)[{topic}]"
                type_ = f'Event{number}["data"]' if sample.is_event else type_
                values.append(f"export const value{len(values)}: {type_} = {json.dumps(sample.value)};")
    return "\n".join([*lines, *values, ""])


def constant(sample: Sample) -> str:
    """What a module calls its channel or event."""
    stem = pascal(sample.module.rpartition(".")[2])
    return f"{stem[0].lower()}{stem[1:]}{'Event' if sample.is_event else 'Channel'}"


def _path(module: str) -> str:
    return module.replace(".", "/")


def wire_name(case: Case, sample: Sample) -> str:
    """The topic that a sample names by its Python attribute."""
    for node in ast.walk(ast.parse(case.expected()[f"{_path(sample.module)}.py"])):
        match node:
            case ast.AnnAssign(ast.Name(id=found), value=ast.Call(args=[ast.Constant(value=str(name)), *_])):
                if found == sample.topic:
                    return name
            case _:
                pass
    raise AssertionError(f"{case.name}: no topic {sample.topic}")


@pytest.mark.slow
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_everything_compiles(resolution: str, everything: Path) -> None:
    """Strictly and each module by itself, with every good message as a payload of its topic's type."""
    by_itself = {"declaration": True, "isolatedDeclarations": True}
    assert tsc(everything, resolution=resolution, more=by_itself) == []


def _is_told_apart(value: Any) -> bool:
    """Whether JavaScript has the numbers in a message: beyond 2^53 several integers are one to it."""
    match value:
        case dict():
            return all(map(_is_told_apart, value.values()))
        case list():
            return all(map(_is_told_apart, value))
        case int() | float():
            return abs(value) <= 2**53
        case _:
            return True


@pytest.mark.slow
def test_validators_decide_as_python_does(everything: Path) -> None:
    assert tsc(everything, emit=True) == []
    every = [(case, sample) for case in GOOD for sample in samples(case)]
    wanted = [(case, sample) for case, sample in every if _is_told_apart(sample.value)]
    assert len(every) - len(wanted) < 10 < 300 < len(wanted)
    calls = [
        (f"{case.name}/{_path(one.module)}", constant(one), wire_name(case, one), one.value)
        for case, one in wanted
    ]
    issues = run(everything, PROGRAM, calls)
    differing = [
        (case.name, sample.topic, sample.value)
        for (case, sample), count in zip(wanted, issues, strict=True)
        if sample.good != (count == 0)
    ]
    assert differing == []
