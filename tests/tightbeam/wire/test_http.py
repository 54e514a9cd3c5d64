"""The HTTP client, from coroutines and from threads, against servers that keep to HTTP and others."""

from __future__ import annotations

import asyncio
import base64
import gc
import ssl
import threading
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import trusted
from tests.tightbeam.wire.servers import OK, answering, listening, read_request
from tightbeam._wire.failures import FailureKind, NoAnswer
from tightbeam._wire.http import Answer, Pool
from tightbeam._wire.io import RequestLimits, run
from tightbeam._wire.origin import parse_origin

LIMITS = RequestLimits(10.0, 8)
Post = Callable[..., Awaitable[Answer]]


def pool_of(
    port: int, *, scheme: str = "http", host: str = "127.0.0.1", limits: RequestLimits = LIMITS
) -> Pool:
    return Pool(parse_origin(f"{scheme}://{host}:{port}", "it"), limits)


@pytest.fixture(params=["loop", "thread"])
def post(request: pytest.FixtureRequest) -> Post:
    """Post in the event loop, or in a thread."""

    async def from_loop(pool: Pool, body: bytes = b"1", **more: Any) -> Answer:
        return await pool.post("/x", {}, body, **more)

    async def from_thread(pool: Pool, body: bytes = b"1", **more: Any) -> Answer:
        return await asyncio.to_thread(lambda: run(pool.post("/x", {}, body, blocking=True, **more)))

    return from_loop if request.param == "loop" else from_thread


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            200,
            b"abcd",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 0\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 307 Moved\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", 307, b""),
        (b"HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nx", 500, b"x"),
    ],
)
async def test_answers_of_every_form_are_read(post: Post, answer: bytes, status: int, body: bytes) -> None:
    async with listening(answering(answer)) as port:
        found = await post(pool_of(port))
    assert (found.status, found.body) == (status, body)
    assert "Link" not in found.headers


@pytest.mark.parametrize(
    ("answer", "trouble", "reason"),
    [
        (b"", FailureKind.OUTAGE, "ConnectionResetError: the connection broke off without an answer"),
        (b"HTTP/1.1 200", FailureKind.OUTAGE, "broke off without an answer"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            FailureKind.OUTAGE,
            "broke off without an answer",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n", FailureKind.OUTAGE, "broke off without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", FailureKind.ADDRESS, "doesn't speak HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,
            FailureKind.OUTAGE,
            "too long",
        ),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300_000, FailureKind.OUTAGE, "too long"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 60_000, FailureKind.OUTAGE, "too long"),
    ],
    ids=[
        "nothing",
        "half a head",
        "half a body",
        "interim only",
        "not HTTP",
        "long body",
        "long head",
        "interims",
    ],
)
async def test_what_is_no_answer(post: Post, answer: bytes, trouble: FailureKind, reason: str) -> None:
    async with listening(answering(answer)) as port:
        with pytest.raises(NoAnswer, match=reason) as failed:
            await post(pool_of(port))
    assert (failed.value.kind, failed.value.was_sent) == (trouble, True)
    assert failed.value.__cause__ is None


async def test_nobody_there(post: Post) -> None:
    async with listening(answering()) as port:
        pass
    with pytest.raises(NoAnswer, match="ConnectionRefusedError") as failed:
        await post(pool_of(port))
    assert not failed.value.was_sent


async def test_an_answer_that_is_late(post: Post) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with listening(silent) as port:
        with pytest.raises(NoAnswer, match="no answer within 1 s") as failed:
            await post(pool_of(port, limits=RequestLimits(1, 1)))
    assert failed.value.was_sent


@pytest.mark.slow
async def test_a_turn_that_does_not_come(post: Post) -> None:
    asked, hang_up = asyncio.Event(), asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await hang_up.wait()

    async with listening(silent) as port:
        pool = pool_of(port, limits=RequestLimits(20, 1, seconds_in_queue=0.05))
        first = asyncio.ensure_future(post(pool))
        await asked.wait()
        with pytest.raises(NoAnswer, match="no answer") as failed:
            await post(pool)
        assert not failed.value.was_sent
        hang_up.set()
        with pytest.raises(NoAnswer):
            await first


