"""Somebody else's text in every place of the TypeScript bindings: constants and comments, never code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tightbeam_codegen.compiling import compile_files, errors
from tests.tightbeam_codegen.hostile.alphabet import strings
from tests.tightbeam_codegen.hostile.attacks import ATTACKS
from tests.tightbeam_codegen.hostile.compiled import everywhere
from tests.tightbeam_codegen.hostile.places import PLACES
from tests.tightbeam_codegen.hostile.saturated import saturated
from tests.typescript.allowed import NotAllowed, check_module, check_modules, constants
from tests.typescript.node_tools import needs_node, project, run, tsc
from tightbeam_codegen.targets.typescript.printer import TypeScriptPrinter

SUPPORT = TypeScriptPrinter("0.0.0", "js").support(validators=True)
HEAD = SUPPORT["_channel.ts"].partition("\n\n")[0] + "\n"
FIRE = "globalThis.fired = 1"
SCRIPTS: Mapping[str, str] = {
    "call": f"({FIRE})",
    "end of a comment": f"*/ {FIRE} /*",
    "end of a comment, escaped": f"*\\/ *\u200b/ **/ {FIRE}; /**",
    "comment": f"// {FIRE} /* <!-- -->",
    "double quote": f'"; {FIRE}; "',
    "single quote": f"'; {FIRE}; '",
    "backslash and quote": f"\\\"; {FIRE}; \\'; {FIRE}; //",
    "backslash at the end": f"; {FIRE} //\\",
    "template": f"`${{{FIRE}}}`",
    "expression of a template": f"${{{FIRE}}}",
    "end of a type": f"}}; {FIRE}; export type Zq = {{ a",
    "end of a channel": f'" }}); {FIRE}; ({{ name: "',
    "end of a property": f"a: 1; [{FIRE}]: string; b",
    "computed property": f"[{FIRE}]",
    "regular expression": f"/[/]\\/{FIRE}/.test('')",
    "line separators": f"a\u2028{FIRE}\u2029{FIRE}\x85{FIRE}",
    "line ends": f"a\r{FIRE}\r\n{FIRE}\n{FIRE}",
    "end of a script": f"</script><script>{FIRE}</script>",
    "orders to compilers": "@ts-nocheck\n// @ts-ignore\n#__PURE__ /// <reference path='x' />",
    "directive": "use strict",
    "import": f'x.js"; {FIRE}; import "./y',
    "prototype": "__proto__",
    "constructor": "constructor",
    "global": "globalThis",
    "escapes": "\\u0022; \\x22; \\u{22}; \\0 \\\n \\",
    "source map": "\n//# sourceMappingURL=data:application/json;base64,e30=\n",
    "bidirectional controls": f"a\u202e\u2066/* {FIRE} */\u2069",
}
OFTEN = [
    "end of a comment",
    "template",
    "end of a script",
]


@pytest.mark.parametrize(
    "name", [n if n in OFTEN else pytest.param(n, marks=pytest.mark.slow) for n in SCRIPTS]
)
def test_nothing_of_it_becomes_code(name: str, tmp_path: Path) -> None:
    outcome = everywhere(SCRIPTS[name], tmp_path, typescript=True)
    check_modules(outcome.scripts, SUPPORT)
    made = {path.split("/")[0] for path in outcome.scripts}
    assert {outcome.folders[place] for place in PLACES.keys() - outcome.refused.keys()} <= made


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_of_what_attacks_python_does(name: str, tmp_path: Path) -> None:
    check_modules(everywhere(ATTACKS[name].text, tmp_path, typescript=True).scripts, SUPPORT)


def check_strings(some: list[str], folder: Path) -> None:
    """Random strings in every place at once: the modules hold them as constants."""
    made = compile_files(
        folder,
        saturated(some).good,
        typescript=folder / "ts",
        typescript_validators=True,
        typescript_import_extension="js",
    )
    assert errors(made) == []
    scripts = made.typescript
    check_modules(scripts, SUPPORT)
    assert constants(scripts["values.ts"]) >= set(some)
    assert constants(scripts["odd.ts"]) >= set(some)
    for path, source in scripts.items():
        if path.endswith(".validators.ts"):
            (text,) = (text for text in constants(source) if text[:1] == "{")
            assert json.loads(text)["topics"]


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 400, 100))
def test_random_strings(start: int, tmp_path: Path) -> None:
    check_strings(strings(100, 70_261 + start), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("begin", range(1_000, 21_000, 1_000))
def test_very_many_strings(begin: int, tmp_path: Path) -> None:
    for start in range(begin, begin + 1_000, 100):
        check_strings(strings(100, 70_261 + start), tmp_path)


@pytest.mark.slow
def test_a_compiler_and_node_agree(tmp_path: Path) -> None:
    """What is printed compiles, and when it runs nothing fires."""
    needs_node()
    files: dict[str, str] = {}
    for index, (name, text) in enumerate(SCRIPTS.items()):
        if name in OFTEN:
            made = everywhere(text, tmp_path / f"in{index}", typescript=True).scripts
            files |= {f"attack{index}/{path}": source for path, source in made.items()}
    root = project(tmp_path / "out", files)
    assert tsc(root, emit=True) == []
    modules = [path.removesuffix(".ts") for path in files]
    imports = "\n".join(f"await import({json.dumps('./js/' + path + '.js')});" for path in modules)
    assert run(root, f"{imports}\nconsole.log(JSON.stringify(globalThis.fired ?? null));") is None


@pytest.mark.parametrize(
    "source",
    [
        f"{FIRE};",
        f"export const x = {FIRE};",
        "alert(1);",
        "export const x = alert(1);",
        "export const x = tightbeam.channel({ name: alert });",
        "export const x = tightbeam.channel({ name: tightbeam.payload<string>().constructor });",
        "export const x = tightbeam.other({});",
        'export const x = "a" + alert;',
        "export const x = `a`;",
        "export const x = String.raw`a`;",
        "const x = new Validators(`{}`, {});",
        "const x = new Validators(String.raw`{`, {});",
        "const x = new Validators(String.raw`${alert(1)}`, {});",
        "const x = new Validators(String.raw`{}`(1), {});",
        "export const x = /a/;",
        "export const x = tightbeam.channel({ name: (params: {}) => { alert } });",
        "export type X = typeof alert;",
        "export type X = { [alert]: string };",
        "export type X = { a: alert };",
        'export type X = "a";\nalert;',
        'import "./x.js";\nimport y from "https://x.example/y.js";',
        'import { x as y } from "../../../x.ts";',
        "export type X = { a = 1 };",
        "export type X = { a: string;",
        "export type X = string; }",
        "export type X = '\\x41';",
        "export type X = 'a\u2028b';",
        "/** a\u202e */",
        "/** @ts-ignore */",
        "export type X = string; // @ts-ignore",
        "export type X = string; // more",
        "export type X = unchecked.alert;",
        "export type X = a ? b : c;",
        "export type X = string\nalert",
        "const validators = new Function();",
        "export * from './x.js' with { type: 'json' };",
        "declare const x: string;",
        "if (x) {}",
        "@decorated export class X {}",
    ],
)
def test_the_oracle_refuses(source: str) -> None:
    with pytest.raises(NotAllowed):
        check_module(f"{HEAD}\n{source}\n")


@pytest.mark.parametrize("line", range(HEAD.count("\n")))
def test_the_oracle_refuses_another_head(line: int) -> None:
    lines = HEAD.splitlines()
    check_module(f"{HEAD}\nexport {{}};\n")
    lines[line] = f"// {FIRE} @ts-nocheck"
    with pytest.raises(NotAllowed):
        check_module("\n".join([*lines, "", "export {};", ""]))
