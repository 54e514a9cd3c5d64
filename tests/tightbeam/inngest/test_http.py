"""How messages are sent: once, over kept connections, to where they belong, and without showing a key."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import inngest
import pytest

import tightbeam
from generated.alerts import alerts_channel
from generated.uploads import Status, UploadsChannel, uploads_channel
from tests.tightbeam.channels.channels_sample import sample_channel
from tests.tightbeam.inngest.standin import LIMIT, StandIn
from tests.tightbeam.wire.servers import answering, listening
from tightbeam._message import Envelope
from tightbeam._wire.io import RequestLimits
from tightbeam._wire.origin import parse_origin
from tightbeam.inngest import Client, hash_signing_key, realtime
from tightbeam.inngest._errors import translated
from tightbeam.inngest._http import Http, Server
from tightbeam.inngest._keys import Keys
from tightbeam.inngest._publish import InngestCarrier

KEY = "signkey-test-" + "ab" * 32
HASHED = "9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885"
FALLBACK = "signkey-prod-" + "cd" * 32
Both = pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])


async def publish(client: inngest.Inngest, message: str, *, sync: bool) -> None:
    ref = uploads_channel(upload_id="u1").status
    if sync:
        await asyncio.to_thread(realtime(client).publish_sync, ref, {"message": message})
    else:
        await realtime(client).publish(ref, {"message": message})


def carrier(server: StandIn) -> InngestCarrier:
    return InngestCarrier(Server(server.origin, None, Keys(None, None, required=False)))


# --------------------------------------------------------------------------------------------- keys


def test_the_hash_of_a_key() -> None:
    assert hash_signing_key(KEY) == HASHED
    assert hash_signing_key("ab" * 32) == HASHED


@pytest.mark.parametrize("key", ["signkey-test-nothex", "", "signkey-test-", "my secret"])
def test_what_is_no_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(tightbeam.SigningKeyError) as caught:
        hash_signing_key(key)
    shown = "".join(traceback.format_exception(caught.value))
    assert "nothex" not in shown.replace("test_http.py", "")
    assert "my secret" not in str(caught.value)


@Both
async def test_signed_as_the_sdk_signs(server: StandIn, sync: bool) -> None:
    server.keys = {HASHED}
    client = Client(app_id="a", is_production=True, signing_key=KEY, api_base_url=server.origin)
    await publish(client, "x", sync=sync)
    assert server.published[0].headers["authorization"] == f"Bearer {HASHED}"
    assert server.published[0].headers["content-type"] == "application/json"


@Both
@pytest.mark.parametrize("status", [401, 403])
async def test_the_fallback_key_is_tried_once(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, sync: bool, status: int
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY_FALLBACK", FALLBACK)
    client = Client(app_id="a", is_production=True, signing_key=KEY, api_base_url=server.origin)
    server.script.append((status, b"no"))
    await publish(client, "x", sync=sync)
    server.script.extend([(status, b"no"), (status, b"no")])
    with pytest.raises(tightbeam.PublishFailed) as caught:
        await publish(client, "y", sync=sync)
    assert caught.value.status == status
    assert not caught.value.retryable
    expected = [HASHED, hash_signing_key(FALLBACK)] * 2
    assert [one.bearer for one in server.published] == expected


@Both
@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_the_fallback_key_is_for_no_other_refusal(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, sync: bool, status: int
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY_FALLBACK", FALLBACK)
    client = Client(app_id="a", is_production=True, signing_key=KEY, api_base_url=server.origin)
    server.script.append((status, b"no"))
    with pytest.raises(tightbeam.PublishFailed):
        await publish(client, "x", sync=sync)
    assert len(server.published) == 1


@Both
async def test_without_a_fallback_it_is_not_repeated(server: StandIn, sync: bool) -> None:
    server.keys = set()
    client = Client(app_id="a", is_production=True, signing_key=KEY, api_base_url=server.origin)
    with pytest.raises(tightbeam.PublishFailed, match="401"):
        await publish(client, "x", sync=sync)
    assert len(server.published) == 1


@Both
async def test_production_without_a_key_sends_nothing(server: StandIn, sync: bool) -> None:
    client = Client(app_id="a", is_production=True, api_base_url=server.origin)
    with pytest.raises(tightbeam.SigningKeyError, match="INNGEST_SIGNING_KEY") as caught:
        await publish(client, "x", sync=sync)
    assert isinstance(caught.value, inngest.NonRetriableError)
    assert server.requests == []


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that it came from, also what a traceback leaves out."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


@Both
async def test_keys_are_never_shown(
    server: StandIn, sync: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client(app_id="a", is_production=True, signing_key=KEY, api_base_url=server.origin)
    shown = repr(client.realtime) + repr(vars(client.realtime)) + repr(Keys(KEY, FALLBACK, required=True))
    body = f"who are you, Bearer {HASHED}, or {KEY}, or {KEY.removeprefix('signkey-test-')}?".encode()
    server.script.extend([(500, body), "drop"])
    for _ in range(2):
        with pytest.raises(tightbeam.PublishFailed) as caught:
            await publish(client, "x", sync=sync)
        shown += "".join(traceback.format_exception(caught.value))
        shown += "".join(repr(one) + str(one) + repr(vars(one)) for one in chain(caught.value))
    server.script.append((403, body))
    with pytest.raises(tightbeam.SubscribeFailed) as refused:
        await client.realtime.token(alerts_channel)
    shown += str(refused.value)
    http = client.realtime._inngest.http
    shown += repr(http) + repr(vars(http)) + caplog.text + "".join(capfd.readouterr())
    assert "who are you" in shown
    for secret in (HASHED, "ab" * 32, "cd" * 32):
        assert secret not in shown


# ----------------------------------------------------------------------------------------- requests


@Both
async def test_the_wire_form_is_sent_as_it_was_given(client: Client, server: StandIn, sync: bool) -> None:
    await publish(client, "é😀\u2028<b>", sync=sync)
    assert server.published[0].body == '{"message":"é😀\u2028<b>"}'.encode()
    assert server.published[0].query == {"channel": "uploads:u1", "topic": "status"}


@Both
async def test_strings_are_encoded_so_that_digits_stay_text(
    client: Client, server: StandIn, sync: bool
) -> None:
    ref = sample_channel(sample_id="a", n=1).plain
    if sync:
        await asyncio.to_thread(client.realtime.publish_sync, ref, "123")
    else:
        await client.realtime.publish(ref, "123")
    assert server.published[0].body == b'"123"'


NAMES = [
    "a b",
    "ü/é?&=#+%",
    "%2e%2e",
    "a+b",
    "\x7f",
    "漢字😀",
    "..",
    'quote"back\\slash',
    "semi;colon",
    "a\tb\n",
]


@Both
@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_percent_encoded(server: StandIn, name: str, sync: bool) -> None:
    envelope = Envelope(name, name, b"1", name, name, 0)
    if sync:
        carrier(server).publish_sync(envelope)
    else:
        await carrier(server).publish(envelope)
    query = server.published[0].query
    assert (query["channel"], query["topic"], query["run_id"]) == (name, name, name)
    assert json.loads(query["metadata"]) == {"id": name}
    assert all(33 <= ord(one) <= 126 for one in server.published[0].raw_query)


@pytest.mark.parametrize(("channel", "of"), [("", "t"), ("c", ""), ("\ud800", "t"), ("c", "\udfff")])
async def test_names_that_cannot_be_sent(server: StandIn, channel: str, of: str) -> None:
    one = carrier(server)
    for run in (one.publish, lambda envelope: asyncio.to_thread(one.publish_sync, envelope)):
        with pytest.raises(tightbeam.InvalidParam):
            await run(Envelope(channel, of, b"1", None, None, 0))
    assert server.requests == []


async def test_an_empty_channel_name_is_refused_through_the_client(client: Client, server: StandIn) -> None:
    nameless: Any = type(uploads_channel(upload_id="u1"))("")
    with pytest.raises(tightbeam.InvalidParam, match="empty"):
        await client.realtime.publish(nameless.status, {"message": "x"})
    assert server.requests == []


@Both
async def test_the_largest_message_passes_and_one_byte_more_does_not(
    client: Client, server: StandIn, sync: bool
) -> None:
    around = len('{"message":""}')
    await publish(client, "x" * (LIMIT - around), sync=sync)
    assert len(server.published[0].body) == LIMIT
    with pytest.raises(tightbeam.PayloadTooLarge) as caught:
        await publish(client, "x" * (LIMIT - around + 1), sync=sync)
    assert isinstance(caught.value, inngest.NonRetriableError)
    assert len(server.published) == 1


async def test_the_branch_environment(server: StandIn) -> None:
    client = Client(app_id="a", env="my-branch", is_production=False, api_base_url=server.origin)
    await publish(client, "x", sync=False)
    await publish(client, "x", sync=True)
    await client.realtime.token(alerts_channel)
    assert [one.headers["x-inngest-env"] for one in server.requests] == ["my-branch"] * 3


@pytest.mark.parametrize("env", ["a\r\nX-Evil: 1", "a\n", "ü", "漢字"])
def test_an_environment_that_can_not_be_sent_is_refused_at_once(env: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Http(Server("http://h", env, Keys(None, None, required=False)), RequestLimits(1.0, 1))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999", f"http://{'x' * 64}.example", "http://", "rt", "http://user:pass@host"]
)
def test_a_url_that_can_not_be_one_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - from the URL's parts, each with words of its own
        Http(Server(url, None, Keys(None, None, required=False)), RequestLimits(1.0, 1))


async def test_no_environment_no_header(client: Client, server: StandIn) -> None:
    await publish(client, "x", sync=False)
    assert "x-inngest-env" not in server.requests[0].headers
    assert "authorization" not in server.requests[0].headers


async def test_paths_are_at_the_root(server: StandIn) -> None:
    assert str(parse_origin("https://host:1/some/path?x", "it")) == "https://host:1"
    client = Client(app_id="a", is_production=False, api_base_url=f"{server.origin}/a/prefix")
    await publish(client, "x", sync=False)
    assert server.requests[0].path == "/v1/realtime/publish"


# ------------------------------------------------------------------------------------------ answers


@Both
@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (400, False),
        (404, False),
        (408, True),
        (413, False),
        (422, False),
        (429, True),
        (500, True),
        (503, True),
    ],
)
async def test_a_refusal_is_an_error_and_is_not_repeated(
    client: Client, server: StandIn, sync: bool, status: int, retryable: bool
) -> None:
    server.script.append((status, b"because\n  " + b"x" * 1000))
    with pytest.raises(tightbeam.PublishFailed) as caught:
        await publish(client, "secret-value", sync=sync)
    error = caught.value
    assert (error.status, error.retryable) == (status, retryable)
    assert isinstance(error, inngest.NonRetriableError) is not retryable
    assert f"answered {status}: because xxx" in str(error)
    assert len(str(error)) < 400
    assert "secret-value" not in str(error)
    assert len(server.requests) == 1


@Both
async def test_a_redirect_is_not_followed(client: Client, server: StandIn, sync: bool) -> None:
    server.script.append((307, b"", {"location": f"{server.origin}/elsewhere"}))
    with pytest.raises(tightbeam.PublishFailed) as caught:
        await publish(client, "x", sync=sync)
    assert (caught.value.status, caught.value.retryable) == (307, False)
    assert [one.path for one in server.requests] == ["/v1/realtime/publish"]


@Both
async def test_a_server_that_hangs_is_left_after_the_timeout(
    client: Client, server: StandIn, sync: bool
) -> None:
    client.realtime.configure(timeout=timedelta(seconds=3))  # longer than connecting takes
    server.script.append("hang")
    with pytest.raises(tightbeam.PublishFailed, match=r"no answer .* within 3 s; it may have been") as caught:
        await publish(client, "x", sync=sync)
    assert (caught.value.status, caught.value.retryable) == (None, True)
    server.until(lambda: server.requests, "the request")
    assert len(server.requests) == 1


@Both
async def test_a_connection_that_breaks_is_not_tried_again(
    client: Client, server: StandIn, sync: bool
) -> None:
    server.script.append("drop")
    with pytest.raises(tightbeam.PublishFailed, match="broke off") as caught:
        await publish(client, "x", sync=sync)
    assert caught.value.retryable
    assert caught.value.__cause__ is None
    assert len(server.requests) == 1


@Both
async def test_nobody_there(sync: bool) -> None:
    with StandIn() as gone:
        origin = gone.origin
    client = Client(app_id="a", is_production=False, api_base_url=origin)
    with pytest.raises(tightbeam.PublishFailed) as caught:
        await publish(client, "x", sync=sync)
    assert (caught.value.status, caught.value.retryable) == (None, True)


async def test_a_cancelled_publish_leaves_the_client_usable(client: Client, server: StandIn) -> None:
    server.script.append("hang")
    task = asyncio.create_task(publish(client, "x", sync=False))
    await asyncio.to_thread(server.until, lambda: server.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await publish(client, "y", sync=False)
    assert len(server.requests) == 2


# -------------------------------------------------------------------------------------- connections


async def test_connections_are_kept(client: Client, server: StandIn) -> None:
    for _ in range(20):
        await publish(client, "x", sync=False)
    assert server.connections == 1
    for _ in range(20):
        client.realtime.publish_sync(alerts_channel.alert, {"message": "x", "severity": "low"})
    assert server.connections == 1, "coroutines and threads share them"


async def test_connections_are_capped(client: Client, server: StandIn) -> None:
    client.realtime.configure(max_connections=4, timeout=timedelta(minutes=1))
    await asyncio.gather(*(publish(client, "x", sync=False) for _ in range(60)))
    assert len(server.requests) == 60
    assert server.most_open <= 8  # 4 requests at a time; without a cap there were 60 connections
    with ThreadPoolExecutor(16) as pool:
        ref, data = alerts_channel.alert, Status(message="x")
        for done in [
            pool.submit(client.realtime.publish_sync, ref, {"message": data.message, "severity": "low"})
            for _ in range(60)
        ]:
            done.result(60)
    assert server.connections <= 16


@Both
async def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(sync: bool) -> None:
    """It is seen before anything is sent on it: nothing is sent twice."""
    requests: list[bytes] = []
    empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with listening(answering(empty, requests=requests)) as port:
        client = Client(app_id="a", is_production=False, api_base_url=f"http://127.0.0.1:{port}")
        for message in ("x", "y", "z"):
            await publish(client, message, sync=sync)
            connection = client.realtime._inngest.http.pool._idle[0]
            async with asyncio.timeout(20):
                while connection.is_usable():  # noqa: ASYNC110 - until the end has arrived
                    await asyncio.sleep(0.005)
    assert [json.loads(one.rpartition(b"\r\n\r\n")[2])["message"] for one in requests] == ["x", "y", "z"]


async def test_a_publish_that_is_cancelled_keeps_nothing(client: Client, server: StandIn) -> None:
    for _ in range(20):
        server.script.append("hang")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(publish(client, "x", sync=False), 0.01)
    server.script.clear()
    await publish(client, "y", sync=False)
    assert client.realtime._inngest.http.pool._loops._slots[asyncio.get_running_loop()]._value == 64


async def test_leaving_closes_and_publishing_later_opens_again(client: Client, server: StandIn) -> None:
    async with client:
        await publish(client, "x", sync=False)
    await asyncio.to_thread(server.until, lambda: server.open_now == 0, "the connection was closed")
    await publish(client, "y", sync=False)
    assert server.connections == 2


def test_one_client_serves_many_event_loops(client: Client, server: StandIn) -> None:
    for n in range(3):
        asyncio.run(publish(client, str(n), sync=False))
    assert [json.loads(one.body)["message"] for one in server.published] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:8288", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8288", True),
        ("http://localhost:8288", True),
        ("http://app.localhost", True),
        ("https://api.inngest.com", False),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_what_is_loopback(origin: str, expected: bool) -> None:
    assert parse_origin(origin, "it").is_loopback is expected


@Both
async def test_loopback_goes_past_proxies(
    client: Client, server: StandIn, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await publish(client, "x", sync=sync)
    assert len(server.published) == 1


# --------------------------------------------------------------------------------------------- fork

FORK = """
import asyncio, os, signal, sys
from generated.alerts import alerts_channel
from tightbeam import PublishFailed
from tightbeam.inngest import Client

