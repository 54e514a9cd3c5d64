"""The JSON Schema Test Suite, exported: a tool that knows draft 7 judges each case as the suite does."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.suite.groups import DIALECTS, groups, remotes
from tests.tightbeam_codegen.asyncapi.exported import validator_of
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import ref
from tightbeam_codegen.asyncapi.exporting import About, Exported, export
from tightbeam_codegen.model import Model
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings

pytestmark = pytest.mark.slow


EXPECTED = {
    "draft2020-12": (1222, 46, 14),
    "draft2019-09": (1209, 45, 7),
    "draft7": (913, 0, 0),
    "draft6": (829, 0, 0),
    "draft4": (610, 0, 0),
}
"""Cases, schemas that stay in their own draft, and schemas that can't be said in AsyncAPI."""
REFUSED = {"$dynamicRef", "$recursiveRef", "AsyncAPI has no word for the dialect"}


def model_of(folder: Path, draft: str) -> Model:
    """Read a channel for each group, whose schema stands in a file of its own."""
    for group in groups(draft):
        definition = channel(group.name.replace("_", "-"), t=ref(f"payloads/{group.name}.json"))
        write_files(folder, {f"{group.name}.channel.json": definition})
        write_files(folder, {f"payloads/{group.name}.json": json.dumps(group.schema)})
    settings = Settings(folder, refs=remotes(), dialect=DIALECTS[draft], assert_formats=False)
    model = read(folder, settings, shown_root="schemas")
    assert not model.has_errors
    return model


@pytest.mark.parametrize("draft", DIALECTS)
def test_cases_are_judged_as_the_suite_does(draft: str, tmp_path: Path) -> None:
    model = with_room(lambda: model_of(tmp_path, draft))
    by_name = {each.module[-1]: each for each in model.channels}
    wrong: list[str] = []
    refused: list[str] = []
    native = right = 0
    for group in groups(draft):

        def exported(name: str = group.name) -> Exported:
            alone = dataclasses.replace(model, channels=(by_name[name],))
            return export(alone, About(), lambda channel, topic: None)

        outcome = with_room(exported)
        if outcome.problems:
            refused.append(outcome.problems[0].message)
            continue
        document: dict[str, Any] = dict(outcome.document)
        native += "schemaFormat" in json.dumps(document)
        validator = validator_of(document, group.name, "t", formats=False)
        for case in group.cases:
            if validator.is_valid(case.data) == case.valid:
                right += 1
            else:
                wrong.append(f"{group.file}: {group.description}: {case.description}")
    assert wrong == []
    assert (right, native, len(refused)) == EXPECTED[draft], refused
    assert {message.partition(" '")[0] for message in refused} <= REFUSED
