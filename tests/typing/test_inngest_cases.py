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
TYPED = {
    "process": 7,
    "process-sync": 7,
    "both": 7,
    "both-sync": 7,
    "bare": "app/upload",
    "bare-name": "app/upload",
    "plain": "e1",
    "either": "cat.png",
    "timed": "cat.png",
    "created": "app/upload",
    "created-typed": 7,
    "created-typed-sync": "app/upload",
}
"""The functions of typed events, and what they return."""
BAD = [
    (case, number)
    for case in ("inngest_bad.py", "inngest_events_bad.py")
    for number, mark in marks(CASES / case).items()
    if mark.fails_when_run
]


@pytest.fixture
def case(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The good case, its clients talking to a stand-in."""
    monkeypatch.delenv("INNGEST_SIGNING_KEY", raising=False)
    with StandIn() as server:
        monkeypatch.setenv("INNGEST_API_BASE_URL", server.origin)
        monkeypatch.setenv("INNGEST_EVENT_API_BASE_URL", server.origin)
        yield importlib.reload(importlib.import_module("inngest_ok"))


@pytest.fixture
def typed_case(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The good case of typed events."""
    monkeypatch.delenv("INNGEST_SIGNING_KEY", raising=False)
    return importlib.reload(importlib.import_module("inngest_events_ok"))


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
    sent = sent_by_the_sdk(monkeypatch)
    await case.sending()
    assert [(one.name, json.dumps(one.data)) for one in sent] == [
        ("app/upload", '{"uploadId": "u1"}'),
        ("app/upload", "{}"),
        ("app/upload", "{}"),
    ]


def sent_by_the_sdk(monkeypatch: pytest.MonkeyPatch) -> list[inngest.Event]:
    """The events that the SDK's own method is called with from now on, in place of sending them."""
    sent: list[inngest.Event] = []

    async def send(self: Any, events: Any, **_: Any) -> list[str]:
        sent.extend(events if isinstance(events, list) else [events])
        return ["id"]

    monkeypatch.setattr(inngest.Inngest, "send", send)
    return sent


@pytest.mark.parametrize("fn_id", TYPED)
async def test_functions_of_typed_events_run(typed_case: Any, fn_id: str) -> None:
    app = app_of(typed_case.client, typed_case.client.functions)
    answer = await Run(app, f"app-{fn_id}", {"uploadId": "u1", "filename": "cat.png"}).finish()
    assert (answer.status, answer.body) == (200, TYPED[fn_id])


@pytest.mark.parametrize(("fn_id", "returned"), [("existing", 7), ("existing-sdk", "app/upload")])
async def test_functions_of_typed_events_of_a_plain_client_run(
    typed_case: Any, fn_id: str, returned: object
) -> None:
    app = app_of(typed_case.plain, [typed_case.existing, typed_case.existing_of_the_sdk])
    answer = await Run(app, f"plain-{fn_id}", {"uploadId": "u1", "filename": "cat.png"}).finish()
    assert (answer.status, answer.body) == (200, returned)


async def test_typed_events_are_sent(typed_case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = sent_by_the_sdk(monkeypatch)
    await typed_case.sending()
    upload = {"uploadId": "u1", "filename": "cat.png"}
    assert [(one.name, one.data, one.id) for one in sent] == [
        ("app/upload", upload, ""),
        ("app/upload", upload, ""),
        ("app/ping", {}, ""),
        ("app/other", {"uploadId": "u1"}, "e1"),
        ("app/other", {"uploadId": "u1"}, ""),
        ("app/other", {}, ""),
        ("app/upload", {**upload, "uploadId": "u2"}, "e2"),
    ]


@pytest.mark.parametrize(("case", "line"), BAD)
@pytest.mark.usefixtures("project")
def test_bad_lines_fail_when_run(case: str, line: int) -> None:
    module, code, name = alone(CASES / case, line)
    assert name is None
    # The SDK's error for a wrong option has no public name; its base class is that of its public errors.
    with pytest.raises((*REFUSALS, inngest.NonRetriableError.__base__ or Exception)):
        exec(code, vars(module))
