"""A channel for one big schema document that is there already, its names being what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.suite.property.check import check_instances
from tightbeam_cli import main

AWKWARD = [
    "check_run$completed",
    "3d-model",
    "naïve",
    "ﬁx",
    "fix",
    "a/b",
    "c~d",
    "class",
    "name",
    "list",
    "x y",
    "é",
]


def document() -> dict[str, Any]:
    """A draft 7 document of 350 definitions and 300 kB."""
    names = AWKWARD + [f"thing{index}$changed" for index in range(350 - len(AWKWARD))]
    properties: dict[str, Any] = {
        f"property-{index}": {"type": ["string", "null"], "description": "What this is for, in a few words."}
        for index in range(7)
    }
    properties |= {"owner": {"$ref": "#/definitions/fix"}, "class": {"enum": ["a", "b"]}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["class"],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {name: {"description": f"A {name}.", **schema} for name in names},
    }


@pytest.mark.slow
def test_a_topic_for_each_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("schemas").mkdir()
    text = json.dumps(document(), indent=2)
    assert len(text) > 300_000
    Path("schemas/hooks.json").write_text(text)
    assert main(["init", "--from", "schemas/hooks.json"]) == 0
    assert main(["generate", "schemas", "--output", "big_document"]) == 0, capsys.readouterr().err
    from big_document.hooks_topics import hooks_topics_channel as channel  # type: ignore[import-not-found]

    topics = json.loads(Path("schemas/hooks-topics.channel.json").read_text())["topics"]
    assert len(topics) == 350
    named = {
        attribute: getattr(channel, attribute).topic
        for attribute in ("fix", "fix_xfb01", "check_run_completed")
    }
    assert named == {"fix": "fix", "fix_xfb01": "ﬁx", "check_run_completed": "check_run$completed"}
    instance = {"class": "a", "owner": {"class": "b", "property-1": None}}
    assert not check_instances(channel.fix_xfb01, [instance], lambda _: True).wrong
    file = Path("schemas/hooks-topics.channel.json")
    file.write_text(file.read_text().replace("check_run$completed", "done"))
    assert main(["init", "--from", "schemas/hooks.json"]) == 2
    assert "exists; nothing was changed" in capsys.readouterr().err
