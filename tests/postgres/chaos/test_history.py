"""The checks of histories find each kind of fault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.postgres.chaos.history import History
from tests.postgres.chaos.worker import WORKERS

Found = dict[str, Any]


def sound() -> Found:
    """Return a history without a fault: a run that moved from one worker to another, and a victim."""
    log = [
        *(("job:a", "R1", step, 1) for step in ("p0", "p1")),
        ("job:b", "V1", "p0", 3),
        *(("job:a", "R1", step, 2) for step in ("p2",)),
        ("job:everyone", "R1", "all", 2),
        ("job:everyone", "S1", "all", 4),
        *(("job:a", "R1", step, 2) for step in ("g1", "g0", "g2")),
    ]
    sync = [("job:sync-a", "S1", step, 4) for step in ("p0", "p1", "p2")]
    log[5:5] = sync
    messages = [
        [str(100 + n // 2), n, channel, run_id, step, 0, f'{{"n": {execution}}}']
        for n, (channel, run_id, step, execution) in enumerate(log)
    ]
    reports = [
        "sent:1:R1",
        "begins:1:R1:1",
        "published:1:R1:p0:1",
        "executes:1:R1:s0:1",
        "stepped:1:R1:s0:1",
        "suspended:1",
        "begins:2:R1:2",
        "executes:2:R1:s1:2",
        "stepped:2:R1:s1:2",
        "continues:1",
        "published:2:R1:p2:2",
        "waited:1:R1",
        "cancelled:2:V1",
        *(
            f"got:{life}:{slot}:abcdefgh.{xid}.{seq}:{run_id}:{step}:0"
            for slot, life in enumerate(range(1, WORKERS + 1))
            for xid, seq, channel, run_id, step, *_ in messages
            if channel == "job:everyone"
        ),
    ]
    return {
        "runs": [["R1", "work", "done"], ["S1", "sync", "done"], ["V1", "victim", "cancelled"]],
        "messages": messages,
        "steps": [["R1", "s0", "done", "1"], ["R1", "s1", "done", "2"], ["R1", "nap", "done", None]],
        "mended": [],
        "reports": reports,
    }


def test_a_sound_history_has_no_fault() -> None:
    assert History.of(sound()).faults() == []


def lose(found: Found) -> None:
    del found["messages"][0]


def lose_a_result(found: Found) -> None:
    del found["steps"][0]


def lose_a_run(found: Found) -> None:
    found["reports"].append("sent:1:R9")


def change(found: Found) -> None:
    found["messages"][0][-1] = '{"n": 7}'


def double(found: Found) -> None:
    found["messages"].append(copy.deepcopy(found["messages"][-1]))


def turn_round(found: Found) -> None:
    messages = found["messages"]
    messages[0], messages[1] = messages[1], messages[0]


def write_late(found: Found) -> None:
    found["messages"][-1][-1] = '{"n": 1}'


def call_again(found: Found) -> None:
    found["reports"] += ["begins:3:R1:5", "executes:3:R1:s0:5"]


def skip(found: Found) -> None:
    del found["reports"][-1]


def read_twice(found: Found) -> None:
    found["reports"].append(found["reports"][-1])


def leave_undone(found: Found) -> None:
    found["runs"][0][2] = "sleeping"


def let_a_victim_end(found: Found) -> None:
    found["runs"][2][2] = "done"


def mix_live(found: Found) -> None:
    found["reports"].append("disorder:1:4:2:1")


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lose, "lost"),
        (lose, "out_of_order"),
        (lose_a_result, "lost"),
        (lose_a_run, "lost"),
        (change, "lost"),
        (double, "doubled"),
        (turn_round, "out_of_order"),
        (write_late, "written_by_a_zombie"),
        (call_again, "run_again"),
        (skip, "read_wrong"),
        (read_twice, "read_wrong"),
        (leave_undone, "unended"),
        (let_a_victim_end, "unended"),
        (mix_live, "live_wrong"),
    ],
)
def test_a_fault_is_found(spoil: Callable[[Found], None], check: str) -> None:
    found = sound()
    spoil(found)
    assert check in {fault.partition(":")[0] for fault in History.of(found).faults()}
