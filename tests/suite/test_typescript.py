"""The suite's groups as TypeScript: what tsc makes of instances, and how Ajv decides through the bindings.

Beside both stands what there is already: the types of json-schema-to-typescript, and Ajv by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.suite.compiled import Compiled
from tests.suite.conftest import CompileDraft, Say
from tests.suite.groups import DIALECTS, groups, remotes
from tests.suite.soundness import Call, calls
from tests.typescript.node_tools import Fault, needs_node, project, run, tsc
from tightbeam_codegen.targets.typescript.text import literal

pytestmark = pytest.mark.slow

LEAST_CAUGHT = 0.9
LEAST_AGREEING = 0.9

PEER = """
import { compile } from "json-schema-to-typescript";
const made = {};
// Nothing is fetched: what refers to another document isn't compiled.
const options = { bannerComment: "", $refOptions: { resolve: { http: false, file: false } } };
for (const [name, schema] of Object.entries(input)) {
  try {
    made[name] = await compile(schema, "T", options);
  } catch {}
}
console.log(JSON.stringify(made));
"""

AJV = """
import { Ajv } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import Ajv4 from "ajv-draft-04";
import { createRequire } from "node:module";
const draft6 = createRequire(import.meta.url)("ajv/dist/refs/json-schema-draft-06.json");
const classes = { "draft2020-12": Ajv2020, "draft2019-09": Ajv2019, draft7: Ajv, draft6: Ajv, draft4: Ajv4 };
const said = [];
const exact = { libraryOptions: { exact: true } };
const quietly = (decide) => { try { return decide(); } catch { return null; } };
for (const [draft, groups] of Object.entries(input.drafts)) {
  for (const { name, schema, data } of groups) {
    const alone = quietly(() => {
      const ajv = new classes[draft]({ strict: false, logger: false, validateFormats: false });
      if (draft === "draft6") ajv.addMetaSchema(draft6);
      const needed = JSON.stringify(schema).includes("//localhost:1234") ? input.remotes : {};
      for (const [uri, remote] of Object.entries(needed)) quietly(() => ajv.addSchema(remote, uri));
      return ajv.compile(schema);
    });
    const module = await import(`./js/${draft}/${name}.validators.js`);
    const camel = Object.keys(module).find((key) => key.endsWith("Channel"));
    const { validate } = module[camel].topics.t.schema["~standard"];
    for (const value of data) {
      const decided = quietly(() => validate(value, exact).issues === undefined);
      said.push([alone && quietly(() => alone(value)), decided]);
    }
  }
}
console.log(JSON.stringify(said));
"""


@dataclass(frozen=True, slots=True)
class Lines:
    """A module of payloads, one a line."""

    path: str
    text: str
    calls: Mapping[int, Call]


@pytest.fixture(scope="module")
def compiled(compile_draft: CompileDraft) -> dict[str, Compiled]:
    needs_node()
    return {draft: compile_draft(draft) for draft in DIALECTS}


@pytest.fixture(scope="module")
def wanted(compiled: Mapping[str, Compiled]) -> dict[str, list[Call]]:
    """The object-rooted groups' instances, those that say something about types."""
    return {
        draft: list(calls(compiled[draft], groups(draft), dialect)) for draft, dialect in DIALECTS.items()
    }


