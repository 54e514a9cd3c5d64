"""Who publishes or subscribes where nobody can hear is told, once, with the way out."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam.engine.conftest import MakeClient
from tests.tightbeam.engine.samples import JobChannel
from tests.tightbeam.engine.test_wal import ROOT
from tightbeam import Client, NotEntered
from tightbeam._engine import unheard
from tightbeam._engine.memory.unheard import unheard as in_several_processes

pytestmark = pytest.mark.usefixtures("path")  # see `tests.tightbeam.engine.stores`

WAY_OUT = ("`tightbeam serve`", "`tightbeam.connect`")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


USES: dict[str, Callable[[Client, JobChannel], Any]] = {
    "publish": lambda client, ch: asyncio.run(client.realtime.publish(ch.tick, {"n": 1})),
    "publish_sync": lambda client, ch: client.realtime.publish_sync(ch.tick, {"n": 1}),
    "subscribe": lambda client, ch: client.realtime.subscribe(ch.tick).close(),
}

OTHER_PROCESS = """
import asyncio, logging, sys
from tests.tightbeam.engine.samples import job_channel
from tests.tightbeam.engine.test_outside import USES
from tightbeam import Client
logging.basicConfig(format="%(levelname)s %(message)s")
client, ch = Client(sys.argv[1]), job_channel(job_id="j1")
for _ in range(3):
    USES[sys.argv[2]](client, ch)
try:
    asyncio.run(client.send("app/nothing"))
except Exception as error:
    print(type(error).__name__, error)

@client.function("work", on="app/work")
async def work(ctx): ...
try:
    asyncio.run(client.send("app/work"))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("use", USES)
async def test_another_process_has_the_file(client: Client, path: Path, use: str) -> None:
    """A cron script, an admin's command, a task queue's worker that isn't forked."""
    async with client:
        ended = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OTHER_PROCESS, str(path), use),
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await ended.communicate()
    (line,) = err.decode().splitlines()
    assert line.startswith(
        f"WARNING {path} is open in process {os.getpid()}, and the client here isn't entered"
    )
    assert all(name in line for name in WAY_OUT)
    _, send = out.decode().splitlines()
    assert send.startswith("NotEntered the client isn't entered")
    assert f"open in process {os.getpid()}" in send
    assert all(name in send for name in WAY_OUT)


def in_child(client: Client, ch: JobChannel, use: str, pipe: Any) -> None:
    records: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("tightbeam").addHandler(handler)
    for _ in range(3):
        USES[use](client, ch)
    pipe.send(records)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("where", ["file", "memory"])
async def test_a_forked_child(path: Path, ch: JobChannel, where: str, use: str) -> None:
    """As workers of Celery and RQ are, and of servers that load the application first."""
    client = Client(path if where == "file" else None)
    mine, others = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        async with client:
            process = context.Process(target=in_child, args=(client, ch, use, others))
            process.start()
            assert await asyncio.to_thread(mine.poll, 60)
            (line,) = mine.recv()
            process.join(60)
    assert all(name in line for name in WAY_OUT)
    assert (f"process {os.getpid()}" in line) is (where == "file")


async def test_a_child_of_a_parent_that_reads(ch: JobChannel) -> None:
    client = Client()
    mine, others = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    reader = client.realtime.subscribe(ch.tick)
    process = context.Process(target=in_child, args=(client, ch, "publish", others))
    process.start()
    assert await asyncio.to_thread(mine.poll, 60)
    assert len(mine.recv()) == 1
    process.join(60)
    reader.close()


def test_a_child_whose_parent_did_nothing_is_told_nothing(path: Path, ch: JobChannel) -> None:
    """It may be the one that enters the client, or has readers of its own."""
    for client in (Client(), Client(path)):
        mine, others = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        process = context.Process(target=in_child, args=(client, ch, "publish", others))
        process.start()
        assert mine.poll(60)
        assert mine.recv() == []
        process.join(60)


