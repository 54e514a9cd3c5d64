"""The React example under the strictest rules that there are for types, and those of React's hooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.browsing import EXAMPLE
from tests.browser.building import project, require_recipes, run_tool

pytestmark = pytest.mark.slow

CONFIG = """
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["src/channels/**", "eslint.config.js"] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  hooks.configs.flat.recommended,
  { languageOptions: { parserOptions: { project: true, tsconfigRootDir: import.meta.dirname } } },
);
"""


def lint(folder: Path) -> str:
    done = run_tool(folder, "eslint", "--max-warnings", "0", "src")
    return done.stdout + done.stderr


def test_the_page_lints_clean(tmp_path: Path) -> None:
    require_recipes()
    web = EXAMPLE / "web"
    sources = [web / "tsconfig.json", *(web / "src").rglob("*.ts"), *(web / "src").rglob("*.tsx")]
    files = {str(path.relative_to(web)): path.read_text("utf-8") for path in sources}
    folder = project(tmp_path, {**files, "eslint.config.js": CONFIG})
    assert lint(folder) == ""
    # The rules are there: what they find in a page that breaks one.
    (folder / "src/App.tsx").write_text(
        "import { useRef } from 'react';\nexport const A = () => useRef(0).current;\n"
    )
    assert "Cannot access refs during render" in lint(folder)
