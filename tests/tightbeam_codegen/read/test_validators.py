"""What `generate` lets pass the runtime can build: it has been built, by the same code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, errors, write_files
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import STRING, closed, ref
from tightbeam import InvalidPayload, TopicRef
from tightbeam._payload.encode import encode
from tightbeam_cli import main
from tightbeam_codegen import pipeline
from tightbeam_codegen.problems import Problems
from tightbeam_codegen.read.check import Definition
from tightbeam_codegen.read.validators import check_validators

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFTS = [
    DRAFT_4,
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
]


def test_a_reference_that_only_the_validator_would_follow_is_left_out(compile_here: Compile) -> None:
    """Draft 4 has no `contentSchema`, so nothing is to be found there; the validator looks all the same."""
    schema = {"$schema": DRAFT_4, "type": "object", "contentSchema": ref("missing.json")}
    made = compile_here({"x.channel.json": channel(t=ref("f.json")), "f.json": schema})
    assert errors(made) == []
    topic = made.module("x").x_channel.t
    assert encode(topic, {})
    with pytest.raises(InvalidPayload, match="must be an object"):
        encode(topic, 1)


def test_resources_that_the_validator_cannot_read_are_an_error(
    compile_here: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown on a bundle that was damaged before the check."""

    def damaged(definition: Definition, text: str, problems: Problems) -> None:
        bundle = json.loads(text)
        bundle["resources"]["https://tightbeam.invalid/f.json"] = ref("missing.json")
        check_validators(definition, json.dumps(bundle), problems)

    monkeypatch.setattr(pipeline, "check_validators", damaged)
    made = compile_here({"x.channel.json": channel(t=STRING)})
    (problem,) = [each for each in made.result.problems if each.severity == "error"]
    assert problem.message.startswith("the schemas that this refers to can't be read: Resource ")
    assert "missing.json" in problem.message
    assert str(problem.place) == "schemas/x.channel.json:1:1"
    assert not made.files


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda bundle: bundle["resources"].popitem(), "topic 't'"),
        (
            lambda bundle: bundle["branches"].update(A=[{"ref": "https://no/#", "dialect": DRAFT_4}]),
            "class 'A'",
        ),
        (lambda bundle: bundle["params"].update(id={"pattern": "("}), "parameter 'id'"),
    ],
    ids=["topic", "branch", "parameter"],
)
def test_each_part_of_a_bundle_is_built(
    change: Callable[[dict[str, Any]], object],
    what: str,
    compile_here: Compile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shown on bundles that were damaged before the check."""

    def damaged(definition: Definition, text: str, problems: Problems) -> None:
        bundle = {"branches": {}, **json.loads(text)}
        change(bundle)
        check_validators(definition, json.dumps(bundle), problems)

    monkeypatch.setattr(pipeline, "check_validators", damaged)
    definition = {**channel("x:{id}", t=STRING), "params": {"id": STRING}}
    made = compile_here({"x.channel.json": definition})
    (message,) = errors(made)
    assert message.startswith(f"the validator of {what} can't be built: ")
    assert not made.files


PATTERNS = [
    *("]", "}", "{", "a{", "a{,3}", "^[a-z]{2}]?$", "(?i)a", "(?s).", "(?x)a", "(?#c)", r"\A", r"\Z", r"\z"),
    *(r"\G", r"\h", r"\R", r"\K", r"\N", r"\X", "a++", "a*+", "(?>a)", "(?P<n>a)", "(?<n>a)"),
    *(
        r"(?<n>a)\k<n>",
        r"\p{L}",
        r"\pL",
        r"\p{Nope}",
        "[[:alpha:]]",
        "[a&&b]",
        r"\Q",
        r"\x",
        r"\x41",
        r"\u{1F600}",
    ),
    *(
        r"\u0041",
        r"\cA",
        r"\e",
        r"\_",
        r"\-",
        r"\/",
        r"\@",
        r"(a)\1",
        r"\1",
        r"\8",
        r"\0",
        r"\012",
        r"[\b]",
        r"\B",
    ),
    *("(?=a)", "(?!a)", "(?<=a)", "(?<!a+)", "[]", "[^]", "[a-]", "{1}", "x{2,1}", "x{1000}{1000}", "(?:a"),
    *("*a", "^*", "(?R)", "(?1)", "(?(1)a|b)", "(*FAIL)", "(?|a)", "[z-a]", "|"),
]


def refusal(topic: TopicRef[..., str, Any], payload: Any) -> str | None:
    try:
        encode(topic, payload)
    except InvalidPayload as error:
        return str(error)
    return None


@pytest.mark.parametrize("dialect", DRAFTS)
def test_a_pattern_is_an_error_or_works(dialect: str, compile_here: Compile) -> None:
    """As `pattern`, in `patternProperties` and of `propertyNames`, in a file and in a topic of its own."""

    def files(patterns: list[str]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        topics: dict[str, Any] = {}
        for index, pattern in enumerate(patterns):
            schema = {"type": "object", "properties": {"p": {"type": "string", "pattern": pattern}}}
            schema |= {
                "patternProperties": {pattern: {}},
                "propertyNames": {"anyOf": [{"pattern": pattern}, True]},
            }
            if dialect == DRAFT_4:
                del schema["propertyNames"]
            made[f"f{index}.json"] = {"$schema": dialect, **schema}
            topics |= {f"t{index}": ref(f"f{index}.json"), f"own{index}": {"$schema": dialect, **schema}}
        return {**made, "x.channel.json": channel(**topics)}

    refused = compile_here(files(PATTERNS)).result.problems
    said = "\n".join(problem.message for problem in refused if problem.severity == "error")
    works = [pattern for pattern in PATTERNS if f"the pattern '{pattern}' can't be used" not in said]
    assert 25 < len(works) < len(PATTERNS) - 15
    made = compile_here(files(works))
    assert errors(made) == []
    for index, _ in enumerate(works):
        for name in (f"t{index}", f"own{index}"):
            topic = getattr(made.module("x").x_channel, name)
            assert encode(topic, {}) == b"{}"
            with pytest.raises(InvalidPayload, match="/p: must be a string"):
                encode(topic, {"p": 1})
            if (why := refusal(topic, {"p": "\x00nothing fits this"})) is not None:
                assert "/p: must match the pattern" in why


@pytest.mark.slow
def test_only_what_changed_is_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def noting(definition: Definition, text: str, problems: Problems) -> None:
        checked.append(definition.name)
        check_validators(definition, text, problems)

    monkeypatch.setattr(pipeline, "check_validators", noting)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    schema = closed(p=ref("http://json-schema.org/draft-07/schema#"))
    files = {f"{name}.channel.json": channel(name, t=schema) for name in "ab"}
    write_files(tmp_path / "schemas", files)
    assert main(["generate"]) == 0
    assert sorted(checked) == ["a", "b"]
    before = {file: file.read_bytes() for file in (tmp_path / "generated").rglob("*.py")}
    checked.clear()
    assert main(["generate"]) == 0
    assert checked == []
    write_files(tmp_path / "schemas", {"a.channel.json": channel("a", t=STRING)})
    assert main(["generate"]) == 0
    assert checked == ["a"]
    write_files(tmp_path / "schemas", files)
    assert main(["generate"]) == 0
    assert {file: file.read_bytes() for file in (tmp_path / "generated").rglob("*.py")} == before
