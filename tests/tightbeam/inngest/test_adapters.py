"""What takes an `inngest.Inngest` takes ours: functions served by the SDK's adapters, on real sockets."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django.conf
import django.core.wsgi
import django.urls
import flask
import inngest
import inngest.digital_ocean
import inngest.django
import inngest.flask
import pytest
import uvicorn

import tightbeam
from generated.uploads import Result, UploadsChannel, uploads_channel
from tests.tightbeam.inngest.calls import RUN_ID, Run, app_of, http_to
from tests.tightbeam.inngest.standin import StandIn
from tightbeam.inngest import Client, Context, ContextSync

Functions = list[inngest.Function[Any]]
DONE = {"success": True, "url": "/x"}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def wsgi(app: Any) -> Iterator[str]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(60)
            assert not thread.is_alive()


@contextlib.contextmanager
def by_fastapi(client: Client, functions: Functions) -> Iterator[str]:
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Server(uvicorn.Config(app_of(client, functions), port=0, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(30)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


@contextlib.contextmanager
def by_flask(client: Client, functions: Functions) -> Iterator[str]:
    app = flask.Flask("app")
    inngest.flask.serve(app, client, functions)
    with wsgi(app) as origin:
        yield origin


@contextlib.contextmanager
def by_django(client: Client, functions: Functions) -> Iterator[str]:
    if not django.conf.settings.configured:
        django.conf.settings.configure(ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            django.conf.settings, "ROOT_URLCONF", (inngest.django.serve(client, functions),), raising=False
        )
        django.urls.clear_url_caches()
        with wsgi(django.core.wsgi.get_wsgi_application()) as origin:
            yield origin


async def body(ctx: Context) -> str:
    ch = uploads_channel(upload_id="u1")
    await ctx.publish(ch.status, {"message": "live"})
    return (await ctx.step.realtime.publish("done", ch.result, {"success": True, "url": "/x"})).url


def body_sync(ctx: ContextSync) -> str:
    ch = uploads_channel(upload_id="u1")
    ctx.publish(ch.status, {"message": "live"})
    return ctx.step.realtime.publish("done", ch.result, {"success": True, "url": "/x"}).url


@pytest.mark.parametrize("served", [by_fastapi, by_flask, by_django], ids=lambda one: one.__name__)
@pytest.mark.parametrize("handler", [body, body_sync], ids=["async", "sync"])
@pytest.mark.parametrize("how", ["create_function", "function"])
async def test_a_run_through_an_adapter(
    client: Client,
    server: StandIn,
    served: Callable[[Client, Functions], contextlib.AbstractContextManager[str]],
    handler: Any,
    how: str,
) -> None:
    if how == "function":
        client.function("f", on="app/upload")(handler)
    else:
        client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="app/upload"))(handler)
    with served(client, client.functions) as origin:
        async with http_to(origin) as http:
            shown = (await http.get("/api/inngest")).json()
        run = Run(origin, "app-f", {"uploadId": "u1"})
        last = await run.finish()
    assert shown["function_count"] == 1
    assert (last.status, last.body) == (200, "/x")
    assert run.answers[0].ops == [("StepRun", "done")]
    assert [one.query["topic"] for one in server.published] == ["status", "result", "status"]
    assert {one.query["run_id"] for one in server.published} == {RUN_ID}


@pytest.mark.parametrize("served", [by_fastapi, by_flask, by_django], ids=lambda one: one.__name__)
async def test_a_wrong_payload_is_not_retried_behind_any(
    client: Client,
    server: StandIn,
    ch: UploadsChannel,
    served: Callable[[Client, Functions], contextlib.AbstractContextManager[str]],
) -> None:
    wrong: Any = {"success": "secret-value"}

    @client.function("f")
    async def function(ctx: tightbeam.Context) -> Result:
        return await ctx.step.realtime.publish("p", ch.result, wrong)

    with served(client, [function]) as origin:
        answer = await Run(origin, "app-f").call()
    assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, "InvalidPayload")
    assert "secret-value" not in json.dumps(answer.body)
    assert server.published == []


def test_digital_ocean(client: Client, server: StandIn) -> None:
    client.function("f", on="app/upload")(body_sync)
    serve = inngest.digital_ocean.serve(client, client.functions)
    event = {"name": "app/upload", "data": {}, "id": "e1", "ts": 1}
    call = {
        "ctx": {"attempt": 0, "run_id": RUN_ID, "stack": {"stack": []}, "disable_immediate_execution": False},
        "event": event,
        "events": [event],
        "steps": {},
        "use_api": False,
    }
    http = {
        "body": json.dumps(call),
        "headers": {"host": "app", "content-type": "application/json"},
        "method": "POST",
        "path": "/api/inngest",
        "queryString": "fnId=app-f&stepId=step",
    }

    class Given:
        api_host = "https://app"
        function_name = "f"
        function_version = "1"

    given: Any = Given()
    answer: Any = serve({"http": http}, given)
    assert answer["statusCode"] == 206, answer
    assert [one.query["topic"] for one in server.published] == ["status", "result"]
