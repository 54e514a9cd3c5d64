"""Who gets in: tokens, the server key, Host and Origin, dev mode; each refusal comes before the upgrade."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from websockets.exceptions import InvalidStatus

from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import (
    KEY,
    OLD_SECRET,
    SECRET,
    data_frame,
    durable,
    patient,
    running,
    secured,
    subscribed,
)
from tightbeam import Client, InvalidParam, NoGateway
from tightbeam.gateway import Limits, app
from tightbeam.gateway._settings import Access
from tightbeam.gateway._tokens import BadToken, mint, since_ms, verify

BEARER = {"Authorization": f"Bearer {KEY}"}


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def good(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    topics = [{"kind": "run", "channel": "job:j1", "name": "status"}]
    return {
        "iss": "tightbeam",
        "aud": "tightbeam/realtime",
        "sub": "job:j1",
        "jti": "x",
        "publish": False,
        "iat": now,
        "exp": now + 60,
        "topics": topics,
        **changed,
    }


def signed(claims: dict[str, Any], secret: str = SECRET, **header: Any) -> str:
    return jwt.encode(claims, secret, algorithm=header.pop("alg", "HS256"), headers=header)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in good().items() if key != name}


def tampered() -> str:
    header, _, signature = signed(good()).split(".")
    other = good(sub="job:j2", topics=[{"kind": "run", "channel": "job:j2", "name": "status"}])
    return f"{header}.{part(other)}.{signature}"


def wrong_name(name: str) -> str:
    return signed(good(topics=[{"kind": "run", "channel": "job:j1", "name": name}]))


def bad() -> dict[str, str]:
    """Made when they are used: after a minute all of them would have expired."""
    return {
        "empty": "",
        "no token at all": "a.b.c",
        "unsigned": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(good())}.",
        "unsigned, other case": f"{part({'alg': 'nOnE', 'typ': 'JWT'})}.{part(good())}.",
        "no signature": ".".join(signed(good()).split(".")[:2]) + ".",
        "tampered": tampered(),
        "another secret": signed(good(), "x" * 32),
        "HS384": signed(good(), "x" * 48, alg="HS384"),
        "HS512, the right secret": signed(good(), SECRET * 2, alg="HS512"),
        "alg confusion": f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{signed(good()).split('.', 1)[1]}",
        "crit": signed(good(), crit=["exp"]),
        "crit, unknown": signed(good(), crit=["http://example.test/x"], **{"http://example.test/x": 1}),
        "a key of its own": signed(good(), jwk={"kty": "oct", "k": "AA"}),
        "a key's name": signed(good(), kid="../../dev/null"),
        "a key's address": signed(good(), jku="http://example.test"),
        "expired": signed(good(exp=int(time.time()) - 1)),
        "not yet": signed(good(nbf=int(time.time()) + 60)),
        "issued in the future": signed(good(iat=int(time.time()) + 600, exp=int(time.time()) + 660)),
        **{
            f"without {name}": signed(without(name))
            for name in ("exp", "iat", "jti", "iss", "aud", "sub", "topics", "publish")
        },
        "another issuer": signed(good(iss="rt.inngest.com")),
        "another audience": signed(good(aud="tightbeam/other")),
        "a publish token": signed(good(publish=True)),
        "unknown channel": signed(good(sub="x:1", topics=[{"channel": "x:1", "name": "status"}])),
        "unknown topic": wrong_name("nothing"),
        "run topic": wrong_name("$run"),
        "star": wrong_name("*"),
        "topics of two channels": signed(
            good(topics=[*good()["topics"], {"channel": "job:j2", "name": "status"}])
        ),
        "no topics": signed(good(topics=[])),
        "a topic that is no object": signed(good(topics=["status"])),
        "a cursor that is no number": signed(good(since="2026-01-01")),
        "a cursor that is a boolean": signed(good(since=True)),
        "too long": signed(good(more="x" * 10_000)),
        "other characters": signed(good()) + "é",
    }


# "star" passes the signature and must not mean every topic: names in tokens are plain.
@pytest.mark.parametrize("name", [name for name in bad() if name != "star"])
async def test_bad_tokens_are_refused_before_anything_is_sent(name: str, client: Client) -> None:
    gateway = secured(client)
    transport = httpx.ASGITransport(gateway)
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        async with asyncio.timeout(20):  # one that is taken opens a stream that doesn't end
            answer = await http.get("/v1/realtime/sse", params={"token": bad()[name]})
    said = answer.json()
    assert (answer.status_code, said["error"].partition(":")[0]) == (401, "Not authenticated")
    assert said["code"] == ("expired" if name == "expired" else "unauthorized")


async def test_every_bad_token_gets_401_instead_of_an_upgrade(client: Client) -> None:
    async with running(secured(client)) as url:
        for name, token in bad().items():
            if name == "star":
                continue
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, token):
                    pass
            if name == "too long":  # for the server's request line, already
                assert refused.value.response.status_code == 400
                continue
            assert refused.value.response.status_code == 401, name
            assert json.loads(refused.value.response.body or b"")["status"] == 401
        with pytest.raises(InvalidStatus) as refused:
            async with subscribed(url, None):
                pass
        assert refused.value.response.status_code == 401
        async with subscribed(url, signed(good())):
            pass  # the good one these were made from


async def test_a_token_is_for_its_channel_and_topics_only(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url:
        token = (await client.realtime.token(ch, ["status"]))["key"]
        for wanted in ([["job:j1", "tick"]], [["job:j2", "status"]], [["job:j1", "$run"]]):
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, token, want=json.dumps(wanted)):
                    pass
            assert refused.value.response.status_code == 403
        async with subscribed(url, token) as connection:
            await client.realtime.publish(job_channel(job_id="j2").status, {"message": "another's"})
            await client.realtime.publish(ch.tick, {"n": 1})
            await client.realtime.publish(ch.status, {"message": "mine"})
            assert (await data_frame(connection))["data"] == {"message": "mine"}


async def test_two_secrets_while_one_replaces_the_other(client: Client) -> None:
    gateway = secured(client, previous_token_secret=OLD_SECRET)
    async with running(gateway) as url:
        for secret in (SECRET, OLD_SECRET):
            async with subscribed(url, signed(good(), secret)):
                pass
    old = (await client.realtime.token(job_channel(job_id="j1"), ["status"]))["key"]
    verify(old, [SECRET.encode()], 9000)
    with pytest.raises(BadToken):
        verify(old, [OLD_SECRET.encode()], 9000)


async def test_tokens_are_short_lived_and_say_what_they_are_for(client: Client, ch: JobChannel) -> None:
    secured(client)
    made = await client.realtime.token(ch, [ch.tick, "status"], since=datetime(2026, 1, 2, tzinfo=UTC))
    assert made["apiBaseUrl"] == "http://127.0.0.1"
    claims = jwt.decode(made["key"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 60
    assert [topic["name"] for topic in claims["topics"]] == ["tick", "status"]
    assert (claims["publish"], claims["since"]) == (False, since_ms("2026-01-02T00:00:00.000Z"))
    assert client.realtime.token_sync("job:j9", ["tick"])["key"].count(".") == 2
    for channel, topics in (
        ("job:", ["tick"]),
        ("nothing", ["tick"]),
        ("job:j1", ["nothing"]),
        ("job:j1", []),
    ):
        with pytest.raises(InvalidParam):
            await client.realtime.token(channel, topics)
    with pytest.raises(InvalidParam):
        await client.realtime.token(ch, since="yesterday")
    with pytest.raises(TypeError, match="time zone"):
        await client.realtime.token(ch, since=datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None))
    assert (made["topics"], made["channels"]) == (["tick", "status"], [ch.name])
    with pytest.raises(TypeError):
        await client.realtime.token(ch, "tick")
    with pytest.raises(InvalidParam, match='"job:j2"'):
        await client.realtime.token(ch, [job_channel(job_id="j2").tick])
    with pytest.raises(NoGateway):
        await Client().realtime.token(ch)


@pytest.mark.parametrize("path", ["/v1/realtime/token", "/v1/realtime/publish?channel=job:j1&topic=tick"])
async def test_the_server_key_and_nothing_else(path: str, client: Client, ch: JobChannel) -> None:
    gateway = secured(client)
    transport = httpx.ASGITransport(gateway)
    body = b'[{"channel":"job:j1","name":"tick","kind":"run"}]' if "token" in path else b'{"n": 1}'
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        subscription = (await client.realtime.token(ch))["key"]
        wrong = ["", "Bearer", "Bearer x", f"Basic {KEY}", f"Bearer {SECRET}", f"Bearer {subscription}", KEY]
        for header in [*wrong, f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Bearer {KEY.upper()}"]:
            answer = await http.post(path, content=body, headers={"Authorization": header})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        twice = [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer x")]
        assert (await http.post(path, content=body, headers=twice)).status_code == 401
        assert (await http.post(path, content=body, headers=BEARER)).status_code in (200, 201)


async def test_the_key_is_compared_in_constant_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def spy(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr("tightbeam.gateway._access.hmac.compare_digest", spy)
    transport = httpx.ASGITransport(secured(client))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for key in ("", "x", KEY):
            await http.post("/v1/realtime/token", headers={"Authorization": f"Bearer {key}"}, content=b"[]")
    assert compared == [(32, 32)] * 3


async def test_a_signing_key_also_goes_as_its_hash(client: Client) -> None:
    key = "signkey-test-" + "ab" * 32
    hashed = "9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885"
    transport = httpx.ASGITransport(secured(client, server_key=key))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for form, status in (
            (key, 400),
            (hashed, 400),
            (f"signkey-test-{hashed}", 400),
            (hashed[:-1] + "6", 401),
        ):
            answer = await http.post(
                "/v1/realtime/token", headers={"Authorization": f"Bearer {form}"}, content=b"{}"
            )
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://app.example.com"}, 200),
        ({"Origin": "http://127.0.0.1"}, 200),
        ({"Origin": "https://app.example.com.evil.test"}, 403),
        ({"Origin": "http://app.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://localhost:5173"}, 403),
        ({"Host": "evil.test"}, 421),
        ({"Host": "127.0.0.1.evil.test"}, 421),
        ({"Host": "evil.test//127.0.0.1"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "127.0.0.1:9999"}, 200),
    ],
)
async def test_host_and_origin(headers: dict[str, str], status: int, client: Client, ch: JobChannel) -> None:
    gateway = secured(client, allowed_origins=["https://app.example.com"])
    transport = httpx.ASGITransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        path = "/v1/realtime/openapi.json"
        assert (await http.get(path, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://App.Example.com:443/", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
async def test_origins_are_compared_as_browsers_write_them(given: str, sent: str, client: Client) -> None:
    path = "http://127.0.0.1/v1/realtime/openapi.json"
    for settings in ({"allowed_origins": [given]}, {"public_url": given, "allowed_hosts": ["127.0.0.1"]}):
        transport = httpx.ASGITransport(secured(client, **settings))
        async with httpx.AsyncClient(transport=transport) as http:
            assert (await http.get(path, headers={"Origin": sent})).status_code == 200
            assert (await http.get(path, headers={"Origin": f"{sent}1"})).status_code == 403


@pytest.mark.parametrize(
    ("client_address", "headers", "status"),
    [
        ("127.0.0.1", {}, 201),
        ("::1", {}, 201),
        ("127.0.0.1", {"Origin": "http://localhost:5173"}, 201),
        ("127.0.0.1", {"Authorization": "Bearer garbage"}, 201),
        ("10.0.0.7", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Host": "rebound.test"}, 421),
        ("127.0.0.1", {"Origin": "https://evil.test"}, 403),
        ("127.0.0.1", {"Origin": "http://localhost.evil.test"}, 403),
        ("127.0.0.1", {"Origin": "capacitor://localhost"}, 403),
    ],
)
async def test_dev_mode_is_for_this_machine(
    client_address: str, headers: dict[str, str], status: int, client: Client
) -> None:
    gateway = app(client, channels=[JobChannel], dev=True)
    transport = httpx.ASGITransport(gateway, client=(client_address, 1))
    body = b'[{"channel":"job:j1","name":"tick"}]'
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert (await http.post("/v1/realtime/token", content=body, headers=headers)).status_code == status


def test_settings_that_are_not_safe(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIGHTBEAM_TOKEN_SECRET", "TIGHTBEAM_SERVER_KEY", "TIGHTBEAM_DEV"):
        monkeypatch.delenv(name, raising=False)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "needs its own secret"),
        ({"token_secret": "short"}, "at least 32 bytes"),
        ({"token_secret": SECRET, "previous_token_secret": "short"}, "at least 32 bytes"),
        ({"token_secret": SECRET, "server_key": "short"}, "at least 32 bytes"),
        ({"token_secret": SECRET, "server_key": SECRET}, "must differ"),
        ({"token_secret": SECRET, "previous_token_secret": KEY, "server_key": KEY}, "must differ"),
        ({"token_secret": SECRET, "public_url": "rt.example.com"}, "not an http or https origin"),
        ({"token_secret": SECRET, "public_url": "https://a.test/base"}, "not an http or https origin"),
        ({"token_secret": SECRET, "public_url": "https://a.test:port"}, "not an http or https origin"),
        ({"token_secret": SECRET, "public_url": "https://[::1"}, "not an http or https origin"),
        ({"token_secret": SECRET, "allowed_origins": [f"https://me:{SECRET}@a.test"]}, "no user and no pass"),
    ]
    for settings, complaint in wrong:
        with pytest.raises(ValueError, match=complaint) as refused:
            app(client, channels=[JobChannel], **settings)
        assert SECRET not in str(refused.value)
    with pytest.raises(ValueError, match="no channel"):
        app(client, channels=[], dev=True)
    monkeypatch.setenv("TIGHTBEAM_TOKEN_SECRET", SECRET)
    app(client, channels=[JobChannel])
    shown = repr(Access((SECRET.encode(),), KEY, dev=False, public_url=None, hosts=None, origins=frozenset()))
    assert SECRET not in shown
    assert KEY not in shown


async def test_the_number_of_streams_and_topics_is_limited(client: Client, ch: JobChannel) -> None:
    async with running(secured(client, limits=Limits(connections=1))) as url:
        token = (await client.realtime.token(ch))["key"]
        async with subscribed(url, token):
            with pytest.raises(InvalidStatus) as refused:
                async with subscribed(url, token):
                    pass
        assert refused.value.response.status_code == 503


async def test_too_many_topics_for_one_stream(client: Client, ch: JobChannel) -> None:
    gateway = secured(client, limits=Limits(topics=2))
    with pytest.raises(InvalidParam, match="1 to 2 topics"):
        await client.realtime.token(ch)
    async with running(gateway) as url:
        token = mint(SECRET.encode(), {ch.name: ["status", "tick", "token"]}, None, 60)
        with pytest.raises(InvalidStatus) as refused:
            async with subscribed(url, token):
                pass
    assert refused.value.response.status_code == 403


def test_times_as_cursors() -> None:
    assert since_ms("2026-11-22T05:40:30.249Z") == since_ms("2026-11-22T05:40:30.249938+00:00")
    assert since_ms("2026-11-22T06:40:30.249+01:00") == since_ms("2026-11-22T05:40:30.249Z")
    assert since_ms("1969-12-31T23:59:59.999Z") == -1
    for wrong in ("", "2026-11-22T05:40:30.249", "yesterday", 2**60):
        with pytest.raises(ValueError, match=r"."):
            since_ms(wrong)


async def test_the_address_that_was_given_is_the_one_browsers_are_told(
    client: Client, ch: JobChannel
) -> None:
    """Not the one that it is served at, which may be behind a proxy."""
    gateway = secured(client, public_url="https://rt.example.com")
    gateway.serves_at("http://127.0.0.1:8288")
    assert (await client.realtime.token(ch))["apiBaseUrl"] == "https://rt.example.com"


async def test_several_tokens_with_a_cursor_of_one_of_them(client: Client, ch: JobChannel) -> None:
    """A time is a place in its own channel: it is none for a stream of several."""
    other = job_channel(job_id="j2")
    work = durable(client)
    async with running(secured(client, runs=False)) as url, patient() as http:
        await client.run(work, {"first": 0, "count": 2, "job": "j2"})
        since = (await client.realtime.token(ch, since="1970-01-01T00:00:00Z"))["key"]
        tokens = [("token", since), ("token", (await client.realtime.token(other))["key"])]
        async with http.stream("GET", f"{url}/v1/realtime/sse", params=tokens) as answer:
            lines = answer.aiter_lines()
            assert (await anext(lines)).startswith(":")
            await client.realtime.publish(other.tick, {"n": 99})
            async with asyncio.timeout(60):
                data = await anext(line async for line in lines if line.startswith("data: "))
    assert json.loads(data.removeprefix("data: "))["data"] == {"n": 99}


async def test_no_place_to_begin_is_as_long_as_that(client: Client, ch: JobChannel) -> None:
    transport = httpx.ASGITransport(secured(client))
    async with client, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        query = {"token": (await client.realtime.token(ch))["key"], "after": "x" * 129}
        assert (await http.get("/v1/realtime/connect", params=query)).status_code == 400


async def test_a_client_that_isnt_entered_can_t_look_back(client: Client, ch: JobChannel) -> None:
    transport = httpx.ASGITransport(secured(client))
    token = (await client.realtime.token(ch))["key"]
    since = (await client.realtime.token(ch, since="1970-01-01T00:00:00Z"))["key"]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for query in (
            {"token": token, "after": "start"},
            {"token": token, "after": "0123456789ab:1"},
            {"token": since},
        ):
            answer = await http.get("/v1/realtime/sse", params=query)
            assert (answer.status_code, answer.json()["status"]) == (503, 503)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Host", "127.0.0.1"), ("Host", "evil.test")], 421),
        ([("Host", "evil.test"), ("Host", "127.0.0.1")], 421),
        ([("Origin", "http://127.0.0.1"), ("Origin", "https://evil.test")], 403),
        ([("Origin", "https://evil.test"), ("Origin", "http://127.0.0.1")], 403),
    ],
)
async def test_a_host_or_an_origin_that_comes_twice(
    headers: list[tuple[str, str]], status: int, client: Client
) -> None:
    """Which of them a proxy believed isn't known."""
    transport = httpx.ASGITransport(secured(client))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert (await http.get("/v1/realtime/openapi.json", headers=headers)).status_code == status


