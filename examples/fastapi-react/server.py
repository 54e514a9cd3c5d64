"""An upload with progress and result, an answer that is streamed, a bell for alerts: FastAPI's side of them.

`make example` builds the front end, which is under `web/`, and starts this.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Cookie, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

import generated
import tightbeam
import tightbeam.gateway
from generated.alerts import Alert, alerts_channel
from generated.pipeline import PipelineChannel, pipeline_channel
from generated.upload import UploadEvent, upload_event
from generated.uploads import Result, uploads_channel

PORT = int(os.environ.get("EXAMPLE_PORT", "8000"))
FOLDER = Path(os.environ.get("EXAMPLE_FOLDER", ".cache/example"))
PACE = float(os.environ.get("EXAMPLE_PACE", "0.4"))
"""Seconds that pretended work takes."""
WEB = Path(__file__).parent / "web" / "dist"
MAX_UPLOAD = 10 * 1024 * 1024

FOLDER.mkdir(parents=True, exist_ok=True)
client = tightbeam.Client(FOLDER / "journal.db")

# ------------------------------------------------------------------------------------------------- functions


async def scan(path: str) -> int:
    """Pretend to look for viruses; the size is what a real scanner would find out, too."""
    await asyncio.sleep(PACE)
    return (FOLDER / path).stat().st_size


@client.function("process-upload", on=upload_event, retries=3)
async def process_upload(ctx: tightbeam.Context[UploadEvent]) -> Result:
    """Store an upload. Progress is live, of use only while it is seen; the result is durable."""
    upload_id, name = ctx.event.data.upload_id, ctx.event.data.filename
    ch = uploads_channel(upload_id=upload_id)
    await ctx.publish(ch.status, {"message": "Looking for viruses…"})
    size = await ctx.step.run("scan", scan, upload_id)
    for percent in (20, 40, 60, 80, 100):
        await asyncio.sleep(PACE / 2)
        await ctx.publish(ch.status, {"message": f"Storing, {percent} %", "percent": percent})
    result = await ctx.step.realtime.publish(
        "result", ch.result, {"success": True, "url": f"/files/{upload_id}"}
    )
    news = f"{name} has arrived, {size:,} bytes."
    await ctx.step.realtime.publish("news", alerts_channel.alert, {"message": news, "severity": "low"})
    return result


async def write(ctx: tightbeam.Context, ch: PipelineChannel, question: str) -> str:
    """Stand in for a language model: publish one token after the other, each live and with its place."""
    answer = (
        f"You ask: “{question}” A channel carries messages about one thing. Whoever watches it gets each "
        "of them as it is published, with the type that its schema says. These words came one by one; the "
        "whole answer is remembered, so that nobody loses it."
    )
    attempt = time.time_ns() // 1_000_000  # higher after a crash too, which `ctx.attempt` doesn't count
    for index, word in enumerate(answer.split(" ")):
        await ctx.publish(ch.tokens, {"token": f"{word} ", "index": index, "attempt": attempt})
        await asyncio.sleep(PACE / 10)
    return answer


@client.function("answer", on="app/question", retries=3)
async def answer(ctx: tightbeam.Context) -> str:
    """Answer a question. Tokens are live, the end is durable, and the run's result is the whole answer."""
    ch = pipeline_channel(run_id=ctx.event.data["runId"])
    await ctx.publish(ch.status, {"message": "Writing…", "step": "write"})
    text = await ctx.step.run("write", write, ctx, ch, ctx.event.data["question"])
    await ctx.step.realtime.publish("done", ch.status, {"message": "Done."})
    return text


@client.function("alert", on="app/alert")
async def alert(ctx: tightbeam.Context) -> None:
    """Alert everybody, durably, so that the bell of a page that was cut off still rings."""
    await ctx.step.realtime.publish("alert", alerts_channel.alert, Alert.model_validate(ctx.event.data))


# ------------------------------------------------------------------------------------------ who may see what


