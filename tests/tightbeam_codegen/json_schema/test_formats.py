"""The table of formats decides alike for types, checks, reasons and pages, in every draft."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import closed
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.formats import FORMATS, TYPED_FORMATS
from tightbeam._payload.load import load
from tightbeam_codegen.json_schema.dialects import DRAFTS
from tightbeam_codegen.targets.typescript.ajv import validators_of

EXAMPLES = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "ipv4": "192.0.2.1",
    "uuid": "2eb8aa08-aa98-11ea-b4aa-73b441d16380",
}
PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
DEFINITIONS = Path(__file__).parents[3] / "generator" / "tightbeam_codegen" / "data" / "channel.schema.json"


def test_each_typed_format_has_an_example() -> None:
    assert EXAMPLES.keys() == TYPED_FORMATS.keys()


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=lambda draft: draft.short)
def test_a_format_is_typed_since_its_draft_and_checked_in_all(draft: Any, compile_here: Compile) -> None:
    files = {"x.channel.json": channel(**{name: closed("v", v=text(name)) for name in EXAMPLES})}
    made = compile_here(files, dialect=draft.uri)
    topics = made.module("x").x_channel
    for name, typed in TYPED_FORMATS.items():
        topic = getattr(topics, name.replace("-", "_"))
        loaded = load(topic, encode(topic, {"v": EXAMPLES[name]})).v
        assert type(loaded) is (typed.python_type if draft.year >= typed.since else str), name
        with pytest.raises(InvalidPayload, match=f"/v: must be {re.escape(FORMATS[name].wording)}"):
            encode(topic, {"v": "no"})


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=lambda draft: draft.short)
def test_ajv_checks_what_the_python_side_checks_in_that_draft(draft: Any) -> None:
    uri = "https://s.example/x.json"
    names = [*FORMATS, "byte", "float", "unknown"]
    resource = {"$schema": draft.uri, "properties": {name: {"format": name} for name in names}}
    stated = {
        "assertFormats": True,
        "resources": {uri: resource},
        "topics": {"t": {"ref": f"{uri}#", "dialect": draft.uri, "open": True}},
        "params": {},
    }
    made = validators_of(json.dumps(stated), lambda dialect: DRAFTS[dialect].year)
    properties = json.loads(made.text)["resources"][uri]["properties"]
    kept = {name for name, schema in properties.items() if "format" in schema}
    assert kept == {name for name, row in FORMATS.items() if 0 < row.checked_since <= draft.year}
    told = {each.path[-2] for _, each in made.differences}
    assert told == {name for name in kept if not FORMATS[name].in_ajv}


def text(name: str) -> dict[str, str]:
    return {"type": "string", "format": name}


def test_the_pages_name_each_typed_format_with_its_type() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)`(?: \(since (?:draft )?([0-9]{1,4})[^)]*\))? \| (?:aware )?`(\w+)`",
        PAGE.read_text(),
        re.MULTILINE,
    )
    first = min(draft.year for draft in DRAFTS.values())
    assert {(name, int(since or first), type_) for name, since, type_ in rows if type_ != "str"} == {
        (name, typed.since, typed.python_type.__name__) for name, typed in TYPED_FORMATS.items()
    }
    described = json.loads(DEFINITIONS.read_text())["$defs"]["PayloadSchema"]["properties"]["format"]
    named = set(
        re.findall(r"[a-z0-9-]+", described["description"].partition(" become ")[0].rpartition(". ")[2])
    )
    assert named - {"and"} == TYPED_FORMATS.keys()
    assert TYPED_FORMATS.keys() <= set(described["examples"]) <= FORMATS.keys()
