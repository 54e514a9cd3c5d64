"""What the type generator takes for code in a schema never reaches it: its extensions, and its advisories.

Each advisory of 2026 about it is a case, named for what it does. Those about fetching are in
`tests/tightbeam_codegen/command/test_sandbox.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.allowed import check_package
from tests.tightbeam_codegen.compiling import Compiled, channel, compile_files, errors, write_files
from tests.tightbeam_codegen.hostile.attacks import ATTACKS
from tests.tightbeam_codegen.hostile.compiled import everywhere
from tests.tightbeam_codegen.hostile.places import PLACES
from tests.tightbeam_codegen.hostile.visiting import visit
from tests.tightbeam_codegen.schemas import STRING, closed, open_object, ref
from tightbeam_cli import main
from tightbeam_codegen.read.check.schema import refused_keyword
from tightbeam_codegen.targets.python import facts
from tightbeam_codegen.targets.python.answer import UnexpectedSource

CALL = '__import__("canary")'
BREAKOUT = "os\nimport canary\n#"

CASES: dict[str, tuple[dict[str, Any], bool]] = {
    # A schema, and whether it must be refused: else it must be inert.
    "carriage return in the description of a union": (
        {"description": "a\rimport canary\r", "anyOf": [STRING, {"type": "integer"}]},
        False,
    ),
    "carriage return in a comment": ({**open_object(a=STRING), "$comment": "a\rimport canary\r"}, False),
    "carriage return in comments of extensions": (
        {**open_object(a=STRING), "x-comment": "a\rimport canary\r", "x-comments": ["a\rimport canary"]},
        False,
    ),
    "call as default factory": (open_object(a={**STRING, "default_factory": CALL}), True),
    "lambda as default factory of an object": (
        {**open_object(a=STRING), "default_factory": f"lambda: {CALL}"},
        True,
    ),
    "property called default_factory": (open_object(default_factory={**STRING, "default": CALL}), False),
    "annotation of an extension": (open_object(a={**STRING, "x-python-type": f"list[{CALL}]"}), True),
    "annotation with the end of a line": (
        open_object(a={**STRING, "x-python-type": "str\n    import canary\n    b: str"}),
        True,
    ),
    "annotation as an object": (
        {**open_object(a=STRING), "x-python-type": {"module": "canary", "name": "Fire"}},
        True,
    ),
    "import of an extension": (
        open_object(a={**STRING, "x-python-import": {"module": BREAKOUT, "name": "path"}}),
        True,
    ),
    "import of a name of an extension": (
        open_object(a={**STRING, "x-python-import": {"module": "os", "name": f"path\n{CALL}"}}),
        True,
    ),
    "path of a custom type": (open_object(a={**STRING, "customTypePath": f"os.path\n{CALL} #"}), True),
    "custom type of another module": (open_object(a={**STRING, "customTypePath": "canary.Fire"}), True),
    "path of a custom base class": (
        {**open_object(a=STRING), "customBasePath": f"x import y\n{CALL}\nfrom z"},
        True,
    ),
    "base classes in a list": ({**open_object(a=STRING), "customBasePath": ["canary.Fire", BREAKOUT]}, True),
    "validators": (
        {
            **open_object(a=STRING),
            "validators": [{"field": "a", "function": CALL, "mode": f'before"){CALL}'}],
        },
        False,
    ),
    "validators of an extension": (
        {**open_object(a=STRING), "x-validators": [{"field": "a", "function": CALL}]},
        False,
    ),
    "extra template data": (
        {**open_object(a=STRING), "x-extra-template-data": {"comment": f"a\r{CALL}", "validators": [CALL]}},
        False,
    ),
    "names of enum members": (closed(a={"enum": ["a"], "x-enum-varnames": [f"A = {CALL}\n    B"]}), True),
    "descriptions of enum members": (closed(a={"enum": ["a"], "x-enum-descriptions": [BREAKOUT]}), True),
    "names of enum members, as others spell them": (
        closed(a={"enum": ["a"], "x-enumNames": [f'"""{CALL}"""']}),
        True,
    ),
    "class variables and base classes": (
        {**open_object(a={**STRING, "x-is-classvar": CALL}), "x-is-base-class": True},
        True,
    ),
    "names of fields": (open_object(a={**STRING, "x-datamodel-code-generator-field-name": CALL}), True),
    "names of properties": ({**open_object(a=STRING), "x-propertyNames": {"pattern": CALL}}, True),
    "names of Avro and XML": (open_object(a={**STRING, "x-avro-fullname": CALL}), True),
    "discriminator": (
        {
            "oneOf": [closed("k", k={"const": kind}) for kind in "ab"],
            "discriminator": {"propertyName": f'k"), {CALL}, ("', "mapping": {CALL: CALL}},
        },
        False,
    ),
    "words that others read": (
        open_object(
            a={
                **STRING,
                "nullable": CALL,
                "example": CALL,
                "xml": {"name": CALL},
                "externalDocs": {"url": CALL},
            }
        ),
        False,
    ),
    "enum of code": (closed(a={"enum": [CALL, f"{{{CALL}}}", f'"] + [{CALL}] + ["']}), False),
    "default of code": (open_object(a={**STRING, "default": f'"); {CALL}; ("'}), False),
    "pattern of code": (open_object(a={**STRING, "pattern": rf'"\)|{re.escape(CALL)}|\("'}), False),
    "pattern with three quotes": (open_object(a={**STRING, "pattern": "'''|\"\"\"|\\\\$"}), False),
    "name of a file to include": (
        {**open_object(a=STRING), "x-include": "../../canary.py", "$schemaLocation": "file:///etc/passwd"},
        False,
    ),
    "reference into Python": (open_object(a=ref("canary.py#/Fire")), True),
}


def _compiled(schema: dict[str, Any], folder: Path) -> Compiled:
    alone = channel("a", t=schema)
    shared = {**channel("b", t=ref("#/$defs/A")), "$defs": {"A": schema}}
    files = {"a.channel.json": alone, "b.channel.json": shared, "y.json": {"$defs": {"A": schema}}}
    files["c.channel.json"] = channel("c", t=ref("y.json#/$defs/A"))
    return compile_files(folder, files)


@pytest.mark.parametrize("name", CASES)
def test_a_case(name: str, tmp_path: Path) -> None:
    schema, refused = CASES[name]
    made = _compiled(schema, tmp_path)
    if refused:
        files = {problem.place.path for problem in made.result.problems if problem.place}
        own = {"schemas/a.channel.json", "schemas/b.channel.json"}
        # Other tools name the members of enums likewise, in documents of theirs.
        assert files == own if "enum members" in name else files == {*own, "schemas/y.json"}
        assert not made.files
        assert all(problem.place for problem in made.result.problems)
    else:
        assert errors(made) == []
        check_package(made.files)


def test_nothing_of_the_cases_runs(tmp_path: Path) -> None:
    for index, (schema, refused) in enumerate(CASES.values()):
        if not refused:
            write_files(tmp_path / "project" / f"case{index}", _compiled(schema, tmp_path).files)
    assert visit(tmp_path / "project") == ""


@pytest.mark.parametrize("key", ["validators", "extra-template-data", "custom_file_header", "base_class"])
def test_settings_bring_no_code(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path, {"pyproject.toml": f"[tool.tightbeam]\n{key} = {json.dumps(CALL)}\n"})
    write_files(tmp_path / "schemas", {"x.channel.json": channel(t=STRING)})
    monkeypatch.chdir(tmp_path)
    assert main(["generate"]) == 2
    assert f"unknown setting '{key}'" in capsys.readouterr().err


# -- what it reads and what it is asked ----------------------------------------------------------------------


def _words_it_reads() -> Iterator[str]:
    """Every string in the source of the type generator that can be the name of an extension key."""
    spec = importlib.util.find_spec("datamodel_code_generator")
    assert spec is not None
    assert spec.origin is not None
    for file in sorted(Path(spec.origin).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


_PARTS_OF_NAMES = {"x-", "x-python-", "x-xsd-", "x-avro-"}
_NO_KEYS = {
    "x-www-form-urlencoded",  # a media type
}


@pytest.mark.slow
def test_every_extension_key_it_reads_is_refused() -> None:
    """An update of it that reads more shows here."""
    words = {word for word in _words_it_reads() if re.fullmatch(r"x-[A-Za-z-]+|custom[A-Z]\w+Path", word)}
    assert {"x-python-type", "x-enum-varnames", "customTypePath", "customBasePath"} <= words
    assert {word for word in words - _PARTS_OF_NAMES - _NO_KEYS if not refused_keyword(word)} == set()


def test_no_word_of_a_definition_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the text, and wherever it stands: it is asked about shapes with numbered tokens in them."""
    asked: list[Any] = []
    generated = facts.generated_source

    def listening(schemas: Any, names: int) -> str:
        asked.extend(schemas)
        return generated(schemas, names)

    monkeypatch.setattr(facts, "generated_source", listening)
    monkeypatch.setattr("tests.tightbeam_codegen.hostile.compiled.FACTS", None)
    everywhere(ATTACKS["call"].text, tmp_path, PLACES)
    assert asked
    words = set(_strings(asked))
    assert words <= {
        "type",
        "enum",
        "anyOf",
        "items",
        "additionalProperties",
        "$ref",
        "format",
        "pattern",
    } | {
        *("string", "integer", "number", "boolean", "null", "array", "object", "date", "date-time", "uuid"),
        *("ipv4", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
        *(word for word in words if re.fullmatch(r"s\d+|#/\$defs/R\d+", word)),
    }


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def test_what_it_answers_is_no_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Should it print code one day, nothing is generated from that."""
    annotations = [
        "__import__('canary')",
        "os.system",
        "str.join",
        "Annotated[str, Field(default_factory=f)]",
        "Annotated[str, f()]",
        "Literal[f()]",
        "Literal['canary']",
        "list[f()]",
        "str = f()",
        "lambda: str",
        "Unknown",
        "list",
        "tuple[str, int]",
        "dict[int, str]",
        "Optional[str]",
        "R0.x",
        "'str'",
        "Literal[1.5]",
        "Annotated[str, Field(ge=[1])]",
        "str & int",
    ]
    generated = facts.generated_source
    monkeypatch.setattr("tests.tightbeam_codegen.compiling.FACTS", None)
    for annotation in annotations:
        monkeypatch.setattr(
            facts, "generated_source", lambda *a, said=annotation: generated(*a).replace(": str", f": {said}")
        )
        with pytest.raises(UnexpectedSource):
            compile_files(tmp_path, {"x.channel.json": channel(t=closed("a", a=STRING))})