async def test_it_is_told_once_and_again_by_nobody(
    make_client: MakeClient, ch: JobChannel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "_SECONDS", 0.0)
    beside = make_client()
    async with make_client():
        for _ in range(3):
            await beside.realtime.publish(ch.tick, {"n": 1})
            beside.realtime.subscribe(ch.tick).close()
    assert ["another client of this process" in line for line in told(caplog)] == [True]


async def test_it_is_looked_for_again_while_all_is_well(
    make_client: MakeClient, ch: JobChannel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "_SECONDS", 3600.0)
    looks: list[float] = []
    monkeypatch.setattr(unheard.UnheardWarning, "reason", lambda _: looks.append(1.0))
    client = make_client()
    for _ in range(100):
        client.realtime.publish_sync(ch.tick, {"n": 1})
    assert len(looks) == 1  # the next one an hour later
    monkeypatch.setattr(unheard, "_SECONDS", 0.0)
    client = make_client()
    client.realtime.publish_sync(ch.tick, {"n": 1})
    monkeypatch.undo()
    async with make_client():
        client.realtime.publish_sync(ch.tick, {"n": 1})
    assert len(told(caplog)) == 1


async def test_who_enters_is_told_nothing(
    make_client: MakeClient, ch: JobChannel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "_SECONDS", 0.0)
    client = make_client()
    await client.realtime.publish(ch.tick, {"n": 0})
    for _ in range(2):
        async with client, client.realtime.subscribe(ch.tick) as reader:
            await client.realtime.publish(ch.tick, {"n": 1})
            assert (await anext(reader)).data.n == 1
    await client.realtime.publish(ch.tick, {"n": 2})
    with pytest.raises(NotEntered, match=r"`client\.lifespan`\)$"):
        await client.run(client.function("work")(nothing))
    assert told(caplog) == []


async def nothing(ctx: Any) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "environment", "count"),
    [
        (["/bin/uvicorn", "app:app", "--workers", "2"], {}, 2),
        (["/site/uvicorn/__main__.py", "app:app", "--workers=3"], {}, 3),
        (["uvicorn", "app:app"], {"WEB_CONCURRENCY": "4"}, 4),
        (["uvicorn", "app:app", "--workers", "1"], {"WEB_CONCURRENCY": "4"}, 0),
        (["gunicorn", "-w", "2", "app:app"], {}, 2),
        (["gunicorn", "-w4", "app:app"], {}, 4),
        (["gunicorn", "app:app"], {"GUNICORN_CMD_ARGS": "--bind=:80 --workers=5"}, 5),
        (["fastapi", "run", "app.py", "--workers", "2"], {}, 2),
        (["hypercorn", "-w", "2", "app:app"], {}, 2),
        (["granian", "--interface", "asgi", "--workers", "2", "app:app"], {}, 2),
        (["uvicorn", "app:app", "--reload"], {}, 0),
        (["uvicorn", "app:app", "--workers-of-mine", "2"], {}, 0),
        (["uvicorn", "app:app"], {"WEB_CONCURRENCY": "many"}, 0),
        (["celery", "-A", "app", "worker", "-w", "2"], {}, 0),
        (["script.py"], {"WEB_CONCURRENCY": "4", "GUNICORN_CMD_ARGS": "-w 3"}, 0),
        ([], {}, 0),
    ],
)
def test_a_worker_among_several(
    arguments: list[str], environment: dict[str, str], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    for name in ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    reason = in_several_processes(forked=False)
    assert (reason is None) is (count == 0)
    assert reason is None or (f" runs {count} workers," in reason and all(name in reason for name in WAY_OUT))


async def test_a_client_in_memory_in_several_workers(
    ch: JobChannel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["uvicorn", "app:app", "--workers", "2"])
    entered, used = Client(), Client()
    for _ in range(2):
        async with entered:
            await entered.realtime.publish(ch.tick, {"n": 1})
        await entered.realtime.publish(ch.tick, {"n": 1})
        used.realtime.publish_sync(ch.tick, {"n": 1})
        used.realtime.subscribe(ch.tick).close()
    assert ["uvicorn runs 2 workers" in line for line in told(caplog)] == [True, True]  # one for each client