@pytest.mark.parametrize("retry_if_stale", [False, True])
async def test_a_kept_connection_that_ends_with_the_next_request(post: Post, retry_if_stale: bool) -> None:
    """It may have arrived: only what may be repeated is, once."""
    requests: list[bytes] = []

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(OK)
        requests.append(await read_request(reader))  # and says nothing to it

    async with listening(one_answer) as port:
        pool = pool_of(port)
        await post(pool)
        if retry_if_stale:
            assert (await post(pool, retry_if_stale=True)).status == 200
        else:
            with pytest.raises(NoAnswer) as failed:
                await post(pool)
            assert failed.value.was_sent
        pool.close()
    assert len(requests) == (3 if retry_if_stale else 2)


async def test_what_follows_an_answer_counts_for_nothing_and_ends_the_connection(post: Post) -> None:
    connections: list[object] = []

    async def two_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await answering(OK + b"HTTP/1.1 500 No\r\nX: y\r\nContent-Length: 3\r\n\r\nbad")(reader, writer)
        await reader.read(-1)

    async with listening(two_answers) as port:
        pool = pool_of(port)
        for _ in range(2):
            answer = await post(pool)
            assert (answer.status, answer.body, answer.headers) == (200, b"ok", {"Content-Length": "2"})
        pool.close()
    assert len(connections) == 2


async def test_a_request_lets_other_tasks_run_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the answer is always there before anything has to wait."""
    loop = asyncio.get_running_loop()

    async def at_once(_connection: object, _size: int) -> bytes:
        return OK

    async with listening(answering(OK)) as port:
        pool = pool_of(port)
        await pool.post("/x", {}, b"1")
        kept = pool._idle[0]

        async def forever() -> None:
            while True:
                pool._idle[:] = [kept]
                await pool.post("/x", {}, b"1")

        monkeypatch.setattr(loop, "sock_recv", at_once)
        monkeypatch.setattr(type(kept), "is_usable", lambda _: True)
        monkeypatch.setattr(loop, "sock_sendall", lambda *_: done())
        publishing = asyncio.create_task(forever())
        await asyncio.sleep(0)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing


async def done() -> None:
    """Have sent at once."""


async def test_coroutines_and_threads_share_the_kept_connections() -> None:
    connections: list[object] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await answering(*[OK] * 100)(reader, writer)

    async with listening(counted) as port:
        pool = pool_of(port)
        for _ in range(3):
            await pool.post("/x", {}, b"1")
            await asyncio.to_thread(lambda: run(pool.post("/x", {}, b"1", blocking=True)))
        assert len(connections) == 1
        await asyncio.gather(*(pool.post("/x", {}, b"1") for _ in range(50)))
        assert len(connections) <= 8
        blocking = [
            asyncio.to_thread(lambda: run(pool.post("/x", {}, b"1", blocking=True))) for _ in range(50)
        ]
        await asyncio.gather(*blocking)
        assert len(connections) <= 16
        pool.close()


def in_five_loops(port: int) -> None:
    pool = pool_of(port)

    async def many() -> None:
        await asyncio.gather(*(pool.post("/x", {}, b"1") for _ in range(20)))

    for _ in range(5):
        asyncio.run(many())
    assert len(pool._loops._slots) <= 1


@pytest.mark.slow
def test_event_loops_that_ended_leave_nothing_behind() -> None:
    """Neither their slots nor a warning for a connection that nobody closed."""
    ready, stop = threading.Event(), threading.Event()
    ports: list[int] = []

    async def serving() -> None:
        async with listening(answering(*[OK] * 100)) as port:
            ports.append(port)
            ready.set()
            await asyncio.to_thread(stop.wait, 20)

    server = threading.Thread(target=asyncio.run, args=(serving(),))
    server.start()
    assert ready.wait(20)
    gc.collect()  # what is left of other tests
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        in_five_loops(ports[0])
        gc.collect()
    stop.set()
    server.join(20)
    assert [str(one.message) for one in left] == []


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate for localhost, and the file that holds it."""
    return trusted(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def certified(certificates: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The same context, whose certificate this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates[1]))
    return certificates[0]


