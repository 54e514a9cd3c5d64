"""What `Client.function` returns, beyond running it."""

from __future__ import annotations

import pytest

from tightbeam import Client, Context, ContextSync, EngineError


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
