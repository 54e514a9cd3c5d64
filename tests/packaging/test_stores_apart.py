"""A store is a folder that one line picks: all else knows the protocols only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.packaging.test_import_graph import ROOTS, import_graph, modules_below

ENGINE = "tightbeam._engine"
PICKS = f"{ENGINE}.backends"
STORES = ("sqlite", "memory", "postgres")

RUNS_ON_MEMORY = """
import asyncio, sys
sys.modules["sqlite3"] = sys.modules["psycopg"] = None  # to import them fails
import tightbeam
from tests.tightbeam.engine.samples import job_channel

client, ch = tightbeam.Client(), job_channel(job_id="j1")

@client.function("work")
async def work(ctx):
    await ctx.step.realtime.publish("tick", ch.tick, {"n": 1})
    return await ctx.step.run("add", asyncio.sleep, 0, 2)

async def main():
    async with client:
        result = await client.run(work)
        async with client.realtime.subscribe(ch.tick, after="start") as messages:
            return result, (await anext(messages)).data.n

print(*asyncio.run(main()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", STORES)
def test_only_the_line_that_picks_imports_a_store(store: str) -> None:
    modules = modules_below(*ROOTS)
    graph = import_graph(modules)
    inside = f"{ENGINE}.{store}"
    assert any(name.startswith(f"{inside}.") for name in modules)
    importing = {
        name
        for name, imported in graph.items()
        if not name.startswith(inside) and any(f"{each}.".startswith(f"{inside}.") for each in imported)
    }
    assert importing == {PICKS}


def test_the_runtime_imports_sqlite_in_one_folder_only() -> None:
    modules = modules_below(*ROOTS)
    texts = {name: path.read_text("utf-8") for name, path in modules.items() if name.startswith("tightbeam.")}
    importing = {name for name, text in texts.items() if "import sqlite3" in text}
    assert importing
    assert all(name.startswith(f"{ENGINE}.sqlite.") for name in importing)


def test_a_client_in_memory_needs_no_database() -> None:
    """Where Python was built without SQLite, say, or the extra isn't installed."""
    done = subprocess.run(
        [sys.executable, "-c", RUNS_ON_MEMORY], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "1"]
