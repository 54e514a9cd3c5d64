"""A program that leaves copies of its journal, of every kind, and is then killed: see `test_wal`.

python -m tests.tightbeam.engine.crashed_child FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client, Context


async def main(folder: Path) -> None:
    path, ch = folder / "app.db", job_channel(job_id="j1")
    client = Client(path)

    @client.function("say")
    async def say(ctx: Context) -> None:
        for n in range(ctx.event.data["first"], ctx.event.data["first"] + ctx.event.data["count"]):
            await ctx.step.realtime.publish(f"p{n}", ch.tick, {"n": n})

    async with client:
        await client.run(say, {"first": 0, "count": 3})
    shutil.copyfile(path, folder / "closed.db")
    async with client:
        await client.run(say, {"first": 3, "count": 3})
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(folder / "vacuumed.db"),))
            with contextlib.closing(sqlite3.connect(folder / "online.db")) as copy:
                connection.backup(copy)
        await client.run(say, {"first": 6, "count": 40})
        os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main(Path(sys.argv[1])))
