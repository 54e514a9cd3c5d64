"""What a remote client bears: frames of any kind, forks, proxies of the environment, loops that end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import tightbeam
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.gateway.serving import KEY, running, secured
from tests.tightbeam.wire.test_frames import nested
from tightbeam import Client, InvalidPayload

GOOD = {
    "kind": "data",
    "data": {"n": 7},
    "created_at": "2026-11-22T05:40:30Z",
    "channel": "job:j1",
    "topic": "tick",
}


def deep_frame(depth: int) -> bytes:
    return nested(depth).replace(b'"c"', b'"job:j1"').replace(b'"t"', b'"tick"')


def at_position(position: str) -> bytes:
    return json.dumps({**GOOD, "metadata": {"id": "x", "position": position}}).encode()


async def token() -> str:
    return "t"


@contextlib.asynccontextmanager
async def sending(*frames: bytes | str) -> AsyncIterator[tuple[str, list[ServerConnection]]]:
    """A gateway that sends these frames to each reader; gives its URL and its readers."""
    readers: list[ServerConnection] = []

    async def send(reader: ServerConnection) -> None:
        readers.append(reader)
        for frame in frames:
            await reader.send(frame, text=True)
        await reader.wait_closed()

    async with serve(send, "127.0.0.1", 0, compression=None, max_size=None) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", readers


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b'{"kind":"\xff"}', "it isn't UTF-8"),
        (b"not json", "it isn't JSON"),
        (b"[1]", "it isn't a JSON object"),
        (deep_frame(200_000), "it is nested too deeply"),
        (
            b'{"kind":"data","data":1e400,"channel":"job:j1","topic":"tick"}',
            "it holds a number that isn't finite",
        ),
        (at_position("no position"), "its position isn't one"),
        (at_position("a:" + "9" * 5_000), "its position isn't one"),
        (at_position("a.7." + "9" * 5_000), "its position isn't one"),
        (at_position("a.17"), "its position isn't one"),
    ],
    ids=[
        *("not UTF-8", "not JSON", "no object", "nested", "beyond a float"),
        *("position", "long position", "long position on a server", "half a position"),
    ],
)
async def test_a_frame_that_can_not_be_read_is_passed_over_and_the_connection_stays(
    frame: bytes, reason: str, ch: JobChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async with sending(frame, frame, json.dumps(GOOD)) as (url, readers):
        async with tightbeam.connect(url, token=token) as remote:
            async with remote.realtime.subscribe(ch.tick) as messages:
                assert (await anext(messages)).data.n == 7
        assert len(readers) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"a frame of a subscription was passed over: {reason}"
    ]


@pytest.mark.parametrize(
    "position", ["a1b2c3d4:17", ":17", "a1b2c3d4.9007.17", f"a1b2c3d4.{2**64 - 1}.{2**63 - 1}"]
)
async def test_a_position_may_be_of_a_file_or_of_a_server(position: str, ch: JobChannel) -> None:
    async with sending(at_position(position)) as (url, _), tightbeam.connect(url, token=token) as remote:
        async with remote.realtime.subscribe(ch.tick) as messages:
            assert (await anext(messages)).position == position


@pytest.mark.parametrize("depth", [300, 1_000, 1_023])
async def test_data_may_be_nested_deeper_than_an_encoder_goes(depth: int, ch: JobChannel) -> None:
    """It isn't of the topic's type; or it can't be read. The reader goes on in either case."""
    async with sending(deep_frame(depth), json.dumps(GOOD)) as (url, _):
        async with tightbeam.connect(url, token=token) as remote:
            async with remote.realtime.subscribe(ch.tick) as messages:
                with contextlib.suppress(InvalidPayload):
                    assert (await anext(messages)).data.n == 7
                    return
                assert (await anext(messages)).data.n == 7


async def test_what_is_odd_beside_the_data_is_left_out(ch: JobChannel) -> None:
    odd = {
        **GOOD,
        "run_id": 5,
        "metadata": {"id": [1], "position": 5},
        "created_at": "9999-12-31T23:59:59-12:00",
    }
    others = [
        {**GOOD, "topic": ["tick"]},
        {**GOOD, "channel": None},
        {"kind": "new"},
        {**GOOD, "kind": "run"},
    ]
    others.append({key: value for key, value in GOOD.items() if key != "data"})
    others.append({"kind": "ping", "metadata": {"position": [], "dropped": "many"}})
    async with sending(*map(json.dumps, [*others, odd])) as (url, _):
        async with tightbeam.connect(url, token=token) as remote:
            async with remote.realtime.subscribe(ch.tick) as messages:
                message = await anext(messages)
                assert (message.data.n, message.run_id, message.id, message.position) == (7, None, None, None)
                assert message.created_at.year == 1970
                assert messages.dropped == 0


