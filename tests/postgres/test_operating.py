"""`tightbeam runs` on a database, while processes have it open and while none has."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tightbeam import Client, Context, RunCancelled, RunFailed
from tightbeam_cli import main

pytestmark = pytest.mark.slow
SECRET = "what-only-the-one-who-asks-may-see"


class Program:
    """One release of a program, and what its runs have done."""

    def __init__(self, address: str, *, is_broken: bool = False) -> None:
        self.is_broken = is_broken
        self.firsts = 0
        self.begun = asyncio.Event()
        self.interrupted = asyncio.Event()
        self.client = client = Client(address, shutdown_timeout=timedelta(milliseconds=200))

        async def first() -> str:
            self.firsts += 1
            return SECRET

        @client.function("work", on="app/work", retries=0)
        async def work(ctx: Context) -> str:
            value = await ctx.step.run("first", first)
            if self.is_broken:
                raise ConnectionError("it didn't answer")
            return value

        @client.function("hang", on="app/hang")
        async def hang(ctx: Context) -> None:
            self.begun.set()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.interrupted.set()
                raise


async def settled(client: Client, run_id: str) -> str:
    """The state of a run, once it has ended."""
    async with asyncio.timeout(20):
        with contextlib.suppress(RunFailed, RunCancelled):
            await client.runs.wait(run_id)
    return (await client.runs.get(run_id)).state


class Command:
    """`tightbeam runs` on a thread, as beside the program."""

    def __init__(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.address = address
        self._capsys = capsys

    async def __call__(self, verb: str, *arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["runs", verb, self.address, *arguments])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    async def document(self, verb: str, *arguments: str) -> tuple[int, Any]:
        code, out, _ = await self(verb, *arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def runs(address: str, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(address, capsys)


async def test_looking_beside_a_program(runs: Command, address: str) -> None:
    program = Program(address)
    async with program.client as client:
        (done,) = await client.send("app/work", {"secret": SECRET})
        assert await settled(client, done) == "done"
        code, listed = await runs.document("list", "--state", "done")
        assert (code, [run["id"] for run in listed["runs"]]) == (0, [done])
        code, out, _ = await runs("show", done[:20])
        assert code == 0
        assert "first" in out
        assert SECRET not in out
        code, shown = await runs.document("show", done, "--input", "--result", "--steps")
        assert (shown["input"], shown["result"]) == ({"secret": SECRET}, SECRET)
        assert [step["result"] for step in shown["steps"]] == [SECRET]
        assert (await runs("show", "nobody"))[0] == 2


async def test_a_run_is_retried_at_once(runs: Command, address: str) -> None:
    """By whichever process has its function; its finished step isn't executed again."""
    program = Program(address, is_broken=True)
    async with program.client as client:
        (failed,) = await client.send("app/work")
        assert await settled(client, failed) == "failed"
        program.is_broken = False
        code, out, err = await runs("retry", failed)
        assert (code, out, err) == (0, f"run {failed} is tried again\n", "")
        assert await settled(client, failed) == "done"
        assert program.firsts == 1
        assert (await runs("retry", failed))[0] == 2  # it has neither failed nor was it cancelled


async def test_a_run_that_executes_is_cancelled(runs: Command, address: str) -> None:
    program = Program(address)
    async with program.client as client, asyncio.timeout(30):
        (hangs,) = await client.send("app/hang")
        await program.begun.wait()
        code, out, err = await runs("cancel", hangs)
        assert (code, out, err) == (0, f"run {hangs} is cancelled\n", "")
        await program.interrupted.wait()
        with pytest.raises(RunCancelled):
            await client.runs.wait(hangs)
        code, document = await runs.document("cancel", hangs)
        assert (code, document["runs"][0]["error"]["type"]) == (2, "RunStateError")


async def test_while_no_process_runs(runs: Command, address: str) -> None:
    async with Program(address, is_broken=True).client as client:
        (failed,) = await client.send("app/work")
        assert await settled(client, failed) == "failed"
    assert (await runs("retry", failed))[:2] == (0, f"run {failed} is tried again\n")
    async with Program(address).client as client:
        assert await settled(client, failed) == "done"


async def test_all_of_a_function(runs: Command, address: str) -> None:
    async with Program(address, is_broken=True).client as client:
        failed = [(await client.send("app/work"))[0] for _ in range(3)]
        for one in failed:
            await settled(client, one)
    code, out, err = await runs("retry", "--all", "--function", "work")
    assert (code, out.count("is tried again"), err) == (0, 3, "")
    assert processes(address) == 0  # that of the command is gone


def processes(address: str) -> int:
    """How many have a row."""
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT count(*) FROM tightbeam.process").fetchone()
    assert row is not None
    return int(row[0])


async def test_a_database_without_a_journal_is_left_as_it_is(runs: Command, address: str) -> None:
    for verb in ("list", "show", "cancel", "retry", "resume"):
        code, _, err = await runs(verb, *(() if verb == "list" else ("01AAAAAAAAAAAAAAAAAAAAAAAA",)))
        assert code == 2
        assert "there is no journal in schema tightbeam" in err
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT to_regnamespace('tightbeam')").fetchone() == (None,)


async def test_another_schema(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with Client(address, postgres_schema="other"):
        pass
    assert await asyncio.to_thread(main, ["runs", address, "--postgres-schema", "other"]) == 0
    assert "no runs yet" in capsys.readouterr().out
    assert (
        await asyncio.to_thread(main, ["runs", "list", "--url", address, "--postgres-schema", "other"]) == 0
    )
