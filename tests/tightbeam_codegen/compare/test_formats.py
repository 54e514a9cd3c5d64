"""The four formats, also where every word of the definitions is hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.tightbeam_codegen.compare.repositories import Clone, definition
from tightbeam_cli import main
from tightbeam_codegen.command import breaking

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Compares two sets of definitions, and returns exit code, standard output and standard error."""
    (tmp_path / ".git").mkdir()  # the top of a repository, as annotations find it
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    def compared(before: Any, after: Any, *arguments: str) -> tuple[int, str, str]:
        for folder, value in (("before", before), ("after", after)):
            files = value if "name" not in value else {"deliveries.channel.json": value}
            Clone(tmp_path / folder).write(files)
        code = main(["breaking", "after", "--against", "./before", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return compared


OLD, NEW = definition("traffic"), definition("traffic", "strike")


def test_json_has_the_keys_and_words_that_programs_expect(run: Run) -> None:
    code, out, err = run(OLD, NEW, "--format", "json")
    found = json.loads(out)
    assert (code, err) == (1, "")
    assert list(found) == ["ok", "against", "problems", "topics", "code", "new", "exceptions"]
    (topic,) = found["topics"]
    assert (topic["channel"], topic["topic"]) == ("deliveries", "eta")
    assert (topic["old_readers"], topic["new_readers"], topic["order"]) == ("no", "yes", "readers-first")
    assert topic["payloads"] == {"old_readers": {"reason": "strike"}}
    refused = topic["places"]["old_readers"]
    assert refused["pointer"] == "/reason"
    assert refused["reader"] == {"file": "before/deliveries.channel.json", "line": 9, "column": 21}
    assert refused["writer"] == {"file": "after/deliveries.channel.json", "line": 9, "column": 21}
    assert (found["ok"], found["code"]) == (False, [])


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [
        (OLD, NEW, "readers-first"),
        (NEW, OLD, "publishers-first"),
        (OLD, definition("weather"), "none"),
        (NEW, definition("strike", "traffic"), "any"),
    ],
)
def test_orders(run: Run, before: Any, after: Any, order: str) -> None:
    code, out, _ = run(before, after, "--format", "json")
    (topic,) = json.loads(out)["topics"]
    assert topic["order"] == order
    assert code == (order != "any")
    no = [question for question in ("old_readers", "new_readers") if topic[question] == "no"]
    assert list(topic["payloads"]) == list(topic["places"]) == no


def test_what_is_not_decided_fails_under_strict_alone(run: Run) -> None:
    def matching(pattern: str) -> dict[str, Any]:
        return {"name": "x", "topics": {"t": {"schema": {"type": "string", "pattern": pattern}}}}

    before, after = matching(r"(?i)^a{4,9}$"), matching(r"(?i)^(?:a){4,9}$")
    code, out, _ = run(before, after, "--format", "json")
    (topic,) = json.loads(out)["topics"]
    assert (code, topic["order"]) == (0, "unknown")
    assert topic["undecided"]
    assert run(before, after, "--strict")[0] == 1
    assert "It isn't known whether old readers can take every new message" in run(before, after)[1]
    assert "::warning " in run(before, after, "--format", "github")[1]
    assert "::error " in run(before, after, "--format", "github", "--strict")[1]


def test_topics_that_ask_for_different_orders_are_released_one_after_the_other(run: Run) -> None:
    def two(first: list[str], second: list[str]) -> dict[str, Any]:
        return {"name": "x", "topics": {"a": {"schema": {"enum": first}}, "b": {"schema": {"enum": second}}}}

    code, out, _ = run(two(["x"], ["x"]), two(["x", "y"], ["x", "y"]))
    assert (code, "one after the other" in out) == (1, False)
    code, out, _ = run(two(["x"], ["x", "y"]), two(["x", "y"], ["x"]))
    assert (code, "one after the other" in out) == (1, True)


def test_schemas_as_written(run: Run) -> None:
    wider = definition("traffic")
    wider["topics"]["eta"]["schema"]["properties"]["more"] = {"type": "string"}
    assert run(OLD, wider)[0] == 0
    code, out, _ = run(OLD, wider, "--as-written", "--format", "json")
    (topic,) = json.loads(out)["topics"]
    assert (code, topic["order"]) == (1, "readers-first")
    assert topic["payloads"]["old_readers"].keys() == {"reason", "more"}


def test_annotations_have_paths_from_the_top_of_the_repository(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Clone(tmp_path / "apps").write({"before/x.channel.json": OLD, "schemas/x.channel.json": NEW})
    monkeypatch.chdir(tmp_path / "apps")
    assert main(["breaking", "--against", "./before", "--format", "github"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "::error file=apps/schemas/x.channel.json,line=9,col=21,title=tightbeam breaking::`x`, "
    )
    assert "%0ADeploy all readers first, then the publishers.\n" in out


NASTY = (
    "\r\n::error::gone%0A\x1b[31m`</details></code><script>alert(1)</script>|@octocat"
    " [x](https://x.example) #1 ![y](z) \N{LEFT-TO-RIGHT ISOLATE}\N{RIGHT-TO-LEFT OVERRIDE}"
)


def hostile(*values: str) -> dict[str, Any]:
    """A definition with hostile words wherever a definition can have some."""
    schema = {
        "type": "object",
        "title": NASTY,
        "properties": {NASTY: {"enum": [f"{value}{NASTY}" for value in values], "description": NASTY}},
        "required": [NASTY],
        "additionalProperties": False,
    }
    allowed = {"schema": schema, "x-tightbeam-allow-breaking": NASTY, "description": NASTY}
    topics = {"``x`` |@octocat </summary>": {"schema": schema}, "allowed": allowed}
    return {"name": "x", "description": NASTY, "topics": topics, "x-tightbeam-allow-breaking": NASTY}


def changes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Hostile definitions before and after a change of everything."""
    before, after = hostile("a"), hostile("b")
    before["topics"]["<b>gone</b> @octocat"] = {"schema": {"type": "string"}}
    after["topics"]["<b>new</b> @octocat"] = {"schema": {"type": "integer"}}
    return before, after


def test_text_has_no_control_characters(run: Run) -> None:
    code, out, err = run(*changes())
    assert (code, err) == (1, "")
    assert all(line.isprintable() for line in out.splitlines())
    assert out.count("\n") == len(out.split("\n")) - 1
    assert not re.search(r"^::", out, re.MULTILINE)


def test_json_stays_json(run: Run) -> None:
    _, out, _ = run(*changes(), "--format", "json")
    found = json.loads(out)
    payload = found["topics"][0]["payloads"]["old_readers"]
    assert payload == {NASTY: f"b{NASTY}"}


def test_no_command_of_github_is_injected(run: Run) -> None:
    _, out, _ = run(*changes(), "--format", "github")
    lines = out.splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert commands
    for line in commands:
        assert re.match(r"::(error|warning) file=[^,:]+,line=\d+,col=\d+,title=tightbeam breaking::", line), (
            line
        )
        assert line.isprintable()
    assert not any("##[" in line or re.match(r"\s+::", line) for line in lines)
    assert len(lines) == len(out.split("\n")) - 1


class Seen(HTMLParser):
    """Notes the tags of a page, and the text outside of code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.depth = 0
        self.prose = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.depth += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "code"

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.prose += data


def test_nothing_of_a_definition_becomes_markup(run: Run) -> None:
    _, out, _ = run(*changes(), "--format", "markdown")
    page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(out)
    seen = Seen(page)
    ours = {
        "h3",
        "p",
        "strong",
        "ul",
        "li",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "details",
        "summary",
    }
    assert seen.tags <= ours
    assert seen.depth == 0
    assert "octocat" not in seen.prose
    assert "x.example" not in seen.prose
    assert page.count("<details>") == page.count("</details>") == out.count("<details>")
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)


def test_markdown_for_a_comment(run: Run) -> None:
    code, out, _ = run(OLD, NEW, "--format", "markdown")
    assert code == 1
    assert (
        out
        == """\
### Definitions

Compared with `before`: 1 topic breaks.

| Payloads of | Deploy | Old readers take new messages | New readers take old messages |
|---|---|---|---|
| `deliveries`, topic `eta` | **readers first** | no | yes |

<details><summary><code>deliveries</code>, topic <code>eta</code>: readers first</summary>

Old readers can't take every new message. The smallest one found that they refuse:

- `{"reason": "strike"}`
- `/reason: "strike" is not one of "traffic"`
- refused by `before/deliveries.channel.json:9:21`, allowed by `after/deliveries.channel.json:9:21`

New readers can take every old message.

Deploy all readers first, then the publishers.

</details>
"""
    )


def test_a_file_with_hostile_names(run: Run) -> None:
    before = {"a|`b` @octocat.channel.json": OLD}
    after = {"a|`b` @octocat.channel.json": NEW}
    for form in ("text", "github", "json", "markdown"):
        code, out, err = run(before, after, "--format", form)
        assert (code, err) == (1, ""), form
    assert "octocat" not in Seen(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(out)).prose


@pytest.mark.parametrize(("before", "after"), [(10**300, 10**301), (0, -1e308), (1, 2**70)])
def test_very_large_numbers_and_deep_payloads(run: Run, before: float, after: float) -> None:
    def bounded(maximum: float) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "number", "maximum": maximum}
        for _ in range(8):
            schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
        return {"name": "x", "topics": {"t": {"schema": schema}}}

    code, out, err = run(bounded(before), bounded(after), "--format", "json")
    (topic,) = json.loads(out)["topics"]
    assert (code, err) == (int("no" in (topic["old_readers"], topic["new_readers"])), "")


@pytest.mark.parametrize("arguments", [[], ["--against", "main", "a", "b"], ["--against", "main", "--nope"]])
def test_a_wrong_call_is_one_object_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["breaking", *arguments, "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["topics"], len(found["problems"])) == (False, [], 1)


def test_a_bug_does_not_pass_for_a_break(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(breaking, "compare_with", broken)
    code, out, err = run(OLD, NEW, "--format", "json")
    assert code == 2
    assert json.loads(out)["problems"][0]["message"] == "a bug of Tightbeam's: ZeroDivisionError"
    assert "Traceback" in err


def test_names_of_both_languages(run: Run, tmp_path: Path) -> None:
    def with_property(name: str) -> dict[str, Any]:
        schema = {"type": "object", "properties": {name: {"type": "string"}}, "additionalProperties": False}
        return {
            "name": "x:{roomId}",
            "params": {"roomId": {"type": "string"}},
            "topics": {"t": {"schema": schema}},
        }

    Clone(tmp_path).write({"pyproject.toml": "[tool.tightbeam]\ntypescript = 'web'\n"})
    before, after = with_property(f"giftFor{NASTY}"), with_property("other")
    after |= {"name": "x:{team}", "params": {"team": {"type": "string"}}}
    _, out, _ = run(before, after)
    assert "`deliveries_channel` (in TypeScript `deliveriesChannel`) takes `team` in place of" in out
    assert "`room_id` (in TypeScript `roomId`)" in out
    assert all(line.isprintable() for line in out.splitlines())
    _, out, _ = run(before, after, "--format", "markdown")
    assert "octocat" not in Seen(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(out)).prose


@pytest.mark.slow
def test_many_changes_fit_into_a_comment(run: Run) -> None:
    def many(value: str) -> dict[str, Any]:
        schema = {"type": "object", "properties": {"a" * 300: {"enum": [value]}}, "required": ["a" * 300]}
        same = {"type": "object", "properties": {}, "description": value}
        topics = {f"t{number}": {"schema": schema} for number in range(60)}
        return {"name": "x", "topics": topics | {f"s{number}": {"schema": same} for number in range(60)}}

    _, out, _ = run(many("x" * 200), many("y" * 200), "--format", "markdown")
    assert len(out) < 65_536
    assert 0 < out.count("<details>") == out.count("</details>") < 60
    assert out.endswith("… and more: `tightbeam breaking` lists all of it.\n")
    _, out, _ = run(many("x"), many("y"))
    assert out.count(": no safe order\n") == 60
    assert out.count(": any order") == 21
    assert "… and 40 more topics: any order\n" in out


def test_a_comment_says_that_nothing_was_compared(run: Run) -> None:
    wrong = {"deliveries.channel.json": '{"name": "@octocat|`x`", "topcis": 1}'}
    code, out, err = run(OLD, wrong, "--format", "markdown")
    assert code == 2
    assert out.startswith("### Definitions\n\nNothing was compared:\n\n- `after/deliveries.channel.json:1:")
    assert "unknown key 'topcis'" in out
    assert "unknown key 'topcis'" in err
    assert "octocat" not in Seen(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(out)).prose
    assert "::error file=after/deliveries.channel.json" in run(OLD, wrong, "--format", "github")[1]
