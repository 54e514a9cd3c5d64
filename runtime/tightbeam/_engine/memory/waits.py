"""Events that are sent, and steps that wait for them or for runs that they have invoked, in dictionaries."""

from __future__ import annotations

import json

from tightbeam._engine.memory.runs import Runs
from tightbeam._engine.memory.stored import StoredRun, StoredStep
from tightbeam._engine.records import Memo, Sent
from tightbeam._engine.requests import MAX_DEPTH, BeginInvoke, BeginWait, EndWait, MemoizeSend, SendEvent
from tightbeam._engine.wait_rules import Incoming, WaitEnd, end_of_time, too_deep
from tightbeam._message import now_us
from tightbeam.errors import NotRegistered

__all__ = ["Waits"]


class Waits:
    """The steps that wait, of all runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._waiting: dict[str, dict[tuple[str, str], None]] = {}
        """By the name of the event: run and id of each step that waits for it, or did."""

    # -- events ----------------------------------------------------------------------------------------------

    def send_event(self, request: SendEvent) -> Sent:
        """Add the runs of an event, and hand it to the steps that wait for it."""
        taken = self._hand_over(request)
        if request.refusal is not None and not request.runs and not taken:
            raise NotRegistered(request.refusal)
        ids = tuple(self._runs.add(new, request.event, request.data) for new in request.runs)
        return Sent(ids, taken)

    def memoize_send(self, request: MemoizeSend) -> Sent:
        """Send an event as a step."""
        self._runs.refuse_if_over(request.run_id)
        run = self._runs.memoizable(request.run_id, request.step_id, request.replaced)
        sent = self.send_event(request.send)
        ids = json.dumps(sent.ids).encode()
        step = StoredStep(
            "step.send_event",
            None,
            request.send.event,
            "done",
            request.started_at,
            now_us(),
            result=ids,
        )
        self._runs.put_step(run, request.step_id, step, request.replaced)
        return sent

    def _hand_over(self, request: SendEvent) -> int:
        waiting = self._waiting.get(request.event, {})
        now = now_us()
        incoming = Incoming(request, now)
        taken = 0
        for run_id, step_id in tuple(waiting):
            run = self._runs.by_id.get(run_id)
            step = None if run is None else run.steps.get(step_id)
            if run is None or step is None or step.state != "waiting":
                del waiting[run_id, step_id]
                continue
            if (step.wake_at or 0) <= now or run.ended_at is not None:
                continue
            steps = run.steps.values()
            before = [each.result for each in steps if each.event == request.event and each.state == "done"]
            if incoming.fits(step.match, before):
                self._runs.end_step(step, WaitEnd("done", incoming.memo))
                self._runs.wake(run)
                taken += 1
        return taken

    # -- waiting ---------------------------------------------------------------------------------------------

    def begin_wait(self, request: BeginWait) -> None:
        """Remember which event a step waits for."""
        self._runs.refuse_if_over(request.run_id)
        run = self._runs.memoizable(request.run_id, request.step_id, request.replaced)
        self._begin(run, request, "step.wait_for_event", request.event, request.event, request.match)
        self._waiting.setdefault(request.event, {})[request.run_id, request.step_id] = None

    def begin_invoke(self, request: BeginInvoke) -> None:
        """Add a run that a step waits for."""
        self._runs.refuse_if_over(request.run_id)
        run = self._runs.memoizable(request.run_id, request.step_id, request.replaced)
        depth, above = 1, run.new.parent
        while above is not None and depth < MAX_DEPTH and above.run_id in self._runs.by_id:
            depth, above = depth + 1, self._runs.by_id[above.run_id].new.parent
        if depth >= MAX_DEPTH:
            raise too_deep(request.step_id)
        child = request.child
        self._begin(run, request, "step.invoke", child.function, None, child.id.encode())
        self._runs.add(child, request.event, request.data)

    def _begin(
        self,
        run: StoredRun,
        request: BeginWait | BeginInvoke,
        kind: str,
        name: str,
        event: str | None,
        match: bytes | None,
    ) -> None:
        step = StoredStep(
            kind,
            None,
            name,
            "waiting",
            request.started_at,
            None,
            wake_at=request.wake_at,
            event=event,
            match=match,
        )
        self._runs.put_step(run, request.step_id, step, request.replaced)
        if request.alone:
            self._runs.fall_asleep(run, request.wake_at)

    def end_wait(self, request: EndWait) -> Memo:
        """Answer with what has come of a step that waits."""
        run = self._runs.by_id[request.run_id]
        step = run.steps[request.step_id]
        if step.state == "waiting":
            if not request.timed_out:
                return step.memo
            child = None if step.match is None else step.match.decode("utf-8", "replace")
            self._runs.end_step(step, end_of_time(step.kind, child))
        self._runs.have_awake(run)
        return step.memo
