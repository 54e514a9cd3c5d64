"""AsyncAPI's own parser reads exported documents, and its own page shows them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browsing import chromium, require_browser
from tests.node_packages import require_node
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.golden import GOOD
from tests.tightbeam_codegen.schemas import STRING, closed
from tightbeam_cli import main

pytestmark = pytest.mark.slow

NODE = Path(__file__).parent / "node"
ROOT = Path(__file__).parents[3]
NEWER = "asyncapi-latest-version"
"""Said of every document that isn't of the newest version."""


def parsed(*files: Path) -> dict[str, Any]:
    """Return what the parser finds, by path."""
    require_node(NODE, "@asyncapi/parser", "exported documents")
    node = shutil.which("node")
    assert node is not None
    command = [node, str(NODE / "parse.mjs"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exported(schemas: Path, file: Path, *options: str) -> Path:
    assert main(["export", "asyncapi", str(schemas), "--output", str(file), *options]) == 0
    return file


def test_golden_cases_are_valid(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[Path] = []
    for index, case in enumerate(GOOD):
        monkeypatch.chdir(case.folder if (case.folder / "pyproject.toml").exists() else project)
        form = "yaml" if index % 2 else "json"
        files.append(exported(case.folder / "schemas", project / f"{case.name}.{form}"))
    found = parsed(*files)
    said = [
        (Path(path).stem, each)
        for path, outcome in found.items()
        for each in outcome["diagnostics"]
        if each["code"] != NEWER
    ]
    assert said == []
    assert all(outcome["channels"] for outcome in found.values())


def test_the_project_s_own_document_says_what_the_definitions_say(project: Path) -> None:
    document = exported(ROOT / "schemas", project / "a.yaml")
    seen = exported(ROOT / "schemas", project / "b.json", "--view", "subscriber", "--no-sources")
    found = parsed(document, seen)
    ours, theirs = found[str(document)], found[str(seen)]
    assert ours["channels"] == [
        ["alerts", "alerts", []],
        ["orders", "orders:{region}:{orderId}", ["region", "orderId"]],
        ["pipeline", "pipeline:{runId}", ["runId"]],
        ["uploads", "uploads:{uploadId}", ["uploadId"]],
        ["upload", "app/upload", []],
    ]
    assert ours["messages"] == theirs["messages"]
    assert all(has_payload and examples == 1 for _, has_payload, examples in ours["messages"])
    assert {action for _, action in ours["operations"]} == {"send"}
    assert {action for _, action in theirs["operations"]} == {"receive"}


HOSTILE = [
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "a\u202eb\u2066c",
    "'''\n\"\"\"\n--- !!python/object\n*alias &anchor {{x}}",
    "[click](javascript:window.hit=1)",
    "\ud7ff\ufffe\x7f",
]


def test_hostile_text_stays_text(project: Path) -> None:
    topics = {f"t{index} {text}": {"enum": [text], "description": text} for index, text in enumerate(HOSTILE)}
    topics = {name.replace("\n", " ").replace("\x7f", ""): schema for name, schema in topics.items()}
    definition = {
        **channel("x:{p}", **topics),
        "params": {"p": {"enum": HOSTILE[:2], "description": HOSTILE[0]}},
    }
    write_files(project / "schemas", {"x.channel.json": {**definition, "description": "\n".join(HOSTILE)}})
    files = [exported(project / "schemas", project / f"a.{form}") for form in ("json", "yaml")]
    for file, outcome in parsed(*files).items():
        assert [each for each in outcome["diagnostics"] if each["code"] != NEWER] == []
        assert sorted(name for name, _, _ in outcome["messages"]) == sorted(topics)
        assert Path(file).read_text("utf-8").replace("\n", "").isprintable()
        assert main(["init", f"again-{Path(file).suffix}", "--from", file]) == 0
        written = project / f"again-{Path(file).suffix}" / "x.channel.json"
        assert written.read_bytes() == (project / "schemas/x.channel.json").read_bytes()


def test_data_that_looks_like_a_reference_is_no_example(project: Path) -> None:
    """Tools follow a `$ref` wherever it stands: a document with such an example can't be read."""
    # A map, since the parser itself fails at a property that is declared under this name.
    reference: dict[str, Any] = {
        "type": "object",
        "additionalProperties": STRING,
        "required": ["$ref"],
        "examples": [{"$ref": "a"}],
    }
    listed = {"type": "array", "items": {**reference, "default": {"$ref": "b"}}, "minItems": 1}
    inner = closed("list", list=listed)
    files = {
        "x.channel.json": channel("x", plain=reference, inner=inner, other=closed("a", a=STRING)),
        "e.event.json": {"name": "app/e", "schema": inner},
    }
    write_files(project / "schemas", files)
    (outcome,) = parsed(exported(project / "schemas", project / "a.json")).values()
    assert [each for each in outcome["diagnostics"] if each["code"] != NEWER] == []
    messages = [["plain", True, 0], ["inner", True, 0], ["other", True, 1], ["app/e", True, 0]]
    assert outcome["messages"] == messages


PAGE = """<!doctype html><meta charset="utf-8"><title>AsyncAPI</title>
<link rel="stylesheet" href="{node}/styles/default.min.css"><div id="page"></div>
<script src="{node}/browser/standalone/index.js"></script>
<script src="document.js"></script>
<script>
AsyncApiStandalone.render({{schema: DOCUMENT, config: {{}}}}, document.getElementById("page"));
</script>
"""


EXPAND = """() => [...document.querySelectorAll("button")]
    .filter((each) => each.textContent === "Expand all").forEach((each) => each.click())"""


def page_of(project: Path, document: Path) -> Path:
    """Write a page on which AsyncAPI's component shows a document."""
    text = json.dumps(document.read_text("utf-8"))
    (project / "document.js").write_text(f"const DOCUMENT = {text};", "utf-8")
    component = (NODE / "node_modules/@asyncapi/react-component").as_uri()
    (project / "page.html").write_text(PAGE.format(node=component), "utf-8")
    return project / "page.html"


async def shown(address: str) -> tuple[str, list[str], list[str]]:
    """Return the text of a page with all unfolded, its errors, and the addresses that it asks for."""
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 2000})
        errors: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(address)
        await page.wait_for_selector("[id^=operation-]", timeout=60_000)
        await page.evaluate(EXPAND)
        return await page.inner_text("body"), errors, [url for url in asked if not url.startswith("file:")]


def test_the_component_shows_a_document(project: Path) -> None:
    require_node(NODE, "@asyncapi/react-component", "exported documents in a browser")
    require_browser()
    document = exported(ROOT / "schemas", project / "a.yaml")
    text, errors, asked = asyncio.run(shown(page_of(project, document).as_uri()))
    assert (errors, asked) == ([], [])
    for words in (
        "orders:{region}:{orderId}",
        "The order as the customer placed it.",
        "giftNote",
        "uploads.status",
    ):
        assert words in text
