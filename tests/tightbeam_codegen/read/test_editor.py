"""What editors make of the metaschema: VS Code's JSON service and the YAML language server, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.tightbeam_codegen.golden import GOOD
from tests.typescript.node_tools import needs_node, project, run
from tightbeam_cli import main
from tightbeam_codegen.command.init import METASCHEMA, METASCHEMAS
from tightbeam_codegen.command.metaschema import editor_metaschema
from tightbeam_codegen.json_schema.dialects import DRAFT_7, DRAFTS, LATEST
from tightbeam_codegen.read.check.metaschemas import metaschema_text

PAYLOAD = json.loads(metaschema_text())["$defs"]["PayloadSchema"]

SERVICES = """
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const json = require("vscode-json-languageservice");
const { getLanguageService } = require("yaml-language-server");
const asked = [];
const schemaRequestService = async (uri) => {
  asked.push(uri);
  const name = uri.split("/").at(-1);
  if (name in input.metaschemas) return input.metaschemas[name];
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

let version = 0; // the service for YAML remembers a text by it
async function look(language, marked) {
  const offset = marked.indexOf("§");
  const text = marked.replace("§", "");
  const uri = `file:///project/schemas/x.channel.${language}`;
  const document = json.TextDocument.create(uri, language, ++version, text);
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


def look(folder: Path, *texts: tuple[str, str], dialect: str = LATEST.uri) -> list[dict[str, Any]]:
    """What the service of each language offers at the mark, which places it marks, and what it explains."""
    needs_node()
    metaschemas = {name: editor_metaschema(dialect, kind) for kind, name in METASCHEMAS.items()}
    said = run(project(folder, {}), SERVICES, {"metaschemas": metaschemas, "texts": texts})
    assert {uri.rpartition("/")[2] for uri in said["asked"]} <= {*METASCHEMAS.values()}
    found: list[dict[str, Any]] = said["found"]
    return found


def in_json(schema: str, more: str = "") -> tuple[str, str]:
    head = f'{{"$schema": "channel.schema.json", "name": "x", {more}'
    return "json", f'{head}"topics": {{"a": {{"schema": {schema}}}}}}}'


def in_yaml(schema: str, more: str = "") -> tuple[str, str]:
    head = f"# yaml-language-server: $schema=channel.schema.json\nname: x\n{more}"
    return "yaml", f"{head}topics:\n  a:\n    schema:\n{schema}"


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
def test_every_place_of_a_schema_is_one(tmp_path: Path) -> None:
    places = [
        '{"properties": {"b": {§}}}',
        '{"properties": {"b": {"properties": {"c": {§}}}}}',
        '{"items": {§}}',
        '{"prefixItems": [{"type": "string"}, {§}]}',
        '{"additionalProperties": {§}}',
        '{"patternProperties": {"^a": {§}}}',
        '{"anyOf": [{§}]}',
        '{"oneOf": [{"allOf": [{§}]}]}',
        '{"not": {§}}',
        '{"if": {"type": "string"}, "then": {§}}',
        '{"$defs": {"B": {§}}}',
        '{"dependentSchemas": {"b": {§}}}',
    ]
    shared = [in_json("true", f'"$defs": {{"B": {place}}}, ') for place in ("{§}", places[0])]
    in_lines = [
        in_yaml("      properties:\n        b:\n          items:\n            §\n"),
        in_yaml("      {}\n$defs:\n  B:\n    §\n"),
    ]
    found = look(tmp_path, *map(in_json, places), *shared, *in_lines)
    assert [
        each["offered"] for each in found if not {"type", "enum", "unevaluatedItems"} <= {*each["offered"]}
    ] == []
    marked = look(tmp_path, *(in_json(place.replace("§", '"maxlength": 1')) for place in places))
    assert [each["marks"] for each in marked] == [['"maxlength"']] * len(places)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["json", "yaml"])
def test_keywords_are_those_of_the_dialect(language: str, tmp_path: Path) -> None:
    def definition(schema: str, dialect: str | None) -> tuple[str, str]:
        if language == "json":
            return in_json(schema, f'"dialect": "{dialect}", ' if dialect else "")
        return in_yaml(f"      {schema}\n", f'dialect: "{dialect}"\n' if dialect else "")

    empty = "{§}" if language == "json" else "§"
    dialects = [None, *(each for draft in DRAFTS.values() for each in (draft.short, draft.metaschema))]
    years = [LATEST, *(draft for draft in DRAFTS.values() for _ in range(2))]
    ours = {"x-tightbeam-name", "x-tightbeam-allow-breaking"}
    for draft, found in zip(
        years, look(tmp_path, *(definition(empty, each) for each in dialects)), strict=True
    ):
        renamed = {"definitions", "dependencies"} if draft.year >= 2019 else set()
        assert {*found["offered"]} - ours == draft.keywords.keys() - renamed, draft.short

    # What is a keyword in one dialect only is marked in all others.
    only = '{"type": "array", "id": "a", "exclusiveMinimum": true, "items": [{"prefixItems": [true]}]}'
    marks = [
        sorted(each["marks"])
        for each in look(tmp_path, *(definition(only, each) for each in dialects[:1] + dialects[1::2]))
    ]
    id_, true, lists, prefix, inner = '"id"', "true", '[{"prefixItems": [true]}]', '"prefixItems"', "[true]"
    assert marks == [
        sorted([id_, true, lists]),
        sorted([id_, true, lists]),
        sorted([id_, true, prefix]),
        sorted([id_, true, prefix]),
        sorted([id_, true, prefix]),
        [prefix],
    ], inner


@pytest.mark.slow
def test_the_dialect_of_the_settings_is_that_of_files_that_state_none(tmp_path: Path) -> None:
    texts = [in_json('{"definitions": {}, §}'), in_json("{§}", '"dialect": "2020-12", ')]
    seventh, stated = look(tmp_path, *texts, dialect=DRAFT_7.uri)
    assert {*seventh["offered"]} >= {"additionalItems", "dependencies"}
    assert "prefixItems" not in seventh["offered"]
    assert "prefixItems" in stated["offered"]
    own, latest = look(
        tmp_path,
        in_json('{"type": "string", "color": "red"}'),
        in_json('{"color": "red"}', '"dialect": "2020-12", '),
        dialect="https://example.com/metaschema",
    )
    assert (own["marks"], latest["marks"]) == ([], ['"color"'])


@pytest.mark.slow
def test_a_schema_may_state_its_own(tmp_path: Path) -> None:
    stated = '"$schema": "http://json-schema.org/draft-04/schema#"'
    old, wrong, own = look(
        tmp_path,
        in_json(f'{{{stated}, "id": "a", "items": [{{"id": "b"}}]}}'),
        in_json(f'{{{stated}, "ids": "a"}}'),
        in_json('{"color": "red"}', '"dialect": "https://example.com/metaschema", '),
    )
    assert [old["marks"], wrong["marks"], own["marks"]] == [[], ['"ids"'], []]


@pytest.mark.slow
def test_keys_are_explained(tmp_path: Path) -> None:
    texts = {
        in_json('{"addition§alProperties": false}'): "What properties may be that aren't listed",
        in_json('{"properties": {"a": {"min§Length": 1}}}'): "The least number of characters",
        in_json('{"exclusive§Minimum": 1}'): "It is greater than this.",
        in_json(
            '{"exclusive§Minimum": true}', '"dialect": "draft-04", '
        ): "Whether the minimum itself is excluded",
        in_json('{"properties": {"a": {"x-tightbeam-n§ame": "b"}}}'): "The name of the class in Python",
        in_json(
            '{"x-tightbeam-allow-b§reaking": "b"}'
        ): "Why a change that `tightbeam breaking` reports here",
        in_json(
            "true", '"x-tightbeam-allow-br§eaking": "b", '
        ): "Why a change that `tightbeam breaking` reports here",
        in_yaml("      items:\n        min§Length: 1\n"): "The least number of characters",
    }
    # What would be Markdown is escaped.
    hovers = [found["hover"].replace("\\", "") for found in look(tmp_path, *texts)]
    assert [words for words, hover in zip(texts.values(), hovers, strict=True) if words not in hover] == []


@pytest.mark.slow
def test_our_own_keywords_are_offered_and_marked(tmp_path: Path) -> None:
    topic = '{"$schema": "channel.schema.json", "name": "x", "topics": {"a": {"schema": true, §}}}'
    offered, misspelt, empty, theirs = look(
        tmp_path,
        ("json", topic),
        in_json('{"x-tightbeam-nmae": "a"}'),
        ("json", topic.replace("§", '"x-tightbeam-allow-breaking": ""')),
        in_json('{"x-mine": {"anything": 1}}'),
    )
    assert {"x-tightbeam-name", "x-tightbeam-allow-breaking", "description"} <= {*offered["offered"]}
    assert [misspelt["marks"], empty["marks"], theirs["marks"]] == [['"x-tightbeam-nmae"'], ['""'], []]


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
    events = [file for case in GOOD for file in sorted((case.folder / "schemas").rglob("*.event.json"))]
    assert len(events) > 10
    texts += [
        ("json", json.dumps({"$schema": "event.schema.json", **json.loads(file.read_text("utf-8"))}))
        for file in events
    ]
    marked = [
        (text[:80], each["marks"]) for (_, text), each in zip(texts, look(tmp_path, *texts), strict=True)
    ]
    assert [each for each in marked if each[1]] == []


@pytest.mark.slow
def test_event_definitions_are_completed_and_marked(tmp_path: Path) -> None:
    head = '"$schema": "event.schema.json", "name": "app/upload"'
    in_schema = f'{{{head}, "schema": {{"properties": {{"a": {{§}}}}}}}}'
    offered, keys, misspelt, elsewhere, draft_7, yaml, hover = look(
        tmp_path,
        ("json", in_schema),
        ("json", f"{{{head}, §}}"),
        ("json", in_schema.replace("§", '"type": "strin", "require": []')),
        ("json", f'{{{head}, "topics": {{}}, "schema": true}}'),
        ("json", f'{{{head}, "dialect": "draft-07", "schema": {{"prefixItems": []}}}}'),
        ("yaml", "# yaml-language-server: $schema=event.schema.json\nname: x\nschema:\n  typ: object\n"),
        ("json", f'{{{head}, "schem§a": true}}'),
    )
    assert {"type", "minLength", "$ref", "x-tightbeam-name"} <= {*offered["offered"]}
    assert {"schema", "description", "$defs", "x-tightbeam-allow-breaking"} <= {*keys["offered"]}
    assert "topics" not in keys["offered"]
    assert sorted(misspelt["marks"]) == ['"require"', '"strin"']
    assert elsewhere["marks"] == ['"topics"']
    assert draft_7["marks"] == ['"prefixItems"']
    assert yaml["marks"] == ["typ"]
    assert "What the event's data looks like" in hover["hover"].replace("\\", "")


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
    said = capsys.readouterr().out
    for kind, name in METASCHEMAS.items():
        assert f"Wrote schemas/{name}, for completion in your editor\n" in said
        assert Path("schemas", name).read_text("utf-8") == editor_metaschema(LATEST.uri, kind)
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
    assert not Path("schemas", METASCHEMAS["event"]).exists()


@pytest.mark.slow
def test_an_old_copy_is_noticed_and_replaced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    copies = [Path("schemas", name) for name in METASCHEMAS.values()]
    for copy in copies:
        copy.write_text(copy.read_text("utf-8").replace(" definition", ", an old one"), "utf-8")
    assert main(["generate", "--check"]) == 1
    capsys.readouterr()
    main(["doctor"])
    said = capsys.readouterr().out
    for copy in copies:
        found = f"{copy.as_posix()}: another version's, or for another dialect"
        assert f"note    {found}\n          Run: tightbeam init --editor" in said
    assert main(["init", "--editor"]) == 0
    for kind, copy in zip(METASCHEMAS, copies, strict=True):
        assert copy.read_text("utf-8") == editor_metaschema(LATEST.uri, kind)
    assert main(["init", "--editor"]) == 0
    said = capsys.readouterr().out
    assert said.endswith("schemas/channel.schema.json and schemas/event.schema.json are up to date\n")


def test_it_follows_the_settings(here: Path) -> None:
    Path("pyproject.toml").write_text('[tool.tightbeam]\ndialect = "draft-07"\n')
    assert main(["init"]) == 0
    assert Path("schemas", METASCHEMA).read_text("utf-8") == editor_metaschema(DRAFT_7.uri)


@pytest.mark.parametrize("dialect", [*DRAFTS, "https://example.com/metaschema"])
def test_it_is_a_metaschema_itself(dialect: str) -> None:
    """By validators that follow references, and with no schema that nothing refers to."""
    metaschema = json.loads(editor_metaschema(dialect))
    jsonschema_rs.meta.validate(metaschema)
    validator = jsonschema_rs.validator_for(metaschema, offline=True)
    assert validator.is_valid({"name": "x", "topics": {"t": {"schema": {"items": {"type": "string"}}}}})
    assert not validator.is_valid({"name": "x", "topics": {"t": {"schema": {"items": {"type": "strin"}}}}})
    event = json.loads(editor_metaschema(dialect, "event"))
    jsonschema_rs.meta.validate(event)
    validator = jsonschema_rs.validator_for(event, offline=True)
    assert validator.is_valid({"name": "x", "schema": {"items": {"type": "string"}}})
    assert not validator.is_valid({"name": "x", "schema": {"items": {"type": "strin"}}})
    for each in (metaschema, event):
        text = json.dumps(each)
        assert [name for name in each["$defs"] if f"#/$defs/{name}" not in text] == []


def test_generate_doesnt_look_at_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    for text in ("neither JSON nor a schema", '{"type": "strin", "require": []}'):
        Path("schemas", METASCHEMA).write_text(text)
        assert main(["generate", "--strict"]) == 0, capsys.readouterr().err
    Path("schemas", METASCHEMA).unlink()
    assert main(["generate", "--strict"]) == 0


def test_a_file_of_somebody_else_stays(here: Path) -> None:
    Path("schemas").mkdir()
    Path("schemas", METASCHEMA).write_text("{}")
    assert main(["init"]) == 0
    assert Path("schemas", METASCHEMA).read_text() == "{}"
