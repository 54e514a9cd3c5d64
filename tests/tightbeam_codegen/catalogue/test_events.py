"""Pages of events: what they are, how they are sent, and how a function runs on them."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam_codegen.catalogue.catalogues import catalogue
from tests.tightbeam_codegen.catalogue.test_pages import HOSTILE, Page, assert_links_lead_somewhere, elements
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tests.typescript import node_tools
from tests.typing import checkers
from tightbeam_cli import main

UPLOAD = {
    "name": "app/upload",
    "description": "A file has arrived.\n\nIt is stored already.",
    "schema": closed("uploadId", uploadId={**STRING, "minLength": 1}, size={**INTEGER, "minimum": 1}),
}
FILES: dict[str, Any] = {
    "upload.event.json": UPLOAD,
    "health/ping.event.json": {"name": "app/ping", "description": "Somebody is there."},
    "order.event.json": {
        "name": "app/order",
        "schema": closed("lines", lines={"type": "array", "items": ref("#/$defs/Line"), "minItems": 1}),
        "$defs": {"Line": closed("sku", sku={**STRING, "description": "The article."})},
    },
    "shared.event.json": {"name": "app/shared", "schema": ref("common.json")},
    "common.json": {**closed("a", a=STRING), "title": "Common"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    files = {**FILES, "uploads.channel.json": channel("uploads", t=ref("common.json"))}
    return catalogue(tmp_path_factory.mktemp("events"), files)


def test_every_event_has_a_page_and_every_link_leads_somewhere(site: dict[str, str]) -> None:
    assert_links_lead_somewhere(site)
    pages = {path for path in site if path.startswith("events/")}
    assert pages == {f"events/{name}.html" for name in ("upload", "health/ping", "order", "shared")}


def test_a_page_says_what_the_definition_says(site: dict[str, str]) -> None:
    text = Page(site["events/upload.html"]).text
    for words in (
        "Events / upload",
        "app/upload",
        "It is stored already.",
        "schemas/upload.event.json",
        "from generated.upload import UploadEvent, upload_event",
        "uploadId string not empty in Python upload_id",
        "size integer ≥ 1 optional",
        "class Upload",
        "Other properties are refused.",
        "run_ids = await client.send(upload_event, {",
        '@client.function("on-upload", on=upload_event)',
        "async def on_upload(ctx: tightbeam.Context[UploadEvent]) -> None:",
        'import { uploadEvent, type UploadEvent } from "./channels/upload";',
        'const data: UploadEvent["data"] = {',
        "new URLSearchParams({ name: uploadEvent.name })",
    ):
        assert words in text, words


def test_an_event_without_data_says_so(site: dict[str, str]) -> None:
    text = Page(site["events/health/ping.html"]).text
    assert "The event has no data." in text
    assert "run_ids = await client.send(ping_event)" in text
    assert "No example was found" not in text


def test_types_of_events_are_linked_and_say_what_uses_them(site: dict[str, str]) -> None:
    order = Page(site["events/order.html"])
    assert "lines array of Line at least 1 item" in order.text
    assert "~type.Line.sku" in order.ids()
    used_by = Page(site["types/common.html"]).text
    assert "app/shared" in used_by
    assert "uploads · t" in used_by


def test_the_overview_lists_and_counts_events(site: dict[str, str]) -> None:
    text = Page(site["index.html"]).text
    assert "1 channel, 1 topic, 4 events" in text
    listed = re.findall(r'class="template">(app/[^<]*)<', site["index.html"])
    assert listed == ["app/order", "app/shared", "app/upload", "app/ping"]
    assert 'href="../index.html#~events" aria-current="page"' in site["events/upload.html"]


def test_events_alone_are_a_site(tmp_path: Path) -> None:
    site = catalogue(tmp_path, {"upload.event.json": UPLOAD})
    assert_links_lead_somewhere(site)
    assert "1 event" in Page(site["index.html"]).text
    assert "0 channels" not in Page(site["index.html"]).text
    none = catalogue(tmp_path / "none", {"x.channel.json": channel("x", t=STRING)})
    assert "~events" not in none["index.html"]


def test_the_search_finds_events_and_their_properties(site: dict[str, str]) -> None:
    index = site["search/0.js"]
    assert '[5,"app/upload","events/upload.html","",-1,"A file has arrived. It is stored already."]' in index
    assert '"uploadId","events/upload.html","data.uploadId"' in index


def test_text_never_becomes_markup(tmp_path: Path) -> None:
    def event(text: str) -> dict[str, Any]:
        schema = closed(**{text: {**STRING, "description": text, "examples": [text]}})
        return {"name": "".join(filter(str.isprintable, f"a{text}")), "description": text, "schema": schema}

    hostile = catalogue(tmp_path / "hostile", {"x.event.json": event(HOSTILE)})
    plain = catalogue(tmp_path / "plain", {"x.event.json": event("some text")})
    assert elements(hostile) == elements(plain)


def test_who_is_affected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    write_files(tmp_path / "before", {"upload.event.json": UPLOAD, "gone.event.json": {"name": "app/gone"}})
    wider = {**UPLOAD, "schema": closed("uploadId", uploadId=STRING, size={**INTEGER, "minimum": 1})}
    write_files(tmp_path / "after", {"upload.event.json": wider, "ping.event.json": {"name": "app/ping"}})
    assert main(["docs", "after", "--output", "site", "--against", "./before"]) == 0
    site = {str(path.relative_to("site")): path.read_text("utf-8") for path in Path("site").rglob("*.html")}
    assets = (str(path.relative_to("site")) for path in Path("site").rglob("*.*") if path.suffix != ".html")
    assert_links_lead_somewhere({**site, **dict.fromkeys(assets, "")})
    changes = Page(site["changes.html"]).text
    assert "event app/upload functions first" in changes
    assert "Old functions can't take every new event." in changes
    assert "The event app/gone is gone, with gone_event, GoneEvent and the module gone." in changes
    assert "app/ping is a new event." in changes
    assert "functions first" in Page(site["index.html"]).text
    assert "functions first" in Page(site["events/upload.html"]).text


# -- snippets ------------------------------------------------------------------------------------------------


def snippets(site: dict[str, str], page: str, title: str) -> str:
    """Return the code below a heading of a page."""
    _, _, rest = site[page].partition(f"<h4>{title}</h4>")
    return "".join(Page(rest.partition("</pre>")[0]).texts)


@pytest.fixture
def _own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets modules below `tmp_path` be imported, and leaves the project's own bindings to other tests."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "generated"}
    for name in before:
        del sys.modules[name]
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if re.match(r"generated\b|use_", name)]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_own_modules")
async def test_what_is_sent_runs_the_function(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both snippets of each event, in one program that type-checks."""
    site = catalogue(tmp_path, FILES)
    assert main(["generate", str(tmp_path / "schemas"), "--output", str(tmp_path / "generated")]) == 0
    for page in ("upload", "health/ping", "order", "shared"):
        name = page.replace("/", "_")
        imports, _, send = snippets(site, f"events/{page}.html", "Send").partition("\n\n")
        function = snippets(site, f"events/{page}.html", "Write a function")
        head, _, body = function.partition("\n\n")
        program = (
            f"{head}\n{imports}\n\nclient = tightbeam.Client()\n\n\n{body}\n\n"
            f"async def send() -> list[str]:\n    {send.strip().replace(chr(10), chr(10) + '    ')}\n"
            "    return run_ids\n"
        )
        (tmp_path / f"use_{name}.py").write_text(program, "utf-8")
        module = __import__(f"use_{name}")
        client: tightbeam.Client = module.client
        capsys.readouterr()
        async with client:
            assert len(await module.send()) == 1
            while not capsys.readouterr().out:  # noqa: ASYNC110  # nothing else says that a handler printed
                await asyncio.sleep(0)
    findings = [each.text for each in checkers.run("mypy", tmp_path) if each.path.startswith("use_")]
    assert findings == []


@pytest.mark.slow
def test_typescript_type_checks(tmp_path: Path) -> None:
    node_tools.needs_node()
    site = catalogue(tmp_path, FILES)
    web = tmp_path / "web"
    options = ["--output", str(tmp_path / "generated"), "--typescript", str(web / "channels")]
    assert main(["generate", str(tmp_path / "schemas"), *options]) == 0
    modules = {path.relative_to(web).as_posix(): path.read_text("utf-8") for path in web.rglob("*.ts")}
    prelude = "declare const gateway: string;\ndeclare const serverKey: string;\n"
    files = {
        f"use{number}.ts": prelude + snippets(site, page, "Send from a server")
        for number, page in enumerate(path for path in site if path.startswith("events/"))
    }
    node_tools.project(web, modules | files)
    assert [fault for fault in node_tools.tsc(web) if "use" in fault.path] == []
    assert len(files) == 4