@pytest.fixture(scope="module")
def folder(compiled: Mapping[str, Compiled], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules of all drafts, for one run of the compiler."""
    files = {
        f"{draft}/{path}": text for draft, each in compiled.items() for path, text in each.typescript.items()
    }
    return project(tmp_path_factory.mktemp("typescript"), files)


def source(value: Any) -> str:
    """An instance as an object literal. In one `__proto__` is no property unless it is computed."""
    match value:
        case dict():
            entries = (
                f"{'[' * (k == '__proto__')}{literal(k)}{']' * (k == '__proto__')}: {source(v)}"
                for k, v in value.items()
            )
            return f"{{ {', '.join(entries)} }}"
        case list():
            return f"[{', '.join(map(source, value))}]"
        case _:
            return literal(value)


def payloads(path: str, made: Iterable[Call], type_of: Mapping[str, str]) -> Lines:
    """A module in which each instance is a constant of its group's type; `type_of` has its module."""
    made = [call for call in made if call.group.name in type_of]
    names = sorted({call.group.name for call in made})
    lines = [f'import type {{ T as {name} }} from "{type_of[name]}";' for name in names]
    start = len(lines) + 1
    lines += [f"export const c{n}: {call.group.name} = {source(call.data)};" for n, call in enumerate(made)]
    return Lines(path, "\n".join([*lines, ""]), {start + n: call for n, call in enumerate(made)})


def say_verdict(say: Say, what: str, lines: Lines, faults: Iterable[Fault]) -> tuple[list[str], float]:
    """Print the shares of right instances taken and of wrong ones refused; the right ones that weren't."""
    flagged = {fault.line for fault in faults if fault.path == lines.path}
    assert flagged <= lines.calls.keys(), sorted(flagged - lines.calls.keys())
    right = [line for line, call in lines.calls.items() if call.right]
    wrong = [line for line, call in lines.calls.items() if not call.right]
    refused = [
        f"{c.group.file}: {c.group.description}: {c.description}" for c in map(lines.calls.get, right) if c
    ]
    refused = [text for text, line in zip(refused, right, strict=True) if line in flagged]
    caught = sum(line in flagged for line in wrong)
    say(
        f"{what}: {len(right) - len(refused)} of {len(right)} right instances taken by tsc,"
        f" {caught} of {len(wrong)} wrong ones refused ({caught / len(wrong):.1%})"
    )
    return refused, caught / len(wrong)


def test_instances_type_check(folder: Path, wanted: Mapping[str, list[Call]], say: Say) -> None:
    """All modules compile; every right instance does, and nearly no wrong one."""
    modules = {
        draft: payloads(
            f"{draft}.ts", made, {call.group.name: f"./{draft}/{call.group.name}.js" for call in made}
        )
        for draft, made in wanted.items()
    }
    for lines in modules.values():
        (folder / lines.path).write_text(lines.text, "utf-8")
    faults = tsc(folder)
    for lines in modules.values():
        (folder / lines.path).unlink()
    assert [fault for fault in faults if fault.path not in {lines.path for lines in modules.values()}] == []
    for draft, lines in modules.items():
        refused, caught = say_verdict(say, f"{draft}, TypeScript", lines, faults)
        assert refused == []
        assert caught >= LEAST_CAUGHT


def test_the_peer_for_comparison(wanted: Mapping[str, list[Call]], tmp_path: Path, say: Say) -> None:
    """json-schema-to-typescript's types for the same instances, where it gives any."""
    project(tmp_path, {})
    files: dict[str, Lines] = {}
    for draft, made in wanted.items():
        schemas = {call.group.name: call.group.schema for call in made}
        types: dict[str, str] = run(tmp_path, PEER, schemas)
        found = {
            name: text
            for name, text in types.items()
            if "export type T " in text or "export interface T " in text
        }
        project(tmp_path, {f"{draft}/{name}.ts": text for name, text in found.items()})
        names = {name: f"./{draft}/{name}.js" for name in found}
        files[draft] = payloads(f"{draft}.ts", made, names)
        (tmp_path / f"{draft}.ts").write_text(files[draft].text, "utf-8")
        say(f"{draft}, json-schema-to-typescript: {len(found)} of {len(schemas)} schemas compiled")
    faults = tsc(tmp_path)
    for draft, lines in files.items():
        say_verdict(say, f"{draft}, json-schema-to-typescript", lines, faults)
        assert len(lines.calls) > 30


def _remotes() -> Iterator[tuple[str, Any]]:
    for prefix, root in remotes().items():
        for path in sorted(root.rglob("*.json")):
            yield prefix + path.relative_to(root).as_posix(), json.loads(path.read_text("utf-8"))


def test_validators_agree_wherever_ajv_does(folder: Path, say: Say) -> None:
    assert tsc(folder, emit=True) == []
    drafts = {
        draft: [
            {"name": group.name, "schema": group.schema, "data": [case.data for case in group.cases]}
            for group in groups(draft)
        ]
        for draft in DIALECTS
    }
    said = iter(run(folder, AJV, {"drafts": drafts, "remotes": dict(_remotes())}))
    lost: list[str] = []
    for draft in DIALECTS:
        alone, ours, total = 0, 0, 0
        for group in groups(draft):
            for case in group.cases:
                by_itself, through_us = next(said)
                alone += by_itself == case.valid
                ours += through_us == case.valid
                total += 1
                if by_itself == case.valid != through_us:
                    lost.append(
                        f"{draft}: {group.name}: {group.description}: {case.description}: {through_us}"
                    )
        say(
            f"{draft}, Ajv: {ours:,} of {total:,} cases decided right in the bindings ({ours / total:.1%}),"
            f" {alone:,} by Ajv alone ({alone / total:.1%})"
        )
        assert ours / total > LEAST_AGREEING
    assert lost == []
