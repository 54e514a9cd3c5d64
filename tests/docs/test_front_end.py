"""All TypeScript, JavaScript, Vue and Svelte of README and docs type-checks, strictly, and lints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.building import FOLDER, project, require_recipes
from tests.docs.front_end import Project, project_of, projects
from tests.typescript.node_tools import OPTIONS

pytestmark = pytest.mark.slow

_TYPES = {
    "moduleResolution": "bundler",
    "module": "esnext",
    "noEmit": True,
    "allowImportingTsExtensions": True,
}


@pytest.fixture(scope="module", autouse=True)
def _needs_packages() -> None:
    require_recipes()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Project]]:
    """All pages, each in a folder of its own."""
    found = projects()
    assert {"react", "vue", "svelte", "plain-page", "typescript", "gateway"} <= {each.name for each in found}
    return written(tmp_path_factory.mktemp("docs"), found)


def written(folder: Path, found: list[Project]) -> tuple[Path, list[Project]]:
    files = {f"{each.name}/{path}": text for each in found for path, text in each.files.items()}
    folder.mkdir(exist_ok=True)
    for name in ("eslint.config.js", "vite.config.js"):
        shutil.copyfile(FOLDER / name, folder / name)
    project(folder, files)
    return folder, found


def has_svelte(each: Project) -> bool:
    return any(path.endswith(".svelte") for path in each.files)


def tool(folder: Path, *command: str) -> list[str]:
    """Run a tool. Returns what it complains about, with places in the pages."""
    done = subprocess.run(
        [folder / "node_modules/.bin" / command[0], *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = (done.stdout + done.stderr).replace(f"{folder}/", "")
    return said.strip().splitlines() if done.returncode != 0 else []


def types(folder: Path, found: list[Project]) -> list[str]:
    """Type-check all projects: TypeScript and Vue together, those with Svelte by themselves."""
    plain = [each.name for each in found if not has_svelte(each)]
    include = [f"{name}/**/*" for name in plain]
    strict = {"compilerOptions": {**OPTIONS, **_TYPES}, "include": include}
    (folder / "tsconfig.json").write_text(json.dumps(strict))
    loose = {**OPTIONS, **_TYPES, "allowJs": True, "checkJs": True, "noImplicitAny": False}
    (folder / "tsconfig.js.json").write_text(
        json.dumps({"compilerOptions": loose, "include": ["**/*.js"], "exclude": ["*.js", "node_modules"]})
    )
    said = tool(folder, "vue-tsc", "--project", "tsconfig.json", "--pretty", "false") if plain else []
    if any(path.endswith(".js") for each in found for path in each.files):
        said += tool(folder, "tsc", "--project", "tsconfig.js.json", "--pretty", "false")
    for each in filter(has_svelte, found):
        own = {"compilerOptions": {**OPTIONS, **_TYPES}, "include": ["src/**/*"]}
        config = folder / each.name / "tsconfig.json"
        config.write_text(json.dumps(own))
        options = ("--workspace", each.name, "--tsconfig", str(config), "--fail-on-warnings")
        said += tool(folder, "svelte-check", "--output", "human", *options)
    return said


def test_every_block_type_checks(shown: tuple[Path, list[Project]]) -> None:
    assert "\n".join(types(*shown)) == ""


def test_every_block_lints(shown: tuple[Path, list[Project]]) -> None:
    folder, _ = shown
    assert "\n".join(tool(folder, "eslint", "--max-warnings", "0", ".")) == ""


def test_the_hooks_themselves_lint(tmp_path: Path) -> None:
    """They are generated, so no linter of a front end looks at them."""
    sources = Path(__file__).parents[2] / "generator/tightbeam_codegen/targets/typescript/support"
    names = ["useChannel.ts", "useChannels.ts", "received.ts", "follower.ts"]
    folder, _ = written(tmp_path, [])
    for name in names:
        shutil.copyfile(sources / name, folder / f"_{name}")
    assert "\n".join(tool(folder, "eslint", "--max-warnings", "0", ".")) == ""


WRONG = """
```tsx
import { useRef } from "react";
export function Wrong() {
  const last = useRef<string>();
  last.current = "x";
  return <p>{last.current}</p>;
}
```
```vue title="web/src/Wrong.vue"
<script setup lang="ts">
const n: number = "one";
</script>
<template><p>{{ n }}</p></template>
```
```svelte title="web/src/Wrong.svelte"
<script lang="ts">
  const n: number = "one";
</script>
<p>{n}</p>
```
"""


@pytest.mark.parametrize("ending", ["tsx", "vue", "svelte"])
def test_a_wrong_block_is_found_out(ending: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("".join(re.findall(rf"```{ending}.*?```\n", WRONG, re.DOTALL)))
    found = project_of(page)
    assert found is not None
    folder, _ = written(tmp_path / "project", [found])
    said = "\n".join(types(folder, [found]))
    assert ("Expected 1 arguments" in said) if ending == "tsx" else ("not assignable" in said)
    if ending == "tsx":
        assert "Cannot access refs during render" in "\n".join(tool(folder, "eslint", "."))
