"""Call requests, made by hand: what the server sends to a served app, and how it goes on from the answers.

The steps' outputs are kept as the server keeps them, with every number as a 64-bit float, and sent back with
the next call, until the run ends.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import fastapi
import httpx
import inngest
import inngest.fast_api

RUN_ID = "01M80WNAQGSQ2ZY17B9WK74G59"


def hashed(step_id: str) -> str:
    """A step's id as it is on the wire."""
    return hashlib.sha1(step_id.encode()).hexdigest()


def as_floats(value: Any) -> Any:
    """JSON data as the server gives it back: numbers pass through a 64-bit float, printed as Go prints it."""
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        # The shortest digits that mean the float, filled up with zeros: not the float's own integer.
        return int(Decimal(repr(number))) if number.is_integer() and abs(number) < 1e21 else number
    return value


def app_of(client: inngest.Inngest, functions: list[inngest.Function[Any]]) -> fastapi.FastAPI:
    """An app that serves these functions, by the SDK's own adapter."""
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, functions)
    return app


def http_to(app: fastapi.FastAPI | str) -> httpx.AsyncClient:
    """A client of the app, in this process or where it is served."""
    if isinstance(app, str):
        return httpx.AsyncClient(base_url=app, trust_env=False, timeout=30)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")


@dataclass
class Answer:
    """What the app answered to one call."""

    status: int
    body: Any
    no_retry: bool

    @property
    def ops(self) -> list[tuple[str, str]]:
        """Each step's operation and name."""
        return [(one["op"], one["displayName"]) for one in self.body]


@dataclass
class Run:
    """One run of one function."""

    app: fastapi.FastAPI | str
    """An ASGI app, or where one is served."""
    fn_id: str
    data: dict[str, Any] = field(default_factory=dict)
    run_id: str = RUN_ID
    attempt: int = 0
    max_attempts: int = 4
    planned_only: bool = False
    """What the server asks for once there were parallel steps."""
    event: str = "app/upload"
    """The name of the event that starts it."""
    steps: dict[str, Any] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    async def call(self, step: str = "step") -> Answer:
        """One call, of the whole function or of one planned step."""
        event = {"name": self.event, "data": as_floats(self.data), "id": "e1", "ts": 1}
        body = {
            "ctx": {
                "attempt": self.attempt,
                "disable_immediate_execution": self.planned_only,
                "max_attempts": self.max_attempts,
                "run_id": self.run_id,
                "stack": {"stack": list(self.steps)},
            },
            "event": event,
            "events": [event],
            "steps": self.steps,
            "use_api": False,
        }
        async with http_to(self.app) as http:
            response = await http.post(
                "/api/inngest", params={"fnId": self.fn_id, "stepId": step}, content=json.dumps(body)
            )
        answer = Answer(
            response.status_code, response.json(), response.headers.get("x-inngest-no-retry") == "true"
        )
        self.answers.append(answer)
        return answer

    def keep(self, answer: Answer) -> list[str]:
        """Remember the outputs of an answer; returns the ids of what is only planned."""
        planned = []
        for one in answer.body:
            if one["op"] == "StepPlanned":
                planned.append(one["id"])
            elif one["op"] == "StepFailed":
                self.steps[one["id"]] = {"error": one["error"]}
            elif one["op"] == "StepRun":
                self.steps[one["id"]] = {"data": as_floats(one.get("data"))}
            elif one["op"] in ("InvokeFunction", "AIGateway"):
                self.steps[one["id"]] = {"data": {"answer": "what it returned"}}
            elif one["op"] in ("Sleep", "WaitForEvent"):
                self.steps[one["id"]] = None  # over; and no event came
        return planned

    async def finish(self, *, most: int = 40) -> Answer:
        """Call until the run has ended, as the server does: retries, and planned steps one by one."""
        for _ in range(most):
            answer = await self.call()
            if answer.status == 206:
                queue = self.keep(answer)
                if queue:
                    self.planned_only = True
                for planned in queue:
                    await self._targeted(planned)
                if not any(one["op"] == "StepError" for one in answer.body):
                    self.attempt = 0
                    continue
                self.attempt += 1
            elif answer.status == 500 and not answer.no_retry and self.attempt + 1 < self.max_attempts:
                self.attempt += 1
            else:
                return answer
        raise AssertionError(f"the run didn't end: {[one.status for one in self.answers]}")

    async def _targeted(self, step: str) -> None:
        attempt, self.attempt = self.attempt, 0
        for _ in range(self.max_attempts):
            answer = await self.call(step)
            if answer.status == 206 and not any(one["op"] == "StepError" for one in answer.body):
                self.keep(answer)
                break
            if answer.no_retry:
                break
            self.attempt += 1
        self.attempt = attempt
