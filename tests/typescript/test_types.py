"""What `tsc` takes and refuses of a front end that uses the example's bindings (`types/`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.typescript.node_tools import IMPORT_EXTENSION, RESOLUTIONS, bindings, needs_node, project, tsc
from tightbeam_codegen.settings import ImportExtension

TYPES = Path(__file__).parent / "types"
SCHEMAS = Path(__file__).parents[2] / "schemas"
GOOD, BAD = ((TYPES / name).read_text("utf-8") for name in ("good.tsx", "bad.tsx"))

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_node() -> None:
    needs_node()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_right_uses_compile_and_wrong_ones_do_not(resolution: str, tmp_path: Path) -> None:
    extension = IMPORT_EXTENSION[resolution]
    uses = {"good.tsx": GOOD, "bad.tsx": BAD}
    if extension == "js":
        uses = {path: re.sub(r'(?<=from ")(\./[^"]+)', r"\1.js", text) for path, text in uses.items()}
    project(tmp_path, bindings(SCHEMAS, extension) | uses)
    assert tsc(tmp_path, resolution=resolution) == []


def test_each_wrong_use_is_an_error(tmp_path: Path) -> None:
    """Without the marks there is an error on the line after each, and nowhere else."""
    marked = [number for number, line in enumerate(BAD.split("\n"), 1) if "@ts-expect-error" in line]
    assert len(marked) > 30
    project(tmp_path, {**bindings(SCHEMAS), "bad.tsx": BAD.replace("@ts-expect-error", "wrong")})
    assert {fault.line for fault in tsc(tmp_path)} == {number + 1 for number in marked}


def test_it_is_the_bindings_that_tell(tmp_path: Path) -> None:
    """With payloads that may be anything, every wrong payload compiles."""
    made = bindings(SCHEMAS)
    loose = {
        path: re.sub(r"(?m)^(    (?:\w+|\"line-added\"): )[A-Z]\w+;$", r"\1any;", text)
        for path, text in made.items()
    }
    assert loose != made
    project(tmp_path, {**loose, "bad.tsx": BAD})
    needless = [fault for fault in tsc(tmp_path) if fault.path == "bad.tsx"]
    assert {fault.code for fault in needless} == {"TS2578"}
    assert len(needless) >= 4


NEEDLESS = """
import type { Message } from "./channels/_channel";
import { uploadsChannel, type Status, type UploadsMessage } from "./channels/uploads";

export const uploads = uploadsChannel({ uploadId: "u1" });
export const ref: { readonly channel: string; readonly topic: string } = uploads.status;
export function statusOf(message: UploadsMessage): Status | undefined {
  return message.topic === "status" ? message.data : undefined;
}
export function urlOf(message: Message<typeof uploads, "result">): string {
  return message.data.url;
}
// @ts-expect-error: no topic of the channel
uploads.alert;
// @ts-expect-error: nothing is of any type
export const wrong: number = uploads.status;
"""


def test_no_package_is_needed(tmp_path: Path) -> None:
    """Neither by the modules nor by the declarations that a library ships of them, which are checked, too."""
    made = bindings(SCHEMAS)
    project(tmp_path / "library", {**made, "uses.ts": NEEDLESS}, packages=False)
    declared = {"declaration": True, "isolatedDeclarations": False, "skipLibCheck": False}
    assert tsc(tmp_path / "library", emit=True, more=declared) == []
    files = {path: (tmp_path / "library/js" / path).read_text("utf-8") for path in map(declaration_of, made)}
    project(tmp_path / "user", {**files, "uses.ts": NEEDLESS}, packages=False)
    assert tsc(tmp_path / "user", more={"skipLibCheck": False}) == []


def test_declarations_are_as_exact_beside_the_package(tmp_path: Path) -> None:
    made = bindings(SCHEMAS)
    project(tmp_path / "library", made)
    assert tsc(tmp_path / "library", emit=True, more={"declaration": True}) == []
    files = {path: (tmp_path / "library/js" / path).read_text("utf-8") for path in map(declaration_of, made)}
    project(tmp_path / "user", {**files, "good.tsx": GOOD, "bad.tsx": BAD})
    assert tsc(tmp_path / "user") == []


def declaration_of(path: str) -> str:
    return f"{path.removesuffix('.ts')}.d.ts"


def test_imports_with_the_ending_of_the_source(tmp_path: Path) -> None:
    """As Node's own type stripping needs them; like all tests here it needs syntax that can be erased."""
    project(tmp_path, bindings(SCHEMAS, "ts", validators=True))
    assert tsc(tmp_path, resolution="nodenext", more={"allowImportingTsExtensions": True}) == []


@pytest.mark.parametrize(
    ("resolution", "extension"), [("bundler", "js"), ("bundler", "none"), ("nodenext", "js")]
)
def test_validators_compile(resolution: str, extension: ImportExtension, tmp_path: Path) -> None:
    project(tmp_path, bindings(SCHEMAS, extension, validators=True))
    by_itself = {"declaration": True, "isolatedDeclarations": True}
    assert tsc(tmp_path, resolution=resolution, more=by_itself) == []