class Records:
    """Sessions, and whose uploads and questions are whose. Your application has a database for it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY)")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS owner (id TEXT PRIMARY KEY, session TEXT, name TEXT)"
        )

    def begin(self) -> str:
        """Begin a session and return its id."""
        session = secrets.token_urlsafe(24)
        self._connection.execute("INSERT INTO session VALUES (?)", (session,))
        return session

    def knows(self, session: str) -> bool:
        """Return whether there is such a session."""
        found = self._connection.execute("SELECT 1 FROM session WHERE id = ?", (session,)).fetchone()
        return found is not None

    def add(self, session: str, name: str) -> str:
        """Return a new id that belongs to the session."""
        new_id = secrets.token_urlsafe(12)
        self._connection.execute("INSERT INTO owner VALUES (?, ?, ?)", (new_id, session, name))
        return new_id

    def owns(self, session: str, owned_id: str) -> bool:
        """Return whether something belongs to the session."""
        query = "SELECT 1 FROM owner WHERE id = ? AND session = ?"
        return self._connection.execute(query, (owned_id, session)).fetchone() is not None

    def name_of(self, owned_id: str, session: str) -> str:
        """Return the name of what the session owns.

        Raises:
            HTTPException: it belongs to another session, or doesn't exist. The status is 404 either way: 403
                would tell a stranger that it exists.
        """
        found = self._connection.execute(
            "SELECT name FROM owner WHERE id = ? AND session = ?", (owned_id, session)
        ).fetchone()
        if found is None:
            raise HTTPException(404, "there is no such thing of yours")
        return str(found[0])


records = Records(FOLDER / "records.db")


def signed_in(session: Annotated[str | None, Cookie()] = None) -> str:
    """Return the session of a request.

    Raises:
        HTTPException: it has none, or one that is unknown (401).
    """
    if session is None or not records.knows(session):
        raise HTTPException(401, "sign in first")
    return session


Session = Annotated[str, Depends(signed_in)]
FileName = Annotated[str, Query(min_length=1, max_length=255)]

# ---------------------------------------------------------------------------------------------------- routes

gateway = tightbeam.gateway.app(
    client, channels=generated, dev=True, public_url=os.environ.get("EXAMPLE_URL", f"http://127.0.0.1:{PORT}")
)


api = FastAPI(lifespan=client.lifespan, title="Tightbeam, FastAPI and React")


@api.exception_handler(tightbeam.InvalidPayload)
@api.exception_handler(tightbeam.InvalidParam)
async def refuse(_: Request, error: tightbeam.InvalidPayload | tightbeam.InvalidParam) -> JSONResponse:
    """Answer 422: what these routes publish, and `since`, comes from the request."""
    return JSONResponse({"detail": str(error)}, status_code=422)


class Question(BaseModel):
    """A question of a visitor."""

    question: Annotated[str, Field(min_length=1, max_length=500)]


class Made(BaseModel):
    """The id of something new."""

    id: str


@api.post("/api/session", status_code=204)
def sign_in(response: Response, session: Annotated[str | None, Cookie()] = None) -> None:
    """Give everybody a session; yours come from a login."""
    if session is None or not records.knows(session):
        response.set_cookie("session", records.begin(), httponly=True, samesite="strict")


@api.post("/api/uploads")
async def upload(request: Request, session: Session, name: FileName) -> Made:
    """Take the file, and start to work on it."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_UPLOAD:
            raise HTTPException(413, "ten MiB are enough for an example")
    upload_id = records.add(session, name)
    await asyncio.to_thread((FOLDER / upload_id).write_bytes, bytes(body))
    await client.send(upload_event, {"uploadId": upload_id, "filename": name})
    return Made(id=upload_id)


@api.get("/files/{upload_id}")
def download(upload_id: str, session: Session) -> FileResponse:
    """Return a file to the session that uploaded it."""
    return FileResponse(FOLDER / upload_id, filename=records.name_of(upload_id, session))


@api.post("/api/questions")
def new_question(session: Session) -> Made:
    """Return the id of a question that will be asked: tokens are live, so the page subscribes first."""
    return Made(id=records.add(session, "question"))


@api.put("/api/questions/{run_id}", status_code=204)
async def ask(run_id: str, question: Question, session: Session) -> None:
    """Begin to answer."""
    records.name_of(run_id, session)
    await client.send("app/question", {"runId": run_id, "question": question.question})


@api.post("/api/alerts", status_code=204)
async def raise_alert(new: Alert, _session: Session) -> None:
    """Alert everybody. The request's body is the topic's payload class."""
    await client.send("app/alert", new.model_dump())


# A token opens these channels and no other, so these routes decide who sees what. `since` is the time of the
# last message that the page has seen; the durable messages after it come first.


@api.get("/api/token/uploads")
async def uploads_token(
    session: Session, ids: Annotated[list[str], Query(alias="id", max_length=100)], since: str | None = None
) -> JSONResponse:
    """Return one token for several uploads, and which of them are `gone`: they aren't of this session.

    One that is gone takes nothing from the others. Without any left there is no token, and the status is 404.
    """
    channels = [uploads_channel(upload_id=one) for one in ids if records.owns(session, one)]
    gone = [one for one in ids if not records.owns(session, one)]
    if not channels:
        return JSONResponse({"detail": "there is no such thing of yours", "gone": gone}, status_code=404)
    return JSONResponse({**await client.realtime.token(channels, since=since), "gone": gone})


@api.get("/api/token/pipeline/{run_id}")
async def pipeline_token(
    run_id: str, session: Session, since: str | None = None
) -> tightbeam.SubscriptionToken:
    """Return a token for an answer, to the session that asked."""
    records.name_of(run_id, session)
    return await client.realtime.token(pipeline_channel(run_id=run_id), since=since)


@api.get("/api/token/alerts")
async def alerts_token(_session: Session, since: str | None = None) -> tightbeam.SubscriptionToken:
    """Return a token for the alerts, to everybody who is signed in."""
    return await client.realtime.token(alerts_channel, since=since)


@api.get("/")
def page() -> FileResponse:
    """Return the front end, as `npm run build` left it."""
    return FileResponse(WEB / "index.html")


api.mount("/assets", StaticFiles(directory=WEB / "assets", check_dir=False))
api.mount("/", gateway)


if __name__ == "__main__":
    uvicorn.run(
        api,
        port=PORT,
        ws="tightbeam.gateway.protocol:WebSocketProtocol",
        ws_per_message_deflate=False,
        access_log=False,
    )
