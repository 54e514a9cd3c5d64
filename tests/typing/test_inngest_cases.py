"""The cases of Inngest, run: good functions through call requests, bad lines where that needs no server."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import inngest
import pytest

from tests.tightbeam.inngest.calls import Run, app_of
from tests.tightbeam.inngest.standin import StandIn
from tests.typing.marks import marks
from tests.typing.test_running import CASES, REFUSALS, alone

GOOD = (
    "three-ways",
    "sync",
    "sdk",
    "sdk-sync",
    "portable",
    "portable-sync",
    "moved",
    "moved-sync",
    "ours",
    "fails",
)
BAD = [number for number, mark in marks(CASES / "inngest_bad.py").items() if mark.fails_when_run]


@pytest.fixture
def case(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The good case, its clients talking to a stand-in."""
    monkeypatch.delenv("INNGEST_SIGNING_KEY", raising=False)
    with StandIn() as server:
        monkeypatch.setenv("INNGEST_API_BASE_URL", server.origin)
        monkeypatch.setenv("INNGEST_EVENT_API_BASE_URL", server.origin)
        yield importlib.reload(importlib.import_module("inngest_ok"))


@pytest.mark.parametrize("fn_id", GOOD)
async def test_good_functions_run(case: Any, fn_id: str) -> None:
    run = Run(app_of(case.client, case.client.functions), f"app-{fn_id}", {"uploadId": "u1"})
    assert (await run.finish()).status == 200


@pytest.mark.parametrize("fn_id", ["existing", "fails-sync", "fails-sync-failure"])
async def test_good_functions_of_a_plain_client_run(case: Any, fn_id: str) -> None:
    run = Run(app_of(case.plain, [case.existing, case.fails_sync]), f"plain-{fn_id}")
    assert (await run.finish()).status == 200


async def test_the_rest_runs(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await case.reading()
    await case.tokens()
    sent: list[inngest.Event] = []

    async def send(self: Any, events: Any, **_: Any) -> list[str]:
        sent.extend(events if isinstance(events, list) else [events])
        return ["id"]

    monkeypatch.setattr(inngest.Inngest, "send", send)
    await case.sending()
    assert [(one.name, json.dumps(one.data)) for one in sent] == [
        ("app/upload", '{"uploadId": "u1"}'),
        ("app/upload", "{}"),
        ("app/upload", "{}"),
    ]


@pytest.mark.parametrize("line", BAD)
@pytest.mark.usefixtures("project")
def test_bad_lines_fail_when_run(line: int) -> None:
    module, code, name = alone(CASES / "inngest_bad.py", line)
    assert name is None
    # The SDK's error for a wrong option has no public name; its base class is that of its public errors.
    with pytest.raises((*REFUSALS, inngest.NonRetriableError.__base__ or Exception)):
        exec(code, vars(module))