@pytest.mark.parametrize("end", ["client", "server"])
async def test_dev_mode_looks_at_both_ends_of_a_connection(end: str, client: Client) -> None:
    gateway = app(client, channels=[JobChannel], dev=True)
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": "/v1/realtime/openapi.json",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 2),
        "server": ("127.0.0.1", 1),
    }
    await gateway(dict(scope), receive, send)
    await gateway(scope | {end: ("192.0.2.1", 3)}, receive, send)
    assert [one["status"] for one in said if "status" in one] == [200, 403]


async def test_dev_mode_has_no_other_names(client: Client) -> None:
    """A name that somebody else's DNS points here would do for pages of theirs."""
    gateway = app(client, channels=[JobChannel], dev=True, allowed_hosts=["rebound.test"])
    transport = httpx.ASGITransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for host, status in (("127.0.0.1", 200), ("rebound.test", 421)):
            answer = await http.get("/v1/realtime/openapi.json", headers={"Host": host})
            assert answer.status_code == status


async def test_secrets_come_from_the_environment(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TOKEN_SECRET", SECRET), ("PREVIOUS_TOKEN_SECRET", OLD_SECRET), ("SERVER_KEY", KEY)):
        monkeypatch.setenv(f"TIGHTBEAM_{name}", value)
    transport = httpx.ASGITransport(app(client, channels=[JobChannel]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for secret, status in ((SECRET, 426), (OLD_SECRET, 426), ("x" * 32, 401)):
            answer = await http.get("/v1/realtime/connect", params={"token": signed(good(), secret)})
            assert answer.status_code == status
        body = b'[{"channel":"job:j1","name":"tick","kind":"run"}]'
        for headers, status in ((BEARER, 201), ({}, 401)):
            answer = await http.post("/v1/realtime/token", content=body, headers=headers)
            assert answer.status_code == status


def test_a_header_that_is_nested_too_deep_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some versions of PyJWT let the decoder's error pass, and the reader has shown no secret so far."""

    def decode(token: str) -> Any:
        raise RecursionError  # as Python 3.11's decoder does; that of 3.13 goes deeper

    monkeypatch.setattr("jwt.get_unverified_header", decode)
    nested = base64.urlsafe_b64encode(b"[" * 5_400).decode()
    with pytest.raises(BadToken, match="its form"):
        verify(f"{nested}.e30.e30", [SECRET.encode()], 8_000)
