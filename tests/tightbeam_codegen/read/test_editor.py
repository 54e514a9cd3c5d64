"""What editors make of the metaschema: VS Code's JSON service and the YAML language server, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.golden import GOOD
from tests.typescript.node_tools import needs_node, project, run
from tightbeam_cli import main
from tightbeam_codegen.command.init import METASCHEMA
from tightbeam_codegen.json_schema.dialects import DRAFTS
from tightbeam_codegen.read.check.definition import metaschema_text

PAYLOAD = json.loads(metaschema_text())["$defs"]["PayloadSchema"]

SERVICES = """
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const json = require("vscode-json-languageservice");
const { getLanguageService } = require("yaml-language-server");
const asked = [];
const schemaRequestService = async (uri) => {
  asked.push(uri);
  if (uri.endsWith("/channel.schema.json")) return input.metaschema;
  throw new Error("offline");
};
const workspaceContext = { resolveRelativePath: (path, base) => new URL(path, base).toString() };
const quiet = { send() {}, sendError() {}, sendTrack() {} };
const console_ = { log() {}, error() {}, warn() {}, info() {} };
const connection = { console: console_, onRequest() {}, sendNotification() {}, telemetry: quiet };
const services = {
  json: json.getLanguageService({ schemaRequestService, workspaceContext }),
  yaml: getLanguageService({ schemaRequestService, workspaceContext, connection, telemetry: quiet,
    yamlSettings: { documentFormatting: {}, specificValidatorPaths: [], schemaStoreSettings: [] } }),
};
services.json.configure({ validate: true });
services.yaml.configure({ validate: true, completion: true, hover: true, isKubernetes: false, schemas: [] });

async function look(language, marked) {
  const offset = marked.indexOf("§");
  const text = marked.replace("§", "");
  const uri = `file:///project/schemas/x.channel.${language}`;
  const document = json.TextDocument.create(uri, language, 1, text);
  const at = document.positionAt(Math.max(offset, 0));
  const service = services[language];
  const shown = (range) => text.slice(document.offsetAt(range.start), document.offsetAt(range.end));
  if (language === "yaml") {
    const marks = await service.doValidation(document, false);
    const offered = await service.doComplete(document, at, false);
    const hover = await service.doHover(document, at);
    return { offered: offered.items.map((item) => item.label), marks: marks.map((mark) => shown(mark.range)),
      hover: JSON.stringify(hover) };
  }
  const parsed = service.parseJSONDocument(document);
  const marks = await service.doValidation(document, parsed);
  const offered = await service.doComplete(document, at, parsed);
  const hover = await service.doHover(document, at, parsed);
  return { offered: offered.items.map((item) => item.label), marks: marks.map((mark) => shown(mark.range)),
    hover: JSON.stringify(hover) };
}

