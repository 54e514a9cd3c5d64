"""What `Client.function` returns, beyond running it."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tightbeam import Client, Context, ContextSync, EngineError, NotRegistered


async def test_a_function_of_one_client_can_be_registered_with_another(client: Client) -> None:
    @client.function("work", on="app/work")
    async def work(ctx: Context) -> str:
        return ctx.event.name

    @client.function("plain")
    def plain(ctx: ContextSync) -> int:
        return 1

    other = Client()
    again = other.function("again", on="app/again")(work)
    async with other:
        assert await other.run(again) == "app/again"
        assert await other.run(other.function("plain")(plain)) == 1


def test_a_decorator_without_an_id_is_refused_where_it_stands(client: Client) -> None:
    with pytest.raises(EngineError, match=r"`@client.function\(\"…\"\)`"):

        @client.function  # type: ignore[arg-type]  # what is tested
        async def work(ctx: Context) -> None:
            pass

    assert client.functions == []


CELL = """
@client.function("work", on="{on}")
async def work(ctx):
    return {value}
"""


async def test_a_cell_that_is_executed_again_replaces_its_function(client: Client) -> None:
    names: dict[str, Any] = {"client": client, "__name__": "__main__"}
    exec(CELL.format(on="app/first", value=1), names)
    first = names["work"]
    exec(CELL.format(on="app/second", value=2), names)
    assert client.functions == [names["work"]]
    async with client:
        assert await client.run(names["work"]) == 2
        with pytest.raises(NotRegistered):
            await client.run(first)
        with pytest.raises(NotRegistered, match="app/first"):
            await client.send("app/first")
        with pytest.raises(EngineError, match='already a function "work"'):  # not while its runs execute
            exec(CELL.format(on="app/third", value=3), names)
    exec(CELL.format(on="app/third", value=3), names)
    async with client:
        assert await client.run(names["work"]) == 3


def test_what_is_not_a_cell_executed_again_is_refused(client: Client) -> None:
    def made(number: int) -> Any:
        async def work(ctx: Context) -> int:
            return number

        return work

    async def other(ctx: Context) -> int:
        return 1

    class Callable:
        async def __call__(self, ctx: Context) -> int:
            return 1

    first = client.function("work")(made(1))
    client.function("callable")(Callable())
    for taken, handler in (
        ("work", first.__wrapped__),  # twice
        ("work", made(2)),  # of a loop
        ("work", other),
        ("work", functools.partial(other)),
        ("callable", Callable()),
    ):
        with pytest.raises(EngineError, match=f'already a function "{taken}"'):
            client.function(taken)(handler)
    names: dict[str, Any] = {"client": client, "__name__": "another.module"}
    with pytest.raises(EngineError, match="already a function"):
        exec(CELL.format(on="app/work", value=1), names)