before, sync, origin = sys.argv[1] == "before", sys.argv[2] == "True", sys.argv[3]
client = Client(app_id="a", is_production=False, api_base_url=origin)

def publish(message):
    data = {"message": message, "severity": "low"}
    if sync:
        client.realtime.publish_sync(alerts_channel.alert, data)
    else:
        asyncio.run(client.realtime.publish(alerts_channel.alert, data))

client.realtime  # made, as a preloading server would
if before:
    publish("parent")
child = os.fork()
if child == 0:
    signal.alarm(60)
    try:
        publish("child")
    except PublishFailed as error:
        print("refused:", error, error.retryable, flush=True)
    else:
        print("sent", flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
print("child ended with", status, flush=True)
publish("parent again")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_fork(server: StandIn, when: str, sync: bool) -> None:
    """The child opens connections of its own, also where the parent had some, and leaves those alone."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, when, str(sync), server.origin],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "child ended with 0" in done.stdout
    messages = [json.loads(one.body)["message"] for one in server.published]
    assert "sent" in done.stdout
    assert messages == [*(["parent"] if when == "before" else []), "child", "parent again"]


HELD = """
import os, sys, threading, time
from importlib import import_module

module, name = sys.argv[1].split(":")
lock = getattr(import_module(module), name)
held, finished = threading.Event(), []

def hold():
    with lock:
        held.set()
        time.sleep(0.5)  # in the middle of what must not be forked in the middle of
        finished.append(True)

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(0 if finished and lock.acquire(timeout=60) else 1)
_, status = os.waitpid(child, 0)
thread.join()
sys.exit(0 if status == 0 and lock.acquire(timeout=60) else 1)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize(
    "lock",
    [
        "tightbeam._payload.compiled:compiling",
        pytest.param("tightbeam._payload.schemas:_lock", marks=pytest.mark.slow),
        "tightbeam.inngest._realtime:_lock",
    ],
)
def test_no_child_inherits_half_of_what_a_thread_was_making(lock: str) -> None:
    """One forked while a client was being built waited for ever for the thread that built it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", HELD, lock], timeout=180, check=False
    )
    assert done.returncode == 0


# ------------------------------------------------------------------------------------------- errors


def test_a_translated_error_is_of_both_sides_and_survives_pickling() -> None:
    original = tightbeam.InvalidPayload("t", [tightbeam.Issue("/a", "is required")], channel="c")
    made = translated(original)
    assert isinstance(made, tightbeam.InvalidPayload)
    assert isinstance(made, inngest.NonRetriableError)
    assert translated(made) is made
    assert (type(made).__name__, str(made), made.issues) == ("InvalidPayload", str(original), original.issues)
    copy = pickle.loads(pickle.dumps(made))
    assert type(copy) is type(made)
    assert vars(copy) == vars(made)


@pytest.mark.parametrize(
    "kind", [one for one in vars(tightbeam.errors).values() if isinstance(one, type)], ids=str
)
def test_every_error_that_is_not_retryable_can_be_translated(kind: type) -> None:
    if not issubclass(kind, tightbeam.TightbeamError):
        return
    error = kind.__new__(kind, "text")
    made = translated(error)
    assert isinstance(made, inngest.NonRetriableError) is not error.retryable


def test_other_errors_are_left_alone() -> None:
    for error in (
        ValueError("x"),
        tightbeam.PublishFailed("x", retryable=True),
        inngest.NonRetriableError("x"),
    ):
        assert translated(error) is error


async def test_a_payload_without_room_for_doubt(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    for wrong in (float("nan"), {"message": float("inf")}, {"message": b"x"}, {1: "x"}, None):
        data: Any = wrong
        with pytest.raises(tightbeam.InvalidPayload) as caught:
            await client.realtime.publish(ch.status, data)
        assert isinstance(caught.value, inngest.NonRetriableError)
    assert server.requests == []


def test_the_client_of_http_shows_nothing() -> None:
    http = Http(Server("http://h/x", None, Keys(KEY, None, required=True)), RequestLimits(1.0, 1))
    assert repr(http) == "<Http http://h>"


ENDING = """
import asyncio, sys
from generated.alerts import alerts_channel
from tightbeam.inngest import Client

client = Client(app_id="a", is_production=False, api_base_url=sys.argv[1])
asyncio.run(client.realtime.publish(alerts_channel.alert, {"message": "m", "severity": "low"}))
"""


@pytest.mark.slow
def test_a_program_that_ends_right_after_a_publish_ends_well(server: StandIn) -> None:
    """Nothing of the HTTP client runs on when Python ends."""

    def end() -> int:
        return subprocess.run(
            [sys.executable, "-c", ENDING, server.origin], capture_output=True, timeout=60, check=False
        ).returncode

    with ThreadPoolExecutor(4) as pool:
        ended = [pool.submit(end) for _ in range(8)]
        assert {one.result(120) for one in ended} == {0}


async def test_a_cancellation_that_comes_with_the_answer_isnt_lost(server: StandIn) -> None:
    """At whichever turn of the event loop it comes: whoever cancels waits for the end."""
    http = carrier(server).http

    async def ask() -> bool:
        task = asyncio.current_task()
        assert task is not None
        await http.post("/v1/realtime/token", b"[]")
        return task.cancelling() == 0

    outcomes = []
    for attempt in range(600):
        asking = asyncio.create_task(ask())
        for _ in range(attempt % 60):
            await asyncio.sleep(0)
        asking.cancel()
        outcomes += await asyncio.gather(asking, return_exceptions=True)
    assert False not in outcomes
    assert {type(one) for one in outcomes} >= {asyncio.CancelledError}
