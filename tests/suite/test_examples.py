"""Examples of the suite's schemas: hardly a schema that has valid cases goes without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.suite.conftest import Say
from tests.suite.groups import DIALECTS, Group, groups, remotes
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import ref
from tightbeam_codegen.examples import Example, Examples
from tightbeam_codegen.model import ChannelModel
from tightbeam_codegen.pipeline import read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings

LEAST = 0.98
"""Of the schemas with valid cases more than this have an example."""


def channels(folder: Path, draft: str, wanted: list[Group]) -> list[ChannelModel]:
    """A channel for each schema, which stands in a file of its own."""
    for group in wanted:
        definition = channel(group.name.replace("_", "-"), t=ref(f"payloads/{group.name}.json"))
        write_files(folder, {f"{group.name}.channel.json": definition})
        write_files(folder, {f"payloads/{group.name}.json": json.dumps(group.schema)})
    settings = Settings(folder, refs=remotes(), dialect=DIALECTS[draft], assert_formats=False)
    model = with_room(lambda: read(folder, settings, shown_root="schemas"))
    assert not model.has_errors
    return list(model.channels)


@pytest.mark.slow
@pytest.mark.parametrize("draft", DIALECTS)
def test_schemas_of_the_suite_have_examples(draft: str, tmp_path: Path, say: Say) -> None:
    wanted = {group.name: group for group in groups(draft)}
    without: list[str] = []
    found = 0
    for each in channels(tmp_path, draft, list(wanted.values())):
        examples = Examples(each.bundle)
        example = with_room(lambda examples=examples: examples.of("t"))
        again = with_room(lambda each=each: Examples(each.bundle).of("t"))
        assert again == example
        if isinstance(example, Example):
            found += 1
        else:
            group = wanted[each.module[-1]]
            if any(case.valid for case in group.cases):
                without.append(f"{group.file}: {group.description}")
    share = found / (found + len(without))
    say(f"{draft}: {found} of {found + len(without)} satisfiable schemas have an example ({share:.1%})")
    assert share > LEAST, without