const found = [];
for (const [language, text] of input.texts) found.push(await look(language, text));
console.log(JSON.stringify({ found, asked }));
"""


def look(folder: Path, *texts: tuple[str, str]) -> list[dict[str, Any]]:
    """What the service of each language offers at the mark, which places it marks, and what it explains."""
    needs_node()
    said = run(project(folder, {}), SERVICES, {"metaschema": metaschema_text(), "texts": texts})
    assert {uri.rpartition("/")[2] for uri in said["asked"]} == {METASCHEMA}
    found: list[dict[str, Any]] = said["found"]
    return found


def in_json(schema: str) -> tuple[str, str]:
    return (
        "json",
        f'{{"$schema": "channel.schema.json", "name": "x", "topics": {{"a": {{"schema": {schema}}}}}}}',
    )


def in_yaml(schema: str) -> tuple[str, str]:
    head = "# yaml-language-server: $schema=channel.schema.json\nname: x\ntopics:\n  a:\n    schema:\n"
    return "yaml", head + schema


@pytest.mark.slow
def test_keys_and_values_are_offered_inside_payload_schemas(tmp_path: Path) -> None:
    keys, deep, values, yaml_keys = look(
        tmp_path,
        in_json("{§}"),
        in_json('{"properties": {"b": {"items": {§}}}}'),
        in_json('{"type": §}'),
        in_yaml("      §\n"),
    )
    for found in (keys, deep, yaml_keys):
        assert {"type", "properties", "required", "additionalProperties", "$ref", "format"} <= {
            *found["offered"]
        }
    assert {'"string"', '"object"'} <= {*values["offered"]}


@pytest.mark.slow
def test_mistakes_are_marked_where_they_are(tmp_path: Path) -> None:
    inner = '{"b": {"minLength": -1, "maxlength": 1, "x-mine": 1}}'
    wrong = f'{{"type": "strin", "require": ["a"], "properties": {inner}}}'
    in_yaml_wrong = (
        "      type: strin\n      require: [a]\n      properties: {b: {minLength: -1, x-mine: 1}}\n"
    )
    found, yaml_found, good = look(
        tmp_path, in_json(wrong), in_yaml(in_yaml_wrong), in_json('{"type": "string", "minLength": 1}')
    )
    assert sorted(found["marks"]) == ['"maxlength"', '"require"', '"strin"', "-1"]
    assert sorted(yaml_found["marks"]) == ["-1", "require", "strin"]
    assert good["marks"] == []


@pytest.mark.slow
def test_keys_are_explained(tmp_path: Path) -> None:
    (found,) = look(tmp_path, in_json('{"addition§alProperties": false}'))
    assert "What properties may be that aren't listed" in found["hover"]


@pytest.mark.slow
def test_good_definitions_are_not_marked(tmp_path: Path) -> None:
    """Those of the golden cases, whatever draft they are written in."""
    texts = [
        ("json", json.dumps({"$schema": "channel.schema.json", **json.loads(file.read_text("utf-8"))}))
        for case in GOOD
        for file in sorted((case.folder / "schemas").rglob("*.channel.json"))
        if case.name not in ("words-of-python", "unsatisfiable")
    ]
    assert len(texts) > 30
    marked = [
        (text[:80], each["marks"]) for (_, text), each in zip(texts, look(tmp_path, *texts), strict=True)
    ]
    assert [each for each in marked if each[1]] == []


def test_every_keyword_of_every_draft_is_described() -> None:
    known = {keyword for dialect in DRAFTS.values() for keyword in dialect.keywords}
    assert PAYLOAD["properties"].keys() == known | {"x-tightbeam-name", "x-tightbeam-allow-breaking"}
    described = {keyword: entry for keyword, entry in PAYLOAD["properties"].items() if [*entry] != ["$ref"]}
    assert PAYLOAD["properties"].keys() - described == {"x-tightbeam-allow-breaking"}
    assert all(entry["title"] and entry["description"] for entry in described.values())


# -- the copy beside the definitions -------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    return tmp_path


def test_init_writes_it_and_refers_to_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert "Wrote schemas/channel.schema.json, for completion in your editor\n" in capsys.readouterr().out
    assert Path("schemas", METASCHEMA).read_text("utf-8") == metaschema_text()
    assert json.loads(Path("schemas/hello.channel.json").read_text())["$schema"] == METASCHEMA
    assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
    assert not Path("generated/channel.py").exists()


def test_from_a_folder_below_the_reference_leads_up(here: Path) -> None:
    Path("schemas/vendor/deep").mkdir(parents=True)
    Path("schemas/vendor/deep/a.json").write_text('{"type": "string"}')
    assert main(["init", "--from", "schemas/vendor/deep/a.json"]) == 0
    written = json.loads(Path("schemas/vendor/deep/a-topics.channel.json").read_text())
    assert written["$schema"] == "../../channel.schema.json"
    assert Path("schemas", METASCHEMA).exists()


@pytest.mark.slow
def test_an_old_copy_is_noticed_and_replaced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    copy = Path("schemas", METASCHEMA)
    copy.write_text(
        metaschema_text().replace("Payload schemas", "An old one").replace("Channel definition", "An old one")
    )
    assert main(["generate", "--check"]) == 1
    capsys.readouterr()
    main(["doctor"])
    said = capsys.readouterr().out
    assert (
        "note    schemas/channel.schema.json: another version's\n          Run: tightbeam init --editor"
        in said
    )
    assert main(["init", "--editor"]) == 0
    assert copy.read_text("utf-8") == metaschema_text()
    assert main(["init", "--editor"]) == 0
    assert capsys.readouterr().out.endswith("schemas/channel.schema.json is up to date\n")


def test_a_file_of_somebody_else_stays(here: Path) -> None:
    Path("schemas").mkdir()
    Path("schemas", METASCHEMA).write_text("{}")
    assert main(["init"]) == 0
    assert Path("schemas", METASCHEMA).read_text() == "{}"
