"""Payloads of the golden cases: said with the bindings of one side, refused by the other at run time."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam_codegen.compare.test_cases import CASES
from tightbeam._events.accepted import Accepted, EventMisfit
from tightbeam._events.data import encode_event
from tightbeam_cli import main

pytestmark = pytest.mark.slow

LIMIT = 512 * 1024

SAME_CHANNEL = [
    path.name for path in sorted(CASES.iterdir()) if "can't take" in (path / "printed.txt").read_text("utf-8")
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers about types, which all cases share."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("case", SAME_CHANNEL)
async def test_the_payloads_are_refused(
    case: str,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(CASES / case, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(cache))
    name = case.replace("-", "_")
    for side in ("before", "after"):
        assert main(["generate", side, "--output", f"{side}_{name}"]) == 0
    capsys.readouterr()
    main(["breaking", "after", "--against", "./before", "--format", "json"])
    found = json.loads(capsys.readouterr().out)

    def topic(side: str, each: dict[str, Any]) -> Any:
        module = importlib.import_module(f"{side}_{name}.{each['channel']}")
        if each["definition"] == "event":
            return getattr(module, f"{each['channel']}_event")
        channel = getattr(module, f"{each['channel']}_channel")
        return getattr(channel(delivery_id="d1") if callable(channel) else channel, each["topic"])

    client = tightbeam.Client()
    for each in found["topics"]:
        for question, reader, writer in (
            ("old_readers", "before", "after"),
            ("new_readers", "after", "before"),
        ):
            if (payload := each["payloads"].get(question)) is None:
                continue
            if each["definition"] == "event":
                raw = encode_event(topic(writer, each), payload, LIMIT)
                with pytest.raises(EventMisfit):
                    Accepted("function", topic(reader, each)).started(each["topic"], raw)
                continue
            messages = client.realtime.subscribe(topic(reader, each))
            await client.realtime.publish(topic(writer, each), payload)
            with pytest.raises(tightbeam.InvalidPayload) as caught:
                await anext(messages)
            pointer = each["places"][question]["pointer"]
            assert all(issue.pointer.startswith(pointer) for issue in caught.value.issues)
