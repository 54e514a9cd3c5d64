"""Readers that remember only a time: whatever they saw last, live or durable, they miss nothing."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence

import psycopg
import pytest

from tests.postgres.written import connector_of, journal, placed, processes, write
from tests.tightbeam.engine.samples import job_channel
from tightbeam import Client
from tightbeam._clock import now_us
from tightbeam._engine.postgres.following import Follower
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.records import place_of_seen
from tightbeam._engine.requests import SeenUntil
from tightbeam._hub.hub import Hub
from tightbeam._message import Envelope

pytestmark = pytest.mark.slow
_CHANNELS = ("ch:0", "ch:1")


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
async def test_the_first_live_message_of_a_process(address: str, is_before: bool) -> None:
    """It is dated before one of a transaction that began before the process was entered, or just after."""
    await journal(address)
    ch = job_channel(job_id="j1")
    client = Client(address, run_functions=False)
    async with await psycopg.AsyncConnection.connect(address) as mine:
        if is_before:
            await client.realtime.publish(ch.tick, {"n": 1}, transaction=mine)
        async with client:
            if not is_before:
                await client.realtime.publish(ch.tick, {"n": 1}, transaction=mine)
            async with client.realtime.subscribe(ch.tick, ch.token) as subscription:
                await client.realtime.publish(ch.token, "live")
                live = await anext(subscription)
                assert live.topic == "token"
                await mine.commit()
                late = await anext(subscription)
    assert (live.topic, late.topic) == ("token", "tick")
    assert live.created_at < late.created_at


class HubOutlet:
    """Hands messages to a hub, as an engine does."""

    is_read = True

    def __init__(self, hub: Hub) -> None:
        self.fan_out_to = hub.fan_out
        self.skip = hub.skip
        self.missed = hub.leave_to_journal
        self.date_live_before = hub.date_live_before

    def fan_out(self, committed: Sequence[Envelope], /, *, own: bool = True) -> None:
        self.fan_out_to(committed)


def work(address: str, seed: int, ending: threading.Event) -> None:
    """Write in transactions, some of which take long."""
    choice = random.Random(seed)
    with connector_of(address).connect("writer") as connection:
        while not ending.is_set():
            with connection.transaction():
                for _ in range(choice.randrange(1, 3)):
                    write(connection, choice.choice(_CHANNELS))
                    time.sleep(choice.choice([0.0, 0.001, 0.001, 0.02]) * choice.random())
            time.sleep(0.004 * choice.random())


@pytest.mark.parametrize("channels", [_CHANNELS[:1], _CHANNELS], ids=["one", "two"])
@pytest.mark.parametrize("skew_us", [0, 30_000, -30_000], ids=["same", "ahead", "behind"])
async def test_nothing_is_missed_wherever_a_reader_is_cut_off(
    address: str, channels: tuple[str, ...], skew_us: int
) -> None:
    """The clocks of those who publish live differ from the server's; some transactions take long."""
    await journal(address)
    choice, ending, hub = random.Random(7), threading.Event(), Hub()
    writers = [threading.Thread(target=work, args=(address, seed, ending)) for seed in range(4)]
    with processes(address, 1) as (other,), connector_of(address).connect("test") as connection:
        log = Log.of(connection)
        hub.open(log.position, log.followed)
        hub.date_live_before(log.settled_us)  # as a store does: the first look may take long to be behind
        follower = Follower(log, HubOutlet(hub))
        follower.follow(connection)
        for writer in writers:
            writer.start()
        try:
            cuts, repeats = 0, 0
            while cuts < 150:
                mailbox = hub.register(
                    [(channel, topic) for channel in channels for topic in ("tick", "live")],
                    catching_up=False,
                    max_messages=9_999,
                    max_bytes=1 << 30,
                )
                begun = hub.last_seq
                for _ in range(choice.randrange(1, 12)):
                    if choice.random() < 0.5:
                        while follower.follow(connection):
                            pass
                    live = (choice.choice(channels), "live", b"1", None, None, now_us() + skew_us)
                    hub.emit(Envelope(*live))
                    await asyncio.sleep(0.002 * choice.random())
                got = mailbox.take_all()
                mailbox.close()
                got = got[: choice.randrange(len(got) + 1)]
                if not got:
                    continue
                cuts += 1
                since = got[-1].created_us // 1_000
                seen = [other.ask(SeenUntil(channel, since)) for channel in channels]
                start = place_of_seen(seen)
                have = {message.seq for message in got if message.seq is not None}
                last = max(have, default=begun)
                unseen = [place for place in following(connection, channels, begun) if place > last]
                missed = [place for place in unseen if place <= start]
                assert missed == []
                repeats += any((one.seq or 0) > start and one.created_us // 1_000 != since for one in got)
        finally:
            ending.set()
            for writer in writers:
                writer.join()
        assert repeats < cuts // 2
        assert len(placed(connection)) > 200


def following(connection: object, channels: Sequence[str], after: int) -> list[int]:
    """Return the places of the committed messages of some channels after a place."""
    from tightbeam._engine.postgres.places import halves, place_at

    query = (
        "SELECT xid::text::bigint, seq FROM tightbeam.message WHERE channel = ANY(%s) "
        "AND (message.xid, seq) > (%s::xid8, %s::bigint) ORDER BY message.xid, seq"
    )
    rows = connection.execute(query, (list(channels), *halves(after))).fetchall()  # type: ignore[attr-defined]
    return [place_at(*row) for row in rows]
