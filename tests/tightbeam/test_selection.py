"""Which topics of which channels a token is for: one channel, several, of one definition or of several."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest

from generated.alerts import alerts_channel
from generated.uploads import uploads_channel
from tests.tightbeam.engine.samples import job_channel
from tightbeam import InvalidParam
from tightbeam._realtime import ClientRealtime
from tightbeam._selection import addresses_of, selected_topics, since_text, topic_names
from tightbeam.inngest._realtime import Realtime

ONE, TWO = job_channel(job_id="j1"), job_channel(job_id="j2")
UPLOAD = uploads_channel(upload_id="u1")
ALL = ["status", "tick", "token"]


@pytest.mark.parametrize(
    ("channels", "topics", "selection"),
    [
        (ONE, None, {"job:j1": ALL}),
        ([ONE], None, {"job:j1": ALL}),
        ((ONE, TWO), None, {"job:j1": ALL, "job:j2": ALL}),
        ([TWO, ONE, TWO], ["tick"], {"job:j2": ["tick"], "job:j1": ["tick"]}),
        ({ONE: 1, TWO: 2}, ["tick", "tick"], {"job:j1": ["tick"], "job:j2": ["tick"]}),
        ((one for one in (ONE, UPLOAD)), iter(["status"]), {"job:j1": ["status"], "uploads:u1": ["status"]}),
        ([UPLOAD, alerts_channel], None, {"uploads:u1": ["status", "result"], "alerts": ["alert"]}),
        ([ONE, UPLOAD], [ONE.tick, UPLOAD.result], {"job:j1": ["tick"], "uploads:u1": ["result"]}),
        ([ONE, UPLOAD], ["status", ONE.tick], {"job:j1": ["status", "tick"], "uploads:u1": ["status"]}),
        ("job:j1", ["tick"], {"job:j1": ["tick"]}),
        (["job:j1", TWO], ["tick"], {"job:j1": ["tick"], "job:j2": ["tick"]}),
        ("job:j1", [ONE.tick], {"job:j1": ["tick"]}),
        (["job:j1", ONE], None, {"job:j1": ALL}),
    ],
)  # fmt: skip
def test_what_is_selected(channels: Any, topics: Any, selection: dict[str, list[str]]) -> None:
    assert selected_topics(channels, topics) == selection
    assert list(selected_topics(ONE, None)) == ["job:j1"]


@pytest.mark.parametrize(
    ("channels", "topics", "kind", "words"),
    [
        ([], None, InvalidParam, "the list is empty"),
        ((), ["tick"], InvalidParam, "the list is empty"),
        (ONE, ["nothing"], InvalidParam, '"job:j1" has no topic "nothing"; it has: status, tick, token'),
        ([ONE, UPLOAD], ["tick"], InvalidParam, '"uploads:u1" has no topic "tick"; it has: status, result'),
        ([ONE, TWO], [UPLOAD.status], InvalidParam, 'topic "status" is one of channel "uploads:u1"'),
        ([ONE, TWO], [ONE.tick], InvalidParam, 'no topic of channel "job:j2"'),
        (ONE, [], InvalidParam, 'no topic of channel "job:j1"'),
        (ONE, "tick", TypeError, "not one string"),
        (ONE, [5], TypeError, "not int"),
        ("job:j1", None, TypeError, "say which topics"),
        ([ONE, "job:j2"], None, TypeError, '"job:j2".*say which topics'),
        ([ONE, ONE.tick], None, TypeError, "TopicRef is none"),
        (ONE.tick, None, TypeError, "not TopicRef"),
        (None, None, TypeError, "not NoneType"),
        ([[ONE]], None, TypeError, "list is none"),
    ],
)  # fmt: skip
def test_what_is_refused(channels: Any, topics: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        selected_topics(channels, topics)


def test_names_are_told_once() -> None:
    selection = {"a": ["x", "y"], "b": ["y", "z"]}
    assert topic_names(selection.values()) == ["x", "y", "z"]
    assert addresses_of(selection) == [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z")]


def test_times() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert [since_text(one) for one in (None, "latest", moment)] == [None, "latest", moment.isoformat()]
    assert since_text("2026-11-22T05:40:30.249Z") == "2026-11-22T05:40:30.249Z"
    for wrong in ("", "yesterday", "2026-11-22T05:40:30", "start", "1764385339000"):
        with pytest.raises(InvalidParam, match="toISOString"):
            since_text(wrong)
    with pytest.raises(TypeError, match="time zone"):
        since_text(moment.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["token", "token_sync"])
def test_all_clients_make_tokens_by_one_signature(name: str) -> None:
    ours = dict(inspect.signature(getattr(ClientRealtime, name)).parameters)
    theirs = dict(inspect.signature(getattr(Realtime, name)).parameters)
    del theirs["api_base_url"]  # Inngest's server may have another address for browsers
    assert theirs == ours
