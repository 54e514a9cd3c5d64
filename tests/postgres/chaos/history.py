"""What workers reported and what the server has in the end, and the checks of both."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.postgres.chaos.worker import PARALLEL, STEPS, WORKERS

__all__ = ["History"]


@dataclass
class History:
    """What workers reported and what is there in the end, and what of it can't be."""

    runs: dict[str, tuple[str, str]]
    """Function and state, by id."""
    log: list[tuple[str, str, str, int]]
    """Channel, run, step and execution of each message, in the log's order."""
    steps: dict[tuple[str, str], int]
    """Results of steps."""
    mended: set[str]
    reports: list[list[str]]
    ids: list[tuple[str, str]] = field(default_factory=list)
    """Position (without the journal's name) and id of each message for everyone."""
    overtaken: set[str] = field(default_factory=set)
    """Runs that went on elsewhere."""

    @classmethod
    def of(cls, found: dict[str, Any]) -> History:
        """Read what the harness printed."""
        log, ids = [], []
        for xid, seq, channel, run_id, step, number, data in found["messages"]:
            log.append((channel, run_id, step, json.loads(data)["n"]))
            assert number == 0
            if channel == "job:everyone":
                ids.append((f"{xid}.{seq}", f"{run_id}:{step}:0"))
        return cls(
            {run_id: (function, state) for run_id, function, state in found["runs"]},
            log,
            {
                (run_id, step): json.loads(result)
                for run_id, step, state, result in found["steps"]
                if state == "done" and result is not None and step[0] in "sq"
            },
            set(found["mended"]),
            [line.split(":") for line in found["reports"]],
            ids,
        )

    def counts(self) -> dict[str, int]:
        """Return how many reports there are of each kind."""
        counts: dict[str, int] = defaultdict(int)
        for kind, *_ in self.reports:
            counts[kind] += 1
        return dict(counts)

    def faults(self) -> list[str]:
        """Return what can't be, in words; the first of each kind are enough."""
        checks = (
            self.unended,
            self.lost,
            self.doubled,
            self.out_of_order,
            self.written_by_a_zombie,
            self.run_again,
            self.read_wrong,
            self.live_wrong,
        )
        return [f"{check.__name__}: {fault}" for check in checks for fault in check()[:5]]

    def unended(self) -> list[str]:
        """Check that each run ended as it must."""
        faults = []
        for run_id, (function, state) in self.runs.items():
            victim = function.startswith("victim")
            expected = "cancelled" if victim and run_id not in self.mended else "done"
            if state != expected:
                faults.append(f"{function} {run_id} is {state}, not {expected}")
        return faults

    def lost(self) -> list[str]:
        """Check that all is there that was acknowledged, with the data that was."""
        stored = {(run_id, step): execution for _, run_id, step, execution in self.log}
        faults = []
        for kind, _, *rest in self.reports:
            if kind in ("sent", "waited"):
                if rest[0] not in self.runs:
                    faults.append(f"run {rest[0]} was {kind}, and isn't there")
            elif kind == "published":
                run_id, step, execution = rest
                if stored.get((run_id, step)) != int(execution):
                    faults.append(f"{rest} was acknowledged; {stored.get((run_id, step))} is there")
            elif kind == "stepped":
                run_id, step, execution = rest
                if self.steps.get((run_id, step)) != int(execution):
                    faults.append(f"{rest} was acknowledged; {self.steps.get((run_id, step))} is there")
        return faults

    def doubled(self) -> list[str]:
        """Check that no step has two messages."""
        keys: dict[tuple[str, str], int] = defaultdict(int)
        for _, run_id, step, _ in self.log:
            keys[run_id, step] += 1
        return [f"{key} is there {count} times" for key, count in keys.items() if count > 1]

    def out_of_order(self) -> list[str]:
        """Check the steps of each run in the order of the log, and that none is missing."""
        steps: dict[str, list[str]] = defaultdict(list)
        for _, run_id, step, _ in self.log:
            steps[run_id].append(step)
        published = [f"p{n}" for n in range(STEPS)]
        faults = []
        for run_id, (function, state) in self.runs.items():
            found = steps[run_id]
            if function.startswith("victim"):
                most = [*published, "after"]
                good = found == (most if state == "done" else most[: min(len(found), STEPS)])
            else:
                first = [*published, "all"]
                parallel = [f"g{n}" for n in range(PARALLEL)] if function == "work" else []
                good = found[: len(first)] == first and sorted(found[len(first) :]) == parallel
            if not good:
                faults.append(f"{function} {run_id} has {found}")
        return faults

    def written_by_a_zombie(self) -> list[str]:
        """Check that an execution wrote nothing after another one of the same run had begun to write."""
        wrote: dict[str, list[int]] = defaultdict(list)
        for _, run_id, _, execution in self.log:
            if execution not in wrote[run_id][-1:]:
                wrote[run_id].append(execution)
        self.overtaken = {run_id for run_id, all_of_it in wrote.items() if len(all_of_it) > 1}
        return [
            f"{self.runs[run_id][0]} {run_id} was written by {all_of_it}"
            for run_id, all_of_it in wrote.items()
            if len(set(all_of_it)) < len(all_of_it)
        ]

    def run_again(self) -> list[str]:
        """Check that a step's function isn't called once its result was acknowledged.

        Also by an execution whose process was stopped, and which others went on with meanwhile.
        """
        finished: set[tuple[str, str]] = set()
        faults = []
        for kind, _, *rest in self.reports:
            if kind == "stepped":
                finished.add((rest[0], rest[1]))
            elif kind == "executes" and (rest[0], rest[1]) in finished:
                faults.append(f"the function of step {rest[1]} of run {rest[0]} was called again")
        return faults

    def read_wrong(self) -> list[str]:
        """Check that the readers of each slot together saw every message for everyone once, in order."""
        faults = []
        for slot in range(WORKERS):
            got = [
                (rest[1].partition(".")[2], ":".join(rest[2:]))
                for kind, _, *rest in self.reports
                if kind == "got" and rest[0] == str(slot)
            ]
            if got != self.ids:
                at = next(
                    (n for n, (one, other) in enumerate(zip(got, self.ids, strict=False)) if one != other),
                    min(len(got), len(self.ids)),
                )
                faults.append(
                    f"reader {slot} got {len(got)} of {len(self.ids)}; number {at} is {got[at : at + 3]}, "
                    f"not {self.ids[at : at + 3]}"
                )
        return faults

    def live_wrong(self) -> list[str]:
        """Check that no reader got a live message twice, or before an earlier one of the same execution."""
        return [":".join(line) for line in self.reports if line[0] == "disorder"]
