"""Integers that the server's 64-bit floats can't hold: what is remembered, and what is refused."""

from __future__ import annotations

from typing import Any

import inngest
import pytest

import tightbeam
from generated.orders import StatePaid, orders_channel
from tests.tightbeam.inngest.calls import Run, app_of, as_floats
from tests.tightbeam.inngest.standin import StandIn
from tightbeam.inngest import Client, Context, ContextSync
from tightbeam.inngest._memo import memo_of, value_of

TRIGGER = inngest.TriggerEvent(event="app/paid")
BIG = 2**53 + 1
VALUES: list[Any] = [
    BIG,
    -BIG,
    12345678901234567890,
    [1, [BIG]],
    {"a": {"b": BIG, "c": "text"}},
    {"tightbeam:json": "1"},
    {"tightbeam:json": 1},
    {"tightbeam:json": "1", "more": 2},
    2**53 - 1,
    "9007199254740993",
    True,
    None,
    [1.5, 1e300],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_survives_the_server(value: Any) -> None:
    assert value_of(as_floats(memo_of(value))) == value


def test_only_what_the_server_would_change_is_kept_as_text() -> None:
    assert [memo_of(value) for value in (2**53 - 1, {"n": [1, True]}, "x")] == [
        2**53 - 1,
        {"n": [1, True]},
        "x",
    ]
    assert memo_of([BIG]) == {"tightbeam:json": f"[{BIG}]"}


def test_the_server_prints_floats_as_go_does() -> None:
    assert as_floats([BIG, 12345678901234567890, 1.0, 1e21, True]) == [
        2**53,
        12345678901234567000,
        1,
        1e21,
        True,
    ]


ch = orders_channel(region="eu", order_id=1)
PAID: Any = {"kind": "paid", "paidAt": "2026-01-02T03:04:05Z", "amount": {"currency": "EUR", "cents": BIG}}


async def test_a_durable_publish_returns_the_published_integer_in_every_replay(
    client: Client, server: StandIn
) -> None:
    async def body(ctx: Context) -> list[str]:
        first = await ctx.step.realtime.publish("paid", ch.state, PAID)
        assert isinstance(first, StatePaid)
        await ctx.step.run("later", int)
        return [str(first.amount.cents)]

    function = client.create_function(fn_id="f", trigger=TRIGGER)(body)
    assert (await Run(app_of(client, [function]), "app-f").finish()).body == [str(BIG)]
    assert str(BIG).encode() in server.published[0].body  # subscribers get the JSON as it was published


@pytest.mark.parametrize("annotated", [True, False])
async def test_a_steps_result_comes_back_as_it_was(client: Client, annotated: bool) -> None:
    def typed() -> dict[str, int]:
        return {"id": BIG}

    def untyped():  # type: ignore[no-untyped-def]
        return {"id": BIG}

    async def body(ctx: Context) -> str:
        found: Any = await ctx.step.run("id", typed if annotated else untyped)  # type: ignore[arg-type]
        return str(found["id"])

    def body_sync(ctx: ContextSync) -> str:
        found: Any = ctx.step.run("id", typed if annotated else untyped)
        return str(found["id"])

    for number, handler in enumerate((body, body_sync)):
        function: Any = client.create_function(fn_id=f"f{number}", trigger=TRIGGER)(handler)  # type: ignore[arg-type]
        assert (await Run(app_of(client, [function]), f"app-f{number}").finish()).body == str(BIG)


async def test_an_event_that_the_server_would_change_is_not_sent(client: Client, server: StandIn) -> None:
    with pytest.raises(tightbeam.NotJson, match="send it as a string") as caught:
        await client.send("app/paid", {"n": 2**53 - 1, "of/a": [{"ids": [1, BIG]}, BIG]})
    assert str(caught.value).endswith(": /of~1a/0/ids/1")
    assert str(BIG) not in str(caught.value)
    assert server.requests == []
