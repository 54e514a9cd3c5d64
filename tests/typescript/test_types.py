"""What `tsc` takes and refuses of a front end that uses the example's bindings (`types/`)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.schemas import STRING, closed
from tests.typescript.node_tools import IMPORT_EXTENSION, RESOLUTIONS, bindings, needs_node, project, run, tsc

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


MEETING = """
import type { Message } from "./channels/_channel";
import { shopChannel, type MessageData, type ShopMessage, type ShopMessageData } from "./channels/shop";

export const meant: { [T in ShopMessage["topic"]]: Message<typeof shopChannel, T>["data"] } = {
  message: "m" satisfies MessageData,
  "shop-message": { of: "shop" } satisfies ShopMessageData,
  "channel-def": true,
  tightbeam: 1,
  topic: null,
  none: undefined as never,
};
"""


def test_names_that_could_meet(tmp_path: Path) -> None:
    """Topics and definitions are called like what modules declare and import."""
    named = closed("of", of=STRING)
    definition = channel(
        "shop",
        **{
            "message": STRING,
            "shop-message": {"$ref": "#/$defs/ShopMessage"},
            "channel-def": {"type": "boolean"},
        },
        tightbeam={"type": "number"},
        topic={"type": "null"},
        none=False,
    )
    (tmp_path / "schemas").mkdir()
    written = json.dumps(definition | {"$defs": {"ShopMessage": named}})
    (tmp_path / "schemas/shop.channel.json").write_text(written)
    project(tmp_path / "web", {**bindings(tmp_path / "schemas", validators=True), "meeting.ts": MEETING})
    assert tsc(tmp_path / "web") == []


AS_INNGEST = """
import { realtime } from "inngest/realtime";
import { channel, payload } from "./js/channels/_channel.js";

const topics = { status: { schema: payload() }, "line-added": { schema: payload() } };
const said = (value) => JSON.stringify(value)?.replace("inngest", "tightbeam");
const saidOf = (value) => (value === topics ? "topics" : said(value));
// A function has these besides.
const other = (name, value) => typeof value !== "function" || !["length", "name", "prototype"].includes(name);
const shown = (value) =>
  Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(([name]) => other(name, value))
    .map(([name, { enumerable }]) => [name, enumerable, saidOf(value[name])])
    .sort();
const told = [];
for (const make of [channel, realtime.channel]) {
  const of = make({ name: ({ id }) => `x:${id}`, topics });
  told.push([typeof of, shown(of), shown(of({ id: 1 })), shown(make({ name: "x", topics }))]);
}
console.log(JSON.stringify(told));
"""


def test_channels_are_at_runtime_what_those_of_inngest_are(tmp_path: Path) -> None:
    project(tmp_path, bindings(SCHEMAS, "js"))
    assert tsc(tmp_path, emit=True) == []
    ours, of_inngest = run(tmp_path, AS_INNGEST)
    assert ours == of_inngest
    assert ours[0] == "function"


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
def test_validators_compile(resolution: str, extension: str, tmp_path: Path) -> None:
    project(tmp_path, bindings(SCHEMAS, extension, validators=True))
    by_itself = {"declaration": True, "isolatedDeclarations": True}
    assert tsc(tmp_path, resolution=resolution, more=by_itself) == []
