"""The model, as `python -m tightbeam_codegen.dump` prints it: `cases/<concept>/model.json`.

`TIGHTBEAM_UPDATE_CASES=1 pytest tests/tightbeam_codegen/test_dump.py` writes it anew where there is one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tightbeam_codegen.compiling import channel, settings_of, write_files
from tests.tightbeam_codegen.golden import GOOD, UPDATE, Case
from tests.tightbeam_codegen.schemas import STRING, ref
from tightbeam_codegen.dump import as_json, main
from tightbeam_codegen.pipeline import read

CASES = [case for case in GOOD if (case.folder / "model.json").exists()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_model_of_a_case(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(case.folder)
    assert main(["schemas"]) == 0
    found = capsys.readouterr().out
    if UPDATE:
        Path("model.json").write_text(found, "utf-8")
    assert found == Path("model.json").read_text("utf-8")


def test_a_model_without_exact_shapes_says_what_python_types_say(tmp_path: Path) -> None:
    write_files(tmp_path, {"x.channel.json": channel(t={"type": "array", "prefixItems": [STRING]})})
    whole = read(tmp_path, settings_of(tmp_path), shown_root="schemas", exact=True)
    plain = read(tmp_path, settings_of(tmp_path), shown_root="schemas")
    assert plain.exact is None
    assert "exact" not in as_json(plain)
    assert as_json(whole)["exact"]["topics"]["x"][0]["shape"]["prefix"] == [{"kind": "string"}]
    assert as_json(plain)["channels"] == as_json(whole)["channels"]


def test_what_is_wrong_is_in_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "schemas"
    write_files(root, {"x.channel.json": channel(t=ref("nowhere.json"), u=STRING)})
    assert main([str(root)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert ["nowhere.json" in problem["message"] for problem in found["problems"]] == [True]
    assert [topic["name"] for each in found["channels"] for topic in each["topics"]] == ["t", "u"]


def test_definitions_that_do_not_load_leave_no_channels(tmp_path: Path) -> None:
    write_files(tmp_path, {"x.channel.json": "{", "y.channel.json": channel("y", t=STRING)})
    model = read(tmp_path, settings_of(tmp_path), shown_root="schemas")
    assert (model.is_complete, model.channels, model.has_errors) == (False, (), True)
