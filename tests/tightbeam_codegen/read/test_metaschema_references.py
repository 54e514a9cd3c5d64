"""References to JSON Schema's own metaschemas: "this property is a schema"."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors, warnings
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import STRING, closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam_codegen.read.resolve.official_documents import official_document

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_6 = "http://json-schema.org/draft-06/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
DRAFTS = [DRAFT_4, DRAFT_6, DRAFT_7, DRAFT_2019, DRAFT_2020]

GOOD = {"type": "object", "properties": {"a": {"type": "string"}}}
BAD = {
    "/p/type: must be one of: array, boolean, integer, null, number, object, string": {"type": "x"},
    r"/p/properties/\*/type: must be one of: array": {"properties": {"a": {"type": "x"}}},
    "/p/minLength: must be an integer, not a string": {"minLength": "s"},
}


@pytest.mark.parametrize("dialect", DRAFTS)
@pytest.mark.parametrize("target", DRAFTS)
def test_each_metaschema_from_each_draft(target: str, dialect: str, compile_here: Compile) -> None:
    """Inline, as a topic of its own draft, and from another file."""
    schema = closed(p=ref(target))
    own = {"$schema": dialect, **schema}
    files = {
        "x.channel.json": {"dialect": dialect, **channel(inline=schema, own=own, other=ref("f.json"))},
        "f.json": own,
    }
    made = compile_here(files)
    assert errors(made) == warnings(made) == []
    for name in ("inline", "own", "other"):
        topic = getattr(made.module("x").x_channel, name)
        loaded = load(topic, encode(topic, {"p": GOOD}))
        assert json.loads(encode(topic, loaded)) == {"p": GOOD}
        for why, payload in BAD.items():
            with pytest.raises(InvalidPayload, match=why):
                encode(topic, {"p": payload})


@pytest.mark.parametrize(
    ("target", "good", "bad", "why"),
    [
        (DRAFT_7 + "/definitions/nonNegativeInteger", 1, -1, "must be at least 0"),
        ("http://json-schema.org/draft-04/schema#/properties/title", "x", 1, "must be a string"),
        (
            "https://json-schema.org/draft-07/schema#/definitions/stringArray",
            ["a"],
            [1],
            "/p/0: must be a string",
        ),
        (
            "https://json-schema.org/draft/2020-12/meta/validation",
            {"type": "object"},
            {"type": "x"},
            "/p/type",
        ),
        ("https://json-schema.org/draft/2020-12/meta/applicator", {"type": "x"}, {"not": 1}, "/p/not"),
        ("https://json-schema.org/draft/2019-09/meta/validation#/$defs/stringArray", [], [1], "/p/0"),
        ("http://json-schema.org/draft/2020-12/schema#", {"type": "object"}, {"type": "x"}, "/p/type"),
    ],
)
def test_parts_vocabularies_and_spellings(
    target: str, good: Any, bad: Any, why: str, compile_here: Compile
) -> None:
    made = compile_here({"x.channel.json": channel(t=closed(p=ref(target)))})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert json.loads(encode(topic, load(topic, encode(topic, {"p": good})))) == {"p": good}
    with pytest.raises(InvalidPayload, match=why):
        encode(topic, {"p": bad})


def test_a_topic_may_be_a_metaschema_or_a_definition_that_is_one(compile_here: Compile) -> None:
    files = {
        "x.channel.json": channel(whole=ref(DRAFT_2020), part=ref("doc.json#/definitions/Schema")),
        "doc.json": {"$schema": DRAFT_7, "definitions": {"Schema": ref(DRAFT_7)}},
    }
    made = compile_here(files)
    assert errors(made) == []
    for topic in (made.module("x").x_channel.whole, made.module("x").x_channel.part):
        assert json.loads(encode(topic, load(topic, encode(topic, GOOD)))) == GOOD
        assert load(topic, encode(topic, True)) is True
        with pytest.raises(InvalidPayload, match=r"/properties/\*/type: must be one"):
            encode(topic, {"properties": {"a": {"type": "x"}}})


@pytest.mark.parametrize("dialect", DRAFTS)
def test_in_a_union_that_schemas_tell_apart(dialect: str, compile_here: Compile) -> None:
    """The branch is chosen by its own schema, for which its metaschema has to be there."""
    schema = {
        "$schema": dialect,
        "anyOf": [
            {
                "type": "object",
                "properties": {"a": ref(DRAFT_7)},
                "required": ["a"],
                "not": {"required": ["b"]},
            },
            {"type": "object", "properties": {"a": ref(DRAFT_4), "b": STRING}, "required": ["a"]},
        ],
    }
    made = compile_here({"x.channel.json": channel(t=ref("f.json")), "f.json": schema})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert "branches" in made.files["_schemas/x.py"]
    first, second = (load(topic, encode(topic, payload)) for payload in ({"a": {}}, {"a": {}, "b": "x"}))
    assert type(first) is not type(second)


def test_its_classes_stand_in_a_module_of_their_own(compile_here: Compile) -> None:
    """In no channel's: another one would import them from there."""
    one, two = (channel(name, t=closed(p=ref(DRAFT_7))) for name in ("a", "b"))
    made = compile_here({"a.channel.json": one, "b.channel.json": two})
    alone = compile_here({"b.channel.json": two})
    assert made.files["b.py"] == alone.files["b.py"]
    assert "class Schema(" in made.files["json_schema_org/draft_07/schema.py"]
    module = made.module("json_schema_org.draft_07.schema")
    assert made.module("a").T.__annotations__["p"] == made.module("b").T.__annotations__["p"]
    assert isinstance(made.module("a").T(p=module.Schema(type="object")).p, module.Schema)


