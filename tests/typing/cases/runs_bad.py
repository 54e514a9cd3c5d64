"""Wrong uses of runs by id, each of which every checker must refuse."""

from __future__ import annotations

import tightbeam
from runs_ok import count, invoice


async def wrong_results(client: tightbeam.Client, id: str) -> None:
    text: str = await client.runs.wait(id, function=invoice)  # bad, types only
    number: int = await client.runs.wait(id, function=invoice)  # bad, types only
    total: str = client.runs.wait_sync(id, function=count)  # bad, types only
    run = await client.runs.get(id, function=invoice)
    print(run.result.total)  # bad, types only
    found: int | None = run.result  # bad, types only
    (await client.runs.get(id)).function()  # bad, types only
    print(text, number, total, found)


async def wrong_arguments(client: tightbeam.Client, id: str) -> None:
    await client.runs.get()  # bad, types only
    await client.runs.get([id])  # bad, types only
    await client.runs.get(id, invoice)  # bad, types only
    await client.runs.get(id, function="invoice")  # bad, types only
    await client.runs.wait(id, timeout=5)  # bad, types only
    await client.runs.wait(id, function=invoice, timeout=5)  # bad, types only
    await client.runs.wait(id, function=print)  # bad, types only
    await client.runs.list(state="sleepy")  # bad, types only
    await client.runs.list(since="today")  # bad, types only
    await client.runs.list(limit="10")  # bad, types only
    await client.runs.list(invoice)  # bad, types only
    await client.runs.cancel(invoice)  # bad, types only
    await client.runs.retry(5)  # bad, types only
    await client.runs.resume()  # bad, types only
    client.runs.cancel_sync(None)  # bad, types only
    client.runs = None  # bad, types only