async def test_tls(post: Post, certified: ssl.SSLContext) -> None:
    requests: list[bytes] = []
    async with listening(answering(OK, OK, OK, requests=requests), certified) as port:
        pool = pool_of(port, scheme="https", host="localhost")
        for body in (b"1", b"x" * 300_000, b"2"):
            assert (await post(pool, body)).body == b"ok"
        pool.close()
    assert [request.rpartition(b"\r\n\r\n")[2] for request in requests] == [b"1", b"x" * 300_000, b"2"]


async def test_tls_by_another_name(post: Post, certified: ssl.SSLContext) -> None:
    async with listening(answering(OK), certified) as port:
        with pytest.raises(NoAnswer, match="certificate isn't trusted") as failed:
            await post(pool_of(port, scheme="https"))
    assert (failed.value.kind, failed.value.was_sent) == (FailureKind.CERTIFICATE, False)


async def test_a_certificate_that_is_not_trusted(
    post: Post, certificates: tuple[ssl.SSLContext, Path]
) -> None:
    async with listening(answering(OK), certificates[0]) as port:
        with pytest.raises(NoAnswer, match="SSL_CERT_FILE") as failed:
            await post(pool_of(port, scheme="https", host="localhost"))
    assert failed.value.kind is FailureKind.CERTIFICATE


async def test_tls_that_is_none(post: Post) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(plain) as port:
        with pytest.raises(NoAnswer, match="doesn't speak TLS") as failed:
            await post(pool_of(port, scheme="https"))
    assert failed.value.kind is FailureKind.ADDRESS


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass bytes on in both directions, as a proxy does in a tunnel."""
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
        sink.close()

    try:
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)
    finally:
        back.transport.abort()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_tunnel_through_a_proxy(
    post: Post, scheme: str, certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy knows the server's name, this machine needn't; with TLS to the proxy, too."""
    heads: list[bytes] = []
    async with listening(answering(OK, OK), certified) as port:

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await relay(reader, writer, port)

        async with listening(proxy, certified if scheme == "https" else None) as proxy_port:
            monkeypatch.setenv("https_proxy", f"{scheme}://us%40er:pass@localhost:{proxy_port}")
            pool = pool_of(443, scheme="https", host="service.example")
            for _ in range(2):
                assert (await post(pool)).body == b"ok"
            pool.close()
    assert len(heads) == 1
    assert heads[0].startswith(b"CONNECT service.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"us@er:pass") in heads[0]


async def test_a_proxy_for_plain_requests(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[bytes] = []
    async with listening(answering(OK, requests=requests)) as port:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{port}")
        assert (await post(pool_of(80, host="service.example"))).body == b"ok"
    assert requests[0].startswith(
        b"POST http://service.example:80/x HTTP/1.1\r\nHost: service.example:80\r\n"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Who are you\r\n\r\n", "the proxy answers 407"),
        (b"", "the proxy broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "doesn't speak HTTP"),
    ],
)
async def test_a_proxy_that_refuses(
    post: Post, answer: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(answering(answer)) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(NoAnswer, match=reason) as failed:
            await post(pool_of(443, scheme="https", host="service.example"))
    assert not failed.value.was_sent


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1", "http://", "http://127.0.0.1:99999"])
async def test_a_proxy_that_is_none(post: Post, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", value)
    with pytest.raises(NoAnswer, match="proxy that the environment names isn't one") as failed:
        await post(pool_of(80, host="service.example"))
    assert failed.value.kind is FailureKind.ADDRESS


@pytest.mark.parametrize("no_proxy", ["service.example", ".example", "*"])
async def test_a_host_that_is_reached_without_the_proxy(
    post: Post, no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", no_proxy)
    with pytest.raises(NoAnswer, match="no such host"):
        await post(pool_of(80, host="service.example"))


async def test_cancelling_a_request_ends_it() -> None:
    gone: list[object] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        gone.append(writer)

    async with listening(silent) as port:
        pool = pool_of(port)
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pool.post("/x", {}, b"1"), 0.005)
        async with asyncio.timeout(20):
            while len(gone) < 20:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.005)