def test_a_pointer_to_nothing_in_a_metaschema_is_an_error(compile_here: Compile) -> None:
    made = compile_here({"x.channel.json": channel(t=closed(p=ref(DRAFT_7 + "/definitions/nope")))})
    (message,) = errors(made)
    assert message.endswith("leads nowhere: http://json-schema.org/draft-07/schema has nothing there")


COPY: dict[str, Any] = {
    "$id": "http://json-schema.org/draft-07/schema",
    "$schema": DRAFT_7,
    "type": ["object", "boolean"],
    "properties": {"type": {"enum": ["string", "object"]}, "not": ref("#")},
}


@pytest.mark.parametrize("stated", [DRAFT_7, "http://json-schema.org/draft-07/schema"])
def test_a_copy_inside_a_document_is_no_metaschema(stated: str, compile_here: Compile) -> None:
    """Another file that refers to the metaschema must not depend on it."""
    copy = {**COPY, "$id": stated}
    document = {
        "$schema": DRAFT_7,
        **closed(whole=ref(DRAFT_7), copy=ref("#/definitions/copy")),
        "definitions": {"copy": copy},
    }
    files = {
        "x.channel.json": channel(t=ref("doc.json"), other=closed(p=ref(DRAFT_7))),
        "doc.json": document,
    }
    made = compile_here(files)
    assert errors(made) == []
    ch = made.module("x").x_channel
    assert encode(ch.t, {"whole": {"type": "null"}, "copy": {"type": "string"}})
    assert encode(ch.other, {"p": {"type": "null"}})
    nested = {"copy": {"not": {"type": "null"}}}
    for payload in ({"whole": {"type": "x"}}, {"copy": {"type": "null"}}, nested):
        with pytest.raises(InvalidPayload):
            encode(ch.t, payload)
    assert encode(ch.t, load(ch.t, encode(ch.t, {"copy": {"not": {"type": "string"}}})))


def test_a_file_that_is_a_copy(compile_here: Compile) -> None:
    """It may have been changed, and refers to itself all the same."""
    properties = {**COPY["properties"], "more": ref("#/definitions/more")}
    copy = {**COPY, "definitions": {"more": STRING}, "properties": properties}
    files = {"x.channel.json": channel(t=closed(copy=ref("copy.json"), p=ref(DRAFT_7))), "copy.json": copy}
    made = compile_here(files)
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert encode(topic, {"copy": {"type": "string", "more": "x"}, "p": {"type": "null"}})
    with pytest.raises(InvalidPayload, match="/copy/type"):
        encode(topic, {"copy": {"type": "null"}})


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("draft", DRAFTS)
def test_a_metaschema_kept_as_a_file(draft: str, edited: bool, compile_here: Compile) -> None:
    """As a topic, in a property beside the real one, and from a document of another draft."""
    official = official_document(draft.rstrip("#"))
    assert official is not None
    copy: Any = deepcopy(official.value)
    if edited:
        copy.setdefault("properties", {})["more"] = STRING
    files = {
        "x.channel.json": channel(
            whole=ref("copy.json"),
            part=closed(p=ref("copy.json"), real=ref(draft)),
            other=ref("f.json"),
        ),
        "copy.json": copy,
        "f.json": {"$schema": DRAFT_7, **closed(p=ref("copy.json"))},
    }
    made = compile_here(files)
    assert errors(made) == []
    ch = made.module("x").x_channel
    assert json.loads(encode(ch.whole, load(ch.whole, encode(ch.whole, GOOD)))) == GOOD
    for topic in (ch.part, ch.other):
        assert json.loads(encode(topic, load(topic, encode(topic, {"p": GOOD})))) == {"p": GOOD}
        for why, payload in BAD.items():
            with pytest.raises(InvalidPayload, match=why):
                encode(topic, {"p": payload})
    if edited:
        assert encode(ch.part, {"real": {"more": 1}})
        with pytest.raises(InvalidPayload, match="/more: must be a string"):
            encode(ch.whole, {"more": 1})


EMBEDDED = {"$schema": DRAFT_7, **closed(p=ref(DRAFT_7)), "definitions": {"copy": COPY}}
TREE = {
    "$schema": DRAFT_7,
    "$id": "https://s.example/tree",
    **closed(nodes={"type": "array", "items": ref("node")}),
    "definitions": {"node": {"$id": "https://s.example/node", **closed(inner=ref("tree"))}},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "files",
    [
        {"x.channel.json": channel(t=ref("doc.json")), "doc.json": EMBEDDED},
        {"x.channel.json": channel(t=TREE, u=closed(a=TREE))},
        {"x.channel.json": channel(t=ref("a.json"), u=ref("b.json")), "a.json": TREE, "b.json": TREE},
    ],
    ids=["a-copy-of-a-metaschema", "two-topics", "two-files"],
)
def test_which_of_two_is_meant_depends_on_no_hash_seed(files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    for path, value in files.items():
        (tmp_path / "schemas" / path).write_text(json.dumps(value))
    program = "import sys; from tightbeam_cli import main; sys.exit(main(sys.argv[1:]))"
    written: set[str] = set()
    for seed in range(4):
        command = [sys.executable, "-c", program, "generate", "--output", f"out{seed}"]
        variables = {"PYTHONHASHSEED": str(seed), "TIGHTBEAM_CACHE_DIR": "", "PATH": ""}
        subprocess.run(command, cwd=tmp_path, env=variables, check=True)
        files = sorted((tmp_path / f"out{seed}").rglob("*.py"))
        written.add("".join(file.read_text() for file in files))
    assert len(written) == 1
