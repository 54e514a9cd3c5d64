"""What was refused is said: one bounded line of the log with cause and remedy, and a code for programs."""

# ruff: noqa: E501 - the tables have a case a line
from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import (
    KEY,
    OLD_SECRET,
    patient,
    plain_uvicorn,
    running,
    secured,
    subscribed,
)
from tests.tightbeam.gateway.test_tokens import bad, good, signed
from tightbeam import Client, JournalFailed
from tightbeam.gateway import Limits, app
from tightbeam.gateway._refusal_log import EVERY_SECONDS, SUBJECTS, RefusalLog
from tightbeam.gateway._refusals import CODES, Refused, shown

PAGE = "https://www.example.com"
BEARER = {"Authorization": f"Bearer {KEY}"}
API = "/v1/realtime"


def asking(gateway: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://127.0.0.1")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "tightbeam"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code", "line"),
    [
        (
            *("GET", "/sse?token=GOOD", {"Origin": "http://127.0.0.1:5333"}, "", 403, "origin"),
            'refused a page of http://127.0.0.1:5333: its origin isn\'t in allowed_origins (now: http://127.0.0.1, https://www.example.com); add it: gateway.app(..., allowed_origins=["http://127.0.0.1:5333"])',
        ),
        (
            *("GET", "/sse", {"Origin": 'https://a.b"]); print("'}, "", 403, "origin"),
            r"no browser sends that: look at the proxy in front$",
        ),
        ("GET", "/sse", {"Origin": "null"}, "", 403, "origin", r"serve the page over http"),
        (
            "OPTIONS",
            "/sse",
            {"Origin": "http://a.b"},
            "",
            403,
            "origin",
            r"a page of http://a\.b: its origin",
        ),
        (
            "GET",
            "/sse",
            {"Host": "evil.example:1"},
            "",
            421,
            "host",
            r'its Host is "evil\.example:1".*allowed_hosts=',
        ),
        (
            "GET",
            "/sse",
            {},
            "",
            401,
            "unauthorized",
            r"an event stream: it shows no token; fetch a fresh token",
        ),
        ("GET", "/sse?token=x.y.z", {}, "", 401, "unauthorized", r"isn't one of a Tightbeam gateway"),
        ("GET", "/sse?token=OTHER", {}, "", 401, "unauthorized", r"another secret.*TIGHTBEAM_TOKEN_SECRET"),
        (
            "GET",
            "/sse?token=EXPIRED",
            {},
            "",
            401,
            "expired",
            r"has expired; it opens streams for 60 s; fetch",
        ),
        ("GET", "/sse?token=FOREIGN", {}, "", 401, "unauthorized", r"doesn't say what this gateway's do"),
        (
            "GET",
            "/sse?token=UNKNOWN",
            {},
            "",
            401,
            "unauthorized",
            r"a channel or topic that this gateway doesn't",
        ),
        (
            "GET",
            "/connect",
            {"Origin": PAGE},
            "",
            401,
            "unauthorized",
            r"a WebSocket of a page of https://www",
        ),
        (
            *("GET", '/sse?token=GOOD&want=[["job:j2","tick"]]', {}, "", 403, "topic"),
            r'isn\'t for topic "tick" of channel "job:j2"; name them where the token is made',
        ),
        ("GET", "/sse?token=GOOD&want=x", {}, "", 400, "request", r"want is a JSON list"),
        ("GET", "/sse?token=GOOD&since=today", {}, "", 400, "position", r"since is a time"),
        ("GET", f"/sse?token=GOOD&after={'x' * 200}", {}, "", 400, "position", r"after isn't a position"),
        (
            "GET",
            "/sse?token=GOOD",
            {},
            "",
            403,
            "topics-limit",
            r"at most 0 topics, and \d.*Limits\(topics=…\)",
        ),
        (
            "GET",
            "/sse?token=GOOD&after=x:1",
            {},
            "",
            503,
            "unavailable",
            r"isn't entered.*lifespan=client\.lifespan",
        ),
        ("POST", "/token", {}, "[]", 401, "server-key", r"a request for a token: it shows no server key"),
        (
            "POST",
            "/publish",
            {"Authorization": "Bearer s3cret"},
            "1",
            401,
            "server-key",
            r"isn't this gateway's",
        ),
        ("POST", "/token", BEARER, "{}", 400, "request", r"must provide a list of topics"),
        (
            "POST",
            "/token",
            BEARER,
            '[{"channel":"x:1","name":"a"}]',
            404,
            "channel",
            r'no channel "x:1" here',
        ),
        (
            "POST",
            "/token",
            BEARER,
            '[{"channel":"job:1","name":"a"}]',
            404,
            "topic",
            r'"job:1" has no topic "a"',
        ),
        (
            "POST",
            "/publish?channel=x:1&topic=a",
            BEARER,
            "1",
            404,
            "channel",
            r'a publish: there is no channel "x:1"',
        ),
        ("POST", "/publish?channel=job:1&topic=a", BEARER, "1", 404, "topic", r'"job:1" has no topic "a"'),
        (
            *("POST", "/publish?channel=job:1&topic=tick", BEARER, '{"n": "s3cret"}', 422, "payload"),
            r'breaks the schema of topic "tick" of job:\{jobId\} at /n: must be an integer',
        ),
        (
            "POST",
            "/publish?channel=job:1&topic=token",
            BEARER,
            "x" * 524_287,
            413,
            "too-large",
            r"max_payload_bytes",
        ),
        (
            "POST",
            "/publish?channel=job:1&topic=token",
            BEARER,
            "x" * 524_289,
            413,
            "too-large",
            r"max_payload_bytes",
        ),
        (
            "POST",
            "/send?name=app%2Fx",
            BEARER,
            "{}",
            503,
            "unavailable",
            r"an event: the client isn't entered",
        ),
        ("POST", "/send?name=app%2Fx", BEARER, "[", 400, "request", r"an event: the body isn't JSON"),
        ("GET", "/publish", {}, "", 405, "method", r"a publish: GET isn't taken there, but POST"),
        ("GET", "/nothing/s3cret", {}, "", 404, "not-found", r"no such path under /v1/realtime"),
    ],
)
async def test_each_refusal_is_one_line_with_cause_and_remedy(
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    status: int,
    code: str,
    line: str,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = {
        "GOOD": signed(good()),
        "OTHER": signed(good(), secret="x" * 32),
        "EXPIRED": signed(good(exp=1, iat=0)),
        "FOREIGN": signed(good(iss="elsewhere")),
        "UNKNOWN": signed(good(sub="x:1", topics=[{"channel": "x:1", "name": "status"}])),
    }
    for name, token in tokens.items():
        path = path.replace(name, token)
    limits = Limits(topics=0 if code == "topics-limit" else 64)
    async with asking(secured(client, allowed_origins=[PAGE], limits=limits)) as ask, asyncio.timeout(20):
        if method == "OPTIONS":
            headers = headers | {"Access-Control-Request-Method": "GET"}
        answer = await ask.request(method, f"{API}{path}", headers=headers, content=body)
        again = await ask.request(method, f"{API}{path}", headers=headers, content=body)
    assert answer.status_code == again.status_code == status
    assert answer.json().keys() >= {"error", "code", "status", "data"}
    assert (answer.json()["code"], answer.json()["status"]) == (code, status)
    assert code in CODES
    (found,) = said(caplog)
    assert found.startswith("refused ")
    assert line == found or re.search(line, found), found
    assert not any(
        secret in found
        for secret in ("s3cret", KEY, *tokens.values(), *(one[:12] for one in tokens.values()))
    )
    assert caplog.records[0].levelno == logging.WARNING


def test_the_codes_are_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"`{code}`" not in page] == []


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ({"X-Forwarded-For": "1.2.3.4"}, r"through a proxy, which added x-forwarded-for; use secrets"),
        ({"Host": "rt.example.com"}, r'its Host is "rt\.example\.com".*tightbeam serve --public-url'),
        ({"Origin": "https://a.example"}, r"\(now: none, and pages of this machine\)"),
    ],
)
async def test_dev_mode_says_what_it_takes(
    headers: dict[str, str], line: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(app(client, channels=[JobChannel], dev=True)) as ask:
        answer = await ask.get(f"{API}/sse", headers=headers)
    assert answer.json()["code"] in ("dev-mode", "host", "origin")
    (found,) = said(caplog)
    assert re.search(line, found), found


async def test_a_websocket_is_refused_in_the_same_words(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """And the plain request with the same query is answered what the WebSocket was."""
    async with running(secured(client)) as url, patient() as ask:
        for headers, token, code in (
            ({"Origin": "http://127.0.0.1:5333"}, signed(good()), "origin"),
            ({}, None, "unauthorized"),
            ({}, signed(good(exp=1, iat=0)), "expired"),
        ):
            caplog.clear()
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, token, headers=headers):
                    pass
            query = {} if token is None else {"token": token}
            plain = await ask.get(f"{url}{API}/connect", params=query, headers=headers)
            assert json.loads(refused.value.response.body or b"") == plain.json()
            assert plain.json()["code"] == code
            (_,) = said(caplog)
        caplog.clear()
        answer = await ask.get(f"{url}{API}/connect", params={"token": signed(good())})
        assert (answer.status_code, answer.json()["code"]) == (426, "upgrade-required")
        assert answer.headers["upgrade"] == "websocket"
        assert said(caplog) == []
        # What is left of a WebSocket's request behind a proxy that doesn't know of upgrades.
        swallowed = {"Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"}
        await ask.get(f"{url}{API}/connect", params={"token": signed(good())}, headers=swallowed)
        assert "a proxy in between doesn't pass upgrades on" in said(caplog)[0]


@pytest.mark.parametrize(
    ("limits", "entered", "query", "code", "line"),
    [
        (
            {"connections": 0},
            True,
            {},
            "full",
            "0 streams are open, as many as may be; raise it, and the limit",
        ),
        ({}, False, {"after": "x:1"}, "unavailable", "the journal can't be read (the client isn't entered: "),
        ({}, False, {"since": "2026-01-01T00:00:00Z"}, "unavailable", "the journal can't be read"),
    ],
)
async def test_the_plain_request_says_that_there_is_no_room_or_no_journal(
    limits: dict[str, int],
    entered: bool,
    query: dict[str, str],
    code: str,
    line: str,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = secured(client, limits=Limits(**limits))  # type: ignore[arg-type]  # those of the cases are numbers
    async with client if entered else contextlib.nullcontext(), asking(gateway) as ask, asyncio.timeout(20):
        for path in ("connect", "sse"):
            answer = await ask.get(f"{API}/{path}", params={"token": signed(good()), **query})
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert answer.headers["retry-after"] == {"full": "5", "unavailable": "2"}[code]
    assert gateway.connections == 0
    assert [line in one for one in said(caplog)] == [True]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sse?token=GOOD&since=2026-01-01T00:00:00Z"),
        ("POST", "/send?name=app%2Fx"),
        ("GET", "/runs"),
        ("POST", "/runs/x/cancel"),
    ],
)
async def test_a_journal_that_fails_has_another_remedy(
    method: str,
    path: str,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise JournalFailed("the disk is full")

    path = path.replace("GOOD", signed(good()))
    headers = {} if "token=" in path else BEARER
    async with client, asking(secured(client)) as ask, asyncio.timeout(20):
        with monkeypatch.context() as patch:
            patch.setattr(client, "send", fails)
            for name in ("read", "position_since", "cancel_run"):
                patch.setattr(client._engine, name, fails)
            answer = await ask.request(method, f"{API}{path}", headers=headers, content="{}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    (found,) = said(caplog)
    assert "the disk is full" in found
    assert found.endswith("look at the journal's disk, or its database server")


async def test_a_websocket_is_told_when_to_come_back(client: Client) -> None:
    async with running(secured(client, limits=Limits(connections=0))) as url:
        with pytest.raises(InvalidStatus) as refused:
            async with subscribed(url, signed(good())):
                pass
        assert refused.value.response.headers["retry-after"] == "5"
        with pytest.raises(InvalidStatus) as refused:
            async with subscribed(url, None):
                pass
        assert "retry-after" not in refused.value.response.headers


async def test_a_gateway_that_stops_says_when_to_come_back(client: Client) -> None:
    gateway = secured(client)
    async with client, asking(gateway) as ask:
        await gateway.close()
        answer = await ask.get(f"{API}/sse", params={"token": signed(good())})
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("closing", "1")


@pytest.mark.parametrize("ws", ["websockets-sansio", "auto"])
async def test_uvicorns_own_protocols_log_no_error_of_it(
    ws: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with client, plain_uvicorn(secured(client), ws=ws) as (_, url):
        with pytest.raises(InvalidStatus) as refused:
            async with subscribed(url, None):
                pass
        assert refused.value.response.status_code == 401
    lines = [one.getMessage() for one in caplog.records]
    assert any(line.startswith("refused a WebSocket: it shows no token") for line in lines)
    assert not any("without completing handshake" in line for line in lines)


async def test_uvicorns_complaint_of_other_applications_stays(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def unfinished(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()

    secured(client)
    async with plain_uvicorn(unfinished, lifespan="off") as (_, url):
        with pytest.raises(InvalidStatus):
            async with subscribed(url, None):
                pass
    assert any("without completing handshake" in one.getMessage() for one in caplog.records)


async def test_a_closing_frame_has_the_reason(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    gateway = secured(client, limits=Limits(client_frame=1000))
    async with running(gateway) as url:
        for text, code, reason in (
            (
                json.dumps({"kind": "sub", "data": signed(good(exp=1, iat=0))}),
                1008,
                "Not authenticated: this token has",
            ),
            ("x" * 2_000, 1009, "a client's frame has at most 1,000 bytes"),
        ):
            async with subscribed(url, signed(good())) as connection:
                await connection.send(text)
                with pytest.raises(ConnectionClosed) as closed:
                    await connection.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
            assert closed.value.rcvd.reason.startswith(reason)
    assert len(said(caplog)) == 2


@pytest.mark.parametrize("origin", ["http://127.0.0.1:5333", None])
def test_mounted_and_served_by_another_application_it_is_the_same(
    origin: str | None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    outer = Starlette(routes=[Mount("/", secured(client))], lifespan=client.lifespan)
    headers = {} if origin is None else {"Origin": origin}
    with TestClient(outer, base_url="http://127.0.0.1", headers=headers) as ask:
        answer = ask.get(f"{API}/sse")
        with (
            pytest.raises(WebSocketDenialResponse) as denied,
            ask.websocket_connect(f"{API}/connect", headers={"Host": "127.0.0.1"}),
        ):
            pass
    assert denied.value.json() == answer.json()
    assert answer.headers.get("access-control-allow-origin") == origin
    (line, *_) = said(caplog)
    assert line.startswith(
        "refused an event stream: it shows no token" if origin is None else f"refused a page of {origin}"
    )


async def test_two_reasons_of_one_code_are_two_lines(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(secured(client)) as ask:
        for query in (
            "channel=job:1&topic=tick&metadata=x",
            "topic=tick",
            "channel=job:1&topic=tick&metadata=y",
        ):
            assert (await ask.post(f"{API}/publish?{query}", headers=BEARER, content="1")).status_code == 400
    assert said(caplog) == [
        "refused a publish: metadata isn't JSON; the form of requests is in /v1/realtime/openapi.json",
        "refused a publish: channel and topic are needed; the form of requests is in /v1/realtime/openapi.json",
    ]


def scope_of(path: str = f"{API}/sse", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }


def refusal(origin: str) -> Refused:
    return Refused(403, "no", code="origin", cause="not allowed", remedy="allow it", subject=shown(origin))


def test_repeats_are_counted_and_said_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = RefusalLog(lambda: now)
    for _ in range(100):
        log.note(refusal("http://a"), scope_of())
    assert said(caplog) == ["refused a page of http://a: not allowed; allow it"]
    now = EVERY_SECONDS
    log.note(refusal("http://a"), scope_of())
    assert said(caplog)[1:] == [
        "refused a page of http://a: not allowed; allow it (100 more since the last such line)"
    ]
    log.note(refusal("http://a"), scope_of())
    log.flush()
    log.flush()
    assert len(said(caplog)) == 3
    (entry,) = log.latest()
    assert entry.count == 102


def test_a_stranger_fills_neither_log_nor_memory(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = RefusalLog(lambda: now)
    log.note(refusal("http://honest"), scope_of())
    for number in range(10_000):
        now += 0.01
        log.note(refusal(f"http://{number}.evil"), scope_of())
        if number % 500 == 0:
            log.note(refusal("http://honest"), scope_of())
    lines = said(caplog)
    minutes = int(now // EVERY_SECONDS) + 1
    assert len(lines) <= (SUBJECTS + 1) * minutes
    assert sum("http://honest:" in line for line in lines) == minutes  # it isn't driven out
    assert any("one of" in line for line in lines)
    assert len(log.latest()) <= SUBJECTS + 1
    assert sum(entry.count for entry in log.latest()) > 9_000


def test_a_new_subject_takes_the_place_of_one_that_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = RefusalLog(lambda: now)
    for number in range(SUBJECTS):
        log.note(refusal(f"http://{number}"), scope_of())
    now = 3 * EVERY_SECONDS
    log.note(refusal("http://new"), scope_of())
    assert said(caplog)[-1].startswith("refused a page of http://new:")
    assert len(log.latest()) == SUBJECTS


@pytest.mark.parametrize(
    "hostile",
    [
        *("http://a\nERROR: all is lost", "http://a\r\n\x1b[2J", "http://a\u202e", "http://" + "a" * 100_000),
        signed(good()),
        *bad().values(),
    ],
)
def test_hostile_text_stays_in_its_line(hostile: str, caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    log.note(refusal(hostile), scope_of())
    log.note(Refused(400, f"cause {hostile}"), scope_of(Origin=hostile.encode("utf-8").decode("latin-1")))
    log.note(Refused(404, "x", cause=hostile, subject=hostile), scope_of(path=f"{API}/{hostile}"))
    for line in said(caplog):
        assert line.isprintable()
        assert len(line) < 800
        assert len(hostile) < 20 or hostile[-20:] not in line or hostile.startswith("http")


async def test_what_happens_every_day_is_no_warning(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    gateway = secured(client, inspector=True)
    async with asking(gateway) as ask:
        for path in ("/favicon.ico", "/inspector/nothing.js", "/inspector/api/channels"):
            assert (await ask.get(path)).status_code in (401, 404)
        assert said(caplog) == []
        await ask.get("/inspector/api/channels", headers={"Authorization": "Bearer s3cret"})
        await ask.get("/inspector/api/channels", headers={"Sec-Fetch-Site": "cross-site"})
        assert [line.partition(";")[0] for line in said(caplog)] == [
            "refused the inspector's page: its server key isn't this gateway's",
            "refused the inspector's page: only the inspector's own page asks for this",
        ]
        caplog.clear()
        await gateway.close()
        answer = await ask.get(f"{API}/sse", params={"token": signed(good())})
        assert (answer.status_code, answer.json()["code"]) == (503, "closing")
        assert said(caplog) == []


async def test_the_previous_secret_is_taken(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    gateway = secured(client, previous_token_secret=OLD_SECRET)
    async with asking(gateway) as ask, client, asyncio.timeout(20):
        answer = await ask.get(f"{API}/connect", params={"token": signed(good(), secret=OLD_SECRET)})
    assert answer.status_code == 426
    assert said(caplog) == []