async def test_loopback_goes_past_proxies(
    client: Client, ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:
        async with remote.realtime.subscribe(ch.tick) as messages:
            await remote.realtime.publish(ch.tick, {"n": 1})
            await asyncio.to_thread(remote.realtime.publish_sync, ch.tick, {"n": 2})
            assert [(await anext(messages)).data.n for _ in range(2)] == [1, 2]


async def test_a_client_serves_many_event_loops(client: Client, ch: JobChannel) -> None:
    async with running(secured(client)) as url, client.realtime.subscribe(ch.tick) as messages:
        remote = tightbeam.connect(url, key=KEY)

        def publish(n: int) -> None:
            asyncio.run(remote.realtime.publish(ch.tick, {"n": n}))

        for n in range(3):
            await asyncio.to_thread(publish, n)
        assert [(await anext(messages)).data.n for _ in range(3)] == [0, 1, 2]
        await remote.__aexit__(None, None, None)


FORK = """
import asyncio, os, signal, sys
import tightbeam
from tests.tightbeam.engine.samples import job_channel

sync, url, key = sys.argv[1] == "True", sys.argv[2], sys.argv[3]
remote, ch = tightbeam.connect(url, key=key), job_channel(job_id="j1")

def publish(n):
    if sync:
        remote.realtime.publish_sync(ch.tick, {"n": n})
    else:
        asyncio.run(remote.realtime.publish(ch.tick, {"n": n}))

publish(1)
child = os.fork()
if child == 0:
    signal.alarm(20)
    publish(2)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
publish(3)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_forked_child_has_connections_of_its_own(client: Client, ch: JobChannel, sync: bool) -> None:
    async with running(secured(client)) as url, client.realtime.subscribe(ch.tick) as messages:
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, str(sync), url, KEY]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert [(await anext(messages)).data.n for _ in range(3)] == [1, 2, 3]


async def test_a_cancellation_that_comes_with_the_answer_is_not_lost(client: Client, ch: JobChannel) -> None:
    """At whichever turn of the event loop it comes: what cancels waits for the end."""
    async with running(secured(client)) as url, tightbeam.connect(url, key=KEY) as remote:

        async def publish() -> bool:
            task = asyncio.current_task()
            assert task is not None
            await remote.realtime.publish(ch.tick, {"n": 1})
            return task.cancelling() == 0

        outcomes: list[Any] = []
        for attempt in range(120):
            publishing = asyncio.create_task(publish())
            for _ in range(attempt % 60):
                await asyncio.sleep(0)
            publishing.cancel()
            outcomes += await asyncio.gather(publishing, return_exceptions=True)
    assert False not in outcomes


@pytest.mark.slow
@pytest.mark.parametrize("turns", range(3))
def test_a_loop_that_ends_takes_its_connection_along(ch: JobChannel, turns: int) -> None:
    """Also where nothing closes the subscription, or something cancels it as it opens."""

    async def read() -> None:
        async with sending(json.dumps(GOOD)) as (url, readers):
            remote = tightbeam.connect(url, token=token)
            messages = remote.realtime.subscribe(ch.tick)
            entering = asyncio.create_task(messages.__aenter__())
            feed: Any = messages._feed
            if turns:
                while feed._change is None:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0)
                feed._change.add_done_callback(lambda _: entering.cancel())
            await asyncio.wait({entering})
            for _ in range(turns):
                await asyncio.sleep(0)
            kept.append(messages)
            if turns == 0:
                assert (await anext(messages)).data.n == 7
            reader = readers[0] if readers else None
        assert reader is None or reader.close_code is not None

    kept: list[object] = []
    gc.collect()  # what is left of other tests
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(read())
        gc.collect()
        kept.clear()
        gc.collect()
    assert [str(one.message) for one in left] == []


async def test_leaving_says_goodbye(ch: JobChannel) -> None:
    async with sending(json.dumps(GOOD)) as (url, readers):
        async with (
            tightbeam.connect(url, token=token) as remote,
            remote.realtime.subscribe(ch.tick) as messages,
        ):
            await anext(messages)
        async with asyncio.timeout(20):
            await readers[0].wait_closed()
        assert readers[0].close_code == 1000


async def test_a_proxy_that_is_none_is_said_of_sockets_and_requests(
    ch: JobChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "gopher://127.0.0.1:1")
    for given in ({"token": "t"}, {"key": "k"}):
        async with tightbeam.connect("http://rt.example", **given) as remote:
            with pytest.raises(tightbeam.SubscribeFailed, match="proxy that the environment names isn't one"):
                await remote.realtime.subscribe(ch).__aenter__()


def test_the_client_loads_no_server_and_no_websockets_before_they_are_used() -> None:
    code = (
        "import sys, tightbeam; tightbeam.connect('http://127.0.0.1', key='k'); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'starlette', 'jwt', 'uvicorn'}), "
        "'tightbeam.gateway' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


@pytest.mark.parametrize("package", ["httptools", "websockets"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import tightbeam; tightbeam.connect('http://x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = f"ImportError: tightbeam.connect needs the package {package}: pip install 'tightbeam[gateway]'"
    assert done.stderr.splitlines()[-1] == expected
