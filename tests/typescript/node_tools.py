"""The TypeScript compiler and Node, as a front end has them."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests import node_packages
from tests.tightbeam_codegen.compiling import Compiled, compile_files, errors
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import OptionValue, Settings

__all__ = [
    "FOLDER",
    "IMPORT_EXTENSION",
    "RESOLUTIONS",
    "Fault",
    "bindings",
    "compiled_for_node",
    "needs_node",
    "project",
    "run",
    "tsc",
]

FOLDER = Path(__file__).parent / "node"
_LIMIT = 300
_FAULT = re.compile(
    r"^(?P<path>[^(\n]+)\((?P<line>\d+),\d+\): error (?P<code>TS\d+): (?P<text>.*)$", re.MULTILINE
)

OPTIONS = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "noImplicitReturns": True,
    "noPropertyAccessFromIndexSignature": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
    "verbatimModuleSyntax": True,
    "isolatedModules": True,
    "erasableSyntaxOnly": True,
    "skipLibCheck": True,
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "types": [],
    "jsx": "react-jsx",
}
RESOLUTIONS = {
    "bundler": {"module": "esnext", "moduleResolution": "bundler"},
    "nodenext": {"module": "nodenext", "moduleResolution": "nodenext"},
}
IMPORT_EXTENSION: Mapping[str, str] = {"bundler": "none", "nodenext": "js"}
"""What imports need by each resolution."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of the compiler."""

    path: str
    line: int
    code: str
    text: str


def needs_node() -> None:
    """Skip, or fail, without Node or the packages."""
    node_packages.require_node(FOLDER, "typescript", "TypeScript bindings")


def project(folder: Path, files: Mapping[str, str], *, packages: bool = True) -> Path:
    """Write files to a folder, in which the packages are found unless there are to be none."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    if packages and not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    return folder


def bindings(
    root: Path, import_extension: str = "none", *, validators: bool = False, react: bool = False
) -> dict[str, str]:
    """The TypeScript of all definitions below a schema root, by path in `channels/`."""
    options: dict[str, OptionValue] = {
        "typescript": Path("web"),
        "typescript_import_extension": import_extension,
    }
    options |= {"typescript_validators": validators, "typescript_react": react}
    settings = Settings(options=options)
    result = generate(root, settings, shown_root="schemas", version="0.0.0")
    assert not [problem for problem in result.problems if problem.severity == "error"]
    return {f"channels/{path}": text for path, text in result.files["typescript"].items()}


def compiled_for_node(folder: Path, files: Mapping[str, Any], **settings: Any) -> Compiled:
    """Compile definitions with validators, and their TypeScript to JavaScript that runs in the folder."""
    needs_node()
    made = compile_files(
        folder,
        files,
        typescript=folder / "web",
        typescript_validators=True,
        typescript_import_extension="js",
        **settings,
    )
    assert errors(made) == []
    project(folder, made.typescript)
    assert tsc(folder, emit=True) == []
    return made


def tsc(
    folder: Path,
    *,
    resolution: str = "bundler",
    emit: bool = False,
    include: Iterable[str] = ("**/*",),
    more: Mapping[str, Any] = MappingProxyType({}),
) -> list[Fault]:
    """Compile everything in a folder, as strictly as can be.

    Args:
        folder: a project.
        resolution: one of RESOLUTIONS.
        emit: whether to write JavaScript to `js/`.
        include: the files.
        more: options besides.
    """
    options: dict[str, Any] = {**OPTIONS, **RESOLUTIONS[resolution]}
    options |= {"outDir": "js", "rootDir": "."} if emit else {"noEmit": True}
    options |= more
    config = {"compilerOptions": options, "include": list(include), "exclude": ["node_modules", "js"]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    command = [FOLDER / "node_modules/.bin/tsc", "--project", folder, "--pretty", "false"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_LIMIT)
    found = [Fault(m["path"], int(m["line"]), m["code"], m["text"]) for m in _FAULT.finditer(done.stdout)]
    assert done.returncode == 0 or found, done.stdout + done.stderr
    return found


def run(folder: Path, program: str, given: object = None) -> Any:
    """Run a module in a folder with Node; what it gets as `input` and prints is JSON."""
    head = 'import { readFileSync } from "node:fs";\nconst input = JSON.parse(readFileSync(0, "utf-8"));\n'
    (folder / "program.mjs").write_text(head + program)
    done = subprocess.run(
        [_node(), "program.mjs"],
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def _node() -> str:
    import shutil

    found = shutil.which("node")
    assert found is not None
    return found
