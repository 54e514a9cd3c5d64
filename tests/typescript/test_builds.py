"""The generated modules, built and run by the tools that front ends have."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.typescript.build_tools import FOLDER, USED, in_project, needs_builds, node_version, tool

pytestmark = pytest.mark.slow

MODULE, COMMONJS = {"type": "module"}, {"private": True}
NODENEXT = {
    "strict": True,
    "target": "es2022",
    "module": "nodenext",
    "moduleResolution": "nodenext",
    "skipLibCheck": True,
    "types": ["node"],
    "outDir": "js",
    "rootDir": ".",
}


@pytest.fixture(autouse=True)
def _needs_builds() -> None:
    needs_builds()


def test_vite() -> None:
    with in_project("vite") as folder:
        # Its polyfill is for a page, and this one is run in Node.
        settings = "export default { build: { modulePreload: { polyfill: false } } };\n"
        (folder / "vite.config.js").write_text(settings)
        tool(folder, "vite", "build")
        (built,) = (folder / "dist/assets").glob("*.js")
        assert json.loads(tool(folder, "node", str(built))) == USED


@pytest.mark.parametrize("bundler", ["--turbopack", pytest.param("--webpack", marks=pytest.mark.soak)])
def test_next(bundler: str) -> None:
    """Types are checked, and pages rendered, by the build itself."""
    with in_project("next", package=COMMONJS) as folder:
        tool(folder, "next", "build", bundler)
        page = (folder / ".next/server/app/index.html").read_text("utf-8")
        found = re.search(r"<pre>(.*?)</pre>", page)
        assert found is not None
        assert json.loads(html.unescape(found[1])) == USED
        live = (folder / ".next/server/app/live.html").read_text("utf-8")
        assert re.search(r"<p>shop:eu:7 shop:us:8 \w+ \w+ 0 no note</p>", live)


def test_jest() -> None:
    with in_project("jest", package=COMMONJS) as folder:
        tool(folder, "jest", "--ci", "--no-cache")
        (folder / "expected.json").write_text(json.dumps({**USED, "total": 1}))
        tool(folder, "jest", "--ci", "--no-cache", fails=True)


def test_vitest() -> None:
    with in_project("vitest") as folder:
        tool(folder, "vitest", "run")
        (folder / "expected.json").write_text(json.dumps({**USED, "total": 1}))
        tool(folder, "vitest", "run", fails=True)


@pytest.mark.parametrize("package", [MODULE, COMMONJS])
def test_tsx(package: dict[str, object]) -> None:
    with in_project(package=package) as folder:
        assert json.loads(tool(folder, "tsx", "main.ts")) == USED


@pytest.mark.parametrize("form", ["esm", "cjs"])
def test_esbuild(form: str) -> None:
    with in_project() as folder:
        out = "main.mjs" if form == "esm" else "main.cjs"
        tool(
            folder,
            "esbuild",
            "main.ts",
            "--bundle",
            "--platform=node",
            f"--format={form}",
            f"--outfile={out}",
        )
        assert json.loads(tool(folder, "node", out)) == USED


@pytest.mark.parametrize("package", [MODULE, COMMONJS])
def test_node(package: dict[str, object]) -> None:
    """What `tsc` makes of them under `nodenext`, as ECMAScript modules and as CommonJS."""
    with in_project(extension="js", package=package) as folder:
        config = {"compilerOptions": NODENEXT, "include": ["*.ts", "channels"]}
        (folder / "tsconfig.json").write_text(json.dumps(config))
        tool(folder, "tsc", "--project", ".")
        assert json.loads(tool(folder, "node", "js/main.js")) == USED


if node_version() >= (22, 18):

    def test_type_stripping() -> None:
        """Node runs the sources themselves."""
        with in_project(extension="ts") as folder:
            assert json.loads(tool(folder, "node", "main.ts")) == USED


def test_nothing_is_left() -> None:
    with in_project() as folder:
        assert folder.parent == FOLDER
    assert not folder.exists()
    assert not Path(FOLDER, "tsconfig.json").exists()
